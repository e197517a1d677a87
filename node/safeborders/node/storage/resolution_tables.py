"""Which records are one person: candidates and decisions, what follows from them, and the journal of who decided."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Float, String
from sqlalchemy.orm import Mapped, mapped_column

from safeborders.kit.db import UtcTime
from safeborders.node.storage.base import Base
from safeborders.node.storage.types import words

_ID = String(36)


class Verdict(StrEnum):
    """What was decided about two records."""

    OPEN = "open"  # POSSIBLY_SAME: nobody has decided
    SAME = "same"
    DIFFERENT = "different"


class Combination(StrEnum):
    """What the journal of combinations records (LED 2016/680, article 25)."""

    ACCEPTED = "accepted"  # by a human
    AUTOMATIC = "automatic"  # by the operator's rule
    REJECTED = "rejected"
    UNDONE = "undone"
    CARRIED_OVER = "carried_over"  # held through a record that was erased
    FORGOTTEN = "forgotten"


class EntityLinkRow(Base):
    """Two records of persons that may be, are, or are not one person; ``first_id`` sorts before ``second_id``.

    There is no foreign key: a decision outlives the import that is undone and made again, for the same source keys give
    the same identifiers. What names a record that is not there has no effect. Erasure removes it.

    Attributes:
        score: Probability when it was found; NULL for two records that a human put together unasked.
        reasons: A list of ``{"text", "bits"}`` without names, numbers or dates; below zero speaks against.
        normaliser: The version of the rules under which it was found.
        by_rule: Whether the operator's rule decided, not a human.
        note: The human's own reason.
    """

    __tablename__ = "entity_link"
    __table_args__ = (
        CheckConstraint("first_id < second_id", name="ordered"),
        CheckConstraint("score BETWEEN 0 AND 1", name="score"),
        CheckConstraint("(verdict = 'open') = (decided_by IS NULL)", name="decided"),
    )

    first_id: Mapped[str] = mapped_column(_ID, primary_key=True)
    second_id: Mapped[str] = mapped_column(_ID, primary_key=True, index=True)
    score: Mapped[float | None] = mapped_column(Float)
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    normaliser: Mapped[str] = mapped_column(String(16))
    found_at: Mapped[datetime] = mapped_column(UtcTime)
    verdict: Mapped[Verdict] = mapped_column(words(Verdict, name="verdict"), index=True)
    by_rule: Mapped[bool]
    decided_by: Mapped[str | None] = mapped_column(String(128))
    decided_at: Mapped[datetime | None] = mapped_column(UtcTime)
    note: Mapped[str | None] = mapped_column(String(400))


class PersonRecordRow(Base):
    """Which person a merged record belongs to: what follows from all decisions, rewritten with each of them.

    Attributes:
        person_id: The smallest identifier among the person's records.
    """

    __tablename__ = "person_record"

    record_id: Mapped[str] = mapped_column(_ID, primary_key=True)
    person_id: Mapped[str] = mapped_column(_ID, index=True)


class CombinationEventRow(Base):
    """One decision; triggers of the migration refuse UPDATE and DELETE."""

    __tablename__ = "combination_event"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcTime)
    actor: Mapped[str] = mapped_column(String(128))
    operation: Mapped[Combination] = mapped_column(words(Combination, name="operation"))
    first_id: Mapped[str] = mapped_column(_ID)
    second_id: Mapped[str] = mapped_column(_ID)
    note: Mapped[str | None] = mapped_column(String(400))


class NormaliserRow(Base):
    """Under which version of the rules the stored match keys were made; one row."""

    __tablename__ = "normaliser"
    __table_args__ = (CheckConstraint("id = 1", name="single"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[str] = mapped_column(String(16))
