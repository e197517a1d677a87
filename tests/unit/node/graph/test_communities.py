"""Communities of a network: found where they were put, counted as networkx counts them, the same every time."""

import networkx as nx  # type: ignore[import-untyped]  # it ships no types
import numpy as np
import pytest

from safeborders.node.graph.communities import COMMUNITIES, Partition, community_predictors, partitions
from safeborders.node.graph.topology import Network

GROUPS = 5
SIZE = 10


def planted(seed: int, *, within: float = 0.6, between: float = 0.02) -> tuple[Network, nx.Graph]:
    graph = nx.planted_partition_graph(GROUPS, SIZE, within, between, seed=seed)
    return Network.of_pairs(np.array(graph.edges, dtype=np.int64), count=len(graph)), graph


def unlinked(network: Network) -> tuple[np.ndarray, np.ndarray]:
    first, second = np.argwhere(np.triu(network.table.todense() == 0, k=1)).T
    return first.astype(np.int64), second.astype(np.int64)


def column(network: Network, ends: tuple[np.ndarray, np.ndarray], name: str) -> np.ndarray:
    return community_predictors(network, ends)[:, COMMUNITIES.index(name)]


@pytest.mark.parametrize("seed", range(3))
def test_who_was_put_together_is_found_together(seed: int) -> None:
    network, _ = planted(seed)
    ends = unlinked(network)
    same = ends[0] // SIZE == ends[1] // SIZE
    found = column(network, ends, "community_density")
    assert found[same].mean() > found[~same].mean() + 0.5
    nothing, _ = planted(seed, within=0.1, between=0.1)
    ends = unlinked(nothing)
    same = ends[0] // SIZE == ends[1] // SIZE
    chance = column(nothing, ends, "community_density")
    assert abs(chance[same].mean() - chance[~same].mean()) < 0.1, "control: no group was put into this network"


def test_a_partitions_links_are_those_of_networkx() -> None:
    network, graph = planted(7)
    partition = partitions(network)[0]
    groups = [set(np.flatnonzero(partition.labels == number).tolist()) for number in np.unique(partition.labels)]
    counted = nx.quotient_graph(graph, groups, edge_data=lambda a, b: {"n": nx.cut_size(graph, a, b)})
    links = partition.links.todense()
    for number, group in enumerate(groups):
        assert links[number, number] == 2 * graph.subgraph(group).number_of_edges()
        assert partition.ends[number] == sum(dict(graph.degree(group)).values())
        for other, theirs in enumerate(groups[:number]):
            wanted = counted.edges.get((frozenset(group), frozenset(theirs)), {"n": 0})["n"]
            assert links[number, other] == links[other, number] == wanted


def test_density_is_links_against_links_by_chance() -> None:
    network = Network.of_pairs(np.array([[0, 1], [1, 2], [0, 2], [3, 4], [2, 3]]), count=5)
    partition = Partition.of(network, np.array([0, 0, 0, 1, 1]))
    ends = np.array([0, 0]), np.array([1, 4])
    expected = [np.log((6 + 1) / (7 * 7 / 10 + 1)), np.log((1 + 1) / (7 * 3 / 10 + 1))]
    assert np.allclose(partition.density(ends), expected)


def test_ends_of_a_cut_tree_are_apart() -> None:
    path = np.array([[0, 1], [1, 2], [3, 4]])
    ends = np.array([0, 2]), np.array([2, 3])
    assert column(Network.of_pairs(path, count=6), ends, "apart").tolist() == [0.0, 1.0]
    joined = np.concatenate([path, [[2, 3]]])
    assert column(Network.of_pairs(joined, count=6), ends, "apart").tolist() == [0.0, 0.0]


def test_the_same_every_time_and_in_both_orders() -> None:
    network, _ = planted(1)
    ends = unlinked(network)
    found = community_predictors(network, ends)
    assert np.array_equal(found, community_predictors(Network(network.table), ends[::-1]))


@pytest.mark.parametrize("count", [0, 1, 4])
def test_without_links_nothing_is_said_of_communities(count: int) -> None:
    network = Network.of_pairs(np.zeros((0, 2), dtype=np.int64), count=count)
    ends = (np.array([0]), np.array([3])) if count == 4 else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    found = community_predictors(network, ends)
    assert found.shape == (len(ends[0]), len(COMMUNITIES))
    assert not found[:, 1:].any()


@pytest.mark.parametrize("pairs", [0, 1])
def test_nobody_and_one_pair_are_asked_about(pairs: int) -> None:
    network, _ = planted(2)
    ends = tuple(end[:pairs] for end in unlinked(network))
    assert community_predictors(network, (ends[0], ends[1])).shape == (pairs, len(COMMUNITIES))
