"""What the node's routes need, wired once by the application factory."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Protocol

from fastapi import Depends, Request

from safeborders.kit.clock import Clock
from safeborders.models.domain.audit import AuditEvent
from safeborders.node.access.journal import LookupJournal, Tokens
from safeborders.node.audit.reading import LogReader
from safeborders.node.consent.inbox import Inbox
from safeborders.node.services.records import RecordReader
from safeborders.node.services.roles import RoleDesk


class AuditLog(Protocol):
    """Where acts are recorded that are no look-ups."""

    def record(self, event: AuditEvent, *, at: datetime) -> int:
        """Make ``event`` durable and return its number. Raises EventNotRecorded."""


@dataclass(frozen=True)
class Context:
    """The parts behind the API."""

    records: RecordReader
    roles: RoleDesk
    tokens: Tokens
    journal: LookupJournal
    clock: Clock
    inbox: Inbox
    audit: AuditLog
    log: LogReader


def get_context(request: Request) -> Context:
    """Return the parts of the application that serves ``request``."""
    context: Context = request.app.state.context
    return context


Parts = Annotated[Context, Depends(get_context)]
