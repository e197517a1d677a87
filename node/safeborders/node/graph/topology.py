"""Topological predictors of links in one undirected network, for use at home and, a few of them, in training.

After Ghasemian, Hosseinmardi, Galstyan, Airoldi and Clauset (PNAS 2020, https://doi.org/10.1073/pnas.1914950117). The
link between the two themselves is taken out of every predictor. ``NEAR`` are those that depend on nobody beyond the
neighbours of the two: the only ones that an example for federated training may hold (docs/decisions/0123).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, shortest_path
from scipy.sparse.linalg import ArpackError, svds

Floats = NDArray[np.float64]
Ends = tuple[NDArray[np.int64], NDArray[np.int64]]

_KATZ = 0.05
_KATZ_STEPS = 5
_RANK = 8
_DENSE = 300
"""Actors up to whom all of a small network is factored: there the iterative method may not end."""
_RESTART = 0.15
_RANK_STEPS = 20
_BLOCK = 512
_MOST_TOGETHER = 20_000
"""In a connected part of more actors walks take too long: to predictors that walk far, nobody there is reached."""
_FAR = 8.0
"""Distance beyond which, and without a path at all, everybody is equally far."""


@dataclass(frozen=True, eq=False)
class Network:
    """An undirected network without loops.

    Attributes:
        table: Symmetric 0/1 table, :math:`(N, N)`.
    """

    table: csr_array

    @classmethod
    def of_pairs(cls, pairs: NDArray[np.int64], *, count: int) -> "Network":
        """Return the network of undirected pairs, :math:`(E, 2)`; a pair may come twice."""
        first, second = pairs.T
        apart = first != second
        ends = np.concatenate([first[apart], second[apart]]), np.concatenate([second[apart], first[apart]])
        table = csr_array((np.ones(len(ends[0])), ends), shape=(count, count))
        table.data[:] = 1.0
        return cls(table)

    @property
    def count(self) -> int:
        """Number of actors."""
        return int(self.table.shape[0])

    @cached_property
    def degrees(self) -> Floats:
        """Number of neighbours of each actor."""
        return np.asarray(self.table.sum(axis=1), dtype=np.float64).ravel()

    @cached_property
    def triangles(self) -> Floats:
        """Number of triangles through each actor."""
        closed = self.table.multiply(self.table @ self.table)
        return np.asarray(closed.sum(axis=1), dtype=np.float64).ravel() / 2

    @cached_property
    def cores(self) -> Floats:
        """Core number of each actor: the largest k such that the actor is in a subnetwork of degree k."""
        remaining = self.degrees.copy()
        core = np.zeros(self.count)
        level, alive = 0.0, np.ones(self.count, dtype=np.bool_)
        while alive.any():
            level = max(level, float(remaining[alive].min()))
            peeled = alive & (remaining <= level)
            core[peeled] = level
            alive &= ~peeled
            remaining -= np.asarray(self.table @ peeled.astype(np.float64)).ravel()
        return core

    @cached_property
    def parts(self) -> tuple[NDArray[np.int64], tuple[NDArray[np.int64], ...]]:
        """Connected parts: each actor's number, and the actors in groups of whole parts, which no walk leaves.

        Actors without a link, and parts of more than ``_MOST_TOGETHER`` actors, are in no group.
        """
        labels = connected_components(self.table, directed=False)[1].astype(np.int64)
        sizes = np.bincount(labels, minlength=1)
        order = np.lexsort((labels, -sizes[labels]))
        order = order[(sizes[labels[order]] > 1) & (sizes[labels[order]] <= _MOST_TOGETHER)]
        groups: list[NDArray[np.int64]] = []
        ends = np.flatnonzero(np.diff(labels[order], append=-1)) + 1
        start = 0
        for end, following in zip(ends.tolist(), [*ends[1:].tolist(), np.inf], strict=False):
            if following - start > _BLOCK:
                groups.append(np.sort(order[start:end]))
                start = end
        return labels, tuple(groups)

    @cached_property
    def low_rank(self) -> tuple[Floats, Floats]:
        """Factors of the best approximation of low rank: positions, and positions times signed sizes."""
        rank = min(_RANK, self.count - 2)
        if rank < 1 or not self.table.nnz:
            return np.zeros((self.count, 1)), np.zeros((self.count, 1))
        if self.count <= _DENSE:
            left, sizes, right = np.linalg.svd(self.table.todense())
            return np.asarray(left[:, :rank] * sizes[:rank]), np.asarray(right[:rank].T)
        try:
            left, sizes, right = svds(self.table, k=rank, ncv=4 * _RANK, v0=np.ones(self.count), random_state=0)
        except ArpackError:  # too few different sizes, as in a network of equal pairs: there is no form to speak of
            return np.zeros((self.count, 1)), np.zeros((self.count, 1))
        return np.asarray(left * sizes), np.asarray(right.T)


def topological_predictors(network: Network, ends: Ends, *, names: Sequence[str] | None = None) -> Floats:
    """Return one column per name (all of ``PREDICTORS`` by default), the same in both orders. Shape (P, len(names))."""
    chosen = tuple(PREDICTORS) if names is None else tuple(names)
    if not len(ends[0]):
        return np.zeros((0, len(chosen)))
    own = _Pairs(network, *ends)
    return np.stack([PREDICTORS[name](own) for name in chosen], axis=1)


class _Pairs:
    """What several predictors of the same pairs share; the pair's own link is taken out of all of it."""

    def __init__(self, network: Network, first: NDArray[np.int64], second: NDArray[np.int64]) -> None:
        self.network = network
        self.first, self.second = first, second
        self.linked = np.asarray(network.table[first, second], dtype=np.float64).ravel()
        self.degrees = network.degrees[first] - self.linked, network.degrees[second] - self.linked

    @cached_property
    def shared(self) -> csr_array:
        """Common neighbours of each pair, :math:`(P, N)`."""
        return csr_array(self.network.table[self.first].multiply(self.network.table[self.second]))

    @cached_property
    def common(self) -> Floats:
        """Their number."""
        return np.asarray(self.shared.sum(axis=1), dtype=np.float64).ravel()

    @cached_property
    def long_paths(self) -> Floats:
        """Paths of three links between the two, none over their own link."""
        table = self.network.table
        middle = csr_array(table[self.first] @ table)
        walks = np.asarray(middle.multiply(table[self.second]).sum(axis=1), dtype=np.float64).ravel()
        return walks - self.linked * (self.network.degrees[self.first] + self.network.degrees[self.second] - 1)

    def rare(self, weights: Floats) -> Floats:
        """Return the sum over common neighbours of a weight."""
        return np.asarray(self.shared @ weights, dtype=np.float64).ravel()

    @cached_property
    def rare_around(self) -> csr_array:
        """Common neighbours with the number of links that each has among the two and the neighbours of either.

        No link of a common neighbour to anybody else is counted, so that nobody else can change it. Shape (P, N).
        """
        table, rows = self.network.table, np.arange(len(self.first))
        own = csr_array(
            (np.ones(2 * len(rows)), (np.r_[rows, rows], np.r_[self.first, self.second])),
            shape=(len(rows), self.network.count),
        )
        around = csr_array(table[self.first] + table[self.second] + own)
        around.data[:] = 1.0
        return csr_array(self.shared.multiply(around @ table))


