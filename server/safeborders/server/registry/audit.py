"""The coordinator's audit log: an event is written in the transaction of what it tells of, or that does not happen.

It tells of runs, rounds, models, members and papers; it cannot tell of a person, for an event holds identifiers of this
installation, codes and hashes alone (domain.md, L22-1).
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy import Connection, Engine

from safeborders.kit.transparency.sql_log import SqlLog
from safeborders.kit.transparency.stored import StoredLog
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.materials import COORDINATOR
from safeborders.server.registry.transactions import transaction
from safeborders.server.storage.tables import AUDIT

LOG = SqlLog(AUDIT)

Record = Callable[[AuditEvent, datetime], None]
"""Makes one event durable, or raises; what it tells of must then not happen."""


def record_event(connection: Connection, event: AuditEvent, *, at: datetime) -> int:
    """Write ``event`` and return its number; the caller's transaction keeps it with what it tells of, or neither."""
    return LOG.append(connection, event.to_record(at))


class CoordinatorLog(StoredLog):
    """The coordinator's log, for those who have no transaction of their own."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, LOG)

    def record(self, event: AuditEvent, at: datetime) -> None:
        """Make ``event`` durable. Raises Unavailable if it cannot be; what it tells of must then not happen."""
        with transaction(self.engine) as session:
            record_event(session.connection(), event, at=at)


def event_of(
    operation: Operation, action: str, *, objects: tuple[str, ...] = (), facts: Mapping[str, str | int] | None = None
) -> AuditEvent:
    """Return an event of the coordinator's own doing; empty facts are left out."""
    told = {name: value for name, value in (facts or {}).items() if value != ""}
    return AuditEvent(operation, action=action, actor=COORDINATOR, objects=objects, facts=told)
