"""How checkpoints of logs travel to those who co-sign them: three questions of the coordinator to every country.

CHECKPOINT asks for a signed note of the country's log, with consistency proofs from the sizes that others saw; WITNESS
passes all notes on and asks for co-signatures; COSIGNED brings them back. The coordinator carries, it is not believed:
notes, proofs and co-signatures are checked by whoever gets them, with the keys of the own roster.
"""

from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError

from safeborders.kit.canonical import canonical_json
from safeborders.kit.transparency.checkpoint import Checkpoint, parse_checkpoint
from safeborders.kit.transparency.identity import LogIdentity, member_of, origin_of
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.messages import MessageRefused
from safeborders.models.protocol.plan import Frozen
from safeborders.models.protocol.roster import KeyRole, Roster, RosterRefused

MOST_LOGS = 64
_Size = Annotated[int, Field(ge=0, le=10**18)]
_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Name = Annotated[str, Field(pattern=r"^[^\s+]{1,255}$")]
_Note = Annotated[str, Field(max_length=2**16)]


class Wanted(Frozen):
    """Sizes from which each log shall prove its history, by its name."""

    sizes: dict[_Name, tuple[_Size, ...]] = Field(max_length=MOST_LOGS, strict=False)


class Proof(Frozen):
    """A consistency proof from ``old`` to the note's size."""

    old: _Size
    path: tuple[_Hash, ...] = Field(max_length=64, strict=False)


class Statement(Frozen):
    """A log's checkpoint as it signed it, with proofs for those who saw an earlier one."""

    note: _Note
    proofs: tuple[Proof, ...] = Field(max_length=MOST_LOGS, strict=False)

    def path_from(self, old: int) -> list[bytes]:
        """Return the proof from ``old``; empty where there is none."""
        return [bytes.fromhex(digest) for proof in self.proofs if proof.old == old for digest in proof.path]


class Statements(Frozen):
    """Of all logs that were reached."""

    statements: tuple[Statement, ...] = Field(max_length=MOST_LOGS, strict=False)


class Finding(Frozen):
    """What a witness says of one log.

    Attributes:
        origin: Of the log.
        size: Of the checkpoint that was shown.
        seen: Size that the witness saw last, this one included if it signed it.
        at: When it signed; 0 when it did not.
        signature: Hexadecimal; empty likewise.
        refusal: Number of the refusal (see ``refusals``); 0 when there is none.
    """

    origin: _Name
    size: _Size
    seen: _Size
    at: _Size = 0
    signature: str = Field(default="", pattern=r"^([0-9a-f]{128})?$")
    refusal: int = Field(default=0, ge=0, le=999)


class Findings(Frozen):
    """Of one witness about all logs that it was shown."""

    findings: tuple[Finding, ...] = Field(max_length=MOST_LOGS, strict=False)


class Notes(Frozen):
    """Checkpoints with their co-signatures, one a log."""

    notes: tuple[_Note, ...] = Field(max_length=MOST_LOGS, strict=False)


Part = TypeVar("Part", Wanted, Statement, Statements, Findings, Notes)


def to_payload(part: Frozen) -> bytes:
    """Return a part as it travels."""
    return canonical_json(part.model_dump(mode="json"))


def parse_payload(content: bytes, *, kind: type[Part]) -> Part:
    """Return the part of ``kind`` in ``content``, not believed yet. Raises MessageRefused if there is none."""
    try:
        return kind.model_validate_json(content)
    except ValidationError as error:
        sentence = "A message about audit logs has an unknown form: both ends need the same version."
        raise MessageRefused(sentence) from error


def witness_keys(roster: Roster) -> Mapping[str, str]:
    """Return by what key each country co-signs: its auditor's where it has one, else its node's; by its log's name."""
    keys = {**roster.keys(KeyRole.NODE), **roster.keys(KeyRole.AUDITOR)}
    return {origin_of(roster.federation, name): key for name, key in keys.items() if name != COORDINATOR}


def log_identity(federation: str, member: str, *, log_key: str, roster: Roster | None) -> LogIdentity:
    """Return which log a member's is, and who may co-sign it: every country but itself."""
    origin = origin_of(federation, member)
    known = {} if roster is None else witness_keys(roster)
    return LogIdentity(
        origin=origin, log_key=log_key, witness_keys={name: key for name, key in known.items() if name != origin}
    )


def parse_note(note: str, *, roster: Roster) -> tuple[Checkpoint, LogIdentity]:
    """Return a checkpoint that the log's owner signed by the roster, and which log it is of.

    Raises:
        RosterRefused: If no member has such a log.
        CheckpointRefused: If its form or its signature does not hold.
    """
    member = member_of(note.partition("\n")[0])
    key = roster.keys(KeyRole.NODE).get(member)
    if key is None or origin_of(roster.federation, member) != note.partition("\n")[0]:
        raise RosterRefused("The checkpoint is of a log that no member of the roster has: it was ignored.")
    identity = log_identity(roster.federation, member, log_key=key, roster=roster)
    return parse_checkpoint(note, log_key=key, witness_keys=identity.witness_keys), identity
