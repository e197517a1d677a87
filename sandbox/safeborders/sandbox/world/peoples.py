"""Names, plates, numbers and addresses, invented country by country."""

from functools import cache
from importlib.resources import files
from random import Random
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from safeborders.models.domain.countries import Country

# Letters that Latin, Greek and Cyrillic share, as on plates in Greece and Bulgaria.
_PLATE_LETTERS = "ABEHKMOPTX"
_SERVICES = ("facebook", "instagram", "telegram", "tiktok", "snapchat", "viber")
_WORDS = ("luna", "fox", "star", "black", "rosa", "night", "gold", "river", "wolf", "mimi", "sky", "prince", "nova")
_MAKES = ("Dacia", "Volkswagen", "Ford", "Opel", "Mercedes", "Fiat", "Skoda", "Toyota")


class People(BaseModel):
    """What one country's names, numbers and places are made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dial: str
    script: Literal["latin", "greek", "cyrillic"]
    women: tuple[str, ...]
    men: tuple[str, ...]
    stems: tuple[str, ...]
    endings: tuple[str, ...]
    cities: tuple[tuple[str, str, float, float], ...]
    streets: tuple[str, ...]


@cache
def load_peoples() -> dict[Country, People]:
    """Return what is in ``peoples.yaml``."""
    text = files("safeborders.sandbox.world").joinpath("peoples.yaml").read_text(encoding="utf-8")
    return {Country(code): People.model_validate(entry) for code, entry in yaml.safe_load(text).items()}


def invent_surname(chance: Random, people: People) -> str:
    """Return a surname."""
    return chance.choice(people.stems) + chance.choice(people.endings)


def invent_given_name(chance: Random, people: People, *, female: bool) -> str:
    """Return one given name, or two."""
    names = people.women if female else people.men
    first = chance.choice(names)
    second = chance.choice(names) if chance.random() < 0.35 else first
    return first if second == first else f"{first} {second}"


def invent_phone(chance: Random, people: People) -> str:
    """Return a number in E.164."""
    return f"+{people.dial}6{int(chance.random() * 1e8):08d}"


def invent_plate(chance: Random) -> str:
    """Return a plate of two letters, four digits and two letters."""
    letters = [chance.choice(_PLATE_LETTERS) for _ in range(4)]
    return f"{letters[0]}{letters[1]}{int(chance.random() * 1e4):04d}{letters[2]}{letters[3]}"


def invent_make(chance: Random) -> str:
    """Return a maker of vehicles."""
    return chance.choice(_MAKES)


def invent_document(chance: Random) -> str:
    """Return the number of an identity document."""
    return f"{chance.choice('ABCDEFGHKLMNP')}{chance.choice('ABCDEFGHKLMNP')}{int(chance.random() * 1e7):07d}"


def invent_iban(chance: Random, country: Country) -> str:
    """Return an IBAN with right check digits (ISO 13616: the whole is 1 modulo 97)."""
    prefix = {"wb": "RS"}.get(country.value, country.value.upper())
    account = f"{int(chance.random() * 1e9):09d}{int(chance.random() * 1e9):09d}"
    rest = int(account + "".join(str(ord(letter) - 55) for letter in prefix) + "00")
    return f"{prefix}{98 - rest % 97:02d}{account}"


def invent_account(chance: Random) -> tuple[str, str]:
    """Return a service and a handle."""
    handle = f"{chance.choice(_WORDS)}_{chance.choice(_WORDS)}{int(chance.random() * 1e6)}"
    return chance.choice(_SERVICES), handle


def invent_address(chance: Random, people: People) -> tuple[str, str, float, float]:
    """Return an address, its NUTS-3 code, and latitude and longitude rounded to about a kilometre."""
    city, nuts3, latitude, longitude = people.cities[int(len(people.cities) * chance.random() ** 1.5)]
    street = f"{chance.choice(people.streets)} {int(chance.random() * 180) + 1}"
    east, north = chance.random() - 0.5, chance.random() - 0.5
    return f"{street}, {city}", nuts3, round(latitude + 0.1 * north, 2), round(longitude + 0.1 * east, 2)
