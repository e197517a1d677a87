import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from safeborders.models.gnn.propagation import EvidencePropagation

LAYER = EvidencePropagation(share=0.6, steps=3)


def graph(seed: int, count: int = 7) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    evidence = torch.randn(count, 4, generator=generator, dtype=torch.float64)
    edges = torch.randint(0, count - 1, (2, 12), generator=generator)  # the last one stays isolated
    return evidence, edges, torch.rand(12, generator=generator, dtype=torch.float64) + 0.1


@given(seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_renaming_the_nodes_renames_the_output(seed: int) -> None:
    evidence, edges, weights = graph(seed)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(seed + 1))
    place = torch.argsort(order)
    renamed = LAYER(evidence[order], place[edges], weights)
    assert torch.allclose(renamed, LAYER(evidence, edges, weights)[order])


@given(seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_the_order_of_links_does_not_matter(seed: int) -> None:
    evidence, edges, weights = graph(seed)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(seed))
    assert torch.allclose(LAYER(evidence, edges[:, order], weights[order]), LAYER(evidence, edges, weights))


def test_the_isolated_keep_their_own_evidence() -> None:
    evidence, edges, weights = graph(3)
    assert torch.equal(LAYER(evidence, edges, weights)[6], evidence[6])


def test_an_empty_graph_has_an_empty_answer() -> None:
    none = LAYER(torch.zeros(0, 4), torch.zeros(2, 0, dtype=torch.int64), torch.zeros(0))
    assert none.shape == (0, 4)


def test_two_graphs_in_one_batch_do_not_hear_each_other() -> None:
    (x, e, w), (y, f, v) = graph(4), graph(5)
    together = LAYER(torch.cat([x, y]), torch.cat([e, f + 7], dim=1), torch.cat([w, v]))
    assert torch.allclose(together, torch.cat([LAYER(x, e, w), LAYER(y, f, v)]))


def test_no_share_for_the_neighbours_changes_nothing() -> None:
    evidence, edges, weights = graph(6)
    assert torch.equal(EvidencePropagation(share=0.0, steps=3)(evidence, edges, weights), evidence)


@pytest.mark.parametrize("arguments", [{"share": 1.0, "steps": 1}, {"share": 0.5, "steps": -1}])
def test_meaningless_settings_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        EvidencePropagation(**arguments)  # type: ignore[arg-type]  # the point of the test
