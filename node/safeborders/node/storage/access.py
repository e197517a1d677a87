"""Tokens and the journal of look-ups in the node's database."""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, String, cast, insert, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.orm import Session

from safeborders.kit.db import for_reading
from safeborders.kit.errors import Conflict, NotFound, Unavailable
from safeborders.kit.ids import uuid7
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.governance import PURPOSE_CODES
from safeborders.node.access.callers import DATA_SUBJECT_RIGHTS, RIGHTS_CODE, Caller, Justification, Role
from safeborders.node.access.errors import EventNotRecorded, LookupNotRecorded
from safeborders.node.access.journal import Lookup, Outcome
from safeborders.node.storage.access_tables import LookupRow, TokenRow
from safeborders.node.storage.audit import record_event
from safeborders.node.storage.base import plain_table

_PURPOSES = {**PURPOSE_CODES, RIGHTS_CODE: DATA_SUBJECT_RIGHTS}
_LOOKUP = plain_table(LookupRow)
_PREFIX = "sbn_"  # lets a scanner find a token that was committed by mistake


class SqlTokens:
    """Implements access.journal.Tokens on ``engine``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create_token(self, name: str, *, role: Role, now: datetime) -> str:
        """Return a new secret for ``name``; it is shown once and cannot be read again."""
        secret = _PREFIX + secrets.token_urlsafe(32)
        with self._session() as session:
            if _find_active(session, name) is not None:
                raise Conflict("This name has a token already: revoke it first.")
            session.add(TokenRow(id=uuid7(), name=name, role=role, secret_sha256=_hash(secret), created_at=now))
        return secret

    def revoke_token(self, name: str, *, now: datetime) -> None:
        """Refuse the token of ``name`` from now on. Raises NotFound."""
        with self._session() as session:
            row = _find_active(session, name)
            if row is None:
                raise NotFound("This name has no token.")
            row.revoked_at = now

    def find_caller(self, secret: str) -> Caller | None:
        """Return whose token ``secret`` is; None when it is nobody's or was revoked."""
        wanted = select(TokenRow).where(TokenRow.secret_sha256 == _hash(secret), TokenRow.revoked_at.is_(None))
        with self._session(for_reading(self._engine)) as session:
            row = session.scalar(wanted)
            return Caller(token=row.id, name=row.name, role=Role(row.role)) if row else None

    @contextmanager
    def _session(self, engine: Engine | None = None) -> Iterator[Session]:
        try:
            with Session(engine or self._engine) as session, session.begin():
                yield session
        except DBAPIError as error:
            raise Unavailable("The node's database does not answer: try again later.") from error


class SqlLookupJournal:
    """Implements access.journal.LookupJournal on ``engine``, whose commits are on disk when they return."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, lookup: Lookup) -> None:
        """Make ``lookup`` durable, or raise LookupNotRecorded."""
        try:
            with self._engine.begin() as connection:
                add_lookup(connection, lookup)
        except (SQLAlchemyError, EventNotRecorded) as error:
            raise lookup_not_recorded() from error

    def list_lookups(self) -> Sequence[Lookup]:
        """Return all look-ups in the order in which they were made."""
        with Session(self._engine) as session, session.begin():
            return [_lookup(row) for row in session.scalars(select(LookupRow).order_by(LookupRow.id))]

    def list_lookups_of(self, object_id: str) -> Sequence[Lookup]:
        """Return the look-ups that showed ``object_id`` or acted on it, in their order."""
        names_it = cast(LookupRow.object_ids, String).contains(f'"{object_id}"', autoescape=True)
        with Session(self._engine) as session, session.begin():
            return [_lookup(row) for row in session.scalars(select(LookupRow).where(names_it).order_by(LookupRow.id))]


def add_lookup(connection: Connection, lookup: Lookup, *, waited_as: str | None = None) -> None:
    """Write ``lookup`` into the journal, and into the audit log where it belongs; the transaction is the caller's.

    Args:
        connection: In a transaction that may write.
        lookup: What is recorded.
        waited_as: What it was called while it waited; a second one of the same name is refused.

    Raises:
        EventNotRecorded: If the audit log cannot take it.
    """
    who = lookup.justification
    values = {
        "at": lookup.at,
        "token_id": who.caller.token,
        "name": who.caller.name,
        "role": who.caller.role.value,
        "purpose": who.purpose_code,
        "case_reference": who.case_reference,
        "operation": lookup.operation,
        "outcome": lookup.outcome.value,
        "object_ids": list(lookup.object_ids),
        "reason": lookup.reason or None,
        "waited_as": waited_as,
    }
    connection.execute(insert(_LOOKUP).values(**values))
    if lookup.audited is not None:
        record_event(connection, _event(lookup, lookup.audited), at=lookup.at)


def lookup_not_recorded() -> LookupNotRecorded:
    """Return the refusal of an answer whose look-up cannot be recorded."""
    return LookupNotRecorded("The look-up cannot be recorded, so it is not answered: try again later.")


def _event(lookup: Lookup, operation: Operation) -> AuditEvent:
    who = lookup.justification
    what = lookup.operation.partition(":")[0].strip().replace(" ", ".")  # a reason stays in the journal
    return AuditEvent(
        operation,
        action=f"lookup.{what}" if operation is Operation.CONSULTATION else what,
        actor=who.caller.token,
        outcome=lookup.outcome.value,
        purpose=who.purpose_code,
        case_reference=who.case_reference,
        objects=tuple(lookup.object_ids),
        recipients=lookup.recipients,
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _find_active(session: Session, name: str) -> TokenRow | None:
    return session.scalar(select(TokenRow).where(TokenRow.name == name, TokenRow.revoked_at.is_(None)))


def _lookup(row: LookupRow) -> Lookup:
    caller = Caller(token=row.token_id, name=row.name, role=Role(row.role))
    return Lookup(
        justification=Justification(caller, _PURPOSES[row.purpose], row.case_reference),
        at=row.at,
        operation=row.operation,
        outcome=Outcome(row.outcome),
        object_ids=tuple(row.object_ids),
        reason=row.reason or "",
    )
