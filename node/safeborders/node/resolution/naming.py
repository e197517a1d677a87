"""How two names compare: the same, a slip apart, one part of the other, or two names that look alike."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from safeborders.models.domain.normalise.names import skeleton_word
from safeborders.node.resolution.profiles import Name, Profile, Register
from safeborders.node.resolution.reasons import Reason, bits

ESTABLISHED = 3
"""A word that so many records have, and at least ``SLIPS`` as many as the other has, is a name and no slip."""

SLIPS = 0.05
_SURE = 18.0
_LONG_WORD = 8
_COST_OF_SLIPS = (0.0, 1.0, 3.0, 5.0)


@dataclass(frozen=True, slots=True)
class Alignment:
    """Which words of two names belong to each other.

    Attributes:
        common: The word of each pair that more records have.
        slips: Letters in which the pairs differ, in all.
        left: Words that found no partner, of the name with fewer words and of the other.
    """

    common: tuple[str, ...]
    slips: int
    left: tuple[int, int]


def compare_names(first: Profile, second: Profile, *, register: Register) -> Reason:
    """Return what the names say, the best of all recorded ones on both sides."""
    compared = [_compare(a, b, register) for a in first.names for b in second.names]
    return max(compared, key=lambda reason: reason.bits, default=Reason("no name to compare", 0.0))


def distance(one: Name, other: Name) -> int:
    """Return how many slips lie between two names, in any order of words and however words are parted; 3 for more."""
    both = zip(one.readings, other.readings, strict=True)
    return min(OSA.distance(ours, theirs, score_cutoff=2) for ours, theirs in both)


def align(one: Name, other: Name, *, register: Register) -> Alignment:
    """Pair the words of two names, equal ones first, then those with a slip between them."""
    (few, many) = (one, other) if len(one.words) <= len(other.words) else (other, one)
    free = set(range(len(many.words)))
    common: list[str] = []
    slips, alone = 0, 0
    for allowed in (0, 2):
        for at, word in enumerate(few.words):
            if allowed == 0 and word not in many.words:
                continue
            if allowed and word in many.words:
                continue
            costs = [(_slips_between(few, at, many, to, register=register), to) for to in free]
            cost, to = min(costs, default=(3, -1))
            if cost > allowed:
                alone += 1
                continue
            free.discard(to)
            slips += cost
            common.append(max(word, many.words[to], key=lambda text: register.words[text]))
    return Alignment(common=tuple(common), slips=slips, left=(alone, len(free)))


def _slips_between(few: Name, at: int, many: Name, to: int, *, register: Register) -> int:  # house: two words by place
    ours, theirs = few.words[at], many.words[to]
    if ours == theirs:
        return 0
    cost = min(
        OSA.distance(ours, theirs, score_cutoff=2), OSA.distance(few.letters[at], many.letters[to], score_cutoff=2)
    )
    cost = max(cost, 1)
    too_short = cost == 2 and min(len(ours), len(theirs)) < _LONG_WORD
    return 3 if too_short or _are_established((ours,), (theirs,), register) else cost


def _compare(one: Name, other: Name, register: Register) -> Reason:
    rarity = min(_SURE, bits(0.6, max(_chance_of(one.words, register), _chance_of(other.words, register))))
    apart = distance(one, other)
    if apart == 0:
        return Reason("the same name by sound", rarity)
    pairs = align(one, other, register=register)
    if pairs.left == (0, 0):
        text = "names one letter apart" if pairs.slips <= 1 else "names a few letters apart"
        return Reason(text, rarity - _COST_OF_SLIPS[min(pairs.slips, 3)])
    left, right = _unshared(one.words, other.words)
    if apart <= 2 and _are_established(left, right, register):
        return Reason("names that look alike but are two names", -4.0)
    if apart <= 2 and (apart == 1 or len(one.readings[0]) >= _LONG_WORD + 2):
        return Reason("names a letter or two apart", rarity - _COST_OF_SLIPS[apart])
    if sorted(map(skeleton_word, one.words)) == sorted(map(skeleton_word, other.words)):
        established = _are_established(left, right, register)
        return Reason("names with the same consonants", -1.0 if established else rarity - 4)
    if pairs.left[0] == 0 and len(pairs.common) >= 2:
        weight = min(_SURE, bits(0.15, _chance_of(pairs.common, register)))
        return Reason("one name is part of the other", weight - _COST_OF_SLIPS[min(pairs.slips, 3)])
    if pairs.common:
        # Siblings and twins share a surname and more, so sharing it says little between two who are both in the files.
        return Reason("names that share a word and differ in another", -1.0)
    return Reason("different names", -6.0)


def _chance_of(words: Sequence[str], register: Register) -> float:
    """Return how likely a stranger has a name of these words: the product of their frequencies, each with one more."""
    total = max(1, len(register.profiles))
    return math.prod((register.words[word] + 1) / (total + 2) for word in words) or 1.0


def _unshared(a: Sequence[str], b: Sequence[str]) -> tuple[list[str], list[str]]:
    return sorted(word for word in a if word not in b), sorted(word for word in b if word not in a)


def _are_established(left: Sequence[str], right: Sequence[str], register: Register) -> bool:
    """Whether what differs are names in their own right on both sides, such as Maria and Marina."""
    counts = [register.words[word] for word in (*left, *right)]
    return bool(left and right) and min(counts) >= max(ESTABLISHED, SLIPS * max(counts))
