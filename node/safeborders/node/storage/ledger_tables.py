"""Tables of the privacy ledger: rows may be added, and nothing else, and the database itself says so."""

from sqlalchemy import BigInteger, CheckConstraint, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from safeborders.kit import append_only
from safeborders.node.storage.base import Base


class LedgerRow(Base):
    """One row of the privacy ledger; ``number`` counts from 1 without a gap."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        CheckConstraint("state IN ('reserved', 'stored', 'released', 'refused')", name="state"),
        Index(
            "uq_ledger_entry_run_round_state",
            "run",
            "round",
            "state",
            unique=True,
            sqlite_where=text("state <> 'refused'"),
            postgresql_where=text("state <> 'refused'"),
        ),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str] = mapped_column(String(16))
    run: Mapped[str] = mapped_column(String(64))
    round: Mapped[int]
    plan_sha256: Mapped[str] = mapped_column(String(64))
    base_model_sha256: Mapped[str] = mapped_column(String(64))
    events: Mapped[str] = mapped_column(Text)
    period: Mapped[str] = mapped_column(String(64))
    at: Mapped[str] = mapped_column(String(40))  # ISO 8601 with offset: the same in every database
    payload_sha256: Mapped[str] = mapped_column(String(64))


class OutboxRow(Base):
    """The bytes that may leave for one round, noise included."""

    __tablename__ = "outbox"

    run: Mapped[str] = mapped_column(String(64), primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    payload: Mapped[bytes] = mapped_column(LargeBinary)


class ActivationRow(Base):
    """A final model that the coordinator told this country to use, in the order of the messages."""

    __tablename__ = "activation"

    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    run: Mapped[str] = mapped_column(String(64))
    model_sha256: Mapped[str] = mapped_column(String(64))
    at: Mapped[str] = mapped_column(String(40))


APPEND_ONLY_TABLES = ("ledger_entry", "outbox", "activation")

# REPLACE deletes without firing a delete trigger in SQLite, hence the triggers on INSERT.
_SQLITE_KEY_IS_TAKEN = {
    "ledger_entry": "NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM ledger_entry) OR EXISTS "
    "(SELECT 1 FROM ledger_entry WHERE run = NEW.run AND round = NEW.round AND state = NEW.state "
    "AND state <> 'refused')",
    "outbox": "EXISTS (SELECT 1 FROM outbox WHERE run = NEW.run AND round = NEW.round)",
    "activation": "EXISTS (SELECT 1 FROM activation WHERE sequence = NEW.sequence)",
}


def append_only_statements(table: str, *, dialect: str) -> tuple[str, ...]:
    """Return the statements that make one of ``APPEND_ONLY_TABLES`` append-only in a database of ``dialect``."""
    return append_only.append_only_statements(table, dialect=dialect, taken=_SQLITE_KEY_IS_TAKEN[table])


for _table in APPEND_ONLY_TABLES:
    append_only.guard(Base.metadata.tables[_table], taken=_SQLITE_KEY_IS_TAKEN[_table])
