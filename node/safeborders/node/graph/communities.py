"""Communities of one undirected network, and what they say about a pair; for use at home only.

A small network has many partitions that are nearly as good as the best; what several of them say in the mean tells how
sure a community is (consensus clustering: Lancichinetti and Fortunato, Scientific Reports 2012).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix
from sknetwork.clustering import Louvain  # type: ignore[import-untyped]  # it ships no types

from safeborders.node.graph.topology import Ends, Floats, Network

COMMUNITIES: tuple[str, ...] = ("apart", "community_density")
"""Names of the columns: no path between the two; how closely the community of one is linked with that of the other."""

_RESOLUTIONS = (0.5, 0.8, 1.0, 1.5, 2.5)
"""From few large communities to many small ones."""
_SEEDS = range(4)


@dataclass(frozen=True, eq=False)
class Partition:
    """Each actor in one community.

    Attributes:
        labels: Number of each actor's community, :math:`(N,)`.
        links: Ends of links from community to community, each link within one counted twice, :math:`(K, K)`.
        ends: Ends of links in each community, :math:`(K,)`.
    """

    labels: NDArray[np.int64]
    links: csr_array
    ends: Floats

    @classmethod
    def of(cls, network: Network, labels: NDArray[np.int64]) -> "Partition":
        """Count the links of a network between the communities of ``labels``."""
        members = csr_array((np.ones(len(labels)), (np.arange(len(labels)), labels)))
        links = csr_array(members.T @ network.table @ members)
        return cls(labels, links, np.asarray(links.sum(axis=1), dtype=np.float64).ravel())

    def density(self, ends: Ends) -> Floats:
        """Return the log of the links there are between the communities of two to the links expected, :math:`(P,)`.

        Expected as if ends were joined by chance (the degree-corrected block model: Karrer and Newman, Physical Review
        E 2011); one link is added to either.
        """
        first, second = self.labels[ends[0]], self.labels[ends[1]]
        there = np.asarray(self.links[first, second], dtype=np.float64).ravel()
        expected = self.ends[first] * self.ends[second] / max(float(self.ends.sum()), 1.0)
        return np.asarray(np.log((there + 1) / (expected + 1)), dtype=np.float64)


def community_predictors(network: Network, ends: Ends) -> Floats:
    """Return one column per name of ``COMMUNITIES``, the same every time and in both orders.

    The pairs must not be linked: their own link is not taken out.
    """
    if not len(ends[0]):
        return np.zeros((0, len(COMMUNITIES)))
    apart = network.parts[0][ends[0]] != network.parts[0][ends[1]]
    found = [partition.density(ends) for partition in partitions(network)]
    density = np.mean(found, axis=0) if found else np.zeros(len(apart))
    return np.stack([apart.astype(np.float64), density], axis=1)


def partitions(network: Network) -> tuple[Partition, ...]:
    """Return several partitions by modularity (Blondel et al., 2008) at five resolutions; none without links."""
    if not network.table.nnz:
        return ()
    table = csr_matrix(network.table)
    return tuple(
        Partition.of(
            network,
            np.asarray(
                Louvain(resolution=resolution, shuffle_nodes=True, random_state=seed).fit_predict(table), dtype=np.int64
            ),
        )
        for resolution in _RESOLUTIONS
        for seed in _SEEDS
    )
