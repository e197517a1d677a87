"""Names, plates, numbers and addresses, invented country by country."""

import unicodedata
from functools import cache
from importlib.resources import files
from random import Random
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from safeborders.models.domain.countries import Country
from safeborders.sandbox.world.chance import favourite

# Letters that Latin, Greek and Cyrillic share, as on plates in Greece and Bulgaria.
_PLATE_LETTERS = "ABEHKMOPTX"
_DOCUMENT_LETTERS = "ABCDEFGHKLMNP"
_SERVICES = ("facebook", "instagram", "telegram", "tiktok", "snapchat", "viber")
_WORDS = ("luna", "fox", "star", "black", "rosa", "night", "gold", "river", "wolf", "mimi", "sky", "prince", "nova")
_MAKES = ("Dacia", "Volkswagen", "Ford", "Opel", "Mercedes", "Fiat", "Skoda", "Toyota")

PLATES = len(_PLATE_LETTERS) ** 4 * 10**4
DOCUMENTS = len(_DOCUMENT_LETTERS) ** 2 * 10**7
HANDLES = len(_WORDS) ** 2 * 10**6
"""How many different ones there are."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Mobile(_Strict):
    """A country's mobile numbers: ``digits`` after a prefix; ``trunk`` goes before them inside the country."""

    prefixes: tuple[str, ...]
    digits: int
    trunk: str


class Language(_Strict):
    """The names of one language of a country and the share of people who bear them."""

    language: str
    share: float
    script: Literal["latin", "greek", "cyrillic"]
    women: tuple[str, ...]
    men: tuple[str, ...]
    stems: tuple[str, ...]
    endings: tuple[str, ...]
    feminine: dict[str, str] = {}


class People(_Strict):
    """What one country's names, numbers and places are made of."""

    dial: str
    mobile: Mobile
    plates: Literal["latin", "greek", "cyrillic"]
    languages: tuple[Language, ...]
    cities: tuple[tuple[str, str, float, float], ...]
    streets: tuple[str, ...]

    @property
    def phones(self) -> int:
        """How many different numbers there are."""
        return len(self.mobile.prefixes) * int(10**self.mobile.digits)


@cache
def load_peoples() -> dict[Country, People]:
    """Return what is in ``peoples.yaml``."""
    text = files("safeborders.sandbox.world").joinpath("peoples.yaml").read_text(encoding="utf-8")
    return {Country(code): People.model_validate(entry) for code, entry in yaml.safe_load(text).items()}


def pick_language(chance: Random, people: People) -> Language:
    """Return a language by its share."""
    if len(people.languages) == 1:
        return people.languages[0]
    return chance.choices(people.languages, weights=[one.share for one in people.languages])[0]


def invent_surname(chance: Random, language: Language) -> tuple[str, str]:
    """Return the stem and the ending of a surname."""
    return favourite(chance, language.stems), favourite(chance, language.endings)


def inflected(surname: tuple[str, str], *, language: Language, female: bool) -> str:
    """Return a surname as a woman or a man bears it."""
    stem, ending = surname
    return stem + (language.feminine.get(ending, ending) if female else ending)


def invent_given_name(chance: Random, language: Language, *, female: bool) -> str:
    """Return one given name, or two."""
    names = language.women if female else language.men
    first = favourite(chance, names)
    second = favourite(chance, names) if chance.random() < 0.35 else first
    return first if second == first else f"{first} {second}"


def invent_patronymic(chance: Random, language: Language, *, female: bool) -> str:
    """Return the father's name as the language adds it to a name; "" where it does not."""
    father = favourite(chance, language.men)
    if language.language == "bulgarian":
        stem = father.rstrip("йоиа") or father
        return f"{stem}{'ова' if female else 'ов'}"
    if language.language == "greek":
        return _greek_genitive(father)
    return father if language.language in {"serbian", "macedonian"} else ""


def phone_number(people: People, serial: int) -> str:
    """Return the mobile number with this serial number in E.164."""
    prefix, rest = divmod(serial, 10**people.mobile.digits)
    return f"+{people.dial}{people.mobile.prefixes[prefix]}{rest:0{people.mobile.digits}d}"


def plate_number(serial: int) -> str:
    """Return the plate with this serial number: two letters, four digits and two letters."""
    letters, digits = divmod(serial, 10**4)
    word = ""
    for _ in range(4):
        letters, place = divmod(letters, len(_PLATE_LETTERS))
        word += _PLATE_LETTERS[place]
    return f"{word[:2]}{digits:04d}{word[2:]}"


def document_number(serial: int) -> str:
    """Return the document number with this serial number."""
    letters, digits = divmod(serial, 10**7)
    first, second = divmod(letters, len(_DOCUMENT_LETTERS))
    return f"{_DOCUMENT_LETTERS[first]}{_DOCUMENT_LETTERS[second]}{digits:07d}"


def handle_of(serial: int) -> str:
    """Return the handle with this serial number."""
    words, digits = divmod(serial, 10**6)
    first, second = divmod(words, len(_WORDS))
    return f"{_WORDS[first]}_{_WORDS[second]}{digits}"


def invent_service(chance: Random) -> str:
    """Return an online service."""
    return chance.choice(_SERVICES)


def invent_make(chance: Random) -> str:
    """Return a maker of vehicles."""
    return chance.choice(_MAKES)


def invent_iban(chance: Random, country: Country) -> str:
    """Return an IBAN with right check digits (ISO 13616: the whole is 1 modulo 97)."""
    prefix = {"wb": "RS"}.get(country.value, country.value.upper())
    account = f"{int(chance.random() * 1e9):09d}{int(chance.random() * 1e9):09d}"
    rest = int(account + "".join(str(ord(letter) - 55) for letter in prefix) + "00")
    return f"{prefix}{98 - rest % 97:02d}{account}"


def invent_address(chance: Random, people: People) -> tuple[str, str, float, float]:
    """Return an address, its NUTS-3 code, and latitude and longitude rounded to about a kilometre."""
    city, nuts3, latitude, longitude = favourite(chance, people.cities)
    street = f"{chance.choice(people.streets)} {int(chance.random() * 180) + 1}"
    east, north = chance.random() - 0.5, chance.random() - 0.5
    return f"{street}, {city}", nuts3, round(latitude + 0.1 * north, 2), round(longitude + 0.1 * east, 2)


def _greek_genitive(name: str) -> str:
    bare = "".join(one for one in unicodedata.normalize("NFD", name) if not unicodedata.combining(one))
    for ending, genitive in (("ιος", "ίου"), ("αος", "άου"), ("ος", "ου"), ("ης", "η"), ("ας", "α"), ("ων", "ωνος")):
        if bare.endswith(ending):
            accented = any(unicodedata.combining(one) for one in unicodedata.normalize("NFD", genitive))
            stem = bare if accented else name
            return stem[: -len(ending)] + genitive
    return name