def _common(pairs: _Pairs) -> Floats:
    return np.log1p(pairs.common)


def _jaccard(pairs: _Pairs) -> Floats:
    return pairs.common / np.maximum(pairs.degrees[0] + pairs.degrees[1] - pairs.common, 1)


def _degree_product(pairs: _Pairs) -> Floats:
    return np.log1p(pairs.degrees[0] * pairs.degrees[1])


def _degree_sum(pairs: _Pairs) -> Floats:
    return np.log1p(pairs.degrees[0] + pairs.degrees[1])


def _smaller_degree(pairs: _Pairs) -> Floats:
    return np.log1p(np.minimum(*pairs.degrees))


def _long_paths(pairs: _Pairs) -> Floats:
    return np.log1p(np.maximum(pairs.long_paths, 0))


def _rare_around(pairs: _Pairs) -> Floats:
    """Adamic and Adar's index with the links of common neighbours counted around the two only."""
    return _summed(pairs.rare_around, lambda links: 1 / np.log(links))


def _allocation_around(pairs: _Pairs) -> Floats:
    """Resource allocation, counted likewise."""
    return _summed(pairs.rare_around, lambda links: 1 / links)


def _two_steps(pairs: _Pairs) -> Floats:
    """Chance of a walk of two steps from either to the other: PageRank's first terms, counted likewise."""
    ways = 1 / np.maximum(pairs.degrees[0], 1) + 1 / np.maximum(pairs.degrees[1], 1)
    return _allocation_around(pairs) * ways


def _met(pairs: _Pairs) -> Floats:
    """Whether anybody stands between the two: distance, as far as the two's neighbours can tell."""
    return np.asarray(pairs.common > 0, dtype=np.float64)


def _meeting(pairs: _Pairs) -> Floats:
    """Whether a neighbour of one is linked with a neighbour of the other: distance three, as far as they can tell."""
    return np.asarray((pairs.common > 0) | (pairs.long_paths > 0), dtype=np.float64)


def _summed(counted: csr_array, weight: Callable[[Floats], Floats]) -> Floats:
    found = counted.copy()
    found.data = weight(found.data)  # a common neighbour is linked with both: never fewer than two
    return np.asarray(found.sum(axis=1), dtype=np.float64).ravel()


def _clustering(pairs: _Pairs) -> Floats:
    def one(end: NDArray[np.int64], degree: Floats) -> Floats:
        closed = pairs.network.triangles[end] - pairs.linked * pairs.common
        return np.asarray(closed / np.maximum(degree * (degree - 1) / 2, 1))

    return one(pairs.first, pairs.degrees[0]) + one(pairs.second, pairs.degrees[1])


def _adamic_adar(pairs: _Pairs) -> Floats:
    return pairs.rare(1 / np.log(np.maximum(pairs.network.degrees, 2)))


