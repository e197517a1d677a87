"""The coordinator's papers and decisions in files of its state folder: written once, synced, never written over."""

import fcntl
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.errors import SafeBordersError
from safeborders.kit.files import write_atomically
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.roster import KeyRole, read_roster
from safeborders.privacy.agreement.cabinet import PaperKind
from safeborders.privacy.agreement.decisions import Decision
from safeborders.privacy.agreement.errors import DecisionNotRecorded
from safeborders.server.registry.audit import Record, event_of

_DECISION = TypeAdapter(Decision)


class FolderPaperStore:
    """Implements ``cabinet.PaperStore`` in ``folder``: one numbered file a paper."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, kind: PaperKind, content: bytes, *, at: datetime) -> None:
        """Keep ``content`` durably behind all others of its kind; ``at`` is the file's own time."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = len(self._paths(kind)) + 1
        write_atomically(self._folder / f"{kind.value}.{number:06d}", content)

    def list_papers(self, kind: PaperKind) -> Sequence[bytes]:
        """Return all papers of a kind, oldest first."""
        return [path.read_bytes() for path in self._paths(kind)]

    def find_newest(self, kind: PaperKind) -> bytes | None:
        """Return the newest paper of a kind, or None."""
        paths = self._paths(kind)
        return paths[-1].read_bytes() if paths else None

    def _paths(self, kind: PaperKind) -> list[Path]:
        return sorted(self._folder.glob(f"{kind.value}.[0-9]*"))


class FileDecisionJournal:
    """Implements ``decisions.DecisionJournal`` in one file of lines; each is on disk before its answer is given."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = 0
        self._latest: datetime | None = None

    def record(self, decision: Decision) -> None:
        """Append a line and sync it, or raise DecisionNotRecorded."""
        line = json.dumps({**asdict(decision), "at": decision.at.isoformat()}).encode() + b"\n"
        try:
            with self._path.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # a command and the runner may write at the same time
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise DecisionNotRecorded(
                "The decision cannot be recorded, so nothing is done: look at the coordinator's state folder."
            ) from error

    def find_latest_at(self) -> datetime | None:
        """Return the latest time of any decision, or None; only new lines are read."""
        for line in self._new_lines():
            at = _parse(line).at
            self._latest = at if self._latest is None else max(self._latest, at)
            self._read_bytes += len(line)
        return self._latest

    def list_decisions(self) -> Sequence[Decision]:
        """Return all decisions in the order in which they were taken."""
        return [_parse(line) for line in self._path.read_bytes().splitlines()] if self._path.exists() else []

    def _new_lines(self) -> list[bytes]:
        """Return the whole lines behind what was read; a line that is being written is left for the next time."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._read_bytes)
            return [line for line in file if line.endswith(b"\n")]


class LoggedPaperStore(FolderPaperStore):
    """The same, with a row in the audit log before a paper is kept.

    Args:
        folder: Of the papers.
        record: Writes the row, or raises.
    """

    def __init__(self, folder: Path, *, record: Record) -> None:
        super().__init__(folder)
        self._record = record

    def add(self, kind: PaperKind, content: bytes, *, at: datetime) -> None:
        """Record, then keep ``content`` durably behind all others of its kind."""
        facts = {"kind": kind.value, "sha256": sha256_hex(content)}
        self._record(event_of(Operation.CONTROL, "paper.adopt", facts=facts), at)
        super().add(kind, content, at=at)


class LoggedDecisionJournal(FileDecisionJournal):
    """The same, with a row in the audit log before the line that people read.

    Args:
        path: Of the lines.
        record: Writes the row, or raises.
    """

    def __init__(self, path: Path, *, record: Record) -> None:
        super().__init__(path)
        self._record = record

    def record(self, decision: Decision) -> None:
        """Write the row and the line, or raise DecisionNotRecorded."""
        try:
            self._record(decision_event(decision), decision.at)
        except SafeBordersError as error:
            raise DecisionNotRecorded(
                "The decision cannot be recorded, so nothing is done: look at the coordinator's database."
            ) from error
        super().record(decision)


@dataclass(frozen=True)
class Listed:
    """Whose keys count by the roster that the countries signed.

    Attributes:
        keys: Node keys by party.
        ever: Every node key of an earlier roster and of this one.
        expires_at: Of the roster.
    """

    keys: Mapping[str, str]
    ever: frozenset[str]
    expires_at: datetime


def find_listed(folder: Path) -> Listed | None:
    """Return whose keys count, None while the countries have signed no roster.

    Raises:
        RosterRefused: If a roster that is kept is damaged.
    """
    contents = FolderPaperStore(folder).list_papers(PaperKind.ROSTER)
    if not contents:
        return None
    rosters = [read_roster(content) for content in contents]
    ever = frozenset(key for roster in rosters for key in roster.keys(KeyRole.NODE).values())
    return Listed(keys=rosters[-1].keys(KeyRole.NODE), ever=ever, expires_at=rosters[-1].expires_at)


def decision_event(decision: Decision) -> AuditEvent:
    """Return the row of a decision: codes, parties and hashes."""
    facts = {
        "point": decision.point.value,
        "material": "" if decision.material is None else decision.material.value,
        "sender": decision.sender,
        "clause": decision.clause,
        "reason": decision.reason.value,
        "agreement": decision.agreement_sha256,
        "run": decision.run,
    }
    return AuditEvent(
        Operation.DECISION,
        action="policy.decide",
        actor=COORDINATOR,
        outcome="allowed" if decision.is_allowed else "refused",
        purpose=decision.purpose,
        recipients=(decision.recipient,) if decision.recipient else (),
        facts={name: value for name, value in facts.items() if value},
    )


def _parse(line: bytes) -> Decision:
    try:
        return _DECISION.validate_json(line)
    except ValidationError as error:
        raise DecisionNotRecorded("The journal of decisions is damaged: restore it.") from error
