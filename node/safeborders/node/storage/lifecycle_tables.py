"""Tables of the life cycle: rules in force, restrictions, provider's releases, reviews due, erasures, corrections."""

from datetime import date, datetime

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from safeborders.kit.db import UtcTime
from safeborders.node.storage.base import Base
from safeborders.node.storage.entities import PersonRow

_ID = String(36)
_TABLE = String(16)  # entity or link


class RetentionRuleRow(Base):
    """The national policy as the database applied it last: days by category of person (or ``thing``) and sensitivity.

    Attributes:
        subject: A data-subject category; ``thing`` for what is no person and no link of one.
        rank: Place of the category in the precedence, victims first; -1 for things.
        name: What the erasure ledger calls the rule.
    """

    __tablename__ = "retention_rule"

    subject: Mapped[str] = mapped_column(String(24), primary_key=True)
    sensitivity: Mapped[str] = mapped_column(String(24), primary_key=True)
    rank: Mapped[int] = mapped_column(SmallInteger, index=True)
    review_days: Mapped[int]
    retain_days: Mapped[int]
    name: Mapped[str] = mapped_column(String(120))


class RestrictionRow(Base):
    """A row that is restricted because a data subject's data are (LED 16(3)); lifting undoes exactly these."""

    __tablename__ = "restriction"
    __table_args__ = (
        Index("ix_restriction_row_id", "row_id"),
        CheckConstraint("row_table IN ('entity', 'link')", name="row_table"),
    )

    person_id: Mapped[str] = mapped_column(_ID, ForeignKey(PersonRow.id, ondelete="CASCADE"), primary_key=True)
    row_id: Mapped[str] = mapped_column(_ID, primary_key=True)
    row_table: Mapped[str] = mapped_column(_TABLE)
    since: Mapped[datetime] = mapped_column(UtcTime)


class HandlingReleaseRow(Base):
    """The provider of a row with a handling code allowed its dissemination (LED 9(3))."""

    __tablename__ = "handling_release"
    __table_args__ = (CheckConstraint("row_table IN ('entity', 'link')", name="row_table"),)

    row_id: Mapped[str] = mapped_column(_ID, primary_key=True)
    row_table: Mapped[str] = mapped_column(_TABLE)
    provider: Mapped[str] = mapped_column(String(200))
    reference: Mapped[str] = mapped_column(String(64))
    released_at: Mapped[datetime] = mapped_column(UtcTime)


class ReviewFlagRow(Base):
    """A row whose need somebody must look at again; written anew every night."""

    __tablename__ = "review_flag"

    row_id: Mapped[str] = mapped_column(_ID, primary_key=True)
    row_table: Mapped[str] = mapped_column(_TABLE)
    kind: Mapped[str] = mapped_column(String(24))
    review_due: Mapped[date] = mapped_column(Date, index=True)
    flagged_on: Mapped[date] = mapped_column(Date)


class ErasureRow(Base):
    """One erasure: what kind, why, when, by which rule; never content. Rows may be added, and nothing else.

    Attributes:
        kind: Kind of the entity or of the link that is gone.
        why: ``retention``, ``request``, ``orphan`` or ``rectification``.
        rule: The retention rule, the article of the request, or what became of the last holder.
        reference: Of the request; "" for the nightly job.
        salt: Random, 32 hexadecimal digits.
        subject_hash: SHA-256 of salt and identifier: whoever has the identifier can check, nobody can list.
    """

    __tablename__ = "erasure_ledger"
    __table_args__ = (
        CheckConstraint("why IN ('retention', 'request', 'orphan', 'rectification')", name="why"),
        {"sqlite_autoincrement": True},
    )

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    kind: Mapped[str] = mapped_column(String(24))
    why: Mapped[str] = mapped_column(String(16))
    rule: Mapped[str] = mapped_column(String(120))
    reference: Mapped[str] = mapped_column(String(64))
    salt: Mapped[str] = mapped_column(String(32))
    subject_hash: Mapped[str] = mapped_column(String(64))


class CorrectionNoticeRow(Base):
    """Who must be told that something that they received was wrong (LED 7(3)); names of fields, never values.

    Attributes:
        object_id: Identifier of what was wrong, as it was shown to the recipients.
        fields: What was wrong.
        recipients: Who had been shown the object: name, role, operation and last time, from the journal.
        notified_at: When the recipients were told; NULL until then.
    """

    __tablename__ = "correction_notice"

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    object_id: Mapped[str] = mapped_column(_ID, index=True)
    fields: Mapped[list[str]] = mapped_column(JSON)
    action: Mapped[str] = mapped_column(String(16))
    reference: Mapped[str] = mapped_column(String(64))
    recipients: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    notified_at: Mapped[datetime | None] = mapped_column(UtcTime)


class SnapshotRow(Base):
    """A number that rises when rows may no longer be used as before, so that nobody trains on an older reading."""

    __tablename__ = "snapshot_mark"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
