"""Database engines: SQLCipher and SQLite with full synchronisation, PostgreSQL by URL."""

from datetime import UTC, datetime
from pathlib import Path

import sqlcipher3
from sqlalchemy import URL, Connection, DateTime, Dialect, Engine, TypeDecorator, create_engine, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from safeborders.kit.errors import SettingsError, Unavailable

_DRIVERS = frozenset({"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"})
_URL_SENTENCE = "The database URL must start with sqlite:// or postgresql+psycopg://: correct it in the profile."
_READS = "safeborders_reads"
_PATIENCE = "safeborders_patience"
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=30000",
    "secure_delete=ON",
)


class UtcTime(TypeDecorator[datetime]):
    """An aware UTC time; SQLite keeps no zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive time; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A stored time must be aware. Got a naive one.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the time as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def open_encrypted(path: Path, *, key_hex: str) -> Engine:
    """Open (or make) the SQLCipher database at ``path``.

    Args:
        path: The file; its folder must exist.
        key_hex: The raw 256-bit key as 64 hexadecimal digits.

    Raises:
        SettingsError: If the key is not 64 hexadecimal digits, or does not open the file, or there is no folder for it.
        Unavailable: If another program holds the file for longer than 30 seconds.
    """
    if len(key_hex) != 64 or not set(key_hex) <= set("0123456789abcdefABCDEF"):
        raise SettingsError("The database key must be 64 hexadecimal digits: restore the key file.")
    if not path.parent.is_dir():
        raise SettingsError(f"The database {path} cannot be opened: make its folder, or correct the profile.")
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        module=sqlcipher3,
        poolclass=QueuePool,
        hide_parameters=True,  # an error's text must not hold a row
    )

    @event.listens_for(engine, "connect")
    def unlock(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        # Wiping every page buffer makes an import 15 times slower, and whoever reads this process's memory has the key.
        options = ("cipher_log_level=NONE", "cipher_memory_security=OFF")
        _run(connection, options[0], f"key=\"x'{key_hex}'\"", options[1], *_PRAGMAS)

    _use_immediate_transactions(engine)
    return _checked(
        engine,
        refused=f"The database {path} does not open with this key: restore the key file.",
        silent=f"The database {path} is held by another program: stop that one.",
    )


def open_url(url: str) -> Engine:
    """Open the database at ``url`` (``sqlite:///file`` or ``postgresql+psycopg://...``).

    Raises:
        SettingsError: If the URL is of no supported kind.
        Unavailable: If the server does not answer.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise SettingsError(_URL_SENTENCE) from None  # its text repeats the URL, and so a password
    if parsed.drivername not in _DRIVERS:
        raise SettingsError(_URL_SENTENCE)
    engine = create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", lambda connection, _record: _run(connection, *_PRAGMAS))
        _use_immediate_transactions(engine)
    return _checked(
        engine,
        refused="The database is of no kind that this program reads: correct its URL in the profile.",
        silent="The database does not answer: start it, or correct its URL in the profile.",
    )


def for_reading(engine: Engine) -> Engine:
    """Return ``engine`` for transactions that only read: on SQLite they see one snapshot and hold up no writer."""
    return engine.execution_options(**{_READS: True})


def copy_database(source: Engine, target: Engine) -> None:
    """Write all that is in the SQLite database ``source`` now into ``target``, under the same key; nobody waits.

    Raises:
        OperationalError: If there is no room for it.
    """
    with for_reading(source).connect() as ours, target.connect() as theirs:
        read, write = (one.connection.driver_connection for one in (ours, theirs))
        try:
            read.backup(write)  # type: ignore[union-attr]  # SQLite's driver has it
        except sqlcipher3.Error as error:
            raise OperationalError("backup", None, error) from None


def with_patience(engine: Engine, *, milliseconds: int) -> Engine:
    """Return ``engine`` for transactions that wait no longer for SQLite's write lock; :func:`is_busy` tells them."""
    return engine.execution_options(**{_PATIENCE: milliseconds})


def is_busy(error: BaseException) -> bool:
    """Return whether ``error`` says that somebody else held SQLite's write lock all the time."""
    return isinstance(error, OperationalError) and "database is locked" in str(error.orig)


def _use_immediate_transactions(engine: Engine) -> None:
    """Let SQLAlchemy begin each transaction with the write lock, so that check-then-insert is one step."""

    @event.listens_for(engine, "connect")
    def leave_transactions_to_us(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get(_READS, False):
            connection.exec_driver_sql("BEGIN")
            return
        patience = options.get(_PATIENCE)
        if patience is None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        usual = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(patience)}")
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(usual)}")


def _run(connection: DBAPIConnection, *pragmas: str) -> None:
    cursor = connection.cursor()
    try:
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
    finally:
        cursor.close()


def _checked(engine: Engine, *, refused: str, silent: str) -> Engine:
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            if engine.dialect.name == "sqlite":
                connection.execute(text("SELECT count(*) FROM sqlite_master"))
    except OperationalError as error:
        engine.dispose()
        raise Unavailable(silent) from error
    except (DatabaseError, sqlcipher3.DatabaseError) as error:
        engine.dispose()
        raise SettingsError(refused) from error
    return engine
