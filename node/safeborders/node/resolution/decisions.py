"""Decisions about candidates: who is one person, by whom, why, and back again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from safeborders.node.resolution.clusters import Clusters, Pair
from safeborders.node.resolution.profiles import Register
from safeborders.node.resolution.scoring import Candidate, exclude_each_other


@dataclass(frozen=True)
class Decider:
    """Who decides and why.

    Attributes:
        name: The human, or the human who let the rule run.
        note: The reason, without names or numbers of persons: it stays in the journal when a person is erased.
        at: When.
    """

    name: str
    note: str
    at: datetime


@dataclass(frozen=True)
class Decided:
    """One pair as it stands.

    Attributes:
        score: Probability when it was found; None for two records that a human put together unasked.
        reasons: ``{"text", "bits"}`` each, the weightiest first.
        verdict: open, same or different.
    """

    first: str
    second: str
    score: float | None
    reasons: Sequence[Mapping[str, object]]
    verdict: str
    by_rule: bool
    decided_by: str | None
    decided_at: datetime | None
    note: str | None


def ordered(first: str, second: str) -> Pair:
    """Return the pair with the smaller identifier first."""
    return (first, second) if first < second else (second, first)


def unite(
    register: Register,
    candidates: Sequence[Candidate],
    *,
    score_from: float,
    same: Sequence[Pair],
    different: Sequence[Pair],
) -> list[Candidate]:
    """Return the candidates to accept, the most probable first, so that all persons stay consistent.

    A candidate is left out when it is barred, or when it would bring together, directly or through others, two records
    that exclude each other or that a human told apart.

    Args:
        register: The records that the candidates were found in.
        candidates: In the order of their scores.
        score_from: The least score.
        same: Pairs that are one person already.
        different: Pairs that a human told apart.
    """
    profiles = {one.id: one for one in register.profiles}
    clusters = Clusters(same)
    members = {name: list(records) for name, records in clusters.members().items()}
    apart: dict[str, set[str]] = {}
    for first, second in different:
        apart.setdefault(first, set()).add(second)
        apart.setdefault(second, set()).add(first)
    accepted = []
    for one in candidates:
        here, there = clusters.find(one.first), clusters.find(one.second)
        if one.score < score_from or one.is_barred or here == there:
            continue
        ours, theirs = members.get(here, [here]), members.get(there, [there])
        told_apart = any(a in apart and b in apart[a] for a in ours for b in theirs)
        known = [(profiles[a], profiles[b]) for a in ours for b in theirs if a in profiles and b in profiles]
        if told_apart or any(exclude_each_other(a, b) for a, b in known):
            continue
        clusters.join(here, there)
        members[clusters.find(here)] = [*ours, *theirs]
        accepted.append(one)
    return accepted


def only_unguarded(register: Register, accepted: Sequence[Candidate], *, same: Sequence[Pair]) -> list[Candidate]:
    """Return those that a rule may accept: no record of the person would be a victim's, a minor's or of unknown age."""
    guarded = {one.id for one in register.profiles if one.guarded}
    clusters = Clusters([*same, *((one.first, one.second) for one in accepted)])
    closed = {clusters.find(record) for record in guarded}
    return [one for one in accepted if clusters.find(one.first) not in closed]
