"""One spelling for what countries spell differently: the form under which names and numbers are looked up."""

import unicodedata
from collections.abc import Callable, Mapping

from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind

DIALLING: Mapping[str, str] = {
    "ro": "40",
    "bg": "359",
    "gr": "30",
    "it": "39",
    "pl": "48",
    "pt": "351",
    "be": "32",
    "fi": "358",
    "wb": "381",
    "wb-al": "355",
    "wb-ba": "387",
    "wb-me": "382",
    "wb-mk": "389",
    "wb-rs": "381",
    "wb-xk": "383",
}
"""Country calling codes (ITU-T E.164), by country; "wb" stands for Serbia in the demonstration."""

# Letters that look the same, as they stand on plates and in documents.
_LOOK = str.maketrans("АВЕКМНОРСТУХЈΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEKMHOPCTYXJABEZHIKMNOPTYX")
# One rough sound for each letter, so that all usual transliterations of a name come close to each other.
_SOUNDS = {
    **dict(zip("αβγδεζηικλμνξοπρστυφω", "avgdeziiklmnxoprstyfo", strict=True)),
    **{"θ": "th", "χ": "ch", "ψ": "ps", "ς": "s"},
    **dict(zip("абвгдезийклмнопрстуфхъьѓќљњјѕђћ", "abvgdeziyklmnoprstufhayg" + "klnjzdc", strict=True)),
    **{"ж": "zh", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sht", "ю": "yu", "я": "ya", "џ": "dz"},
    **{"ł": "l", "đ": "d", "ø": "o", "ß": "ss", "ı": "i"},
}


def match_key(kind: EntityKind, value: str, *, country: Country) -> str:
    """Return the form of ``value`` under which an entity of ``kind`` is found.

    Args:
        kind: What the value names.
        value: A name, a number or a handle as somebody wrote it.
        country: Where it was written, for telephone numbers without a country's code.

    Returns:
        The normalised form, at most 200 characters; "" when nothing is left.
    """
    if kind is EntityKind.PHONE:
        return _phone(value, country)
    return _BY_KIND.get(kind, _number)(value)[:200]


def _name(value: str) -> str:
    decomposed = unicodedata.normalize("NFKD", value.casefold())
    letters = "".join(_SOUNDS.get(one, one) for one in decomposed if not unicodedata.combining(one))
    words = "".join(one if one.isalnum() else " " for one in letters).split()
    return " ".join(sorted(words))


def _number(value: str) -> str:
    looks = unicodedata.normalize("NFKC", value).upper().translate(_LOOK)
    return "".join(one for one in looks if one.isalnum())


def _document(value: str) -> str:
    return _number(value).replace("O", "0").replace("I", "1")


def _handle(value: str) -> str:
    return unicodedata.normalize("NFKC", value).casefold().strip().removeprefix("@")


def _phone(value: str, country: Country) -> str:
    digits = "".join(one for one in unicodedata.normalize("NFKC", value) if one.isdigit())
    if value.strip().startswith("+"):
        return f"+{digits}"
    if digits.startswith("00"):
        return f"+{digits[2:]}"
    # Italy keeps the zero of land lines; its mobile numbers, which matter here, have none.
    return f"+{DIALLING[country.value]}{digits.removeprefix('0')}" if digits else ""


_BY_KIND: Mapping[EntityKind, Callable[[str], str]] = {
    EntityKind.PERSON: _name,
    EntityKind.ORGANISATION: _name,
    EntityKind.PLACE: _name,
    EntityKind.ONLINE_ACCOUNT: _handle,
    EntityKind.IDENTITY_DOCUMENT: _document,
}
