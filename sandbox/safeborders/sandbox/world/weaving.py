"""Who in a group belongs together: each type of case has its own shape (domain.md 6.4)."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import combinations, pairwise
from random import Random

from safeborders.models.domain.roles import CaseRole
from safeborders.models.domain.typology import CaseType
from safeborders.sandbox.world.truth import Individual

_MOST_CLOSED = 400  # pairs looked at when friends of friends are made friends; bounds the work for clans

ROLES: dict[CaseType, tuple[CaseRole, ...]] = {
    CaseType.T1: (CaseRole.RECRUITER, CaseRole.EXPLOITER, CaseRole.CONTROLLER),
    CaseType.T2: (CaseRole.EXPLOITER, CaseRole.CONTROLLER, CaseRole.TRANSPORTER, CaseRole.RECRUITER),
    CaseType.T3: (CaseRole.CONTROLLER, CaseRole.RECRUITER, CaseRole.TRANSPORTER, CaseRole.EXPLOITER),
    CaseType.T4: (CaseRole.RECRUITER, CaseRole.EXPLOITER, CaseRole.TRANSPORTER, CaseRole.HARBOURER),
    CaseType.T5: (
        CaseRole.RECRUITER,
        CaseRole.DOCUMENT_PROVIDER,
        CaseRole.TRANSPORTER,
        CaseRole.HARBOURER,
        CaseRole.CONTROLLER,
        CaseRole.MONEY_HANDLER,
    ),
    CaseType.T6: (CaseRole.RECRUITER, CaseRole.EXPLOITER, CaseRole.MONEY_HANDLER),
    CaseType.T7: (CaseRole.RECRUITER, CaseRole.FACILITATOR, CaseRole.DOCUMENT_PROVIDER),
    CaseType.T8: (CaseRole.TRANSPORTER, CaseRole.EXPLOITER, CaseRole.HARBOURER),
}
"""Parts that suspects play, the commonest first; T5 in the order of its chain."""

PAIR = tuple[Individual, Individual, str]
"""Two who belong together and the kind of kin, "" without."""


def weave(
    chance: Random, members: Sequence[Individual], *, case_type: CaseType, closure: float
) -> tuple[list[PAIR], list[PAIR]]:
    """Return the pairs of ``members`` who belong together by the group's shape, and friends of friends; each once."""
    shape = {
        CaseType.T1: _star,
        CaseType.T2: _households,
        CaseType.T3: _households,
        CaseType.T4: _brokers,
        CaseType.T5: _chain,
        CaseType.T6: _star,
        CaseType.T7: _dyads,
        CaseType.T8: _crews,
    }[case_type]
    pairs = _once(shape(chance, members))
    return pairs, _once(pairs + _closed(chance, pairs, closure=closure))[len(pairs) :]


def day_of_tie(chance: Random, active: tuple[date, date]) -> date:
    """Return since when two have known each other; ties go on forming while a group is active."""
    first, last = active
    return first + timedelta(days=int((last - first).days * chance.random() ** 0.7))


def _star(chance: Random, members: Sequence[Individual]) -> list[PAIR]:
    centre, *others = members
    pairs: list[PAIR] = [(centre, other, "") for other in others if chance.random() < 0.8]
    return pairs + [(a, b, "") for a, b in pairwise(others) if chance.random() < 0.4]


def _households(chance: Random, members: Sequence[Individual]) -> list[PAIR]:
    pairs: list[PAIR] = []
    heads: list[Individual] = []
    start = 0
    while start < len(members):
        household = members[start : start + 4 + int(chance.random() * 4)]
        start += len(household)
        heads.append(household[0])
        kinds = ("sibling", "parent", "spouse", "cousin")
        pairs += [(a, b, chance.choice(kinds)) for a, b in combinations(household, 2) if chance.random() < 0.7]
    brokers = heads[: 1 + int(chance.random() * 2)]
    return pairs + [(broker, head, "") for broker in brokers for head in heads if head is not broker]


def _brokers(chance: Random, members: Sequence[Individual]) -> list[PAIR]:
    brokers = members[: 1 + len(members) // 6]
    pairs: list[PAIR] = [(a, b, "") for a, b in pairwise(brokers)]
    for place, member in enumerate(members[len(brokers) :]):
        pairs.append((brokers[place % len(brokers)], member, ""))
        if place and chance.random() < 0.4:
            pairs.append((members[len(brokers) + place - 1], member, ""))
    return pairs


def _chain(chance: Random, members: Sequence[Individual]) -> list[PAIR]:
    order = {role: place for place, role in enumerate(ROLES[CaseType.T5])}
    sorted_members = sorted(members, key=lambda member: order.get(member.role or CaseRole.RECRUITER, 0))
    pairs: list[PAIR] = [(a, b, "") for a, b in pairwise(sorted_members)]
    return pairs + [
        (a, b, "") for a, b in zip(sorted_members, sorted_members[2:], strict=False) if chance.random() < 0.5
    ]


def _dyads(chance: Random, members: Sequence[Individual]) -> list[PAIR]:
    intermediary, *families = members
    pairs: list[PAIR] = [(intermediary, member, "") for member in families[::2]]
    for a, b in zip(families[::2], families[1::2], strict=False):
        pairs.append((a, b, "spouse" if chance.random() < 0.5 else "parent"))
    return pairs


def _crews(chance: Random, members: Sequence[Individual]) -> list[PAIR]:
    return [(a, b, "") for a, b in pairwise(members) if chance.random() < 0.85]


def _closed(chance: Random, pairs: Sequence[PAIR], *, closure: float) -> list[PAIR]:
    """Friends of friends who are friends."""
    friends: dict[str, list[Individual]] = {}
    for first, second, _ in pairs:
        friends.setdefault(first.key, []).append(second)
        friends.setdefault(second.key, []).append(first)
    open_pairs = [pair for known in friends.values() for pair in combinations(known, 2)][:_MOST_CLOSED]
    return [(a, b, "") for a, b in open_pairs if a is not b and chance.random() < closure]


def _once(pairs: Sequence[PAIR]) -> list[PAIR]:
    seen: set[tuple[str, str]] = set()
    kept = []
    for first, second, kin in pairs:
        names = (first.key, second.key) if first.key < second.key else (second.key, first.key)
        if first is not second and names not in seen:
            seen.add(names)
            kept.append((first, second, kin))
    return kept
