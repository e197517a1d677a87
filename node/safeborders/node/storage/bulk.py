"""Rows in bulk, past SQLAlchemy's own work on each: prepared statements on SQLite, COPY on PostgreSQL.

No error's text gets out of here, because a database quotes rows in it.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any, ClassVar

import orjson
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from safeborders.kit.errors import SafeBordersError
from safeborders.node.storage.base import Base

Row = Sequence[object]


class RowsClash(Exception):  # house: it never leaves the storage
    """A constraint refused a row; which one, only a closer look tells."""


class DatabaseRefused(SafeBordersError):
    """The database did not take the rows of a file."""

    code: ClassVar[str] = "storage.rows_refused"


@contextmanager
def quiet_errors() -> Iterator[None]:
    """Turn what SQLAlchemy raises into one sentence without a row."""
    try:
        yield
    except DBAPIError as error:
        raise _refused(error.orig) from None


class BulkTables:
    """The tables of one connection, for plain values in the order of the columns.

    Args:
        connection: Its transaction is the caller's.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.is_postgresql = connection.dialect.name == "postgresql"
        self._sign = "%s" if self.is_postgresql else "?"
        self._driver: Any = connection.connection.driver_connection
        self._errors: Any = connection.dialect.dbapi

    def insert(self, table: str, columns: Sequence[str], *, rows: Sequence[Row], checked: bool = False) -> None:
        """Insert ``rows``; SQLite is spared its CHECK constraints if somebody has ``checked`` the same already.

        Raises:
            RowsClash: If a constraint refuses a row; the caller's savepoint is then spoilt.
            DatabaseRefused: If the database fails otherwise.
        """
        names = ", ".join(map(quoted, columns))
        if not self.is_postgresql:
            signs = ", ".join("?" * len(columns))
            with self._check_constraints(off=checked):
                self.run_many(f"INSERT INTO {table} ({names}) VALUES ({signs})", rows)  # noqa: S608  # our own names
            return
        statement = f"COPY {table} ({names}) FROM STDIN"
        with self._translated(), self._driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def replace(self, table: str, columns: Sequence[str], *, keys: Sequence[str], rows: Sequence[Row]) -> None:
        """Write ``rows`` over those with the same ``keys``; columns that are not given become NULL.

        A restriction stays (an import may set one and never lifts one), and ``rev`` rises by one.
        """
        names = [column.name for column in Base.metadata.tables[table].columns]
        values = {name: f"excluded.{quoted(name)}" for name in names if name not in keys}
        if "rev" in values:
            values["rev"] = f"{table}.rev + 1"
        if "restricted" in values:
            values["restricted"] = f"({table}.restricted OR excluded.restricted)"
        changes = ", ".join(f"{quoted(name)} = {value}" for name, value in values.items())
        self.run_many(
            f"INSERT INTO {table} ({', '.join(map(quoted, columns))})"  # noqa: S608  # our own names
            f" VALUES ({', '.join(self._sign for _ in columns)})"
            f" ON CONFLICT ({', '.join(keys)}) DO {f'UPDATE SET {changes}' if changes else 'NOTHING'}",
            rows,
        )

    def update(self, table: str, columns: Sequence[str], *, keys: Sequence[str], rows: Sequence[Row]) -> None:
        """Set ``columns`` of the rows with the given ``keys``; a row holds the columns' values, then the keys'."""
        changes = ", ".join(f"{quoted(name)} = {self._sign}" for name in columns)
        where = " AND ".join(f"{name} = {self._sign}" for name in keys)
        self.run_many(f"UPDATE {table} SET {changes} WHERE {where}", rows)  # noqa: S608  # our own names

    def find(self, table: str, columns: Sequence[str], *, key: str, among: Sequence[str]) -> list[list[object]]:
        """Return ``columns`` of the rows whose ``key`` is one of ``among``, as plain values."""
        if not among:
            return []
        among_sign = "= ANY(%s)" if self.is_postgresql else "IN (SELECT value FROM json_each(?))"
        statement = f"SELECT {', '.join(map(quoted, columns))} FROM {table} WHERE {key} {among_sign}"  # noqa: S608  # our own names
        given: object = list(among) if self.is_postgresql else orjson.dumps(list(among)).decode()
        with self._translated():
            cursor = self._driver.cursor()
            try:
                cursor.execute(statement, (given,))
                found = cursor.fetchall()
            finally:
                cursor.close()
        return (
            [[_plain(value) for value in row] for row in found] if self.is_postgresql else [list(row) for row in found]
        )

    def run_many(self, statement: str, rows: Sequence[Row]) -> None:
        """Run ``statement`` once for each of ``rows``."""
        if not rows:
            return
        with self._translated():
            cursor = self._driver.cursor()
            try:
                cursor.executemany(statement, rows)
            finally:
                cursor.close()

    def columns_of(self, table: str) -> list[str]:
        """Return the names of all columns of ``table``."""
        return [column.name for column in Base.metadata.tables[table].columns]

    @contextmanager
    def _check_constraints(self, *, off: bool) -> Iterator[None]:
        if not off:
            yield
            return
        self.connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
        try:
            yield
        finally:
            self.connection.exec_driver_sql("PRAGMA ignore_check_constraints = OFF")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except self._errors.IntegrityError:
            raise RowsClash from None
        except self._errors.Error as error:
            raise _refused(error) from None


def quoted(name: str) -> str:
    """Return a column's name so that no word of SQL is mistaken for it."""
    return f'"{name}"'


def _refused(error: BaseException | None) -> DatabaseRefused:
    full = "full" in str(error) or "No space left" in str(error)
    why = "its disk is full: make room" if full else "see its own log: mend it"
    return DatabaseRefused(f"The database did not take the file, {why}, then import it again.")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    return value.isoformat() if isinstance(value, date) else value
