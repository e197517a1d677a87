"""What speaks for and against two records being one person, each with its weight in bits.

Fellegi and Sunter (1969): a weight is the binary logarithm of how much likelier an observation is between two records
of one person (m) than between two strangers (u). Every m is fixed here, in advance, from the published error rates of
registers; every u follows from how often a name, a year, a number occurs in this register. Nothing is fitted to an
answer, so a score means the same next week.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from rapidfuzz.distance import OSA

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.normalise.names import skeleton_word
from safeborders.node.resolution.blocking import MOST_USERS
from safeborders.node.resolution.profiles import Holding, Name, Profile, Register

DUPLICATES_PER_RECORD = 0.05
"""How many records of a person already known there are per record, before anything is compared."""

ESTABLISHED = 3
"""A word that so many records have, and at least ``SLIPS`` as many as the other has, is a name and no slip."""

SLIPS = 0.05

RECYCLED_AFTER = timedelta(days=180)
_MOST_BITS_OF_HOLDINGS = 12.0
_SAFEST_BITS_OF_NAME = 18.0
_HOLDING_BITS = {
    EntityKind.IDENTITY_DOCUMENT: 10.0,
    EntityKind.FINANCIAL_ACCOUNT: 8.0,
    EntityKind.ONLINE_ACCOUNT: 7.0,
    EntityKind.PHONE: 6.0,
    EntityKind.VEHICLE: 4.0,
    EntityKind.PLACE: 4.0,
}


class Birth(StrEnum):
    """How two birth dates compare."""

    EXACT = "exact"
    SWAPPED = "swapped"
    YEAR_OFF = "year_off"
    PARTLY = "partly"
    COARSE = "coarse"
    UNKNOWN = "unknown"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Reason:
    """One observation in words, without a name, a number or a date, and its weight in bits.

    Attributes:
        bits: Below zero it speaks against.
        decisive: Whether it alone keeps the two apart until a human says otherwise.
    """

    text: str
    bits: float
    decisive: bool = False


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
    Birth.YEAR_OFF: 0.06,
    Birth.PARTLY: 0.03,
    Birth.COARSE: 0.15,
    Birth.OTHER: 0.01,
}


def prior_bits(register: Register) -> float:
    """Return the weight of being two records of one country at all; below zero."""
    return math.log2(2 * DUPLICATES_PER_RECORD / max(2, len(register.profiles)))


def gather(first: Profile, second: Profile, *, register: Register) -> list[Reason]:
    """Return everything that speaks for or against ``first`` and ``second`` being one person."""
    reasons = [_best_name(first, second, register), *_birth(first, second, register), *_sex(first, second)]
    return [*reasons, *_holdings(first, second, register), *_company(first, second, register)]


def compare_births(first: Profile, second: Profile) -> Birth:
    """Return how the birth dates compare."""
    a, b = first.born, second.born
    if a is None or b is None:
        return Birth.UNKNOWN
    if not (first.has_day and second.has_day):
        return Birth.COARSE if a.year == b.year else Birth.OTHER
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


def _birth(first: Profile, second: Profile, register: Register) -> Iterator[Reason]:
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
    yield Reason(_BIRTH_TEXT[how], _bits(_BIRTH_SHARE[how], chance))


def _sex(first: Profile, second: Profile) -> Iterator[Reason]:
    if first.sex is not None and second.sex is not None:
        same = first.sex is second.sex
        yield Reason("same sex", 0.3) if same else Reason("different sex", -5.5)


def _best_name(first: Profile, second: Profile, register: Register) -> Reason:
    compared = [_name(a, b, register) for a in first.names for b in second.names]
    return max(compared, key=lambda reason: reason.bits, default=Reason("no name to compare", 0.0))


def _name(one: Name, other: Name, register: Register) -> Reason:
    a, b = one.words, other.words
    common = max(_chance_of(a, register), _chance_of(b, register))
    rarity = min(_SAFEST_BITS_OF_NAME, _bits(0.6, common))
    apart = distance(one, other)
    if apart == 0:
        return Reason("the same name by sound", rarity)
    left, right = _unshared(a, b)
    if apart <= 2 and _are_established(left, right, register):
        return Reason("names that look alike but are two names", -4.0)
    if apart == 1:
        return Reason("names one letter apart", rarity - 1)
    if apart == 2 and len(one.letters) >= 10:
        return Reason("names two letters apart", rarity - 3)
    if sorted(map(skeleton_word, a)) == sorted(map(skeleton_word, b)) and not _are_established(left, right, register):
        return Reason("names with the same consonants", rarity - 4)
    shared = [word for word in a if word in b]
    if len(shared) >= 2 and not (left and right):
        return Reason("one name is part of the other", _bits(0.15, _chance_of(tuple(shared), register)))
    if shared:
        return Reason("names that share a word", max(-2.0, _bits(0.02, _chance_of(tuple(shared), register))))
    return Reason("different names", -6.0)


def distance(one: Name, other: Name) -> int:
    """Return how many slips lie between two names, in any order of words and however words are parted; 3 for more."""
    readings = (
        ("".join(one.words), "".join(other.words)),
        (one.in_order, other.in_order),
        (one.letters, other.letters),
    )
    return min(OSA.distance(ours, theirs, score_cutoff=2) for ours, theirs in readings)


def _chance_of(words: tuple[str, ...], register: Register) -> float:
    """Return how likely a stranger has a name of these words: the product of their frequencies, each with one more."""
    total = max(1, len(register.profiles))
    return math.prod((register.words[word] + 1) / (total + 2) for word in words) or 1.0


def _unshared(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[list[str], list[str]]:
    return sorted(word for word in a if word not in b), sorted(word for word in b if word not in a)


def _are_established(left: list[str], right: list[str], register: Register) -> bool:
    """Whether what differs are names in their own right on both sides, such as Maria and Marina."""
    counts = [register.words[word] for word in (*left, *right)]
    return bool(left and right) and min(counts) >= max(ESTABLISHED, SLIPS * max(counts))


def _holdings(first: Profile, second: Profile, register: Register) -> Iterator[Reason]:
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
        bits = min(left, max(1.0, _HOLDING_BITS[held.kind] - math.log2(users / 2) * 2))
        left -= bits
        yield Reason(f"the same {what}" + (f", which {users - 2} other records have too" if users > 2 else ""), bits)
    ours = {held.series: held.token for held in first.holdings if held.series}
    theirs = {held.series: held.token for held in second.holdings if held.series}
    if any(ours[series] != theirs[series] for series in ours.keys() & theirs.keys()):
        yield Reason("different documents of one kind and issuer", -4.0)


def _follow_each_other(a: Holding, b: Holding) -> bool:
    pauses = [
        later.since - earlier.until
        for earlier, later in ((a, b), (b, a))
        if earlier.until is not None and later.since is not None
    ]
    return any(pause >= RECYCLED_AFTER for pause in pauses)


def _company(first: Profile, second: Profile, register: Register) -> Iterator[Reason]:
    if first.id in second.kin or second.id in first.kin:
        yield Reason("a record names them as two who know each other", -12.0, decisive=True)
    together = first.cases.keys() & second.cases.keys()
    if any(first.cases[case] != second.cases[case] for case in together):
        yield Reason("two parties with different roles in one case", -9.0, decisive=True)
    elif together:
        yield Reason("two parties of one case", -6.0, decisive=True)
    shared = len(first.kin & second.kin)
    if shared:
        yield Reason("they know the same persons", min(4.0, 2.0 * shared))


def _bits(likely: float, chance: float) -> float:
    return math.log2(likely / max(chance, 1e-9))
