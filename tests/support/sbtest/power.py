"""Cuts the power of a SQLite database: what was written and not yet synced survives by chance, torn at sectors.

The program under test runs unchanged on SQLAlchemy; below it APSW's virtual file system writes down every write, sync,
truncation and deletion (the model of "When Amnesia Strikes", VLDB 2024). ``cut`` then makes the files that a disk could
hold after a power loss at any of these moments.
"""

import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import StaticPool

from safeborders.kit import db

_SECTOR_BYTES = 512
_ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True)
class Operation:
    """One thing that happened, in order: ``write``, ``truncate``, ``sync``, ``delete``, or an acknowledgement."""

    kind: str
    file: str = ""
    offset: int = 0
    content: bytes = b""


@dataclass
class PowerLog:
    """Everything that happened to the files of one database."""

    operations: list[Operation] = field(default_factory=list)

    def acknowledge(self, what: str) -> None:
        """Note that the program told somebody that ``what`` is done."""
        self.operations.append(Operation(_ACKNOWLEDGED, file=what))

    def acknowledged_before(self, moment: int) -> list[str]:
        """Return what was acknowledged before ``moment``."""
        return [one.file for one in self.operations[:moment] if one.kind == _ACKNOWLEDGED]

    def cut(self, moment: int, *, folder: Path, chance: random.Random) -> None:
        """Write into ``folder`` the files that are left when the power goes just before operation ``moment``."""
        durable: dict[str, bytearray] = {}
        pending: dict[str, list[Operation]] = {}
        for one in self.operations[:moment]:
            if one.kind == "sync":
                _apply(durable, pending.pop(one.file, []))
            elif one.kind == "delete":  # synced by SQLite itself where it matters
                durable.pop(one.file, None)
                pending.pop(one.file, None)
            elif one.kind in {"write", "truncate"}:
                pending.setdefault(one.file, []).append(one)
        for name, operations in pending.items():
            _apply(durable, _survivors(operations, chance), name=name)
        for name, content in durable.items():
            (folder / name).write_bytes(content)


def _survivors(operations: Sequence[Operation], chance: random.Random) -> Iterator[Operation]:
    """Yield what reached the disk although nobody waited for it: each write, or some of its sectors, or nothing."""
    for one in operations:
        lot = chance.random()
        if lot < 0.4:
            yield one
        elif lot < 0.6 and one.kind == "write":
            for start in range(0, len(one.content), _SECTOR_BYTES):
                if chance.random() < 0.5:
                    part = one.content[start : start + _SECTOR_BYTES]
                    yield Operation("write", one.file, one.offset + start, part)


def _apply(
    durable: dict[str, bytearray], operations: Sequence[Operation] | Iterator[Operation], name: str = ""
) -> None:
    if name:
        durable.setdefault(name, bytearray())  # a new file's name may be on disk without its content
    for one in operations:
        content = durable.setdefault(one.file, bytearray())
        if one.kind == "truncate":
            del content[one.offset :]
            content.extend(bytes(max(0, one.offset - len(content))))
            continue
        content.extend(bytes(max(0, one.offset + len(one.content) - len(content))))
        content[one.offset : one.offset + len(one.content)] = one.content


class _File(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], log: PowerLog) -> None:
        super().__init__("", name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        self._name, self._log = Path(path).name, log

    def xWrite(self, data: bytes, offset: int) -> None:
        self._log.operations.append(Operation("write", self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self._log.operations.append(Operation("truncate", self._name, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        self._log.operations.append(Operation("sync", self._name))
        super().xSync(flags)


class _Vfs(apsw.VFS):
    def __init__(self, log: PowerLog) -> None:
        self._log = log
        self.name = f"power-{id(log)}"
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> Any:
        return _File(name, flags, self._log)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self._log.operations.append(Operation("delete", Path(filename).name))
        super().xDelete(filename, syncdir)


class _Cursor:
    """As much of DB-API 2 as SQLAlchemy asks of SQLite's driver."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._cursor, self._connection = connection.cursor(), connection
        self._cursor.exec_trace = self._note_columns  # afterwards, a statement without rows has no columns any more
        self.arraysize, self.rowcount, self.lastrowid = 1, -1, 0
        self.description: Any = None

    def execute(self, statement: str, parameters: Any = ()) -> "_Cursor":
        return self.executemany(statement, [parameters])

    def executemany(self, statement: str, rows: Any) -> "_Cursor":
        before = self._connection.total_changes()
        try:
            for row in rows:
                self._cursor.execute(statement, tuple(row))
        except apsw.ConstraintError as error:
            raise sqlite3.IntegrityError(str(error)) from error
        except apsw.Error as error:
            raise sqlite3.OperationalError(str(error)) from error
        self.rowcount = self._connection.total_changes() - before
        self.lastrowid = self._connection.last_insert_rowid()
        return self

    def _note_columns(self, cursor: apsw.Cursor, _statement: str, _parameters: Any) -> bool:
        columns = cursor.get_description()
        self.description = [(*column, None, None, None, None, None) for column in columns] or None
        return True

    def fetchone(self) -> Any:
        return next(self._cursor, None)

    def fetchmany(self, size: int | None = None) -> Any:
        wanted = size or self.arraysize
        return [row for row, _ in zip(self._cursor, range(wanted), strict=False)]

    def fetchall(self) -> Any:
        return list(self._cursor)

    def close(self) -> None:
        self._cursor.close(True)


class _Connection:
    def __init__(self, path: Path, vfs: str) -> None:
        self._connection = apsw.Connection(str(path), vfs=vfs)
        self.isolation_level: Any = None

    def cursor(self) -> _Cursor:
        return _Cursor(self._connection)

    def create_function(self, *_: Any, **__: Any) -> None:
        """SQLAlchemy offers a regular expression; nothing here uses it."""

    def commit(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close(True)


@contextmanager
def powered_engine(folder: Path, *, synchronous: str = "FULL") -> Iterator[tuple[Engine, PowerLog]]:
    """Yield an engine on a new database with the product's own settings, and the log of what happens to its files.

    Args:
        folder: Where it lies while it runs.
        synchronous: Another value than the product's, for controls.
    """
    log = PowerLog()
    vfs = _Vfs(log)
    path = folder / "powered.db"
    engine = create_engine(
        "sqlite://", creator=lambda: _Connection(path, vfs.name), poolclass=StaticPool, hide_parameters=True
    )
    # A virtual file system has no shared memory, so write-ahead logging needs the lock for itself. Checkpoints come
    # far more often than in production, so that cuts fall into them.
    pragmas = ("locking_mode=EXCLUSIVE", *db._PRAGMAS, f"synchronous={synchronous}", "wal_autocheckpoint=40")
    event.listen(engine, "connect", lambda connection, _record: db._run(connection, *pragmas))
    db._use_immediate_transactions(engine)
    try:
        yield engine, log
    finally:
        engine.dispose()
        vfs.unregister()