def _resource_allocation(pairs: _Pairs) -> Floats:
    return pairs.rare(1 / np.maximum(pairs.network.degrees, 1))


def _katz(pairs: _Pairs) -> Floats:
    """Truncated Katz index without the direct link's own step."""
    return np.log(_walked(pairs, (pairs.first, pairs.second), walk=_katz_walk, unreached=0.0) + 1e-6)


def _katz_walk(table: csr_array, starts: NDArray[np.int64]) -> Floats:
    step = np.asarray(table[starts].todense(), dtype=np.float64)
    total, weight = np.zeros_like(step), 1.0
    for _ in range(2, _KATZ_STEPS + 1):
        step = np.asarray((table @ step.T).T)
        weight *= _KATZ
        total += weight * step
    return total


def _low_rank(pairs: _Pairs) -> Floats:
    left, right = pairs.network.low_rank
    forward = (left[pairs.first] * right[pairs.second]).sum(axis=1)
    return np.asarray((forward + (left[pairs.second] * right[pairs.first]).sum(axis=1)) / 2)


def _page_rank(pairs: _Pairs) -> Floats:
    """How often a walk that restarts at either is at the other (personalised PageRank), both ways."""
    there = _walked(pairs, (pairs.first, pairs.second), walk=_visits, unreached=0.0)
    back = _walked(pairs, (pairs.second, pairs.first), walk=_visits, unreached=0.0)
    return np.log(there + back + 1e-6)


def _visits(table: csr_array, starts: NDArray[np.int64]) -> Floats:
    degrees = np.maximum(np.asarray(table.sum(axis=1), dtype=np.float64).ravel(), 1)
    home = np.zeros((len(starts), table.shape[0]))
    home[np.arange(len(starts)), starts] = 1
    visits = home
    for _ in range(_RANK_STEPS):
        visits = _RESTART * home + (1 - _RESTART) * np.asarray((table @ (visits / degrees).T).T)
    return visits


def _distance(pairs: _Pairs) -> Floats:
    lengths = _walked(pairs, (pairs.first, pairs.second), walk=_lengths, unreached=_FAR)
    around = np.where(pairs.common > 0, 2.0, np.where(pairs.long_paths > 0, 3.0, _FAR))
    return -np.minimum(np.where(pairs.linked > 0, around, lengths), _FAR)


def _lengths(table: csr_array, starts: NDArray[np.int64]) -> Floats:
    return np.asarray(shortest_path(table, unweighted=True, indices=starts), dtype=np.float64)


def _walked(
    pairs: _Pairs, ends: Ends, *, walk: Callable[[csr_array, NDArray[np.int64]], Floats], unreached: float
) -> Floats:
    """Return what ``walk`` from the first ends says at the second, group by group of connected parts."""
    source, target = ends
    labels, groups = pairs.network.parts
    together = labels[source] == labels[target]
    place = np.full(pairs.network.count, -1, dtype=np.int64)
    found = np.full(len(source), unreached)
    for group in groups:
        place[group] = np.arange(len(group))
        asked = np.flatnonzero(together & (place[source] >= 0))
        table = csr_array(pairs.network.table[group][:, group]) if len(asked) else csr_array((0, 0))
        starts, where = np.unique(place[source[asked]], return_inverse=True)
        for begin in range(0, len(starts), _BLOCK):
            here = (where >= begin) & (where < begin + _BLOCK)
            reached = walk(table, starts[begin : begin + _BLOCK])
            found[asked[here]] = reached[where[here] - begin, place[target[asked[here]]]]
        place[group] = -1
    return found


def _cores(pairs: _Pairs) -> Floats:
    return np.minimum(pairs.network.cores[pairs.first], pairs.network.cores[pairs.second])


NEAR: Mapping[str, Callable[[_Pairs], Floats]] = {
    "common_neighbours": _common,
    "jaccard": _jaccard,
    "degree_product": _degree_product,
    "degree_sum": _degree_sum,
    "smaller_degree": _smaller_degree,
    "paths_of_three": _long_paths,
    "clustering": _clustering,
    "rare_around": _rare_around,
    "allocation_around": _allocation_around,
    "two_steps": _two_steps,
    "met": _met,
    "meeting": _meeting,
}
"""Predictors that no person beyond the neighbours of the two can change."""

AROUND = ("rare_around", "allocation_around", "two_steps", "met", "meeting")
"""Bounded stand-ins for predictors that feel the whole network."""

PREDICTORS: Mapping[str, Callable[[_Pairs], Floats]] = {
    **NEAR,
    "adamic_adar": _adamic_adar,
    "resource_allocation": _resource_allocation,
    "katz": _katz,
    "low_rank": _low_rank,
    "page_rank": _page_rank,
    "distance": _distance,
    "cores": _cores,
}
"""All of them, for use at home."""

PUBLISHED: tuple[str, ...] = (
    "common_neighbours",
    "adamic_adar",
    "resource_allocation",
    "katz",
    "low_rank",
    "page_rank",
    "jaccard",
    "degree_product",
    "degree_sum",
    "smaller_degree",
    "distance",
    "cores",
    "clustering",
)
"""The thirteen predictors of the published stack."""
