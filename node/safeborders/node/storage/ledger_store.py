"""The privacy ledger and the activations in the country's database."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select, text

from safeborders.node.storage.ledger_tables import ActivationRow, LedgerRow, OutboxRow
from safeborders.privacy.activations import Activation
from safeborders.privacy.events import events_to_json, parse_events
from safeborders.privacy.ledger import Charge, EntryState, LedgerEntry


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
        return [
            LedgerEntry(
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
            for row in self._connection.execute(query)
        ]

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

    def add_payload(self, payload: bytes, *, run: str, round_number: int) -> None:
        """Put the bytes of a round into the outbox."""
        self._connection.execute(insert(OutboxRow).values(run=run, round=round_number, payload=payload))

    def find_payload(self, run: str, *, round_number: int) -> bytes | None:
        """Return the bytes of a round in the outbox, or None."""
        query = select(OutboxRow.payload).where(OutboxRow.run == run, OutboxRow.round == round_number)
        payload = self._connection.execute(query).scalar_one_or_none()
        return None if payload is None else bytes(payload)


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
