"""The coordinator carries checkpoints of all logs to all countries, and their co-signatures back.

It is believed in nothing and can forge nothing; what it can do is withhold, and each log's owner sees that. Its own log
is watched in the same way.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.clock import Clock
from safeborders.kit.logs import get_log
from safeborders.kit.transparency.checkpoint import Checkpoint, Cosignature
from safeborders.kit.transparency.identity import LogIdentity, origin_of
from safeborders.kit.transparency.keeping import sign_checkpoint
from safeborders.models.domain.audit import Operation
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.messages import Kind, MessageRefused, SignedMessage
from safeborders.models.protocol.refusals import Refusal
from safeborders.models.protocol.roster import Roster
from safeborders.models.protocol.witnessing import (
    Finding,
    Findings,
    Notes,
    Proof,
    Statement,
    Statements,
    Wanted,
    log_identity,
    parse_note,
    parse_payload,
    to_payload,
)
from safeborders.server.registry.audit import CoordinatorLog, event_of
from safeborders.server.registry.sql_watch import SqlWatchMemory

_EVERY = timedelta(hours=1)
_ATTEMPTS = 2
_log = get_log("watch")


class Ask(Protocol):
    """Asks every country one question and hands each well-signed answer on."""

    def __call__(self, kind: Kind, payload: bytes, accept: Callable[[SignedMessage], None]) -> None:
        """Return when all have answered or time is up."""
        ...


class LogWatch:
    """Carries checkpoints.

    Args:
        log: The coordinator's own.
        key: The coordinator's.
        roster: Gives the roster in force.
        clock: The time.
    """

    def __init__(
        self, log: CoordinatorLog, *, key: Ed25519PrivateKey, roster: Callable[[], Roster], clock: Clock
    ) -> None:
        self._log = log
        self._key = key
        self._roster = roster
        self._clock = clock
        self._memory = SqlWatchMemory(log.engine)
        self._looked_at: datetime | None = None

    def is_due(self) -> bool:
        """Tell whether an hour has passed since the last look; the first one is due at once."""
        return self._looked_at is None or self._clock() - self._looked_at >= _EVERY

    def look(self, ask: Ask) -> None:
        """Collect all checkpoints, have them co-signed, and bring the co-signatures back.

        Raises:
            RosterRefused: If there is no roster.
            LogDamaged: If the coordinator's own log does not continue its checkpoints.
            Unavailable: If the database does not answer.
        """
        self._looked_at = self._clock()
        look = _Look(self._roster(), memory=self._memory)
        for _ in range(_ATTEMPTS):
            look.take_own(self._state(look.roster))
            ask(Kind.CHECKPOINT, look.wanted(), look.take_statement)
            ask(Kind.WITNESS, look.shown(), look.take_findings)
            if not look.is_to_be_asked_anew:
                break
        self._keep(look)
        ask(Kind.COSIGNED, to_payload(Notes(notes=tuple(look.notes()))), _take_receipt)

    def _state(self, roster: Roster) -> tuple[Statement, Checkpoint, LogIdentity]:
        """Return the statement of the coordinator's own log."""
        self._log.record(event_of(Operation.CONTROL, "audit.state"), self._clock())
        public = self._key.public_key().public_bytes_raw().hex()
        own = log_identity(roster.federation, COORDINATOR, log_key=public, roster=roster)
        checkpoint, tree = sign_checkpoint(self._log, identity=own, key=self._key)
        sizes = [size for size in self._memory.sizes().get(own.origin, ()) if 0 < size <= checkpoint.size]
        proofs = tuple(
            Proof(old=old, path=tuple(digest.hex() for digest in tree.consistency_proof(old, size=checkpoint.size)))
            for old in sizes
        )
        return Statement(note=checkpoint.to_text(log_key=public, witness_keys={}), proofs=proofs), checkpoint, own

    def _keep(self, look: "_Look") -> None:
        own, now = origin_of(look.roster.federation, COORDINATOR), self._clock()
        for origin, witness, size in look.forks:
            facts: dict[str, str | int] = {"origin": origin, "size": size}
            self._log.record(event_of(Operation.CONTROL, "audit.fork", objects=(witness,), facts=facts), now)
            _log.critical("history_forked", origin=origin, witness=witness, size=size)
        for checkpoint, identity in look.checkpoints.values():
            self._memory.keep_note(checkpoint, identity=identity, now=now)
            if checkpoint.origin == own:
                self._log.keep_cosignatures(checkpoint, witness_keys=identity.witness_keys)
            _log.info("checkpoint", origin=checkpoint.origin, size=checkpoint.size, by=len(checkpoint.cosignatures))


