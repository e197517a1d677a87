"""The privacy ledger and the activations in the country's database."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, text

from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.materials import COORDINATOR
from safeborders.node.storage.agreement_tables import DecisionRow
from safeborders.node.storage.audit import record_event
from safeborders.node.storage.ledger_tables import ActivationRow, LedgerRow, OutboxRow
from safeborders.privacy.activations import Activation
from safeborders.privacy.agreement.decisions import Point
from safeborders.privacy.errors import LedgerDamaged
from safeborders.privacy.events import events_to_json, parse_events
from safeborders.privacy.ledger import Charge, EntryState, LedgerEntry

_ACTOR = "learner"
_EVENTS: Mapping[EntryState, tuple[Operation, str, str]] = {
    EntryState.RESERVED: (Operation.DECISION, "budget.charge", "done"),
    EntryState.REFUSED: (Operation.DECISION, "budget.charge", "refused"),
    EntryState.RELEASED: (Operation.DISCLOSURE, "update.release", "done"),
}
"""What a row tells the audit log, in its own transaction; a stored update has gone nowhere yet."""


class SqlLedgerStore:
    """The ledger's rows and outbox in SQL; each transaction is exclusive and synced before it counts.

    SQLite begins with the write lock (kit.db) and syncs in full; PostgreSQL locks the table and waits for the disk.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def transaction(self) -> Iterator["SqlLedgerTransaction"]:
        """Begin an exclusive step; commit at its end, roll back when it raises."""
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SET LOCAL synchronous_commit = on"))
                connection.execute(text("LOCK TABLE ledger_entry IN EXCLUSIVE MODE"))
            yield SqlLedgerTransaction(connection)


class SqlLedgerTransaction:
    """One open transaction on the ledger's tables."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list_entries(self, *, after: int) -> Sequence[LedgerEntry]:
        """Return the rows with a number above ``after``, in order."""
        query = select(LedgerRow.__table__).where(LedgerRow.number > after).order_by(LedgerRow.number)
        return [_read_row(row) for row in self._connection.execute(query)]

    def append(self, entry: LedgerEntry) -> None:
        """Add a row."""
        charge = entry.charge
        row = {
            "number": entry.number,
            "state": entry.state.value,
            "run": charge.run,
            "round": charge.round,
            "plan_sha256": charge.plan_sha256,
            "base_model_sha256": charge.base_model_sha256,
            "events": events_to_json(charge.events),
            "period": entry.period,
            "at": entry.at.isoformat(),
            "payload_sha256": entry.payload_sha256,
        }
        self._connection.execute(insert(LedgerRow).values(row))
        if entry.state in _EVENTS:
            record_event(self._connection, self._event(entry), at=entry.at)

    def _event(self, entry: LedgerEntry) -> AuditEvent:
        operation, action, outcome = _EVENTS[entry.state]
        charge = entry.charge
        facts: dict[str, str | int] = {"entry": entry.number, "run": charge.run, "round": charge.round}
        if entry.state is not EntryState.RELEASED:
            return AuditEvent(operation, action=action, actor=_ACTOR, outcome=outcome, facts=facts)
        # The decision that let it go stands in the same database; its clause is named with the release.
        wanted = select(DecisionRow.clause).where(
            DecisionRow.run == charge.run, DecisionRow.point == Point.SEND.value, DecisionRow.is_allowed
        )
        clause = self._connection.scalar(wanted.order_by(DecisionRow.id.desc()).limit(1))
        facts |= {"payload": entry.payload_sha256, **({"clause": clause} if clause else {})}
        return AuditEvent(
            operation, action=action, actor=_ACTOR, outcome=outcome, recipients=(COORDINATOR,), facts=facts
        )

    def add_payload(self, payload: bytes, *, run: str, round_number: int) -> None:
        """Put the bytes of a round into the outbox."""
        self._connection.execute(insert(OutboxRow).values(run=run, round=round_number, payload=payload))

    def find_payload(self, run: str, *, round_number: int) -> bytes | None:
        """Return the bytes of a round in the outbox, or None."""
        query = select(OutboxRow.payload).where(OutboxRow.run == run, OutboxRow.round == round_number)
        payload = self._connection.execute(query).scalar_one_or_none()
        return None if payload is None else bytes(payload)


def _read_row(row: Row[Any]) -> LedgerEntry:
    """Return a row as an entry. Raises LedgerDamaged where a value is none that this version writes."""
    try:
        return LedgerEntry(
            number=row.number,
            state=EntryState(row.state),
            charge=Charge(
                run=row.run,
                round=row.round,
                plan_sha256=row.plan_sha256,
                base_model_sha256=row.base_model_sha256,
                events=parse_events(row.events),
            ),
            period=row.period,
            at=datetime.fromisoformat(row.at),
            payload_sha256=row.payload_sha256,
        )
    except ValueError as error:
        raise LedgerDamaged(
            "The privacy ledger holds a row that this version cannot have written: restore the database."
        ) from error


class SqlActivationStore:
    """Which final models this country was told to use."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find_last(self) -> Activation | None:
        """Return the activation with the highest sequence, or None."""
        query = select(ActivationRow.__table__).order_by(ActivationRow.sequence.desc()).limit(1)
        with self._engine.begin() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return Activation(
            sequence=row.sequence, run=row.run, model_sha256=row.model_sha256, at=datetime.fromisoformat(row.at)
        )

    def first_activated(self) -> Mapping[str, datetime]:
        """Return when each model was first put into use, by its hash."""
        query = select(ActivationRow.model_sha256, ActivationRow.at).order_by(ActivationRow.sequence.desc())
        with self._engine.begin() as connection:
            return {row.model_sha256: datetime.fromisoformat(row.at) for row in connection.execute(query)}

    def add(self, activation: Activation) -> None:
        """Record ``activation``."""
        values = {
            "sequence": activation.sequence,
            "run": activation.run,
            "model_sha256": activation.model_sha256,
            "at": activation.at.isoformat(),
        }
        with self._engine.begin() as connection:
            connection.execute(insert(ActivationRow).values(values))
            event = AuditEvent(  # an alteration: the suggestions and hypotheses of this node are replaced by it
                Operation.ALTERATION,
                action="model.activate",
                actor=_ACTOR,
                facts={"run": activation.run, "model": activation.model_sha256, "sequence": activation.sequence},
            )
            record_event(connection, event, at=activation.at)
