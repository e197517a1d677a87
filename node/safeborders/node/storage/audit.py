"""The audit log in the country's database: an event is written in the transaction of what it tells of."""

from datetime import datetime

from sqlalchemy import Connection, Engine, delete
from sqlalchemy.exc import SQLAlchemyError

from safeborders.kit.transparency.sql_log import SqlLog, define_tables
from safeborders.kit.transparency.stored import StoredLog
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


class SqlAuditLog(StoredLog):
    """The audit log of one country, for those who have no transaction of their own."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, LOG)

    def record(self, event: AuditEvent, *, at: datetime) -> int:
        """Make ``event`` durable and return its number.

        Raises:
            EventNotRecorded: If it cannot be written; what it tells of must then not happen.
        """
        try:
            with self.engine.begin() as connection:
                return record_event(connection, event, at=at)
        except SQLAlchemyError as error:
            raise EventNotRecorded("The event cannot be recorded, so nothing was done: try again later.") from error

    def erase_records(self, *, first: int, last: int, at: datetime) -> None:
        """Erase the records ``first`` to ``last`` because their time is over; their hashes stay, and a row says so."""
        event = AuditEvent(Operation.ERASURE, action="audit.retention", actor="node")
        with self.engine.begin() as connection:
            LOG.append(connection, {**event.to_record(at), "erased_first": first, "erased_last": last})
            records = TABLES.record
            connection.execute(delete(records).where(records.c.number.between(first, last)))
