"""What speaks for and against two records being one person, each with its weight in bits.

Fellegi and Sunter (1969): a weight is the binary logarithm of how much likelier an observation is between two records
of one person (m) than between two strangers (u). Every m is fixed here, in advance, from the published error rates of
registers; every u follows from how often a name, a year, a number occurs in this register. Nothing is fitted to an
answer, so a score means the same next week.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Set
from datetime import date, timedelta
from enum import StrEnum

from safeborders.models.domain.entities import EntityKind
from safeborders.node.resolution.blocking import MOST_USERS
from safeborders.node.resolution.naming import compare_names
from safeborders.node.resolution.profiles import Holding, Profile, Register
from safeborders.node.resolution.reasons import Reason, bits

DUPLICATES_PER_RECORD = 0.05
"""How many records of a person already known there are per record, before anything is compared."""

RECYCLED_AFTER = timedelta(days=180)
_MOST_BITS_OF_HOLDINGS = 12.0
_MOST_BITS_OF_TWINS = 6.0
_HOLDING_BITS = {
    EntityKind.IDENTITY_DOCUMENT: 10.0,
    EntityKind.FINANCIAL_ACCOUNT: 8.0,
    EntityKind.ONLINE_ACCOUNT: 7.0,
    EntityKind.PHONE: 6.0,
    EntityKind.VEHICLE: 4.0,
    EntityKind.PLACE: 4.0,
}


_OF_A_FAMILY = frozenset({EntityKind.PHONE, EntityKind.VEHICLE, EntityKind.PLACE})


class Birth(StrEnum):
    """How two birth dates compare."""

    EXACT = "exact"
    SWAPPED = "swapped"
    YEAR_OFF = "year_off"
    PARTLY = "partly"
    COARSE = "coarse"
    UNKNOWN = "unknown"
    OTHER = "other"


_BIRTH_TEXT = {
    Birth.EXACT: "born on the same day",
    Birth.SWAPPED: "birth dates equal with day and month swapped",
    Birth.YEAR_OFF: "birth dates equal but for one year",
    Birth.PARTLY: "birth dates equal but for the day or the month",
    Birth.COARSE: "born in the same year, one of the dates without a day",
    Birth.OTHER: "different birth dates",
}
_BIRTH_SHARE = {  # m: of two records of one person
    Birth.EXACT: 0.68,
    Birth.SWAPPED: 0.04,
    Birth.YEAR_OFF: 0.05,
    Birth.PARTLY: 0.02,
    Birth.COARSE: 0.15,
    Birth.OTHER: 0.01,
}


def prior_bits(register: Register) -> float:
    """Return the weight of being two records of one country at all; below zero."""
    return math.log2(2 * DUPLICATES_PER_RECORD / max(2, len(register.profiles)))


def gather(first: Profile, second: Profile, *, register: Register) -> list[Reason]:
    """Return everything that speaks for or against ``first`` and ``second`` being one person."""
    name = compare_names(first, second, register=register)
    # A family shares its home, its car, its telephone and its friends, and twins their birth: where the names differ,
    # these say little or nothing.
    is_family = name.bits < 0
    reasons = [name, *_birth(first, second, register=register, is_family=is_family), *_sex(first, second)]
    things = _holdings(first, second, register=register, is_family=is_family)
    return [*reasons, *things, *_company(first, second, is_family=is_family)]


def compare_births(first: Profile, second: Profile) -> Birth:
    """Return how the birth dates compare."""
    a, b = first.born, second.born
    if a is None or b is None:
        return Birth.UNKNOWN
    if not (first.has_day and second.has_day):
        same = a.year == b.year and (a.month == b.month or not (first.has_month and second.has_month))
        return Birth.COARSE if same else Birth.OTHER
    if a == b:
        return Birth.EXACT
    if (a.year, a.month, a.day) == (b.year, b.day, b.month):
        return Birth.SWAPPED
    if abs(a.year - b.year) == 1 and _days_apart_in_year(a, b) <= 1:
        return Birth.YEAR_OFF
    if a.year == b.year and (a.month == b.month or a.day == b.day):
        return Birth.PARTLY
    return Birth.OTHER


def _days_apart_in_year(a: date, b: date) -> int:
    return abs(abs((a - b).days) - 365)


def _birth(first: Profile, second: Profile, *, register: Register, is_family: bool) -> Iterator[Reason]:
    how = compare_births(first, second)
    if how is Birth.UNKNOWN or first.born is None:
        return
    year = register.years[first.born.year] / max(1, register.years.total())
    chance = {
        Birth.EXACT: year / 365,
        Birth.SWAPPED: year / 365,
        Birth.YEAR_OFF: 2 * 2 * year / 365,
        Birth.PARTLY: year * (1 / 12 + 1 / 30),
        Birth.COARSE: 2 * register.coarse_share * year,
        Birth.OTHER: 1.0,
    }[how]
    weight = bits(_BIRTH_SHARE[how], chance)
    yield Reason(_BIRTH_TEXT[how], min(weight, _MOST_BITS_OF_TWINS) if is_family else weight)


def _sex(first: Profile, second: Profile) -> Iterator[Reason]:
    if first.sex is not None and second.sex is not None:
        same = first.sex is second.sex
        yield Reason("same sex", 0.3) if same else Reason("different sex", -7.0)


def _holdings(first: Profile, second: Profile, *, register: Register, is_family: bool) -> Iterator[Reason]:
    others = {held.token: held for held in second.holdings}
    seen: set[str] = set()
    left = _MOST_BITS_OF_HOLDINGS
    for held in first.holdings:
        other = others.get(held.token)
        users = register.users[held.token]
        if other is None or held.token in seen or not 2 <= users <= MOST_USERS or held.kind not in _HOLDING_BITS:
            continue
        seen.add(held.token)
        what = held.kind.value.replace("_", " ")
        if _follow_each_other(held, other) and held.kind in {EntityKind.PHONE, EntityKind.VEHICLE}:
            yield Reason(f"the same {what}, but at least half a year apart", 0.0)
            continue
        if is_family and held.kind in _OF_A_FAMILY:
            yield Reason(f"the same {what}, as a family has", 0.0)
            continue
        weight = min(left, max(1.0, _HOLDING_BITS[held.kind] - math.log2(users / 2) * 2))
        left -= weight
        yield Reason(f"the same {what}{_which_others_have(users - 2)}", weight)
    ours, theirs = _documents(first), _documents(second)
    if any(ours[series].isdisjoint(theirs[series]) for series in ours.keys() & theirs.keys()):
        yield Reason("different documents of one kind and issuer", -4.0)


def _which_others_have(others: int) -> str:
    if others == 0:
        return ""
    return ", which another record has too" if others == 1 else f", which {others} other records have too"


def _documents(one: Profile) -> dict[str, set[str]]:
    """Return a person's identity documents by kind and issuer."""
    found: dict[str, set[str]] = defaultdict(set)
    for held in one.holdings:
        if held.series:
            found[held.series].add(held.token)
    return found


def _follow_each_other(a: Holding, b: Holding) -> bool:
    pauses = [
        later.since - earlier.until
        for earlier, later in ((a, b), (b, a))
        if earlier.until is not None and later.since is not None
    ]
    return any(pause >= RECYCLED_AFTER for pause in pauses)


def _differ(one: Set[str], other: Set[str]) -> bool:
    """Return whether two parties of a case are on record in different roles; a role that nobody stated is no other."""
    return one != other and "" not in one | other


def _company(first: Profile, second: Profile, *, is_family: bool) -> Iterator[Reason]:
    if first.id in second.kin or second.id in first.kin:
        yield Reason("a record names them as two who know each other", -12.0, decisive=True)
    together = first.cases.keys() & second.cases.keys()
    if any(_differ(first.cases[case], second.cases[case]) for case in together):
        yield Reason("two parties with different roles in one case", -9.0, decisive=True)
    elif together:
        yield Reason("two parties of one case in one role", -1.0)
    shared = len(first.kin & second.kin)
    if shared:
        yield Reason("they know the same persons", 0.0 if is_family else min(4.0, 2.0 * shared))
