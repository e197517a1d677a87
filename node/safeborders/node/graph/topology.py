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
from scipy.sparse.csgraph import shortest_path
from scipy.sparse.linalg import svds

Floats = NDArray[np.float64]
Ends = tuple[NDArray[np.int64], NDArray[np.int64]]

_KATZ = 0.05
_KATZ_STEPS = 5
_RANK = 8
_RESTART = 0.15
_RANK_STEPS = 20
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
    def low_rank(self) -> tuple[Floats, Floats]:
        """Factors of the best approximation of low rank: positions, and positions times signed sizes."""
        rank = min(_RANK, self.count - 2)
        if rank < 1 or not self.table.nnz:
            return np.zeros((self.count, 1)), np.zeros((self.count, 1))
        left, sizes, right = svds(self.table, k=rank, v0=np.ones(self.count), random_state=0)
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

    def unique(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the distinct first ends, and where each pair's is among them."""
        found = np.unique(self.first, return_inverse=True)
        return found[0], found[1].ravel()


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
    starts, place = pairs.unique()
    table = pairs.network.table
    walk = np.asarray(table[starts].todense(), dtype=np.float64)
    total = np.zeros(len(pairs.first))
    weight = 1.0
    for _ in range(2, _KATZ_STEPS + 1):
        walk = np.asarray((table @ walk.T).T)
        weight *= _KATZ
        total += weight * walk[place, pairs.second]
    return np.log(total + 1e-6)


def _low_rank(pairs: _Pairs) -> Floats:
    left, right = pairs.network.low_rank
    forward = (left[pairs.first] * right[pairs.second]).sum(axis=1)
    return np.asarray((forward + (left[pairs.second] * right[pairs.first]).sum(axis=1)) / 2)


def _page_rank(pairs: _Pairs) -> Floats:
    return np.log(_visits(pairs, pairs.first, pairs.second) + _visits(pairs, pairs.second, pairs.first) + 1e-6)


def _visits(pairs: _Pairs, source: NDArray[np.int64], target: NDArray[np.int64]) -> Floats:
    """Return how often a walk that restarts at the source is at the target (personalised PageRank)."""
    starts, place = np.unique(source, return_inverse=True)
    degrees = np.maximum(pairs.network.degrees, 1)
    home = np.zeros((len(starts), pairs.network.count))
    home[np.arange(len(starts)), starts] = 1
    visits = home
    for _ in range(_RANK_STEPS):
        visits = _RESTART * home + (1 - _RESTART) * np.asarray((pairs.network.table @ (visits / degrees).T).T)
    return np.asarray(visits[place.ravel(), target])


def _distance(pairs: _Pairs) -> Floats:
    starts, place = pairs.unique()
    lengths = shortest_path(pairs.network.table, unweighted=True, indices=starts)[place, pairs.second]
    around = np.where(pairs.common > 0, 2.0, np.where(pairs.long_paths > 0, 3.0, _FAR))
    return -np.minimum(np.where(pairs.linked > 0, around, lengths), _FAR)


def _cores(pairs: _Pairs) -> Floats:
    return np.minimum(pairs.network.cores[pairs.first], pairs.network.cores[pairs.second])


NEAR: Mapping[str, Callable[[_Pairs], Floats]] = {
    "common_neighbours": _common,
    "jaccard": _jaccard,
    "degree_product": _degree_product,
    "degree_sum": _degree_sum,
    "smaller_degree": _smaller_degree,
    "paths_of_three": _long_paths,
}
"""Predictors that no person beyond the neighbours of the two can change."""

PREDICTORS: Mapping[str, Callable[[_Pairs], Floats]] = {
    **NEAR,
    "clustering": _clustering,
    "adamic_adar": _adamic_adar,
    "resource_allocation": _resource_allocation,
    "katz": _katz,
    "low_rank": _low_rank,
    "page_rank": _page_rank,
    "distance": _distance,
    "cores": _cores,
}
"""All of them, for use at home."""
