"""What the coordinator knows of all logs: the newest note of each, and what each witness saw last."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, select

from safeborders.server.registry.transactions import transaction
from safeborders.server.storage.tables import WatchedLogRow, WitnessMemoryRow


@dataclass(frozen=True)
class WitnessMemory:
    """What ``witness`` saw last of the log ``origin``, and whether it refuses it as forked."""

    origin: str
    witness: str
    size: int
    is_forked: bool


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

    def keep(self, seen: Iterable[WitnessMemory], notes: Iterable[tuple[str, str]], *, now: datetime) -> None:
        """Remember what witnesses saw last, and the newest note of each log by its name; all or nothing."""
        with transaction(self._engine) as session:
            for one in seen:
                session.merge(
                    WitnessMemoryRow(origin=one.origin, witness=one.witness, size=one.size, is_forked=one.is_forked)
                )
            for origin, note in notes:
                session.merge(WatchedLogRow(origin=origin, note=note, seen_at=now))

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
