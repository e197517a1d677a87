"""Tables of consent: which runs asked, what people decided, what was signed to leave; rows may only be added."""

from sqlalchemy import CheckConstraint, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from safeborders.kit import append_only
from safeborders.node.storage.base import Base


class RunRequestRow(Base):
    """A run that asked; ``number`` counts from 1 without a gap, a manifest asks once."""

    __tablename__ = "run_request"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    manifest_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    run: Mapped[str] = mapped_column(String(64))
    content: Mapped[str] = mapped_column(Text)


class ConsentRow(Base):
    """One decision; ``number`` counts from 1 without a gap."""

    __tablename__ = "consent"
    __table_args__ = (
        CheckConstraint("subject IN ('run', 'standing', 'release')", name="subject"),
        CheckConstraint("verdict IN ('approve', 'refuse', 'withdraw', 'cover')", name="verdict"),
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[str] = mapped_column(String(40))  # ISO 8601 with offset: the same in every database
    subject: Mapped[str] = mapped_column(String(16))
    subject_sha256: Mapped[str] = mapped_column(String(64))
    verdict: Mapped[str] = mapped_column(String(16))
    person_id: Mapped[str] = mapped_column(String(128))
    person_name: Mapped[str] = mapped_column(String(128))
    reason: Mapped[str] = mapped_column(String(500))
    run: Mapped[str] = mapped_column(String(64))
    content: Mapped[str] = mapped_column(Text)
    by_standing: Mapped[str] = mapped_column(String(64))


class EnvelopeRow(Base):
    """The signed envelope of an update, kept before it may leave; ``number`` counts from 1 without a gap."""

    __tablename__ = "envelope"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    run: Mapped[str] = mapped_column(String(64))
    round: Mapped[int]
    header: Mapped[str] = mapped_column(Text)
    signature: Mapped[str] = mapped_column(String(128), unique=True)


APPEND_ONLY_TABLES = ("run_request", "consent", "envelope")

# REPLACE deletes without firing a delete trigger in SQLite, hence the triggers on INSERT.
_SQLITE_KEY_IS_TAKEN = {
    "run_request": "NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM run_request) OR EXISTS "
    "(SELECT 1 FROM run_request WHERE manifest_sha256 = NEW.manifest_sha256)",
    "consent": "NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM consent)",
    "envelope": "NEW.number IS NOT (SELECT coalesce(max(number), 0) + 1 FROM envelope) OR EXISTS "
    "(SELECT 1 FROM envelope WHERE signature = NEW.signature)",
}


def append_only_statements(table: str, *, dialect: str) -> tuple[str, ...]:
    """Return the statements that make one of ``APPEND_ONLY_TABLES`` append-only in a database of ``dialect``."""
    return append_only.append_only_statements(table, dialect=dialect, taken=_SQLITE_KEY_IS_TAKEN[table])


for _table in APPEND_ONLY_TABLES:
    append_only.guard(Base.metadata.tables[_table], taken=_SQLITE_KEY_IS_TAKEN[_table])
