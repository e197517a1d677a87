"""The benchmark of private accuracy on a small graph, through engine, noise, accountant, head and gate."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.utility.graph_file import load_benchmark_graph, with_neighbour_labels
from benchmarks.utility.ours import train_ours

from safeborders.privacy.accountant import epsilon

CLASSES = 3


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Blocks of nodes that share words and link among themselves."""
    generator = np.random.default_rng(3)
    count, width = 1500, 90
    labels = generator.integers(0, CLASSES, count)
    words = [30 * label + generator.choice(30, 5, replace=False) for label in labels]
    ends = generator.integers(0, count, size=(40_000, 2))
    same = labels[ends[:, 0]] == labels[ends[:, 1]]
    edges = ends[same | (generator.random(len(ends)) < 0.05)][:6000]
    path = tmp_path_factory.mktemp("graph") / "blocks.npz"
    np.savez(
        path,
        edges=edges.astype(np.int32),
        feat_ptr=np.arange(0, 5 * count + 1, 5, dtype=np.int32),
        feat_idx=np.concatenate(words).astype(np.uint16),
        y=labels.astype(np.uint8),
        n_features=np.int64(width),
    )
    return path


@pytest.mark.slow
def test_ours_learns_within_its_epsilon_and_the_gate_opens_for_neighbours(file: Path) -> None:
    graph = load_benchmark_graph(file, seed=0)
    model = train_ours(graph, epsilon=8.0)
    assert epsilon(model.events, delta=1e-5) <= 8.0
    assert (model.gated.logits[graph.test].argmax(axis=1) == graph.labels[graph.test]).mean() > 0.8
    stress = with_neighbour_labels(graph)
    assert train_ours(stress, epsilon=8.0).gated.chosen.head
