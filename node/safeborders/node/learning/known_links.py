"""Pairs of persons with known answers, made at home: recorded links are hidden again, a part at a time.

What is asked of a hidden link is what will be asked of a missing one: every predictor is computed without it and
without the links that are hidden beside it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safeborders.models.graph.features import SPECIFICATION
from safeborders.node.graph.communities import COMMUNITIES
from safeborders.node.graph.pairs import Pairs, candidate_pairs, pair_inputs
from safeborders.node.graph.persons import PersonGraph
from safeborders.node.graph.predictors import PREDICTORS, predictors
from safeborders.node.graph.ties import pair_codes, tie_columns, tie_predictors
from safeborders.node.graph.topology import NEAR, PUBLISHED
from safeborders.node.learning.hiding import draw_near, draw_strangers, hide_in_turn, pairs_of
from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.regression import Floats

PER_LINK = (1, 5, 6)
"""Pairs that a hidden link is told from: with a common associate, with anything in common, strangers.

As many strangers as near misses: with more near misses the scorer learns that having somebody in common speaks against
a link, because missing links often have nobody (decision 0172).
"""
ENOUGH = 1000
"""Hidden links; a country with many asks only some of its parts, one with few asks all of them again."""
FEWEST_PARTS, MOST_PARTS = 2, 10
MOST_TURNS = 4
"""How often the links of a small network are cut into parts anew: from one cut its luck is learnt, too."""
INPUTS = tuple(feature.name for feature in SPECIFICATION.links)
_SHARED = tuple(name for name in INPUTS if name not in (*NEAR, "common_associate"))
_RARE = ("adamic_adar_bridges", "adamic_adar_cases", "adamic_adar_contacts", "mixed_paths")
_SEED = 20260101


@dataclass(frozen=True, eq=False, repr=False)
class KnownPairs(StaysHome):
    """Pairs with known answers.

    Attributes:
        inputs: Inputs of the federated model, :math:`(N, F)`.
        table: What the local stack looks at, :math:`(N, P)`.
        labels: 1 for a hidden link, 0 for a pair that is not linked, :math:`(N,)`.
        codes: The pair as ``Ties.codes`` says it, :math:`(N,)`; the same pair may come once in each turn.
        turns: How often each recorded link is asked for.
    """

    inputs: NDArray[np.float32]
    table: Floats
    labels: NDArray[np.int64]
    codes: NDArray[np.int64]
    turns: int


def look_at(graph: PersonGraph, pairs: Pairs) -> tuple[NDArray[np.float32], Floats]:
    """Return what is known of unlinked pairs: the federated model's inputs, and the table of the local stack.

    The table says everything once, because trees ask their columns in turn: inputs about what two persons share, rarity
    of that, and the network's predictors instead of the bounded inputs that stand for them.
    """
    inputs = pair_inputs(graph, pairs).inputs
    shared = inputs[:, [INPUTS.index(name) for name in _SHARED]].astype(np.float64)
    rare = predictors(graph, pairs)[:, [PREDICTORS.index(name) for name in _RARE]]
    return inputs, np.concatenate([shared, rare, tie_predictors(graph.ties, pairs)], axis=1)


def table_columns(graph: PersonGraph) -> tuple[str, ...]:
    """Return the names of the table's columns."""
    return (*_SHARED, *_RARE, *tie_columns(graph.ties))


def plain_columns(graph: PersonGraph) -> NDArray[np.int64]:
    """Return the places of the columns that every network has: without what layers, times and long paths say."""
    plain = (*_SHARED, *_RARE, *PUBLISHED, *COMMUNITIES)
    return np.flatnonzero([name in plain for name in table_columns(graph)])


def hide_again(graph: PersonGraph) -> KnownPairs:
    """Hide recorded links a part at a time and ask for them among unlinked pairs; the same pairs every time."""
    generator = np.random.default_rng(_SEED)
    turns = int(np.clip(ENOUGH // max(len(np.unique(graph.ties.codes)), 1), 1, MOST_TURNS))
    asked = []
    for _ in range(turns):
        parts = hide_in_turn(graph.ties, generator)
        wanted = int(np.clip(-(-ENOUGH // max(len(parts[0]), 1)), FEWEST_PARTS, MOST_PARTS)) if parts else 0
        asked += [_asked(graph, part, generator=generator) for part in parts[:wanted]]
    return _joined(graph, asked, turns=turns)


def _asked(
    graph: PersonGraph, hidden: NDArray[np.int64], *, generator: np.random.Generator
) -> tuple[PersonGraph, NDArray[np.int64], int]:
    """Return what is left, the pairs to ask for, and how many of them, the first ones, are hidden links."""
    linked, observed = np.unique(graph.ties.codes), graph.without(hidden)
    common = np.stack(candidate_pairs(observed), axis=1)
    common = common[~np.isin(pair_codes(*common.T, count=graph.count), linked)]
    kinds = (
        draw_near(observed.ties.network, linked, generator=generator),
        common,
        draw_strangers(linked, graph.count, generator=generator),
    )
    drawn = [
        generator.permutation(pairs)[: number * len(hidden)] for number, pairs in zip(PER_LINK, kinds, strict=True)
    ]
    return observed, np.concatenate([pairs_of(hidden, graph.count), *drawn]), len(hidden)


def _joined(graph: PersonGraph, asked: list[tuple[PersonGraph, NDArray[np.int64], int]], *, turns: int) -> KnownPairs:
    nobody = np.zeros((0, 2), dtype=np.int64)
    asked = asked or [(graph, nobody, 0)]
    ends = [(pairs[:, 0], pairs[:, 1]) for _, pairs, _ in asked]
    observed = [left for left, _, _ in asked]
    looked = [look_at(left, pairs) for left, pairs in zip(observed, ends, strict=True)]
    return KnownPairs(
        inputs=np.concatenate([inputs for inputs, _ in looked]),
        table=np.concatenate([table for _, table in looked]),
        labels=np.concatenate([(np.arange(len(pairs)) < hidden).astype(np.int64) for _, pairs, hidden in asked]),
        codes=np.concatenate([pair_codes(*pair, count=graph.count) for pair in ends]),
        turns=turns,
    )
