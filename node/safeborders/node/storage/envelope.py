"""The governance envelope as columns: every entity and every link carries it whole (domain.md 1.6)."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Date, ForeignKey, SmallInteger, String
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from safeborders.kit.db import UtcTime
from safeborders.models.domain.governance import (
    LOWEST_INFORMATION_GRADE,
    Handling,
    Purpose,
    Regime,
    Sensitivity,
    SourceGrade,
    StatementKind,
)
from safeborders.node.storage.types import words

ALL_PURPOSES = int(~Purpose(0))


class Provenance:
    """Which report a row comes from, and how good it is (Europol grades)."""

    @declared_attr
    def report_id(cls) -> Mapped[str]:
        """The source report; domain.md calls it ``source_id``, a word that here means the end of a link."""
        return mapped_column(String(36), ForeignKey("source_report.id"), index=True)

    source_grade: Mapped[SourceGrade] = mapped_column(words(SourceGrade, name="source_grade"))
    info_grade: Mapped[int] = mapped_column(SmallInteger)
    recorded_at: Mapped[datetime] = mapped_column(UtcTime)


class Envelope(Provenance):
    """What may be done with a row, until when. Nothing but the two ends of validity may be left open.

    ``purposes`` is the sum of :class:`Purpose` flags; a row whose set lacks the asked purpose is invisible.

    ``review_due`` and ``retain_until`` are the dates that count: the national policy's, never later than the source
    said. ``stated_review_due`` and ``stated_retain_until`` keep what the source said, so that the policy can be applied
    anew; an import leaves them NULL. ``reviewed_on`` is the day on which a person last found the row still needed.
    """

    node: Mapped[str] = mapped_column(String(5))
    regime: Mapped[Regime] = mapped_column(words(Regime, name="regime"))
    purposes: Mapped[int] = mapped_column(SmallInteger)
    legal_basis: Mapped[str] = mapped_column(String(64))
    statement_kind: Mapped[StatementKind] = mapped_column(words(StatementKind, name="statement_kind"))
    handling: Mapped[Handling] = mapped_column(words(Handling, name="handling"))
    sensitivity: Mapped[Sensitivity] = mapped_column(words(Sensitivity, name="sensitivity"))
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    review_due: Mapped[date] = mapped_column(Date)
    retain_until: Mapped[date] = mapped_column(Date)
    stated_review_due: Mapped[date | None] = mapped_column(Date)
    stated_retain_until: Mapped[date | None] = mapped_column(Date)
    reviewed_on: Mapped[date | None] = mapped_column(Date)
    restricted: Mapped[bool]
    train_ok: Mapped[bool]
    share_ok: Mapped[bool]
    rev: Mapped[int]


def grade_checks() -> tuple[CheckConstraint, ...]:
    """Return the constraints that every table with provenance needs."""
    return (CheckConstraint(f"info_grade BETWEEN 1 AND {LOWEST_INFORMATION_GRADE}", name="info_grade"),)


def envelope_checks() -> tuple[CheckConstraint, ...]:
    """Return the constraints that every table with an envelope needs."""
    return (*grade_checks(), CheckConstraint(f"purposes BETWEEN 1 AND {ALL_PURPOSES}", name="purposes"))
