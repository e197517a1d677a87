"""One log in one database, for those who have no transaction of their own; and what a witness remembers there."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, insert, select, update

from safeborders.kit.db import for_reading
from safeborders.kit.transparency.checkpoint import Checkpoint
from safeborders.kit.transparency.sql_log import LogTables, SqlLog
from safeborders.kit.transparency.witness import HistoryForked, Seen


class StoredLog:
    """A log in the database of ``engine``.

    Attributes:
        engine: Of the database.
        rows: Reads and appends in transactions.
    """

    def __init__(self, engine: Engine, log: SqlLog) -> None:
        self.engine = engine
        self.rows = log

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one state of the log and holds up no writer."""
        with for_reading(self.engine).begin() as connection:
            yield connection

    def keep_checkpoint(self, *, size: int, note: str) -> None:
        """Keep the signed note of a checkpoint of this log."""
        with self.engine.begin() as connection:
            self.rows.keep_checkpoint(connection, size=size, note=note)

    def keep_cosignatures(self, checkpoint: Checkpoint, *, witness_keys: Mapping[str, str]) -> int:
        """Keep the co-signatures of ``checkpoint``, one of this log, that hold; the first of each witness stays.

        Returns:
            How many witnesses' signatures are kept of this checkpoint now.
        """
        with self.engine.begin() as connection:
            kept = {name for name, _ in self.rows.cosignatures(connection, size=checkpoint.size)}
            for name, key in witness_keys.items():
                if name not in kept and checkpoint.is_cosigned_by(name, key):
                    given = checkpoint.cosignatures[name]
                    self.rows.keep_cosignature(connection, size=checkpoint.size, witness=name, given=given)
                    kept.add(name)
            return len(kept)


class SqlWitnessMemory:
    """What a witness saw last of other logs. Implements ``witness.WitnessMemory``.

    Args:
        engine: Of the witness's own database.
        tables: Of its own log, which the memory stands beside.
    """

    def __init__(self, engine: Engine, tables: LogTables) -> None:
        self._engine = engine
        self._tables = tables

    def find(self, origin: str) -> Seen | None:
        """Return what was seen last of a log, None for a log never seen."""
        with for_reading(self._engine).begin() as connection:
            return self._find(connection, origin)

    def remember(self, origin: str, seen: Seen, *, before: Seen | None) -> None:
        """Replace ``before`` by ``seen``. Raises HistoryForked if something else than ``before`` is remembered."""
        table = self._tables.seen
        with self._engine.begin() as connection:
            if self._find(connection, origin) != before:
                raise HistoryForked("Another checkpoint of this log was co-signed meanwhile: ask anew.")
            values = {"size": seen.size, "root": seen.root.hex()}
            if before is None:
                connection.execute(insert(table).values(origin=origin, **values))
            else:
                connection.execute(update(table).where(table.c.origin == origin).values(**values))

    def _find(self, connection: Connection, origin: str) -> Seen | None:
        table = self._tables.seen
        row = connection.execute(select(table.c.size, table.c.root).where(table.c.origin == origin)).first()
        return Seen(row.size, bytes.fromhex(row.root)) if row else None
