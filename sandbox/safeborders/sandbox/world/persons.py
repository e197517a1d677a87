"""How a country's record describes a person: name, birth date, and who may use the record."""

from random import Random

from safeborders.models.domain.countries import Country
from safeborders.models.domain.roles import CaseRole
from safeborders.sandbox.world.numbers import Numbers
from safeborders.sandbox.world.truth import Individual
from safeborders.sandbox.world.variation import NameParts, another_name, foreign_name, home_name, recorded_birth

# Citizenship is kept for the fairness report; ISO 3166 codes, the demonstration's "wb" as Serbia.
_CITIZENSHIP = {Country.WB: "RS"}
# Shares of ours: a maiden name that the file states, and a forbidden property that the import must drop and count.
_MAIDEN_STATED = 0.5
_FORBIDDEN_PROPERTY = 0.002


def describe_person(chance: Random, one: Individual, *, country: Country, copy: int) -> dict[str, object]:
    """Return the properties of a record of ``one`` in ``country``; ``copy`` above 0 is a second record."""
    parts = NameParts(one.given, one.patronymic, one.surname, one.maiden, one.language)
    at_home = one.country is country
    born, precision = one.born, "day"
    if copy:
        name = another_name(chance, parts, at_home=at_home)
        born, precision = recorded_birth(chance, one.born)
    elif at_home:
        name = home_name(chance, parts)
    else:
        name = foreign_name(chance, parts)
        born, precision = recorded_birth(chance, one.born)
    properties: dict[str, object] = {
        "name": name,
        "sex": "female" if one.female else "male",
        "birth_date": born.isoformat(),
        "birth_precision": precision,
        "citizenships": [_CITIZENSHIP.get(one.country, one.country.value.upper())],
    }
    if one.maiden and at_home and chance.random() < _MAIDEN_STATED:
        properties["other_names"] = f"{one.given} {one.maiden}"
    if chance.random() < _FORBIDDEN_PROPERTY:
        properties["eyeColor"] = chance.choice(("brown", "green", "blue"))
    return properties


def person_envelope(chance: Random, one: Individual, *, numbers: Numbers) -> dict[str, object]:
    """Return what the envelope of a person's record says other than the header."""
    envelope: dict[str, object] = {}
    if one.role is CaseRole.VICTIM:
        envelope |= {"sensitivity": "minor_victim", "share_ok": False}
    elif one.role in {CaseRole.WITNESS, CaseRole.PROFESSIONAL, None}:
        envelope["share_ok"] = False
    roll = chance.random()
    if roll < numbers.restricted:
        envelope["restricted"] = True
    elif roll < numbers.restricted + numbers.no_dissemination:
        envelope |= {"handling": "H2", "share_ok": False}
    elif roll < numbers.restricted + numbers.no_dissemination + numbers.overdue:
        envelope["review_due"] = "2025-06-30"
    return envelope
