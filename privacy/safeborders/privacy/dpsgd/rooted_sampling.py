r"""Rooted sampling with neighbour coins: who enters a step, and whom each of them sees (privacy.md 4.3).

A candidate root enters with probability q. In a root that entered, each curated neighbour of relation r is kept with
probability :math:`p_r` by a coin of this root, this neighbour and this step alone; over two hops each kept neighbour's
neighbours are kept by coins of the whole path. So the rate at which a person is seen is q p, whatever K_r is.

At most ``most`` kept neighbours of one list enter the tensor: those with the lowest random keys of this step. That
does not weaken the proof (docs/proofs/stage-b.md, section 2): which are left out is a function of the coins and keys of
this list, so that a list in which the deleted person's coin fell on tails is the same with and without the person.

The order of the roots is uniformly random; the engine's rounding proof needs that (docs/decisions/0111).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from safeborders.models.graph.csr import CuratedGraph, CuratedRelation
from safeborders.privacy.dpsgd.sampling import CoinSource, SecretCoins, check_probability
from safeborders.privacy.errors import UnsoundExamples

NOBODY = -1
"""Stands in a list's free places."""

_BLOCK = 16_384  # parents at once: the coins of a block stay in the processor's cache
_MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True)
class NeighbourRule:
    """How the neighbours of one relation are sampled, hop by hop.

    Args:
        relation: Name of the relation.
        keep: p of the first hop, then of the second if there is one; in (0, 1].
        most: F_max of each hop: places in a list.
    """

    relation: str
    keep: tuple[float, ...]
    most: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be sampled."""
        for probability in self.keep:
            check_probability("keep", probability)
        if not 1 <= len(self.keep) <= 2 or len(self.most) != len(self.keep) or min(self.most) < 1:
            raise ValueError(f"keep and most must have one or two entries, most >= 1. Got {self.keep}, {self.most}.")


@dataclass(frozen=True, eq=False)
class KeptLinks:
    """Lists of kept neighbours: one row per parent, ``NOBODY`` in the free places at the end.

    Attributes:
        persons: Shape (..., F), int64.
        links: Positions of the links, for their attributes, of the same shape.
    """

    persons: NDArray[np.int64]
    links: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RootedBatch:
    """One step's sample.

    Attributes:
        roots: Persons that entered, in random order, possibly none. Shape (B,), int64.
        first: Per relation the lists of the roots. Shape (B, F).
        second: Per pair of relations the lists of those lists' members. Shape (B, F, F2); empty with one hop.
    """

    roots: NDArray[np.int64]
    first: Mapping[str, KeptLinks]
    second: Mapping[tuple[str, str], KeptLinks] = field(default_factory=dict)


class RootedSampler:
    """Draws one step's roots and their neighbours.

    Args:
        graph: The curated graph.
        candidates: Persons who may be roots: each once. Shape (N,), int64.
        rules: One per relation that takes part; all with the same number of hops.
        sampling_rate: q in (0, 1].
        coins: Secret ones; an audit passes coupled ones.

    Raises:
        UnsoundExamples: If a candidate is there twice or is nobody.
        ValueError: If a rule names no relation of the graph, or a number is out of range.
    """

    def __init__(
        self,
        graph: CuratedGraph,
        candidates: NDArray[np.int64],
        *,
        rules: Sequence[NeighbourRule],
        sampling_rate: float,
        coins: CoinSource | None = None,
    ) -> None:
        check_probability("sampling_rate", sampling_rate)
        names = [rule.relation for rule in rules]
        if len(set(names)) < len(names) or not set(names) <= set(graph.relations):
            raise ValueError(f"rules must name relations of the graph, each once. Got {names}.")
        if len({len(rule.keep) for rule in rules}) > 1:
            raise ValueError("rules must all have the same number of hops.")
        inside = (candidates >= 0) & (candidates < graph.count)
        if not inside.all() or len(np.unique(candidates)) < len(candidates):
            raise UnsoundExamples("A person is a training example twice, or is unknown: correct the curation.")
        self._graph = graph
        self._candidates = candidates.astype(np.int64)
        self._rules = tuple(rules)
        self._sampling_rate = sampling_rate
        self._coins: CoinSource = SecretCoins() if coins is None else coins

    def draw(self) -> RootedBatch:
        """Return the sample of the next step; it may be empty and must be used all the same."""
        roots = self._draw_roots()
        first = {rule.relation: self._keep(roots, roots, rule=rule, hop=0) for rule in self._rules}
        second: dict[tuple[str, str], KeptLinks] = {}
        for name, lists in first.items():
            for rule in self._rules:
                if len(rule.keep) == 2:
                    second[name, rule.relation] = self._keep_beyond(roots, lists, rule=rule)
        return RootedBatch(roots=roots, first=first, second=second)

    def _draw_roots(self) -> NDArray[np.int64]:
        people = self._candidates
        entered = people[
            self._coins.heads(len(people), probability=self._sampling_rate, identify=lambda: (people,) * 2)
        ]
        return entered[np.argsort(self._coins.keys(len(entered), identify=lambda: (entered,) * 2))]

    def _keep_beyond(self, roots: NDArray[np.int64], lists: KeptLinks, *, rule: NeighbourRule) -> KeptLinks:
        """Return the second hop: the lists of every member of the first hop's lists."""
        filled = np.flatnonzero(lists.persons.ravel() != NOBODY)
        parents = lists.persons.ravel()[filled]
        owners = roots[filled // max(lists.persons.shape[1], 1)]
        kept = self._keep(parents, combine(owners, parents), rule=rule, hop=1)
        shape = (*lists.persons.shape, rule.most[1])
        persons, links = (np.full((lists.persons.size, rule.most[1]), NOBODY, dtype=np.int64) for _ in range(2))
        persons[filled], links[filled] = kept.persons, kept.links
        return KeptLinks(persons.reshape(shape), links.reshape(shape))

    def _keep(
        self, parents: NDArray[np.int64], paths: NDArray[np.int64], *, rule: NeighbourRule, hop: int
    ) -> KeptLinks:
        most = rule.most[hop]
        relation = self._graph.relations[rule.relation]
        persons, links = (np.full((len(parents), most), NOBODY, dtype=np.int64) for _ in range(2))
        for start in range(0, len(parents), _BLOCK):
            part = slice(start, start + _BLOCK)
            tossed = _toss(relation, parents[part], paths=paths[part], probability=rule.keep[hop], coins=self._coins)
            kept, places = _bounded(tossed, paths=paths[part], most=most, coins=self._coins)
            flat = kept.owners * most + places
            persons[part].reshape(-1)[flat] = kept.persons
            links[part].reshape(-1)[flat] = kept.links
        return KeptLinks(persons, links)


@dataclass(frozen=True, eq=False)
class _Tossed:
    """Links that fell on heads, in order: the parent's row, the link's position and the person it leads to."""

    owners: NDArray[np.int64]
    links: NDArray[np.int64]
    persons: NDArray[np.int64]


def _toss(
    relation: CuratedRelation,
    parents: NDArray[np.int64],
    *,
    paths: NDArray[np.int64],
    probability: float,
    coins: CoinSource,
) -> _Tossed:
    """Toss one coin for each place of each parent's row; places without a link have coins that nobody reads."""
    width = relation.limit
    starts = relation.starts[parents]
    degrees = (relation.starts[parents + 1] - starts).astype(np.int32)
    places = np.arange(width, dtype=np.int32)
    exists = (places < degrees[:, None]).ravel()

    def identify() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        there = np.flatnonzero(exists)
        persons = np.full(len(exists), NOBODY, dtype=np.int64)
        persons[there] = relation.targets[starts[there // width] + there % width]
        return np.repeat(paths, width), persons

    flat = np.flatnonzero(coins.heads(len(exists), probability=probability, identify=identify) & exists)
    owners = flat // width
    links = starts[owners] + (flat - owners * width)
    return _Tossed(owners, links, relation.targets[links].astype(np.int64))


def _bounded(
    tossed: _Tossed, *, paths: NDArray[np.int64], most: int, coins: CoinSource
) -> tuple[_Tossed, NDArray[np.int64]]:
    """Return at most ``most`` links per owner, those of the lowest keys, and their places in the lists."""
    counts = np.bincount(tossed.owners, minlength=len(paths))
    if int(counts.max(initial=0)) <= most:
        return tossed, _places(counts)
    full = np.flatnonzero(counts[tossed.owners] > most)
    owners = tossed.owners[full]
    keys = coins.keys(len(full), identify=lambda: (paths[owners], tossed.persons[full]))
    dropped = full[np.lexsort((keys, owners))][_places(counts[counts > most]) >= most]
    stays = np.ones(len(tossed.owners), dtype=np.bool_)
    stays[dropped] = False
    kept = _Tossed(tossed.owners[stays], tossed.links[stays], tossed.persons[stays])
    return kept, _places(np.minimum(counts, most))


def gather(rows: NDArray[np.float32], lists: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the row of each listed person, zeros for ``NOBODY``; shape (*lists.shape, D)."""
    found: NDArray[np.float32] = rows[lists]
    found[lists == NOBODY] = 0
    return found


def combine(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a 64-bit name for each pair (a SplitMix64 finaliser); names of paths, nothing secret."""
    mixed = left.astype(np.uint64) * _MIX[0] + right.astype(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX[1]
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX[2]
    return (mixed ^ (mixed >> np.uint64(31))).astype(np.int64)


def _places(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0, 1, ... within each group of the given sizes."""
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) - np.repeat(ends - counts, counts)
