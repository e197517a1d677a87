"""Stage C's gate: it opens where neighbours know the answer and stays shut where the head is noise."""

import numpy as np
import pytest

from safeborders.node.learning.regression import Floats
from safeborders.node.learning.relational_gate import FOLDS, GateProblem, open_gate

COUNT, CLASSES = 1200, 4


def problem_and_truth(seed: int) -> tuple[GateProblem, Floats]:
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, CLASSES, COUNT)
    labels = np.where(np.arange(COUNT) < 400, truth, -1)
    nothing = np.zeros((2, 0), dtype=np.int64)
    return GateProblem(labels, np.arange(COUNT) % FOLDS, nothing, np.zeros(0)), np.eye(CLASSES)[truth]


def right(logits: Floats, truth: Floats) -> float:
    return float((logits.argmax(axis=1) == truth.argmax(axis=1))[400:].mean())


@pytest.mark.parametrize("seed", range(4))
def test_a_head_of_noise_costs_less_than_half_a_point(seed: int) -> None:
    problem, truth = problem_and_truth(seed)
    noise = np.random.default_rng(seed + 50).normal(size=truth.shape)
    gated = open_gate(problem, encoder=truth + 0.7 * noise[::-1], head=noise)
    assert right(gated.logits, truth) >= right(gated.without_head, truth) - 0.005


def test_where_only_neighbours_know_the_gate_opens() -> None:
    problem, truth = problem_and_truth(1)
    generator = np.random.default_rng(2)
    gated = open_gate(
        problem,
        encoder=generator.normal(size=truth.shape),
        head=truth + 0.5 * generator.normal(size=truth.shape),
    )
    assert gated.chosen.head
    assert right(gated.logits, truth) > right(gated.without_head, truth) + 0.4
    assert gated.loss < gated.loss_without_head


def test_without_a_label_the_encoder_is_believed() -> None:
    problem, truth = problem_and_truth(3)
    blind = GateProblem(np.full(COUNT, -1), problem.folds, problem.edges, problem.weights)
    gated = open_gate(blind, encoder=truth, head=-truth)
    assert not gated.chosen.head
    assert right(gated.logits, truth) == 1.0
