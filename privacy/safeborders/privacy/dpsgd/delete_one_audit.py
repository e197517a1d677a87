r"""Delete one person, with the same coins: does the sum move as little as the accountant believes?

For every person v of a graph the audit runs the product's sampler and engine on G and on G without v, with coins that
are keyed by who they are about, so that everything which exists in both graphs meets the same chance. The proof says
:math:`\|S(G) - S(G - v)\| \le C (w_1 b + w_2 j)`: b is v's own root, j the ways in which other roots kept v.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from safeborders.models.graph.csr import CuratedGraph, CuratedRelation
from safeborders.privacy.dpsgd.rooted_sampling import NeighbourRule, RootedBatch, RootedSampler, combine
from safeborders.privacy.dpsgd.sampling import CoinSource, Identify
from safeborders.privacy.relational import RootedGaussian

ClippedSum = Callable[[CuratedGraph, RootedBatch], NDArray[np.int64]]
"""The engine under audit: from a graph and a sample to the integers before noise."""


class Sampler(Protocol):
    """What the audit needs of a sampler."""

    def draw(self) -> RootedBatch:
        """Return one step's sample."""


MakeSampler = Callable[[CuratedGraph, NDArray[np.int64], CoinSource], Sampler]
"""The sampler under audit, with the candidates and the coins that it has to use."""


class KeyedCoins:
    """Coins that are a function of a seed, the step, and who they are about: for audits alone, never secret."""

    def __init__(self, seed: int) -> None:
        self._seeds = combine(np.array([seed, seed]), np.array([1, 2]))

    def heads(self, count: int, *, probability: float, identify: Identify) -> NDArray[np.bool_]:
        """Return the coins of ``identify``'s paths and persons."""
        words = self._words(identify, salt=0)
        if len(words) != count:
            raise ValueError(f"identify must name every coin. Got {len(words)} names for {count} coins.")
        return words.astype(np.float64) * 2.0**-64 < probability

    def keys(self, count: int, *, identify: Identify) -> NDArray[np.uint64]:
        """Return the keys of ``identify``'s paths and persons; those of ``heads`` do not tell them."""
        return self._words(identify, salt=1)[:count]

    def _words(self, identify: Identify, *, salt: int) -> NDArray[np.uint64]:
        paths, persons = identify()
        seed = np.full(len(paths), self._seeds[salt])
        return combine(combine(seed, paths), combine(persons, seed)).astype(np.uint64)


@dataclass(frozen=True)
class DeletedPerson:
    """What deleting one person did.

    Attributes:
        person: Who.
        moved: Length of the difference of the two sums, in clip_norms.
        allowed: What the accountant allows for the coins that fell.
    """

    person: int
    moved: float
    allowed: float

    @property
    def is_violation(self) -> bool:
        """Return whether the sum moved more than it may; where nothing may move, not one unit may."""
        return self.moved > self.allowed


@dataclass(frozen=True)
class DeleteOneAudit:
    """One audit's numbers.

    Args:
        rules: How neighbours are sampled.
        event: What the accountant prices: its weights are the bound under audit.
        seed: Of the coupled coins.
        make_sampler: The sampler under audit; the product's when None.
    """

    rules: tuple[NeighbourRule, ...]
    event: RootedGaussian
    seed: int
    make_sampler: MakeSampler | None = None

    def delete_everyone(
        self, graph: CuratedGraph, candidates: NDArray[np.int64], *, clipped_sum: ClippedSum
    ) -> Iterator[DeletedPerson]:
        """Delete every person of ``graph`` in turn.

        Args:
            graph: The curated graph.
            candidates: Persons who may be roots.
            clipped_sum: The engine under audit.
        """
        event, make = self.event, self.make_sampler or self._product
        seen = self._sampler(graph, candidates, rules=self._unbounded(graph)).draw()
        whole = clipped_sum(graph, make(graph, candidates, KeyedCoins(self.seed)).draw())
        for person in range(graph.count):
            rest = without_person(graph, person)
            less = clipped_sum(rest, make(rest, candidates[candidates != person], KeyedCoins(self.seed)).draw())
            own, ways = ways_to(seen, person)
            yield DeletedPerson(
                person=person,
                moved=float(np.linalg.norm((whole - less).astype(np.float64))) / event.grid,
                allowed=event.own_weight * own + event.seen_weight * ways,
            )

    def _product(self, graph: CuratedGraph, candidates: NDArray[np.int64], coins: CoinSource) -> RootedSampler:
        rate = self.event.sampling_rate
        return RootedSampler(graph, candidates, rules=self.rules, sampling_rate=rate, coins=coins)

    def _sampler(
        self, graph: CuratedGraph, candidates: NDArray[np.int64], *, rules: tuple[NeighbourRule, ...]
    ) -> RootedSampler:
        rate = self.event.sampling_rate
        return RootedSampler(graph, candidates, rules=rules, sampling_rate=rate, coins=KeyedCoins(self.seed))

    def _unbounded(self, graph: CuratedGraph) -> tuple[NeighbourRule, ...]:
        """Return the rules with room for everybody: what the coins alone decide, before lists are truncated."""
        limits = {name: relation.limit for name, relation in graph.relations.items()}
        return tuple(replace(rule, most=(limits[rule.relation],) * len(rule.keep)) for rule in self.rules)


def without_person(graph: CuratedGraph, person: int) -> CuratedGraph:
    """Return ``graph`` without any link of ``person``; the others keep their numbers."""
    return CuratedGraph({name: _without(part, person) for name, part in graph.relations.items()})


def _without(relation: CuratedRelation, person: int) -> CuratedRelation:
    sources = np.repeat(np.arange(relation.count), np.diff(relation.starts))
    kept = (sources != person) & (relation.targets != person)
    degrees = np.bincount(sources[kept], minlength=relation.count)
    return CuratedRelation(
        starts=np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(degrees, dtype=np.int64)]),
        targets=relation.targets[kept],
        attributes=relation.attributes[kept],
        limit=relation.limit,
    )


def ways_to(batch: RootedBatch, person: int) -> tuple[int, int]:
    """Return whether the person is a root, and in how many ways other roots' coins kept it."""
    others = batch.roots != person
    lists = [*batch.first.values(), *batch.second.values()]
    ways = sum(int((part.persons[others] == person).sum()) for part in lists)
    return int((~others).sum()), ways