class _Look:
    """What came back in one look."""

    def __init__(self, roster: Roster, *, memory: SqlWatchMemory) -> None:
        self.roster = roster
        self._memory = memory
        self.checkpoints: dict[str, tuple[Checkpoint, LogIdentity]] = {}
        self.forks: list[tuple[str, str, int]] = []
        self.is_to_be_asked_anew = False
        self._statements: dict[str, Statement] = {}

    def take_own(self, stated: tuple[Statement, Checkpoint, LogIdentity]) -> None:
        """Begin an attempt with the coordinator's own statement."""
        statement, checkpoint, identity = stated
        self.is_to_be_asked_anew = False
        self.forks.clear()
        self._statements = {identity.origin: statement}
        self.checkpoints = {identity.origin: (checkpoint, identity)}

    def wanted(self) -> bytes:
        """Return the question for checkpoints."""
        return to_payload(Wanted(sizes=self._memory.sizes()))

    def shown(self) -> bytes:
        """Return the question for co-signatures."""
        return to_payload(Statements(statements=tuple(self._statements[name] for name in sorted(self._statements))))

    def notes(self) -> Iterable[str]:
        """Yield each log's note with the co-signatures that hold."""
        for _, (checkpoint, identity) in sorted(self.checkpoints.items()):
            yield checkpoint.to_text(log_key=identity.log_key, witness_keys=identity.witness_keys)

    def take_statement(self, reply: SignedMessage) -> None:
        """Take a country's word about its own log. Raises what is wrong with it."""
        statement = parse_payload(reply.payload, kind=Statement)
        checkpoint, identity = parse_note(statement.note, roster=self.roster)
        if checkpoint.origin != origin_of(self.roster.federation, reply.header.country.value):
            raise MessageRefused("A country has sent another country's checkpoint: it was not passed on.")
        self._statements[checkpoint.origin] = statement
        self.checkpoints[checkpoint.origin] = (checkpoint, identity)

    def take_findings(self, reply: SignedMessage) -> None:
        """Take what a witness says of the logs that it was shown; a co-signature that does not hold is left out."""
        witness = origin_of(self.roster.federation, reply.header.country.value)
        for finding in parse_payload(reply.payload, kind=Findings).findings:
            if finding.origin in self.checkpoints:
                self._take(finding, witness=witness)

    def _take(self, finding: Finding, *, witness: str) -> None:
        checkpoint, identity = self.checkpoints[finding.origin]
        if finding.refusal:
            is_forked = finding.refusal == Refusal.HISTORY_FORKED
            self._memory.keep_size(finding.origin, witness=witness, size=finding.seen, is_forked=is_forked)
            if is_forked:
                self.forks.append((finding.origin, witness, finding.size))
            self.is_to_be_asked_anew |= finding.refusal == Refusal.HISTORY_UNKNOWN
            return
        given = Cosignature(at=finding.at, signature=bytes.fromhex(finding.signature))
        signed = checkpoint.with_cosignature(witness, given)
        if not signed.is_cosigned_by(witness, identity.witness_keys.get(witness, "")):
            _log.warning("cosignature_refused", origin=finding.origin, witness=witness)
            return
        self.checkpoints[finding.origin] = (signed, identity)
        self._memory.keep_size(finding.origin, witness=witness, size=checkpoint.size, is_forked=False)


def _take_receipt(reply: SignedMessage) -> None:
    if reply.payload:
        raise MessageRefused("The receipt carries something: it was not counted.")
