"""Ties between actors in layers and time, and what layers and time say about a pair; for use at home only."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from safeborders.node.graph.communities import COMMUNITIES, community_predictors
from safeborders.node.graph.topology import AROUND, PREDICTORS, Ends, Floats, Network, topological_predictors

HOME: tuple[str, ...] = tuple(name for name in PREDICTORS if name not in AROUND)
"""Topological predictors for use at home: all but the bounded stand-ins of those that are there unbounded."""


@dataclass(frozen=True, eq=False)
class Ties:
    """Undirected ties; a pair may come once per layer.

    Attributes:
        pairs: Smaller end first, :math:`(E, 2)`.
        layers: Kind of each tie, 0 where there is one kind only.
        times: Time of each tie in any unit, NaN where unknown.
        count: Number of actors.
        kinds: Number of layers that the network has; fixed when ties are hidden, so that predictors keep their number.
        timed: Whether any time is known; fixed likewise.
    """

    pairs: NDArray[np.int64]
    layers: NDArray[np.int64]
    times: NDArray[np.float64]
    count: int
    kinds: int = 1
    timed: bool = False

    def where(self, kept: NDArray[np.bool_]) -> "Ties":
        """Return the ties that are kept, over the same actors."""
        return replace(self, pairs=self.pairs[kept], layers=self.layers[kept], times=self.times[kept])

    @property
    def network(self) -> Network:
        """All layers as one network."""
        return Network.of_pairs(self.pairs, count=self.count)

    @property
    def codes(self) -> NDArray[np.int64]:
        """One number per tie's pair."""
        return pair_codes(self.pairs[:, 0], self.pairs[:, 1], count=self.count)


def pair_codes(first: NDArray[np.int64], second: NDArray[np.int64], *, count: int) -> NDArray[np.int64]:
    """Return one number per pair of ``count`` actors; as ``Ties.codes`` where the smaller end comes first."""
    return first * count + second


def tie_predictors(ties: Ties, ends: Ends) -> Floats:
    """Return predictors of topology and communities, then those of layers and time where the ties have them.

    Which columns there are depends on the layers and on whether any time is known, not on the pairs. The pairs must
    not be linked in ``ties``: the predictors of communities, layers and time do not take the pair's own tie out.
    """
    network = ties.network
    parts = [
        topological_predictors(network, ends, names=HOME),
        community_predictors(network, ends),
        _of_all_layers(ties, ends),
    ]
    parts += [_of_layer(ties.where(ties.layers == kind), ends) for kind in range(ties.kinds) if ties.kinds > 1]
    return np.concatenate([*parts, _of_time(ties, ends)], axis=1)


def tie_columns(ties: Ties) -> tuple[str, ...]:
    """Return the names of the columns of ``tie_predictors``."""
    layers = [f"layer_{name}" for _ in range(ties.kinds) if ties.kinds > 1 for name in ("rare", "smaller", "sum")]
    strong = ("strong_rare", "strong_sum", "strong_smaller")
    return (*HOME, *COMMUNITIES, *strong, *layers, *(("time_gap",) if ties.timed else ()))


def _of_layer(layer: Ties, ends: Ends) -> Floats:
    network = layer.network
    first, second = network.degrees[ends[0]], network.degrees[ends[1]]
    rare = topological_predictors(network, ends, names=("adamic_adar",))[:, 0]
    return np.stack([rare, np.log1p(np.minimum(first, second)), np.log1p(first + second)], axis=1)


def _of_all_layers(ties: Ties, ends: Ends) -> Floats:
    """Return Adamic and Adar's index with ties counted per layer, and how many layers the two's ties have."""
    strong = _strengths(ties, np.ones(len(ties.layers)))
    strength = np.asarray(strong.sum(axis=1), dtype=np.float64).ravel()
    shared = csr_array(strong[ends[0]].multiply(strong[ends[1]])) @ (1 / np.log(np.maximum(strength, 2)))
    per_tie = strength / np.maximum(ties.network.degrees, 1)
    first, second = per_tie[ends[0]], per_tie[ends[1]]
    return np.stack([np.asarray(shared).ravel(), first + second, np.minimum(first, second)], axis=1)


def _of_time(ties: Ties, ends: Ends) -> Floats:
    """Return how close the mean times of both actors' ties are, in units of the spread; no column without times."""
    known = np.isfinite(ties.times)
    if not ties.timed:
        return np.zeros((len(ends[0]), 0))
    seen = ties.where(known)
    total = np.asarray(_strengths(seen, seen.times).sum(axis=1), dtype=np.float64).ravel()
    number = np.asarray(_strengths(seen, np.ones(len(seen.times))).sum(axis=1), dtype=np.float64).ravel()
    middle = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    gap = np.abs(middle[ends[0]] - middle[ends[1]]) / max(float(seen.times.std()) if known.any() else 0.0, 1e-9)
    return np.asarray(-np.nan_to_num(gap, nan=1.0)[:, None])


def _strengths(ties: Ties, values: Floats) -> csr_array:
    first, second = ties.pairs.T
    ends = np.concatenate([first, second]), np.concatenate([second, first])
    return csr_array((np.concatenate([values, values]), ends), shape=(ties.count, ties.count))
