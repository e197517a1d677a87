"""What two persons have in common and how they stand in the network: the link model's inputs, and who witnesses them.

A pair's inputs depend on the two persons and on its witnesses (everybody linked with either, and the common contacts
that were counted) and on nobody else (decision 0170). A link between the two themselves is never an input.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from safeborders.models.graph.features import SPECIFICATION, Feature
from safeborders.node.graph.persons import PersonGraph, symmetric
from safeborders.node.graph.ranking import positions_within
from safeborders.node.graph.topology import NEAR, Network, topological_predictors

_DAYS_PER_YEAR = 365.0

NETWORK = tuple(feature.name for feature in SPECIFICATION.links if feature.name in NEAR)
"""Inputs that tell how the two stand in the network of kin and associates."""

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]
"""First and second persons of pairs, by position, :math:`(N,)` each."""


@dataclass(frozen=True)
class PairInputs:
    """Inputs of pairs and their witnesses.

    Shape:
        - ``inputs``: :math:`(N, F)`, float32.
        - ``witnessed``, ``witnesses``: :math:`(W,)`; the pair's row and the person's position.
    """

    inputs: NDArray[np.float32]
    witnessed: NDArray[np.int64]
    witnesses: NDArray[np.int64]


def pair_inputs(graph: PersonGraph, pairs: Pairs) -> PairInputs:
    """Return the inputs of pairs of persons, the same in both orders."""
    first, second = pairs
    contacts = _any_contact(graph)
    near = topological_predictors(Network(graph.associates), pairs, names=NETWORK)
    contacted, by_contact = _witnesses(graph, contacts, (first, second), feature=_feature("common_contact"))
    values = {
        **{name: _both(table, first, second) for name, table in graph.bridges.items()},
        **{name: _entries(table, first, second) for name, table in graph.contacts.items()},
        "shared_case": _both(graph.cases, first, second),
        "shared_episode": _both(graph.episodes, first, second),
        "same_side": _both(graph.offenders, first, second) + _both(graph.victims, first, second),
        "offender_and_victim": _cross(graph, first, second) + _cross(graph, second, first),
        "common_associate": _both(graph.associates, first, second),
        "common_contact": contacted,
        "time_overlap": _overlap(graph.active[first], graph.active[second]),
        **dict(zip(NETWORK, near.T, strict=True)),
    }
    linked = _linked_with(graph.associates, first, second)
    columns = [np.minimum(values[f.name], f.cap) * f.scale for f in SPECIFICATION.links]
    return PairInputs(
        inputs=np.stack(columns, axis=1).astype(np.float32) if len(first) else np.zeros((0, len(columns)), np.float32),
        witnessed=np.concatenate([linked[0], by_contact[0]]),
        witnesses=np.concatenate([linked[1], by_contact[1]]),
    )


def candidate_pairs(graph: PersonGraph) -> Pairs:
    """Return all pairs that share a bridge, a case, an episode, a contact or an associate; each once, in order."""
    tables = [*graph.bridges.values(), graph.cases, graph.episodes, graph.associates, _any_contact(graph)]
    together = csr_array((graph.count, graph.count))
    for table in tables:
        together = together + table @ table.T
    for table in graph.contacts.values():
        together = together + table
    entries = (together + together.T).tocoo()
    upper = entries.row < entries.col
    order = np.lexsort((entries.col[upper], entries.row[upper]))
    return entries.row[upper][order].astype(np.int64), entries.col[upper][order].astype(np.int64)


def contains(table: csr_array, pairs: Pairs) -> NDArray[np.bool_]:
    """Return whether each pair has an entry in a symmetric table."""
    return _entries(table, *pairs) > 0


def _feature(name: str) -> Feature:
    return next(feature for feature in SPECIFICATION.links if feature.name == name)


def _any_contact(graph: PersonGraph) -> csr_array:
    total = csr_array((graph.count, graph.count))
    for table in graph.contacts.values():
        total = total + table
    entries = total.tocoo()
    return symmetric(entries.row.astype(np.int64), entries.col.astype(np.int64), count=graph.count)


def _both(table: csr_array, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    if not len(first):
        return np.zeros(0)
    shared: NDArray[np.float64] = np.asarray(table[first].multiply(table[second]).sum(axis=1)).ravel()
    return shared


def _cross(graph: PersonGraph, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    if not len(first):
        return np.zeros(0)
    shared: NDArray[np.float64] = np.asarray(graph.offenders[first].multiply(graph.victims[second]).sum(axis=1)).ravel()
    return shared


def _entries(table: csr_array, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = (
        np.asarray(table[first, second], dtype=np.float64).ravel() if len(first) else np.zeros(0)
    )
    return found


def _witnesses(
    graph: PersonGraph, table: csr_array, pairs: Pairs, *, feature: Feature
) -> tuple[NDArray[np.float64], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Count common neighbours up to the cap; those with the smallest public hash are the ones counted."""
    first, second = pairs
    if not len(first):
        nobody = np.zeros(0, dtype=np.int64)
        return np.zeros(0), (nobody, nobody)
    common = table[first].multiply(table[second]).tocoo()
    pair, person = common.row.astype(np.int64), common.col.astype(np.int64)
    counted = positions_within(pair, graph.ranks[person]) < feature.cap
    counts = np.bincount(pair[counted], minlength=len(first)).astype(np.float64)
    return counts, (pair[counted], person[counted])


def _linked_with(table: csr_array, first: NDArray[np.int64], second: NDArray[np.int64]) -> Pairs:
    """Return (pair, person) for everybody who is linked with either of a pair."""
    around = (table[first] + table[second]).tocoo()
    return around.row.astype(np.int64), around.col.astype(np.int64)


def _overlap(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 where the known days of both overlap, falling by half for each year between them; 0 when unknown."""
    gap = np.maximum(first[:, 0] - second[:, 1], second[:, 0] - first[:, 1])
    closeness = 0.5 ** (np.maximum(gap, 0.0) / _DAYS_PER_YEAR)
    return np.where(np.isnan(gap), 0.0, closeness)
