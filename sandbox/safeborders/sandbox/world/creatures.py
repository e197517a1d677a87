"""Makes the individuals and selectors of one country."""

from datetime import date, timedelta
from itertools import count
from random import Random

from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.roles import CaseRole
from safeborders.sandbox.world import peoples
from safeborders.sandbox.world.chance import Serials, few, stream
from safeborders.sandbox.world.truth import Individual, Selector

_DAYS_PER_YEAR = 365.25
_MARRIED_FROM = 22.0
_MARRIED = 0.5  # share of grown women who bear another surname than at birth; ours


class Creator:
    """Makes individuals and selectors of ``country``; keys are counted and no number is given out twice."""

    def __init__(self, country: Country, *, seed: int, chance: Random) -> None:
        self.country = country
        self.chance = chance
        self._people = peoples.load_peoples()[country]
        self._numbers = count(1)
        place, many = DEMONSTRATION.index(country), len(DEMONSTRATION)
        self._phones = Serials(self._people.phones, chance=stream(seed, "phones", country.value))
        self._plates, self._documents, self._handles = (
            Serials(space, chance=stream(seed, name), first=place, step=many)
            for name, space in (
                ("plates", peoples.PLATES),
                ("documents", peoples.DOCUMENTS),
                ("handles", peoples.HANDLES),
            )
        )

    def individual(
        self, role: CaseRole | None, *, ages: tuple[int, int], on: date, women: float, family: Individual | None = None
    ) -> Individual:
        """Return a new individual of an age between ``ages`` years (both included) on a day, maybe of a family."""
        chance = self.chance
        female = chance.random() < women
        age = ages[0] + chance.random() * (ages[1] + 1 - ages[0])
        language = peoples.pick_language(chance, self._people)
        if family is not None:
            language = next((one for one in self._people.languages if one.language == family.language), language)
        born_name = peoples.invent_surname(chance, language) if family is None else family.family_name
        married = female and age >= _MARRIED_FROM and chance.random() < _MARRIED
        name = peoples.invent_surname(chance, language) if married else born_name
        return Individual(
            key=self._key("h"),
            given=peoples.invent_given_name(chance, language, female=female),
            surname=peoples.inflected(name, language=language, female=female),
            maiden=peoples.inflected(born_name, language=language, female=True) if name != born_name else "",
            patronymic=peoples.invent_patronymic(chance, language, female=female),
            family_name=name,
            language=language.language,
            female=female,
            born=on - timedelta(days=int(age * _DAYS_PER_YEAR)),
            country=self.country,
            role=role,
        )

    def given_name(self, one: Individual) -> str:
        """Return another given name that ``one`` might bear."""
        language = next(
            (item for item in self._people.languages if item.language == one.language), self._people.languages[0]
        )
        return peoples.invent_given_name(self.chance, language, female=one.female)

    def join_family(self, one: Individual, head: Individual) -> None:
        """Give ``one`` the surname of ``head``, as that sex bears it."""
        language = next((item for item in self._people.languages if item.language == head.language), None)
        if language is not None:
            one.family_name, one.language, one.maiden = head.family_name, head.language, ""
            one.surname = peoples.inflected(head.family_name, language=language, female=one.female)

    def equip(self, one: Individual, *, phones: float) -> None:
        """Give ``one`` phones, ``phones`` in the mean: nobody is without one where that is more than one."""
        surely = int(phones)
        for _ in range(surely + few(self.chance, mean=phones - surely)):
            one.phones.append(self.phone())

    def phone(self) -> Selector:
        """Return a new telephone number."""
        return self._selector(EntityKind.PHONE, peoples.phone_number(self._people, self._phones.draw()))

    def vehicle(self) -> Selector:
        """Return a new vehicle."""
        plate = peoples.plate_number(self._plates.draw())
        return self._selector(EntityKind.VEHICLE, plate, make=peoples.invent_make(self.chance))

    def document(self, *, forged: bool) -> Selector:
        """Return a new passport or identity card."""
        number = peoples.document_number(self._documents.draw())
        kind = "passport" if forged or self.chance.random() < 0.5 else "identity_card"
        return self._selector(EntityKind.IDENTITY_DOCUMENT, number, document_kind=kind, forged=forged)

    def money(self) -> Selector:
        """Return a new bank account."""
        number = peoples.invent_iban(self.chance, self.country)
        return self._selector(EntityKind.FINANCIAL_ACCOUNT, number, account_kind="iban")

    def account(self) -> Selector:
        """Return a new online account."""
        service = peoples.invent_service(self.chance)
        return self._selector(EntityKind.ONLINE_ACCOUNT, peoples.handle_of(self._handles.draw()), service=service)

    def place(self, kind: str = "private") -> Selector:
        """Return a new place."""
        address, nuts3, latitude, longitude = peoples.invent_address(self.chance, self._people)
        return self._selector(
            EntityKind.PLACE, address, place_kind=kind, nuts3=nuts3, latitude=latitude, longitude=longitude
        )

    def organisation(self, name: str) -> Selector:
        """Return a new firm."""
        owner = peoples.invent_surname(self.chance, self._people.languages[0])
        return self._selector(EntityKind.ORGANISATION, f"{''.join(owner)} {name}")

    def _selector(self, kind: EntityKind, value: str, **more: str | float) -> Selector:
        return Selector(key=self._key("s"), kind=kind, value=value, country=self.country, more=more)

    def _key(self, letter: str) -> str:
        return f"{self.country.value}-{letter}{next(self._numbers)}"
