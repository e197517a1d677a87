"""Networks as covert groups make them: cells around organisers, organisers who know each other, friends of friends.

Nobody's data: drawn from a seed. Activity differs between actors, a tie is seen in one or two layers, each at a time.
"""

import numpy as np
from numpy.typing import NDArray

from safeborders.node.graph.ties import Ties

LAYERS = 2
_WITHIN, _BETWEEN, _ORGANISERS, _CLOSURE, _SECOND_LAYER = 0.22, 0.006, 0.4, 0.06, 0.3
_DAYS = 900
_CELL = 11
_MOST = 0.9


def covert_network(actors: int, generator: np.random.Generator) -> Ties:
    """Return one network of about ``actors`` / 11 cells."""
    cells = max(2, actors // _CELL)
    cell, activity = generator.integers(0, cells, actors), generator.gamma(2.0, 0.5, actors)
    organisers = _organisers(cell, activity)
    chance = np.where(cell[:, None] == cell[None, :], _WITHIN, _BETWEEN) * np.outer(activity, activity)
    chance[np.ix_(organisers, organisers)] = _ORGANISERS
    linked = _drawn(np.minimum(chance, _MOST), generator)
    linked |= _drawn(np.minimum(_CLOSURE * (linked.astype(float) @ linked.astype(float)), 1.0), generator)
    pairs = np.argwhere(np.triu(linked, k=1)).astype(np.int64)
    first = generator.integers(0, LAYERS, len(pairs))
    again = generator.random(len(pairs)) < _SECOND_LAYER
    return Ties(
        pairs=np.concatenate([pairs, pairs[again]]),
        layers=np.concatenate([first, (first[again] + 1) % LAYERS]).astype(np.int64),
        times=generator.integers(0, _DAYS, len(pairs) + int(again.sum())).astype(np.float64),
        count=actors,
        kinds=LAYERS,
        timed=True,
    )


def covert_country(networks: int, *, seed: int) -> Ties:
    """Return several networks of 40 to 250 actors side by side, as one country's records would hold them."""
    generator = np.random.default_rng(seed)
    parts = [covert_network(int(generator.integers(40, 250)), generator) for _ in range(networks)]
    starts = np.concatenate([[0], np.cumsum([part.count for part in parts])])
    return Ties(
        pairs=np.concatenate([part.pairs + start for part, start in zip(parts, starts, strict=False)]),
        layers=np.concatenate([part.layers for part in parts]),
        times=np.concatenate([part.times for part in parts]),
        count=int(starts[-1]),
        kinds=LAYERS,
        timed=True,
    )


def _organisers(cell: NDArray[np.int64], activity: NDArray[np.float64]) -> NDArray[np.int64]:
    order = np.lexsort((-activity, cell))
    return order[np.unique(cell[order], return_index=True)[1]]


def _drawn(chance: NDArray[np.float64], generator: np.random.Generator) -> NDArray[np.bool_]:
    upper = np.triu(generator.random(chance.shape) < chance, k=1)
    return np.asarray(upper | upper.T)
