"""Topological predictors against networkx, and the promise that lets some of them into training."""

import networkx as nx  # type: ignore[import-untyped]  # it ships no types
import numpy as np
import pytest

from safeborders.node.graph import topology
from safeborders.node.graph.ties import Ties, tie_predictors
from safeborders.node.graph.topology import AROUND, NEAR, PREDICTORS, Network, topological_predictors


def network(seed: int, count: int = 18) -> tuple[Network, nx.Graph, tuple[np.ndarray, np.ndarray]]:
    graph = nx.gnp_random_graph(count, 0.25, seed=seed)
    made = Network.of_pairs(np.array(graph.edges, dtype=np.int64), count=count)
    return made, graph, tuple(np.argwhere(np.triu(np.ones((count, count)), k=1)).T.astype(np.int64))  # type: ignore[return-value]


def without(graph: nx.Graph, first: int, second: int) -> nx.Graph:
    rest = graph.copy()
    rest.remove_edges_from([(first, second)])
    return rest


@pytest.mark.parametrize("seed", range(3))
def test_predictors_are_those_of_networkx_without_the_pairs_own_link(seed: int) -> None:
    made, graph, ends = network(seed)
    found = dict(zip(PREDICTORS, topological_predictors(made, ends).T, strict=True))
    cores = nx.core_number(graph)
    for place, (a, b) in enumerate(zip(*(side.tolist() for side in ends), strict=True)):
        rest = without(graph, a, b)
        common = len(list(nx.common_neighbors(rest, a, b)))
        assert found["common_neighbours"][place] == pytest.approx(np.log1p(common))
        assert found["jaccard"][place] == pytest.approx(next(nx.jaccard_coefficient(rest, [(a, b)]))[2])
        assert found["degree_product"][place] == pytest.approx(np.log1p(rest.degree[a] * rest.degree[b]))
        adamic = sum(1 / np.log(max(graph.degree[w], 2)) for w in nx.common_neighbors(rest, a, b))
        assert found["adamic_adar"][place] == pytest.approx(adamic)
        assert found["clustering"][place] == pytest.approx(nx.clustering(rest, a) + nx.clustering(rest, b))
        assert found["cores"][place] == min(cores[a], cores[b])
        paths = sum(1 for u in rest[a] for v in rest[b] if u not in (v, b) and v != a and graph.has_edge(u, v))
        assert found["paths_of_three"][place] == pytest.approx(np.log1p(paths))


@pytest.mark.parametrize("seed", range(2))
def test_bounded_stand_ins_are_what_networkx_says_of_the_subgraph_around_the_two(seed: int) -> None:
    made, graph, ends = network(seed)
    found = dict(zip(AROUND, topological_predictors(made, ends, names=AROUND).T, strict=True))
    for place, (a, b) in enumerate(zip(*(side.tolist() for side in ends), strict=True)):
        inside = without(graph.subgraph({a, b, *graph[a], *graph[b]}), a, b)
        between = list(nx.common_neighbors(inside, a, b))
        assert found["rare_around"][place] == pytest.approx(sum(1 / np.log(inside.degree[w]) for w in between))
        allocated = sum(1 / inside.degree[w] for w in between)
        assert found["allocation_around"][place] == pytest.approx(allocated)
        ways = 1 / max(inside.degree[a], 1) + 1 / max(inside.degree[b], 1)
        assert found["two_steps"][place] == pytest.approx(allocated * ways)
        steps = nx.shortest_path_length(inside, a, b) if nx.has_path(inside, a, b) else np.inf
        assert (found["met"][place], found["meeting"][place]) == (steps <= 2, steps <= 3)


def test_walks_are_the_same_in_whole_and_by_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _, ends = network(4)
    far = ("katz", "page_rank", "distance")
    whole = topological_predictors(made, ends, names=far)
    monkeypatch.setattr(topology, "_BLOCK", 2)
    assert np.allclose(topological_predictors(Network(made.table), ends, names=far), whole)
    monkeypatch.setattr(topology, "_MOST_TOGETHER", 1)
    assert not np.allclose(topological_predictors(Network(made.table), ends, names=far), whole), "control: cut short"


def test_near_predictors_do_not_feel_anybody_beyond_the_neighbours() -> None:
    made, graph, _ = network(5)
    a, b = 0, 1
    around = {a, b, *graph[a], *graph[b]}
    beyond = [person for person in graph if person not in around]
    assert beyond
    rest = graph.copy()
    rest.remove_edges_from([link for person in beyond for link in graph.edges(person)])
    smaller = Network.of_pairs(np.array(rest.edges, dtype=np.int64), count=made.count)
    ends = np.array([a]), np.array([b])
    assert np.array_equal(
        topological_predictors(made, ends, names=tuple(NEAR)), topological_predictors(smaller, ends, names=tuple(NEAR))
    )
    others = tuple(name for name in PREDICTORS if name not in NEAR)
    assert not np.array_equal(
        topological_predictors(made, ends, names=others), topological_predictors(smaller, ends, names=others)
    ), "control: the others do feel them"


def test_hiding_a_whole_layer_keeps_the_number_of_columns() -> None:
    pairs = np.array([[0, 1], [1, 2], [2, 3]], dtype=np.int64)
    ties = Ties(pairs, np.array([0, 0, 1]), np.array([1.0, 2.0, np.nan]), count=5, kinds=2, timed=True)
    ends = np.array([0, 0]), np.array([2, 4])
    fewer = tie_predictors(ties.where(np.array([True, False, False])), ends)
    assert fewer.shape == tie_predictors(ties, ends).shape
    assert np.isfinite(fewer).all()
