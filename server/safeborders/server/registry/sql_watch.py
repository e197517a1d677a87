"""What the coordinator knows of all logs: the newest note of each, and what each witness saw last."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, select

from safeborders.kit.transparency.checkpoint import Checkpoint
from safeborders.kit.transparency.identity import LogIdentity
from safeborders.server.registry.transactions import transaction
from safeborders.server.storage.tables import WatchedLogRow, WitnessMemoryRow


class SqlWatchMemory:
    """On ``engine``; losing it costs one more question, for each witness remembers on its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def sizes(self) -> dict[str, tuple[int, ...]]:
        """Return the sizes from which each log must prove its history, by its name."""
        with transaction(self._engine) as session:
            rows = session.execute(select(WitnessMemoryRow.origin, WitnessMemoryRow.size)).all()
        found: dict[str, set[int]] = {}
        for origin, size in rows:
            found.setdefault(origin, set()).add(size)
        return {origin: tuple(sorted(sizes)) for origin, sizes in sorted(found.items())}

    def keep_size(self, origin: str, *, witness: str, size: int, is_forked: bool) -> None:
        """Remember what ``witness`` saw last of a log."""
        with transaction(self._engine) as session:
            session.merge(WitnessMemoryRow(origin=origin, witness=witness, size=size, is_forked=is_forked))

    def keep_note(self, checkpoint: Checkpoint, *, identity: LogIdentity, now: datetime) -> None:
        """Remember the newest note of a log."""
        note = checkpoint.to_text(log_key=identity.log_key, witness_keys=identity.witness_keys)
        with transaction(self._engine) as session:
            session.merge(WatchedLogRow(origin=checkpoint.origin, note=note, seen_at=now))

    def list_notes(self) -> Sequence[tuple[str, str, datetime]]:
        """Return name, note and time of every log that was seen, by name."""
        with transaction(self._engine) as session:
            rows = session.scalars(select(WatchedLogRow).order_by(WatchedLogRow.origin))
            return [(row.origin, row.note, row.seen_at) for row in rows]

    def list_forks(self) -> Sequence[tuple[str, str]]:
        """Return log and witness of every refusal that stands."""
        with transaction(self._engine) as session:
            rows = session.execute(
                select(WitnessMemoryRow.origin, WitnessMemoryRow.witness).where(WitnessMemoryRow.is_forked)
            )
            return [(row.origin, row.witness) for row in rows]
