"""Secondary indexes of empty tables, set aside while a file fills them and built once from sorted rows.

Keys of random order make each row's entry in each index a page of its own to change; sorting once spares a fifth of an
import's time. It happens inside the import's transaction, so a fault leaves the indexes as they were. SQLite only:
PostgreSQL would lock its readers out until the import ends (docs/decisions/0095).
"""

from collections.abc import Iterable

from sqlalchemy import Connection, text

_MOST_ROWS = 2_000_000
"""After so many rows the indexes come back: SQLCipher sorts in memory, since its temporary files would be plain."""


class SpareIndexes:
    """Sets aside the indexes of those of ``tables`` that are empty; the caller must end with :meth:`restore`.

    Args:
        connection: Its transaction is the caller's.
        tables: Which tables a file may fill.
    """

    def __init__(self, connection: Connection, tables: Iterable[str]) -> None:
        self._connection = connection
        self._room = _MOST_ROWS
        self._statements: list[str] = []
        if connection.dialect.name == "sqlite":
            for table in tables:
                self._set_aside(table)

    def count(self, rows: int) -> None:
        """Take note of rows that were written."""
        self._room -= rows
        if self._room < 0:
            self.restore()

    def restore(self) -> None:
        """Build the indexes that are still set aside."""
        for statement in self._statements:
            self._connection.exec_driver_sql(statement)
        self._statements = []

    def _set_aside(self, table: str) -> None:
        if self._connection.exec_driver_sql(f"SELECT 1 FROM {table} LIMIT 1").first() is not None:  # noqa: S608  # our own names
            return
        query = text(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :table"
            " AND sql LIKE 'CREATE INDEX %'"  # never one that keeps rows unique
        )
        for name, statement in self._connection.execute(query, {"table": table}).all():
            self._connection.exec_driver_sql(f'DROP INDEX "{name}"')
            self._statements.append(statement)
