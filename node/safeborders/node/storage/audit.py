"""The audit log in the country's database: an event is written in the transaction of what it tells of."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from safeborders.kit.db import for_reading
from safeborders.kit.transparency.sql_log import SqlLog, define_tables
from safeborders.kit.transparency.witness import HistoryForked, Seen
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.node.access.errors import EventNotRecorded
from safeborders.node.storage.base import Base

TABLES = define_tables(Base.metadata)
LOG = SqlLog(TABLES)


def record_event(connection: Connection, event: AuditEvent, *, at: datetime) -> int:
    """Write ``event`` and return its number; the caller's transaction keeps it with what it tells of, or neither.

    Raises:
        EventNotRecorded: If it cannot be written; the caller's transaction must then not be kept.
    """
    try:
        return LOG.append(connection, event.to_record(at))
    except SQLAlchemyError as error:
        raise EventNotRecorded("The event cannot be recorded, so nothing was done: try again later.") from error


class SqlAuditLog:
    """The audit log of one country, for those who have no transaction of their own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, event: AuditEvent, *, at: datetime) -> int:
        """Make ``event`` durable and return its number.

        Raises:
            EventNotRecorded: If it cannot be written; what it tells of must then not happen.
        """
        try:
            with self._engine.begin() as connection:
                return record_event(connection, event, at=at)
        except SQLAlchemyError as error:
            raise EventNotRecorded("The event cannot be recorded, so nothing was done: try again later.") from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that sees one state of the log and holds up no writer."""
        with for_reading(self._engine).begin() as connection:
            yield connection

    def keep_checkpoint(self, *, size: int, note: str) -> None:
        """Keep the signed note of a checkpoint of this log."""
        with self._engine.begin() as connection:
            LOG.keep_checkpoint(connection, size=size, note=note)

    def erase_records(self, *, first: int, last: int, at: datetime) -> None:
        """Erase the records ``first`` to ``last`` because their time is over; their hashes stay, and a row says so."""
        event = AuditEvent(Operation.ERASURE, action="audit.retention", actor="node")
        with self._engine.begin() as connection:
            LOG.append(connection, {**event.to_record(at), "erased_first": first, "erased_last": last})
            records = TABLES.record
            connection.execute(delete(records).where(records.c.number.between(first, last)))


class SqlWitnessMemory:
    """What this country, as a witness, saw last of other logs. Implements kit.transparency.witness.WitnessMemory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, origin: str) -> Seen | None:
        """Return what was seen last of a log, None for a log never seen."""
        with for_reading(self._engine).begin() as connection:
            return _find(connection, origin)

    def remember(self, origin: str, seen: Seen, *, before: Seen | None) -> None:
        """Replace ``before`` by ``seen``. Raises HistoryForked if something else than ``before`` is remembered."""
        table = TABLES.seen
        with self._engine.begin() as connection:
            if _find(connection, origin) != before:
                raise HistoryForked("Another checkpoint of this log was co-signed meanwhile: ask anew.")
            values = {"size": seen.size, "root": seen.root.hex()}
            if before is None:
                connection.execute(insert(table).values(origin=origin, **values))
            else:
                connection.execute(update(table).where(table.c.origin == origin).values(**values))


def _find(connection: Connection, origin: str) -> Seen | None:
    table = TABLES.seen
    row = connection.execute(select(table.c.size, table.c.root).where(table.c.origin == origin)).first()
    return Seen(row.size, bytes.fromhex(row.root)) if row else None
