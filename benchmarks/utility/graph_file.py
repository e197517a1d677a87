"""A graph in one file, its split, and labels that only neighbours know."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from safeborders.models.gnn.relational import public_projection
from safeborders.models.graph.csr import CuratedRelation, build_relation
from safeborders.node.graph.ranking import CURATION_KEY, keyed_ranks, pair_identifiers

WIDEST = 8192
"""Words of the public vocabulary that are used as they are; more are projected to this many."""
_PARTS = (0.75, 0.85)
_STRESS_WIDTH = 64


@dataclass(frozen=True)
class BenchmarkGraph:
    """Nodes with features and labels, split in three.

    Attributes:
        features: Rows of length 1 (or 0), :math:`(N, F)`, float32.
        labels: :math:`(N,)`.
        pairs: Undirected links, each once, :math:`(E, 2)`.
        train, judged, test: Positions: 75, 10 and 15 %.
        seed: Of the split.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    pairs: NDArray[np.int64]
    train: NDArray[np.int64]
    judged: NDArray[np.int64]
    test: NDArray[np.int64]
    seed: int

    @property
    def count(self) -> int:
        """Number of nodes."""
        return len(self.labels)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.labels.max()) + 1

    @property
    def edges(self) -> NDArray[np.int64]:
        """Links in both directions, :math:`(2, 2E)`."""
        return np.concatenate([self.pairs.T, self.pairs.T[::-1]], axis=1)

    @property
    def adjacency(self) -> csr_array:
        """Symmetric 0/1 table."""
        source, target = self.edges
        return csr_array((np.ones(len(source)), (source, target)), shape=(self.count, self.count))

    @property
    def members(self) -> NDArray[np.bool_]:
        """Who takes part in training."""
        inside = np.zeros(self.count, dtype=np.bool_)
        inside[self.train] = True
        return inside

    def curated(self, *, limit: int) -> CuratedRelation:
        """Return the links among training nodes that curation keeps: mutual top-K by the product's public hash."""
        among = self.pairs[self.members[self.pairs].all(axis=1)]
        names = [f"n{index}" for index in range(self.count)]
        first, second = ([names[index] for index in side] for side in among.T)
        ranks = keyed_ranks(pair_identifiers(first, second), key=CURATION_KEY)
        nothing = np.zeros((len(among), 0), dtype=np.float32)
        return build_relation(among, nothing, count=self.count, limit=limit, ranks=ranks)


def load_benchmark_graph(path: Path, *, seed: int) -> BenchmarkGraph:
    """Load a file in the form of facebook_pages.npz: edges, feat_ptr, feat_idx, n_features, y."""
    with np.load(path, allow_pickle=False) as stored:
        labels = stored["y"].astype(np.int64)
        starts, places, width = stored["feat_ptr"], stored["feat_idx"], int(stored["n_features"])
        words = csr_array(
            (np.ones(len(places)), places.astype(np.int64), starts.astype(np.int64)), (len(labels), width)
        )
        ends = np.sort(stored["edges"].astype(np.int64), axis=1)
    lengths = np.sqrt(np.asarray(words.multiply(words).sum(axis=1), dtype=np.float64).ravel())
    words = csr_array(words.multiply((1 / np.maximum(lengths, 1e-12))[:, None])).astype(np.float32)
    if width <= WIDEST:
        features = words.toarray()
    else:
        features = unit_rows(words @ public_projection(width, to=WIDEST, seed=0)).astype(np.float32)
    order = np.random.default_rng(1000 + seed).permutation(len(labels))
    train, judged, test = np.split(order, [int(share * len(order)) for share in _PARTS])
    return BenchmarkGraph(
        features=features,
        labels=labels,
        pairs=np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0),
        train=np.sort(train),
        judged=np.sort(judged),
        test=np.sort(test),
        seed=seed,
    )


def with_neighbour_labels(graph: BenchmarkGraph) -> BenchmarkGraph:
    """Return the same graph with random features and labels that only the mean of the neighbours' features knows."""
    generator = np.random.default_rng(77 + graph.seed)
    features = unit_rows(generator.normal(size=(graph.count, _STRESS_WIDTH)))
    means = neighbour_means(graph, features)
    labels = (means @ generator.normal(size=(_STRESS_WIDTH, graph.classes))).argmax(axis=1)
    return replace(graph, features=features.astype(np.float32), labels=labels.astype(np.int64))


def neighbour_means(graph: BenchmarkGraph, features: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the mean of all neighbours' features, zero without neighbours."""
    table = graph.adjacency
    degrees = np.asarray(table.sum(axis=1), dtype=np.float64).ravel()
    return np.asarray(table @ features.astype(np.float64)) / np.maximum(degrees, 1)[:, None]


def unit_rows(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the rows brought to length 1; empty ones stay."""
    wide = rows.astype(np.float64)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12))
