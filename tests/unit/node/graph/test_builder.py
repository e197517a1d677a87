import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import HeteroData

from safeborders.models.graph.columns import is_denied
from safeborders.node.graph.builder import CASE_EDGE, build_graph
from safeborders.node.graph.persons import build_person_graph
from sbtest.small_country import small_country


def graph_of(seed: int, groups: int = 4) -> HeteroData:
    records = small_country(seed, groups=groups)
    return build_graph(records, build_person_graph(records))


@given(seed=st.integers(0, 200))
@settings(max_examples=15, deadline=None)
def test_no_edge_points_to_nothing(seed: int) -> None:
    graph = graph_of(seed)
    assert graph.validate()
    for source, _, target in graph.edge_types:
        ends = graph[source, _, target].edge_index
        assert ends.dtype == torch.int64
        if ends.numel():
            assert int(ends.min()) >= 0
            assert int(ends[0].max()) < graph[source].num_nodes
            assert int(ends[1].max()) < graph[target].num_nodes


@given(seed=st.integers(0, 200))
@settings(max_examples=10, deadline=None)
def test_projections_run_in_both_directions_without_loops(seed: int) -> None:
    graph = graph_of(seed)
    projected = [kind for kind in graph.edge_types if kind[0] == kind[2] and "edge_weight" in graph[kind]]
    assert CASE_EDGE in projected
    for kind in projected:
        ends = graph[kind].edge_index.numpy()
        there = sorted(map(tuple, ends.T))
        assert there == sorted(map(tuple, ends[::-1].T))
        assert (ends[0] != ends[1]).all()
        assert (graph[kind].edge_weight > 0).all()


def test_cases_of_one_group_hang_together_and_others_do_not() -> None:
    graph = graph_of(1)
    ends = graph[CASE_EDGE].edge_index.numpy()
    assert ends.size
    assert (ends[0] // 3 == ends[1] // 3).all()


def test_persons_carry_no_attribute_at_all() -> None:
    graph = graph_of(2)
    assert set(graph["person"].keys()) == {"num_nodes"}
    for store in graph.node_stores:
        assert not any(is_denied(name) for name in store if name not in {"num_nodes", "y", "indicators"})


def test_the_same_records_make_the_same_graph() -> None:
    one, other = graph_of(3), graph_of(3)
    assert one.edge_types == other.edge_types
    assert all(torch.equal(one[kind].edge_index, other[kind].edge_index) for kind in one.edge_types)


def test_unknown_indicators_stay_unknown() -> None:
    records = small_country(4)
    graph = build_graph(records, build_person_graph(records))
    assert np.isnan(records.indicators).any()
    assert np.array_equal(graph["case"].indicators.numpy(), records.indicators, equal_nan=True)


def test_a_country_without_records_has_an_empty_graph() -> None:
    graph = graph_of(1, groups=0)
    assert graph["case"].num_nodes == 0
    assert graph[CASE_EDGE].edge_index.shape == (2, 0)
