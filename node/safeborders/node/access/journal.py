"""The ports of access control: tokens, and the journal that every look-up enters before its answer leaves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from safeborders.models.domain.audit import Operation
from safeborders.node.access.callers import Caller, Justification, Role


class Outcome(StrEnum):
    """What the caller got."""

    ANSWERED = "answered"
    NOT_FOUND = "not_found"  # also where the caller may not know of it
    FAILED = "failed"
    BEGUN = "begun"  # recorded before an action on a data subject's records; what became of it follows


@dataclass(frozen=True)
class Lookup:
    """One look-up: who, when, why, what was asked, which objects were shown. Search terms are not kept.

    Attributes:
        reason: What the rights desk states beside the case; "" for look-ups of investigators.
        audited: As what the audit log takes it, in the same transaction; None where the action records itself.
        recipients: To whom something was disclosed.
    """

    justification: Justification
    at: datetime
    operation: str
    outcome: Outcome
    object_ids: tuple[str, ...]
    reason: str = ""
    audited: Operation | None = field(default=Operation.CONSULTATION, compare=False)
    recipients: tuple[str, ...] = field(default=(), compare=False)


class LookupJournal(Protocol):
    """An append-only journal (LED 2016/680, Article 25)."""

    def record(self, lookup: Lookup) -> None:
        """Make ``lookup`` durable.

        Raises:
            LookupNotRecorded: If it cannot be written; the answer must not be given then.
        """

    def list_lookups(self) -> Sequence[Lookup]:
        """Return all look-ups in the order in which they were made."""


class Tokens(Protocol):
    """Bearer tokens; only hashes are kept."""

    def create_token(self, name: str, *, role: Role, now: datetime) -> str:
        """Return a new secret for ``name``; it is shown once and cannot be read again.

        Raises:
            Conflict: If ``name`` has a token already.
        """

    def revoke_token(self, name: str, *, now: datetime) -> None:
        """Refuse the token of ``name`` from now on. Raises NotFound."""

    def find_caller(self, secret: str) -> Caller | None:
        """Return whose token ``secret`` is; None when it is nobody's or was revoked."""
