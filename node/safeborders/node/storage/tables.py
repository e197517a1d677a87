"""Links between entities, and what is known about cases and persons beside them."""

from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from safeborders.kit.db import UtcTime
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import ENDS, RelationKind
from safeborders.models.domain.statuses import DataSubjectCategory, StatusAuthority
from safeborders.node.storage.base import Base
from safeborders.node.storage.entities import CaseRow, EntityRow, PersonRow
from safeborders.node.storage.envelope import Envelope, Provenance, envelope_checks, grade_checks
from safeborders.node.storage.types import words

_ID = String(36)


def ends_rule() -> str:
    """Return the SQL condition that a link joins kinds of entity which its own kind allows."""
    allowed = [
        f"kind = '{kind.value}' AND source_kind = '{ends[0].value}' AND target_kind = '{ends[1].value}'"
        if ends
        else f"kind = '{kind.value}' AND source_kind = target_kind"
        for kind, ends in ENDS.items()
    ]
    return " OR ".join(allowed)


class SourceReportRow(Base):
    """One import file as it was received; its hash makes a second import of the same bytes a no-op."""

    __tablename__ = "source_report"
    __table_args__ = (UniqueConstraint("sha256", name="uq_source_report_sha256"),)

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    issuer: Mapped[str] = mapped_column(String(200))
    sha256: Mapped[str] = mapped_column(String(64))
    received_at: Mapped[datetime] = mapped_column(UtcTime)
    rows: Mapped[int]
    denied: Mapped[int]


class LinkRow(Envelope, Base):
    """A link of one of the twenty kinds, from its source to its target.

    Attributes:
        role: What the source is in the target (PARTY_TO, INVOLVED_IN) or the kind of tie; NULL without one.
        count: How often (calls, contacts, payments).
        score: How likely a POSSIBLY_SAME is, in [0, 1].
    """

    __tablename__ = "link"
    __table_args__ = (
        ForeignKeyConstraint(
            ["source", "source_kind"], [EntityRow.id, EntityRow.kind], name="fk_link_source_entity", ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["target", "target_kind"], [EntityRow.id, EntityRow.kind], name="fk_link_target_entity", ondelete="CASCADE"
        ),
        Index("ix_link_source_kind", "source", "kind"),
        Index("ix_link_target_kind", "target", "kind"),
        Index("ix_link_kind", "kind"),
        CheckConstraint(ends_rule(), name="ends"),
        CheckConstraint("score BETWEEN 0 AND 1", name="score"),
        *envelope_checks(),
    )

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    kind: Mapped[RelationKind] = mapped_column(words(RelationKind, name="kind"))
    source: Mapped[str] = mapped_column(_ID)
    source_kind: Mapped[EntityKind] = mapped_column(words(EntityKind, name="source_kind"))
    target: Mapped[str] = mapped_column(_ID)
    target_kind: Mapped[EntityKind] = mapped_column(words(EntityKind, name="target_kind"))
    role: Mapped[str | None] = mapped_column(String(24))
    count: Mapped[int | None]
    sum_band: Mapped[int | None] = mapped_column(SmallInteger)
    score: Mapped[float | None]


class MoIndicatorRow(Provenance, Base):
    """Whether an indicator was present in a case: true, false, or unknown.

    Unknown is a NULL value or a missing row; neither may ever be read as false.
    """

    __tablename__ = "mo_indicator"
    __table_args__ = grade_checks()

    case_id: Mapped[str] = mapped_column(_ID, ForeignKey(CaseRow.id, ondelete="CASCADE"), primary_key=True)
    code: Mapped[str] = mapped_column(String(24), primary_key=True)
    value: Mapped[bool | None]


class PersonIndicatorRow(Provenance, Base):
    """The same for one person: what was done to, or through, this person whatever the case says as a whole."""

    __tablename__ = "person_indicator"
    __table_args__ = grade_checks()

    person_id: Mapped[str] = mapped_column(_ID, ForeignKey(PersonRow.id, ondelete="CASCADE"), primary_key=True)
    code: Mapped[str] = mapped_column(String(24), primary_key=True)
    value: Mapped[bool | None]


class PersonStatusRow(Provenance, Base):
    """What a person is to the law, in one case or in general, for a period. A person may have several at once."""

    __tablename__ = "person_status"
    __table_args__ = (Index("ix_person_status_person_category", "person_id", "category"), *grade_checks())

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    person_id: Mapped[str] = mapped_column(_ID, ForeignKey(PersonRow.id, ondelete="CASCADE"))
    case_id: Mapped[str | None] = mapped_column(_ID, ForeignKey(CaseRow.id, ondelete="CASCADE"), index=True)
    category: Mapped[DataSubjectCategory] = mapped_column(words(DataSubjectCategory, name="category"))
    decided_by: Mapped[StatusAuthority] = mapped_column(words(StatusAuthority, name="decided_by"))
    valid_from: Mapped[date | None] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)


class LabelRow(Provenance, Base):
    """What a human said about an entity: ``network`` of a case, ``role`` of a person in a case.

    The type of a case is ``court_case.type_label``.
    """

    __tablename__ = "label"
    __table_args__ = (
        Index("ix_label_entity_name", "entity_id", "name"),
        CheckConstraint("name IN ('network', 'role')", name="name"),
        *grade_checks(),
    )

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    entity_id: Mapped[str] = mapped_column(_ID, ForeignKey(EntityRow.id, ondelete="CASCADE"))
    case_id: Mapped[str | None] = mapped_column(_ID, ForeignKey(CaseRow.id, ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(16))
    value: Mapped[str] = mapped_column(String(64))
    labelled_on: Mapped[date | None] = mapped_column(Date)
