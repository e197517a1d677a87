"""A small country made in memory: groups of people with their own way of committing, as records and as a store."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from safeborders.models.domain.governance import Purpose
from safeborders.models.domain.roles import OFFENDING_ROLES
from safeborders.models.graph.indicators import CASE_TYPES, INDICATORS
from safeborders.node.graph.records import Records, Relation, Suspects
from safeborders.node.learning.outcomes import LEARNING, CaseTypeHypothesis, Outcomes, RoleHypothesis, SuggestedLink


def make_relation(
    kind: str, ends: tuple[str, str], pairs: Sequence[tuple[int, int]], roles: Sequence[str] | None = None
) -> Relation:
    """Return links between the given positions, each with days of its own."""
    table = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    since = (17000 + (37 * table[:, 0] + 11 * table[:, 1]) % 1500).astype(np.float64)
    return Relation(
        kind=kind,
        source_type=ends[0],
        target_type=ends[1],
        source=table[:, 0],
        target=table[:, 1],
        since=since,
        until=since + (30 + 7 * (table[:, 1] % 9)).astype(np.float64),
        role=np.array(roles if roles is not None else [""] * len(table), dtype=np.str_),
    )


def make_indicators(
    random: np.random.Generator, types: NDArray[np.int64], *, own: float, other: float, unknown: float
) -> NDArray[np.float32]:
    """Return indicators of cases: how often a type shows its own, how often others', and how often nobody asked."""
    means = np.where((np.arange(len(INDICATORS)) % len(CASE_TYPES)) == types[:, None], own, other)
    indicators = (random.random(means.shape) < means).astype(np.float32)
    indicators[random.random(means.shape) < unknown] = np.nan
    return indicators


def make_ids(*, cases: int, persons: int, phones: int) -> dict[str, tuple[str, ...]]:
    """Return identifiers by kind."""
    counts = {"case": ("c", cases), "person": ("p", persons), "phone": ("t", phones)}
    return {kind: tuple(f"{letter}{index:04}" for index in range(count)) for kind, (letter, count) in counts.items()}


def small_country(seed: int, *, groups: int = 12, labelled: float = 0.5) -> Records:
    """Return groups of five persons with three cases, two phones and most of their mutual links each.

    The last person of all is alone; the one before is a professional who is a party to every case. Whoever is no victim
    is a suspect; the part of every second one is stated.
    """
    random = np.random.default_rng(seed)
    persons, cases, phones = 5 * groups + 2, 3 * groups, 2 * groups
    types = random.integers(0, len(CASE_TYPES), groups)
    parties: list[tuple[int, int]] = []
    roles: list[str] = []
    uses: list[tuple[int, int]] = []
    associates: list[tuple[int, int]] = []
    for group in range(groups):
        members = [5 * group + place for place in range(5)]
        for case in range(3 * group, 3 * group + 3):
            present = sorted(int(person) for person in random.choice(members, 3, replace=False))
            parties += [(person, case) for person in present]
            roles += ["victim" if person == members[0] else "recruiter" for person in present]
        uses += [(person, 2 * group + int(random.integers(2))) for person in members]
        associates += [(a, b) for a in members for b in members if a < b and random.random() < 0.6]
    parties += [(persons - 2, case) for case in range(cases)]
    roles += ["professional"] * cases
    of_case = np.repeat(types, 3)
    indicators = make_indicators(random, of_case, own=0.8, other=0.1, unknown=0.2)
    return Records(
        ids=make_ids(cases=cases, persons=persons, phones=phones),
        relations=(
            make_relation("PARTY_TO", ("person", "case"), parties, roles),
            make_relation("USES", ("person", "phone"), uses),
            make_relation("ASSOCIATE", ("person", "person"), associates),
            make_relation("CALLED", ("phone", "phone"), [(2 * group, 2 * group + 1) for group in range(groups)]),
        ),
        professional=np.arange(persons) == persons - 2,
        indicators=indicators,
        case_type=np.where(random.random(cases) < labelled, of_case, -1),
        suspects=_suspects([pair for pair, role in zip(parties, roles, strict=True) if role == "recruiter"]),
    )


def _suspects(pairs: Sequence[tuple[int, int]]) -> Suspects:
    table = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2)
    every = np.arange(len(table))
    stated = np.where(every % 2 == 0, table[:, 0] % len(OFFENDING_ROLES), -1)
    return Suspects(person=table[:, 0], case=table[:, 1], role=stated)


def without_links(records: Records, *, kind: str, kept: NDArray[np.bool_]) -> Records:
    """Return ``records`` with only the kept links of one kind."""
    return replace(
        records,
        relations=tuple(relation.where(kept) if relation.kind == kind else relation for relation in records.relations),
    )


@dataclass
class InMemoryLearningStore:
    """A ``LearningStore`` that keeps everything in memory."""

    records: Records
    links: tuple[SuggestedLink, ...] = ()
    cases: tuple[CaseTypeHypothesis, ...] = ()
    roles: tuple[RoleHypothesis, ...] = ()
    runs: list[str] = field(default_factory=list)
    mark: str = ""

    def load_records(self, purposes: Purpose = LEARNING) -> Records:
        """Return the records if learning may use them at all for ``purposes``."""
        assert purposes & LEARNING
        return self.records

    def snapshot_mark(self) -> str:
        """Return what the test says."""
        return self.mark

    def load_source_keys(self) -> dict[str, str]:
        """Return keys that differ from our identifiers."""
        return {name: f"key-{name}" for kind in ("case", "person") for name in self.records.ids[kind]}

    def replace_outcomes(self, outcomes: Outcomes, *, run: str, model_sha256: str) -> None:
        """Keep the outcomes of the last run."""
        self.links, self.cases, self.roles = tuple(outcomes.links), tuple(outcomes.cases), tuple(outcomes.roles)
        self.runs.append(f"{run} {model_sha256}")
