"""What the country's own model says about links and cases: hypotheses for people to judge, replaced by every run.

There is no table of scores of persons, and there never will be one. A hypothesis of a role is about a person who is on
record as a suspect of a case and about that case; it has no meaning elsewhere and goes with either.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, DateTime, Float, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from safeborders.kit.db import UtcTime
from safeborders.node.storage.base import Base


class SuggestedLinkRow(Base):
    """Two persons who may belong together although no record says so; ``first_id`` sorts before ``second_id``.

    ``reasons`` is a list of ``{"text", "weight"}``: a positive weight speaks for the link, a negative one against.
    """

    __tablename__ = "suggested_link"
    __table_args__ = (CheckConstraint("first_id < second_id", name="ordered"),)

    first_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    second_id: Mapped[str] = mapped_column(String(36), primary_key=True, index=True)
    score: Mapped[float] = mapped_column(Float, index=True)
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    run: Mapped[str] = mapped_column(String(64))
    model_sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class CaseTypeHypothesisRow(Base):
    """The type that a case without a human label may be of; ``probabilities`` maps all types to their share.

    ``reasons`` is a list of ``{"text", "weight"}`` as for links: why this type is before the next likeliest.
    """

    __tablename__ = "case_type_hypothesis"

    case_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    case_type: Mapped[str] = mapped_column(String(8), index=True)
    probability: Mapped[float] = mapped_column(Float)
    probabilities: Mapped[dict[str, float]] = mapped_column(JSON)
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON, server_default="[]")
    run: Mapped[str] = mapped_column(String(64))
    model_sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RoleHypothesisRow(Base):
    """The part that a suspect of a case may play in that case, where nobody has stated one.

    ``reasons`` is a list of ``{"text", "weight"}`` as for cases: why this part is before the next likeliest.
    """

    __tablename__ = "role_hypothesis"

    person_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    case_id: Mapped[str] = mapped_column(String(36), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(24))
    probability: Mapped[float] = mapped_column(Float)
    probabilities: Mapped[dict[str, float]] = mapped_column(JSON)
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    run: Mapped[str] = mapped_column(String(64))
    model_sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class RoleDecisionRow(Base):
    """What an investigator decided on a hypothesis of a role; the latest decision on a role counts.

    A confirmed one is that human's label and is learnt from; a refused one hides the role and teaches nothing. There is
    no foreign key, as for decisions on records that may be one person: a decision outlives an import that is undone and
    made again. Erasure removes it.

    Attributes:
        decided_by: Identifier of the token.
        note: The human's own reason.
        model_sha256: The model whose hypothesis was decided on.
    """

    __tablename__ = "role_decision"
    __table_args__ = (UniqueConstraint("person_id", "case_id", "role", name="uq_role_decision_what"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(36))
    case_id: Mapped[str] = mapped_column(String(36), index=True)
    role: Mapped[str] = mapped_column(String(24))
    confirmed: Mapped[bool]
    decided_by: Mapped[str] = mapped_column(String(36))
    decided_at: Mapped[datetime] = mapped_column(UtcTime)
    note: Mapped[str] = mapped_column(String(400))
    model_sha256: Mapped[str] = mapped_column(String(64))
