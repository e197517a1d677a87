"""Makes the individuals and selectors of one country."""

from datetime import date, timedelta
from itertools import count
from random import Random

from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.roles import CaseRole
from safeborders.sandbox.world import peoples
from safeborders.sandbox.world.truth import Individual, Selector

_DAYS_PER_YEAR = 365.25


class Creator:
    """Makes individuals and selectors of ``country``; keys are counted, so they repeat with the seed."""

    def __init__(self, country: Country, *, chance: Random) -> None:
        self.country = country
        self.chance = chance
        self._people = peoples.load_peoples()[country]
        self._numbers = count(1)

    def individual(
        self, role: CaseRole | None, *, ages: tuple[int, int], on: date, women: float, surname: str = ""
    ) -> Individual:
        """Return a new individual of an age between ``ages`` years (both included) on a day."""
        chance = self.chance
        female = chance.random() < women
        age = ages[0] + chance.random() * (ages[1] + 1 - ages[0])
        return Individual(
            key=self._key("h"),
            given=peoples.invent_given_name(chance, self._people, female=female),
            surname=surname or peoples.invent_surname(chance, self._people),
            female=female,
            born=on - timedelta(days=int(age * _DAYS_PER_YEAR)),
            country=self.country,
            role=role,
        )

    def phone(self) -> Selector:
        """Return a new telephone number."""
        return self._selector(EntityKind.PHONE, peoples.invent_phone(self.chance, self._people))

    def vehicle(self) -> Selector:
        """Return a new vehicle."""
        plate = peoples.invent_plate(self.chance)
        return self._selector(EntityKind.VEHICLE, plate, make=peoples.invent_make(self.chance))

    def document(self, *, forged: bool) -> Selector:
        """Return a new passport or identity card."""
        number = peoples.invent_document(self.chance)
        kind = "passport" if forged or self.chance.random() < 0.5 else "identity_card"
        return self._selector(EntityKind.IDENTITY_DOCUMENT, number, document_kind=kind, forged=forged)

    def money(self) -> Selector:
        """Return a new bank account."""
        number = peoples.invent_iban(self.chance, self.country)
        return self._selector(EntityKind.FINANCIAL_ACCOUNT, number, account_kind="iban")

    def account(self) -> Selector:
        """Return a new online account."""
        service, handle = peoples.invent_account(self.chance)
        return self._selector(EntityKind.ONLINE_ACCOUNT, handle, service=service)

    def place(self, kind: str = "private") -> Selector:
        """Return a new place."""
        address, nuts3, latitude, longitude = peoples.invent_address(self.chance, self._people)
        return self._selector(
            EntityKind.PLACE, address, place_kind=kind, nuts3=nuts3, latitude=latitude, longitude=longitude
        )

    def organisation(self, name: str) -> Selector:
        """Return a new firm."""
        return self._selector(EntityKind.ORGANISATION, f"{peoples.invent_surname(self.chance, self._people)} {name}")

    def _selector(self, kind: EntityKind, value: str, **more: str | float) -> Selector:
        return Selector(key=self._key("s"), kind=kind, value=value, country=self.country, more=more)

    def _key(self, letter: str) -> str:
        return f"{self.country.value}-{letter}{next(self._numbers)}"
