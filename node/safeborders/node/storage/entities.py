"""The eleven kinds of entity: one common row with the envelope, one row with what only that kind has.

A query for ``PersonRow`` joins both by itself; so the policy that hides rows reads one table, and a search for a
selector of any kind reads one index.
"""

from datetime import date

from sqlalchemy import Date, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from safeborders.models.domain.entities import (
    CaseKind,
    CaseStatus,
    DatePrecision,
    DocumentKind,
    EntityKind,
    FinancialAccountKind,
    PlaceKind,
    Sex,
    Stage,
)
from safeborders.models.domain.typology import CaseType
from safeborders.node.storage.base import Base
from safeborders.node.storage.envelope import Envelope, envelope_checks
from safeborders.node.storage.types import words

_NAME = String(200)
_ID = String(36)


def _mapper(**options: object) -> dict[str, object]:
    return options


def _entity() -> Mapped[str]:
    return mapped_column(_ID, ForeignKey("entity.id", ondelete="CASCADE"), primary_key=True)


class EntityRow(Envelope, Base):
    """Anything that links connect.

    Attributes:
        import_key: What the source calls it; the same key in a later file means the same entity.
        match_key: Its name or number as :mod:`safeborders.models.domain.selectors` normalises it; NULL for kinds
            that nobody searches by name.
    """

    __tablename__ = "entity"
    __table_args__ = (
        UniqueConstraint("id", "kind", name="uq_entity_id_kind"),  # what links point at, so that ends have one kind
        UniqueConstraint("import_key", name="uq_entity_import_key"),
        Index("ix_entity_kind_match_key", "kind", "match_key"),
        *envelope_checks(),
    )

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    kind: Mapped[EntityKind] = mapped_column(words(EntityKind, name="kind"))
    import_key: Mapped[str] = mapped_column(String(64))
    match_key: Mapped[str | None] = mapped_column(_NAME)

    __mapper_args__ = _mapper(polymorphic_on="kind")


class CaseRow(EntityRow):
    """A case; the table is named after FollowTheMoney's CourtCase because ``case`` is a word of SQL.

    Attributes:
        type_label: The type that a human gave it, NULL without one; no model ever writes it.
    """

    __tablename__ = "court_case"
    __mapper_args__ = _mapper(polymorphic_identity=EntityKind.CASE)

    id: Mapped[str] = _entity()
    ref: Mapped[str] = mapped_column(String(64))
    case_kind: Mapped[CaseKind] = mapped_column(words(CaseKind, name="case_kind"))
    status: Mapped[CaseStatus] = mapped_column(words(CaseStatus, name="status"))
    opened_on: Mapped[date] = mapped_column(Date, index=True)
    closed_on: Mapped[date | None] = mapped_column(Date)
    offence_code: Mapped[str | None] = mapped_column(String(16))
    type_label: Mapped[CaseType | None] = mapped_column(words(CaseType, name="type_label"))


class EpisodeRow(EntityRow):
    """One scene of a case."""

    __tablename__ = "episode"
    __mapper_args__ = _mapper(polymorphic_identity=EntityKind.EPISODE)

    id: Mapped[str] = _entity()
    stage: Mapped[Stage] = mapped_column(words(Stage, name="stage"))
    started_on: Mapped[date | None] = mapped_column(Date)
    ended_on: Mapped[date | None] = mapped_column(Date)
    date_precision: Mapped[DatePrecision | None] = mapped_column(words(DatePrecision, name="date_precision"))
    form: Mapped[str | None] = mapped_column(String(24))


class PersonRow(EntityRow):
    """A person. Nothing here becomes a feature; ``citizenships`` is kept for the fairness report only.

    Attributes:
        pseudonym: What interfaces show to those who may not read the name.
    """

    __tablename__ = "person"
    __mapper_args__ = _mapper(polymorphic_identity=EntityKind.PERSON)

    id: Mapped[str] = _entity()
    pseudonym: Mapped[str] = mapped_column(String(24), unique=True)
    name: Mapped[str | None] = mapped_column(_NAME)
    other_names: Mapped[str | None] = mapped_column(String(400))
    sex: Mapped[Sex | None] = mapped_column(words(Sex, name="sex"))
    birth_date: Mapped[date | None] = mapped_column(Date)
    birth_precision: Mapped[DatePrecision | None] = mapped_column(words(DatePrecision, name="birth_precision"))
    citizenships: Mapped[str | None] = mapped_column(String(32))


