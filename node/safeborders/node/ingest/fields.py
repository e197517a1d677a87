"""Which properties rows may have, where they are stored, and what form they need.

A reader returns what both databases store: text, number, truth value; a day as 2026-01-31, a time as UTC text. The
parser runs apart from the database (docs/decisions/0081), so nothing here knows a database.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import lru_cache

from safeborders.models.domain import entities as words
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.governance import (
    LOWEST_INFORMATION_GRADE,
    PURPOSE_CODES,
    Handling,
    Regime,
    Sensitivity,
    SourceGrade,
    StatementKind,
)
from safeborders.models.domain.typology import CaseType
from safeborders.node.ingest.errors import BadSourceRow, UnknownVocabulary

Reader = Callable[[object], object]


@dataclass(frozen=True)
class Field:
    """A property: how its value is read, and whether a row must have it."""

    read: Reader
    required: bool = False


def bad_value(needs: str = "a value of another form") -> BadSourceRow:
    """Return the error for a value of the wrong form; it says what is needed and not what was there."""
    return BadSourceRow(f"A row needs {needs} here: correct the row.")


def text(most: int) -> Reader:
    """Return a reader of texts of 1 to ``most`` characters."""
    needs = f"a printable text of 1 to {most} characters"

    def read(value: object) -> object:
        if type(value) is not str or not 0 < len(value) <= most or not value.isprintable():
            raise bad_value(needs)  # PostgreSQL stores neither a NUL nor half a surrogate pair
        return value

    return read


def word(vocabulary: type[StrEnum]) -> Reader:
    """Return a reader of the words of ``vocabulary``."""
    return one_of(frozenset(member.value for member in vocabulary))


def one_of(words: frozenset[str]) -> Reader:
    """Return a reader of ``words``."""

    def read(value: object) -> object:
        if type(value) is not str or value not in words:
            shown = ", ".join(sorted(words)[:12])
            raise UnknownVocabulary(f"A row needs a word of the vocabulary here: choose one of {shown}.")
        return value

    return read


def whole(least: int, most: int) -> Reader:
    """Return a reader of whole numbers from ``least`` to ``most``."""
    needs = f"a whole number from {least} to {most}"

    def read(value: object) -> object:
        if type(value) is not int or not least <= value <= most:
            raise bad_value(needs)
        return value

    return read


def real(least: float, most: float) -> Reader:
    """Return a reader of finite numbers from ``least`` to ``most``."""
    needs = f"a number from {least:g} to {most:g}"

    def read(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise bad_value(needs)
        return float(value)

    return read


def flag(value: object) -> object:
    """Read true or false."""
    if type(value) is not bool:
        raise bad_value("true or false")
    return value


def day(value: object) -> object:
    """Read a day in the form 2026-01-31."""
    found = _day(value) if type(value) is str else None
    if found is None:
        raise bad_value("a day in the form 2026-01-31")
    return found


def moment(value: object) -> object:
    """Read a time with its zone into UTC, as text with microseconds and without the zone."""
    found = _moment(value) if type(value) is str else None
    if found is None:
        raise bad_value("a time with its zone, such as 2026-01-31T12:00:00Z,")
    return found


@lru_cache(maxsize=50_000)
def _day(value: str) -> str | None:
    try:
        return date.fromisoformat(value).isoformat() if len(value) == len("2026-01-31") else None
    except ValueError:
        return None


@lru_cache(maxsize=50_000)
def _moment(value: str) -> str | None:
    try:
        read = datetime.fromisoformat(value) if len(value) <= 40 else None
        if read is None or read.tzinfo is None:
            return None
        return read.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    except (ValueError, OverflowError):
        return None


def purposes(value: object) -> object:
    """Read a list of purposes such as ["P1", "P2"] into the sum of their flags."""
    if not isinstance(value, list) or not value:
        raise bad_value("a list of purposes")
    total = 0
    for code in value:
        if not isinstance(code, str) or code not in PURPOSE_CODES:
            raise UnknownVocabulary("A row names an unknown purpose: choose among P1 to P5.")
        total |= int(PURPOSE_CODES[code])
    return total


def country_codes(value: object) -> object:
    """Read a list of ISO 3166-1 alpha-2 codes into one text."""
    if not isinstance(value, list) or not 0 < len(value) <= 8:
        raise bad_value("a list of 1 to 8 country codes")
    if not all(isinstance(code, str) and len(code) == 2 and code.isascii() and code.isupper() for code in value):
        raise bad_value("country codes of two capital letters")
    return " ".join(value)


ENVELOPE: Mapping[str, Field] = {
    "regime": Field(word(Regime), required=True),
    "purposes": Field(purposes, required=True),
    "legal_basis": Field(text(64), required=True),
    "source_grade": Field(word(SourceGrade), required=True),
    "info_grade": Field(whole(1, LOWEST_INFORMATION_GRADE), required=True),
    "statement_kind": Field(word(StatementKind), required=True),
    "handling": Field(word(Handling), required=True),
    "sensitivity": Field(word(Sensitivity), required=True),
    "recorded_at": Field(moment, required=True),
    "review_due": Field(day, required=True),
    "retain_until": Field(day, required=True),
    "restricted": Field(flag, required=True),
    "train_ok": Field(flag, required=True),
    "share_ok": Field(flag, required=True),
    "valid_from": Field(day),
    "valid_to": Field(day),
}
"""The governance envelope as files spell it; ``node`` and ``rev`` are the importer's."""

