"""Requests and decisions in the country's database, each decision with its event of the audit log or not at all."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from safeborders.kit.db import for_reading
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.protocol.messages import SignedMessage
from safeborders.node.access.errors import EventNotRecorded
from safeborders.node.consent.entries import Entry, Subject, Verdict
from safeborders.node.consent.errors import ConsentNotRecorded
from safeborders.node.consent.persons import Person
from safeborders.node.consent.requests import RunRequest
from safeborders.node.storage.audit import record_event
from safeborders.node.storage.consent_tables import ConsentRow, EnvelopeRow, RunRequestRow


class SqlConsentStore:
    """Implements ``consent.entries.ConsentStore``; each transaction is exclusive and synced before it counts."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def transaction(self) -> Iterator["SqlConsentTransaction"]:
        """Begin an exclusive step; commit at its end, roll back when it raises. Raises ConsentNotRecorded."""
        try:
            with self._engine.begin() as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(text("SET LOCAL synchronous_commit = on"))
                    connection.execute(text("LOCK TABLE run_request, consent IN EXCLUSIVE MODE"))
                yield SqlConsentTransaction(connection)
        except (SQLAlchemyError, EventNotRecorded) as error:
            raise ConsentNotRecorded(
                "The decision cannot be read or recorded, so nothing is allowed: look at the node's database."
            ) from error


class SqlConsentTransaction:
    """One open transaction on the tables of consent."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list_requests(self) -> Sequence[RunRequest]:
        """Return all requests, oldest first."""
        found = self._connection.scalars(select(RunRequestRow.content).order_by(RunRequestRow.number))
        return [RunRequest.model_validate_json(content) for content in found]

    def add_request(self, request: RunRequest) -> None:
        """Keep a request whose manifest is new, and record that it waits."""
        last = self._connection.scalar(select(func.max(RunRequestRow.number))) or 0
        values = {"number": last + 1, "manifest_sha256": request.manifest_sha256, "run": request.run}
        self._connection.execute(insert(RunRequestRow).values(**values, content=request.model_dump_json()))
        event = AuditEvent(
            Operation.CONTROL,
            action="consent.request",
            actor="coordinator",
            purpose=request.purpose,
            facts={"run": request.run, "manifest": request.manifest_sha256, "agreement": request.agreement_sha256},
        )
        record_event(self._connection, event, at=request.first_seen)

    def list_entries(self) -> Sequence[Entry]:
        """Return all entries in order."""
        query = select(ConsentRow.__table__).order_by(ConsentRow.number)
        return [
            Entry(
                number=row.number,
                at=datetime.fromisoformat(row.at),
                subject=Subject(row.subject),
                subject_sha256=row.subject_sha256,
                verdict=Verdict(row.verdict),
                person=Person(id=row.person_id, name=row.person_name),
                reason=row.reason,
                run=row.run,
                content=row.content,
                by_standing=row.by_standing,
            )
            for row in self._connection.execute(query)
        ]

    def append(self, entry: Entry) -> None:
        """Add an entry and its event."""
        row = {
            "number": entry.number,
            "at": entry.at.isoformat(),
            "subject": entry.subject.value,
            "subject_sha256": entry.subject_sha256,
            "verdict": entry.verdict.value,
            "person_id": entry.person.id,
            "person_name": entry.person.name,
            "reason": entry.reason,
            "run": entry.run,
            "content": entry.content,
            "by_standing": entry.by_standing,
        }
        self._connection.execute(insert(ConsentRow).values(row))
        record_event(self._connection, _event(entry), at=entry.at)


class SqlEnvelopeStore:
    """Implements ``outbox.envelopes.EnvelopeStore`` on ``engine``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, message: SignedMessage) -> None:
        """Make the envelope of ``message`` durable; keeping it again changes nothing."""
        signature, header = message.signature.hex(), message.header
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("LOCK TABLE envelope IN EXCLUSIVE MODE"))
            known = select(EnvelopeRow.number).where(EnvelopeRow.signature == signature)
            if connection.scalar(known) is not None:
                return
            last = connection.scalar(select(func.max(EnvelopeRow.number))) or 0
            values = {"number": last + 1, "run": header.run, "round": header.round, "signature": signature}
            connection.execute(insert(EnvelopeRow).values(**values, header=message.header_bytes.decode()))

    def list_envelopes(self, run: str, *, round_number: int) -> Sequence[tuple[bytes, bytes]]:
        """Return header and signature of each envelope of a round's update, oldest first."""
        wanted = select(EnvelopeRow.header, EnvelopeRow.signature).order_by(EnvelopeRow.number)
        wanted = wanted.where(EnvelopeRow.run == run, EnvelopeRow.round == round_number)
        with for_reading(self._engine).begin() as connection:
            return [(row.header.encode(), bytes.fromhex(row.signature)) for row in connection.execute(wanted)]


def _event(entry: Entry) -> AuditEvent:
    facts: dict[str, str | int] = {"entry": entry.number, "subject": entry.subject_sha256}
    facts |= {name: value for name, value in {"run": entry.run, "standing": entry.by_standing}.items() if value}
    return AuditEvent(
        Operation.DECISION,
        action=f"consent.{entry.subject.value}",
        actor=entry.person.id,
        outcome=entry.verdict.value,
        facts=facts,
    )
