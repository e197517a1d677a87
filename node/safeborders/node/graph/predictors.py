"""Predictors of links for use at home, from what two persons share: they look at rarity, so they may never be released.

The link between the two persons themselves is left out of every predictor. Those of the network alone: ``topology``.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from safeborders.node.graph.pairs import Pairs
from safeborders.node.graph.persons import PersonGraph

PREDICTORS: tuple[str, ...] = (
    "adamic_adar_associates",
    "adamic_adar_bridges",
    "adamic_adar_cases",
    "adamic_adar_contacts",
    "mixed_paths",
)
"""Names of the columns."""


def predictors(graph: PersonGraph, pairs: Pairs) -> NDArray[np.float64]:
    """Return the predictors of the pairs, the same in both orders, :math:`(N, P)`."""
    first, second = pairs
    if not len(first):
        return np.zeros((0, len(PREDICTORS)))
    bridges = sum((_adamic_adar(table, first, second) for table in graph.bridges.values()), start=np.zeros(len(first)))
    contacts = sum(
        (_adamic_adar(table, first, second) for table in graph.contacts.values()), start=np.zeros(len(first))
    )
    columns = (
        _adamic_adar(graph.associates, first, second),
        bridges,
        _adamic_adar(graph.cases, first, second),
        contacts,
        np.log1p(_mixed_paths(graph, first, second)),
    )
    return np.stack([np.minimum(column, 5.0) for column in columns], axis=1)


def adamic_adar(graph: PersonGraph, pairs: Pairs) -> NDArray[np.float64]:
    """Return the usual index over all that two persons share (Adamic and Adar 2003), the yardstick of every model."""
    columns = predictors(graph, pairs)
    total: NDArray[np.float64] = columns[:, : PREDICTORS.index("mixed_paths")].sum(axis=1)
    return total


def _adamic_adar(table: csr_array, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    return _weighted(table, 1 / np.log(np.maximum(_sums(table, axis=0), 2)), first=first, second=second)


def _weighted(
    table: csr_array, weights: NDArray[np.float64], *, first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    shared: NDArray[np.float64] = np.asarray(table[first].multiply(table[second]) @ weights).ravel()
    return shared


def _mixed_paths(graph: PersonGraph, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    """Ways from one person over an associate to somebody who shares a selector or a contact with the other."""
    near = sum((table for table in graph.contacts.values()), start=csr_array((graph.count, graph.count)))
    for table in graph.bridges.values():
        near = near + table @ table.T
    near = csr_array(near)
    near.setdiag(0)
    ways = graph.associates[first].multiply(near[second]).sum(axis=1)
    back = graph.associates[second].multiply(near[first]).sum(axis=1)
    return np.asarray(ways + back, dtype=np.float64).ravel()


def _sums(table: csr_array, *, axis: int) -> NDArray[np.float64]:
    return np.asarray(table.sum(axis=axis), dtype=np.float64).ravel()
