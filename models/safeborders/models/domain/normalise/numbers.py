"""Telephone numbers, plates, documents, accounts and handles in one spelling each."""

import re
import unicodedata
from functools import lru_cache

import phonenumbers
from stdnum import iban

from safeborders.models.domain.countries import Country

_REGIONS = {"wb": "RS"}
# Letters that look the same, as they stand on plates and in documents.
_LOOK = str.maketrans("АВЕКМНОРСТУХЈΑΒΕΖΗΙΚΜΝΟΡΤΥΧІЅ", "ABEKMHOPCTYXJABEZHIKMNOPTYXIS")
_PROFILE = re.compile(
    r"^(?:https?://)?(?:www\.)?[a-z0-9-]+\.(?:com|net|org|me|ru|gr|bg)/(?:@|in/|profile/)?([^/?#]+).*$"
)
_LONGEST_NUMBER = 40


def region_of(country: Country) -> str:
    """Return the ISO 3166 code under which ``country``'s telephone numbers are read; the demonstration's wb is RS."""
    return _REGIONS.get(country.value, country.value.removeprefix("wb-").upper())


@lru_cache(maxsize=100_000)
def phone_key(value: str, country: Country) -> str:
    """Return a telephone number in E.164, read as somebody in ``country`` wrote it; "" without any digit.

    A number that no country has issued still gets one form: international prefix off, one trunk zero off.
    """
    text = unicodedata.normalize("NFKC", value)[:_LONGEST_NUMBER].strip()
    digits = "".join(str(unicodedata.digit(one)) for one in text if one.isdigit())
    if not digits:
        return ""
    if text.startswith("+"):
        return f"+{digits}"
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    region = region_of(country)
    # Italy keeps the zero of land lines, most countries drop theirs, and people write zeros where there is none.
    for national in (digits, digits.removeprefix("0")):
        number = _issued(national, region)
        if number is not None:
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"+{phonenumbers.country_code_for_region(region)}{digits.removeprefix('0')}"


def _issued(national: str, region: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(national, region)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


def plate_key(value: str) -> str:
    """Return a plate in Latin capitals and digits: Greek and Cyrillic letters that look alike become Latin ones."""
    looks = unicodedata.normalize("NFKC", value).upper().translate(_LOOK)
    return "".join(one for one in looks if one.isalnum())


def document_key(value: str) -> str:
    """Return a document's number as :func:`plate_key` does, O read as 0 and I as 1."""
    return plate_key(value).replace("O", "0").replace("I", "1")


def account_key(value: str) -> str:
    """Return an IBAN or another reference without spaces, in capitals.

    An O or I is read as 0 or 1 where, and only where, that turns a wrong IBAN into a right one (ISO 13616).
    """
    plain = plate_key(value)
    if 15 <= len(plain) <= 34 and not iban.is_valid(plain):
        mended = plain[:2] + document_key(plain[2:])
        if iban.is_valid(mended):
            return mended
    return plain


def handle_key(value: str) -> str:
    """Return the handle of an online account, without @ and without the address before it."""
    plain = unicodedata.normalize("NFKC", value).casefold().strip()
    found = _PROFILE.match(plain)
    return (found[1] if found else plain).removeprefix("@")