PROPERTIES: Mapping[EntityKind, Mapping[str, Field]] = {
    EntityKind.CASE: {
        "ref": Field(text(64), required=True),
        "case_kind": Field(word(words.CaseKind), required=True),
        "status": Field(word(words.CaseStatus), required=True),
        "opened_on": Field(day, required=True),
        "closed_on": Field(day),
        "offence_code": Field(text(16)),
        "type_label": Field(word(CaseType)),
    },
    EntityKind.EPISODE: {
        "stage": Field(word(words.Stage), required=True),
        "started_on": Field(day),
        "ended_on": Field(day),
        "date_precision": Field(word(words.DatePrecision)),
        "form": Field(text(24)),
    },
    EntityKind.PERSON: {
        "name": Field(text(200)),
        "other_names": Field(text(400)),
        "sex": Field(word(words.Sex)),
        "birth_date": Field(day),
        "birth_precision": Field(word(words.DatePrecision)),
        "citizenships": Field(country_codes),
    },
    EntityKind.ORGANISATION: {
        "name": Field(text(200), required=True),
        "organisation_kind": Field(text(24)),
        "sector": Field(text(8)),
    },
    EntityKind.PHONE: {"number": Field(text(40), required=True)},
    EntityKind.DEVICE: {"equipment_hash": Field(text(64), required=True)},
    EntityKind.ONLINE_ACCOUNT: {
        "service": Field(text(40), required=True),
        "handle": Field(text(120), required=True),
    },
    EntityKind.FINANCIAL_ACCOUNT: {
        "account_kind": Field(word(words.FinancialAccountKind), required=True),
        "reference": Field(text(64), required=True),
    },
    EntityKind.VEHICLE: {
        "plate": Field(text(24), required=True),
        "plate_country": Field(text(2)),
        "vin": Field(text(17)),
        "make": Field(text(40)),
    },
    EntityKind.IDENTITY_DOCUMENT: {
        "document_kind": Field(word(words.DocumentKind), required=True),
        "number": Field(text(40), required=True),
        "issuer": Field(text(2)),
        "forged": Field(flag),
    },
    EntityKind.PLACE: {
        "place_kind": Field(word(words.PlaceKind), required=True),
        "address": Field(text(200)),
        "nuts3": Field(text(5)),
        "latitude": Field(real(-90.0, 90.0)),
        "longitude": Field(real(-180.0, 180.0)),
    },
}
"""Properties by kind; the names are the columns'."""

LINK_PROPERTIES: Mapping[str, Field] = {
    "role": Field(text(24)),
    "count": Field(whole(1, 10**7)),
    "sum_band": Field(whole(0, 9)),
    "score": Field(real(0.0, 1.0)),
}

NAMED_BY: Mapping[EntityKind, str] = {
    EntityKind.CASE: "ref",
    EntityKind.PERSON: "name",
    EntityKind.ORGANISATION: "name",
    EntityKind.PHONE: "number",
    EntityKind.ONLINE_ACCOUNT: "handle",
    EntityKind.FINANCIAL_ACCOUNT: "reference",
    EntityKind.VEHICLE: "plate",
    EntityKind.IDENTITY_DOCUMENT: "number",
    EntityKind.PLACE: "address",
}
"""The property that an entity is looked up by."""
