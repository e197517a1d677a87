"""What a country's records are about: eleven kinds of entity and their closed vocabularies (domain.md 1.6)."""

from enum import StrEnum


class EntityKind(StrEnum):
    """The kinds of entity that links connect."""

    CASE = "case"
    EPISODE = "episode"
    PERSON = "person"
    ORGANISATION = "organisation"
    PHONE = "phone"
    DEVICE = "device"
    ONLINE_ACCOUNT = "online_account"
    FINANCIAL_ACCOUNT = "financial_account"
    VEHICLE = "vehicle"
    IDENTITY_DOCUMENT = "identity_document"
    PLACE = "place"


class CaseKind(StrEnum):
    """What a case is at present."""

    INVESTIGATION = "investigation"
    REFERRAL = "referral"
    JUDICIAL = "judicial"


class CaseStatus(StrEnum):
    """Where a case stands (HTCDS 2.0, ``cas_Status``)."""

    ACTIVE = "active"
    FOLLOW_UP = "follow_up"
    CLOSED = "closed"
    REFERRED = "closed_referred"


class Stage(StrEnum):
    """The scene of the crime script that an episode belongs to."""

    RECRUITMENT = "recruitment"
    TRANSPORT = "transport"
    TRANSIT = "transit"
    HARBOURING = "harbouring"
    EXPLOITATION = "exploitation"
    CONTROL = "control"
    EXIT = "exit"


class DatePrecision(StrEnum):
    """How much of a date is known; the rest of the date is filled with the first day or month."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


class Sex(StrEnum):
    """A person's recorded sex; NULL when unknown."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"


class PlaceKind(StrEnum):
    """What a place is used for."""

    PRIVATE = "private"
    HOTEL = "hotel"
    BORDER_POINT = "border_point"
    RECEPTION_CENTRE = "reception_centre"
    STREET = "street"
    BUSINESS = "business"
    ONLINE = "online"


class FinancialAccountKind(StrEnum):
    """What kind of account or reference money moved through."""

    IBAN = "iban"
    WALLET = "wallet"
    TRANSFER_SERVICE = "transfer_service"


class DocumentKind(StrEnum):
    """What an identity document is."""

    PASSPORT = "passport"
    IDENTITY_CARD = "identity_card"
    RESIDENCE_PERMIT = "residence_permit"
    BIRTH_CERTIFICATE = "birth_certificate"