class OrganisationRow(EntityRow):
    """A firm, an authority, an association."""

    __tablename__ = "organisation"
    __mapper_args__ = _mapper(polymorphic_identity=EntityKind.ORGANISATION)

    id: Mapped[str] = _entity()
    name: Mapped[str] = mapped_column(_NAME)
    organisation_kind: Mapped[str | None] = mapped_column(String(24))
    sector: Mapped[str | None] = mapped_column(String(8))


class PhoneRow(EntityRow):
    """A telephone number, as the source wrote it; numbers are recycled, so links to it hold for a period."""

    __tablename__ = "phone"
    __mapper_args__ = _mapper(polymorphic_identity=EntityKind.PHONE)

    id: Mapped[str] = _entity()
    number: Mapped[str] = mapped_column(String(40))


class DeviceRow(EntityRow):
    """A handset, known by a keyed hash of its number only."""

    __tablename__ = "device"
    __mapper_args__ = _mapper(polymorphic_identity=EntityKind.DEVICE)

    id: Mapped[str] = _entity()
    equipment_hash: Mapped[str] = mapped_column(String(64))


class OnlineAccountRow(EntityRow):
    """An account of an online service."""

    __tablename__ = "online_account"
    __mapper_args__ = _mapper(polymorphic_identity=EntityKind.ONLINE_ACCOUNT)

    id: Mapped[str] = _entity()
    service: Mapped[str] = mapped_column(String(40))
    handle: Mapped[str] = mapped_column(String(120))


class FinancialAccountRow(EntityRow):
    """A bank account, a wallet, or a reference of a money-transfer service."""

    __tablename__ = "financial_account"
    __mapper_args__ = _mapper(polymorphic_identity=EntityKind.FINANCIAL_ACCOUNT)

    id: Mapped[str] = _entity()
    account_kind: Mapped[FinancialAccountKind] = mapped_column(words(FinancialAccountKind, name="account_kind"))
    reference: Mapped[str] = mapped_column(String(64))


class VehicleRow(EntityRow):
    """A vehicle by its plate, as the source wrote it."""

    __tablename__ = "vehicle"
    __mapper_args__ = _mapper(polymorphic_identity=EntityKind.VEHICLE)

    id: Mapped[str] = _entity()
    plate: Mapped[str] = mapped_column(String(24))
    plate_country: Mapped[str | None] = mapped_column(String(2))
    vin: Mapped[str | None] = mapped_column(String(17))
    make: Mapped[str | None] = mapped_column(String(40))


class IdentityDocumentRow(EntityRow):
    """A passport, an identity card or the like."""

    __tablename__ = "identity_document"
    __mapper_args__ = _mapper(polymorphic_identity=EntityKind.IDENTITY_DOCUMENT)

    id: Mapped[str] = _entity()
    document_kind: Mapped[DocumentKind] = mapped_column(words(DocumentKind, name="document_kind"))
    number: Mapped[str] = mapped_column(String(40))
    issuer: Mapped[str | None] = mapped_column(String(2))
    forged: Mapped[bool | None]


class PlaceRow(EntityRow):
    """A place; coordinates are rounded to two decimals (about a kilometre)."""

    __tablename__ = "place"
    __mapper_args__ = _mapper(polymorphic_identity=EntityKind.PLACE)

    id: Mapped[str] = _entity()
    place_kind: Mapped[PlaceKind] = mapped_column(words(PlaceKind, name="place_kind"))
    address: Mapped[str | None] = mapped_column(_NAME)
    nuts3: Mapped[str | None] = mapped_column(String(5))
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]


ENTITY_CLASSES: dict[EntityKind, type[EntityRow]] = {
    EntityKind.CASE: CaseRow,
    EntityKind.EPISODE: EpisodeRow,
    EntityKind.PERSON: PersonRow,
    EntityKind.ORGANISATION: OrganisationRow,
    EntityKind.PHONE: PhoneRow,
    EntityKind.DEVICE: DeviceRow,
    EntityKind.ONLINE_ACCOUNT: OnlineAccountRow,
    EntityKind.FINANCIAL_ACCOUNT: FinancialAccountRow,
    EntityKind.VEHICLE: VehicleRow,
    EntityKind.IDENTITY_DOCUMENT: IdentityDocumentRow,
    EntityKind.PLACE: PlaceRow,
}
"""The class of each kind."""
