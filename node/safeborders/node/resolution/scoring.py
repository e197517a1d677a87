"""From evidence to candidates: how probable it is that two records are one person, given who else might be it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cpdist

from safeborders.node.resolution.blocking import MOST_USERS, Pairs, candidate_pairs
from safeborders.node.resolution.evidence import Birth, compare_births, gather, prior_bits
from safeborders.node.resolution.profiles import Name, Profile, Register
from safeborders.node.resolution.reasons import Reason

SHOWN_FROM = 0.5
"""Candidates below this probability are not worth a human's time."""

STRONG_FROM = 0.7
"""A candidate from here on is strong; how the candidates do on ground truth is measured at this line."""

_CHUNK = 500_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two records that may be one person; ``first`` sorts before ``second``.

    Attributes:
        score: Probability in [0, 1], after other candidates that exclude this one.
        reasons: What speaks for and against it, the weightiest first.
    """

    first: str
    second: str
    score: float
    reasons: tuple[Reason, ...]

    @property
    def is_barred(self) -> bool:
        """Whether something keeps the two apart until a human says otherwise."""
        return any(reason.decisive for reason in self.reasons)


def find_candidates(register: Register) -> list[Candidate]:
    """Return the candidates of a country from ``SHOWN_FROM`` on, the most probable first."""
    start = prior_bits(register)
    found: list[tuple[int, int, float, list[Reason]]] = []
    for first, second in zip(*_worth_comparing(register, candidate_pairs(register)), strict=True):
        reasons = gather(register.profiles[first], register.profiles[second], register=register)
        bits = start + sum(reason.bits for reason in reasons)
        if bits > -6:
            found.append((first, second, 2.0**bits, reasons))
    shares = _shares(register.profiles, found)
    candidates = [
        _candidate(register.profiles[first].id, register.profiles[second].id, score=score, reasons=reasons)
        for (first, second, _, reasons), score in zip(found, shares, strict=True)
        if score >= SHOWN_FROM
    ]
    return sorted(candidates, key=lambda one: (-one.score, one.first, one.second))


def exclude_each_other(first: Profile, second: Profile) -> bool:
    """Return whether two records can hardly be one person: whole birth dates that have nothing to do, or two sexes."""
    return (
        compare_births(first, second) is Birth.OTHER
        or (first.sex is not None and second.sex is not None and first.sex is not second.sex)
        or second.id in first.kin
        or first.id in second.kin
    )


def _candidate(first: str, second: str, *, score: float, reasons: Sequence[Reason]) -> Candidate:
    first, second = sorted((first, second))
    weighty = sorted(reasons, key=lambda reason: -abs(reason.bits))
    return Candidate(first=first, second=second, score=score, reasons=tuple(weighty))


def _shares(profiles: Sequence[Profile], found: Sequence[tuple[int, int, float, list[Reason]]]) -> list[float]:
    """Turn odds into probabilities: candidates of one record of whom at most one can be right share its probability."""
    of_record: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for first, second, odds, _ in found:
        of_record[first].append((second, odds))
        of_record[second].append((first, odds))
    shares = []
    for first, second, odds, _ in found:
        rivals = [
            sum(
                other_odds
                for other, other_odds in of_record[mine]
                if other != yours and exclude_each_other(profiles[other], profiles[yours])
            )
            for mine, yours in ((first, second), (second, first))
        ]
        shares.append(odds / (1 + odds + max(rivals)))
    return shares


def _worth_comparing(register: Register, pairs: Pairs) -> tuple[list[int], list[int]]:
    """Drop the pairs that nothing could make candidates: far names without a birth date or a number in common."""
    profiles = register.profiles
    readings = _readings(profiles)
    several = np.array([len(one.names) != 1 for one in profiles], dtype=np.bool_)
    born = np.array([_birth_code(one) for one in profiles], dtype=np.int64)
    linked = _linked_by_holdings(register)
    kept_first: list[int] = []
    kept_second: list[int] = []
    for start in range(0, len(pairs[0]), _CHUNK):
        first, second = pairs[0][start : start + _CHUNK], pairs[1][start : start + _CHUNK]
        near = np.minimum.reduce([_distances(texts, first, second) for texts in readings]) <= 2
        same_day = (born[first] == born[second]) & (born[first] > 0)
        codes = first * len(profiles) + second
        keep = near | same_day | several[first] | several[second] | np.isin(codes, linked)
        kept_first += first[keep].tolist()
        kept_second += second[keep].tolist()
    return kept_first, kept_second


def _distances(texts: NDArray[np.object_], first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int32]:
    return cpdist(texts[first].tolist(), texts[second].tolist(), scorer=OSA.distance, score_cutoff=2, dtype=np.int32)


def _readings(profiles: Sequence[Profile]) -> list[NDArray[np.object_]]:
    names = [(one.names[0] if one.names else Name((), ())).readings for one in profiles]
    return [np.array(texts, dtype=object) for texts in zip(*names, strict=True)]


def _birth_code(one: Profile) -> int:
    """A number that is equal for equal whole dates, day and month in either order; 0 without one."""
    if one.born is None or not one.has_day:
        return 0
    low, high = sorted((one.born.month, one.born.day))
    return one.born.year * 10_000 + low * 100 + high


def _linked_by_holdings(register: Register) -> NDArray[np.int64]:
    users: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(register.profiles):
        for token in {held.token for held in one.holdings}:
            if 2 <= register.users[token] <= MOST_USERS:
                users[token].append(place)
    count = len(register.profiles)
    codes = {a * count + b for places in users.values() for at, a in enumerate(places) for b in places[at + 1 :]}
    return np.array(sorted(codes), dtype=np.int64)
