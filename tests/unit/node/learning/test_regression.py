import numpy as np
import pytest

from safeborders.node.learning.regression import fit_residual, mean_log_loss


def blobs(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, count)
    return generator.normal(size=(count, 4)) + 2 * np.eye(4)[labels], labels


def test_without_examples_the_given_logits_stay() -> None:
    offsets = np.array([[1.0, -1.0]])
    residual = fit_residual(np.zeros((0, 3)), np.zeros((0, 2)), labels=np.zeros(0, dtype=np.int64), penalty=1.0)
    assert np.array_equal(residual.logits(np.ones((1, 3)), offsets), offsets)


def test_a_huge_penalty_leaves_the_federated_model_alone_and_a_small_one_learns() -> None:
    inputs, labels = blobs(120)
    offsets = np.zeros((120, 3))
    stiff = fit_residual(inputs, offsets, labels=labels, penalty=1e7).logits(inputs, offsets)
    free = fit_residual(inputs, offsets, labels=labels, penalty=1.0).logits(inputs, offsets)
    assert np.abs(stiff).max() < 1e-2
    assert mean_log_loss(free, labels) < 0.7 * mean_log_loss(offsets, labels)


def test_the_fit_is_deterministic_and_ignores_the_order_of_examples() -> None:
    inputs, labels = blobs(60)
    order = np.random.default_rng(1).permutation(60)
    one = fit_residual(inputs, np.zeros((60, 3)), labels=labels, penalty=1.0)
    same = fit_residual(inputs, np.zeros((60, 3)), labels=labels, penalty=1.0)
    other = fit_residual(inputs[order], np.zeros((60, 3)), labels=labels[order], penalty=1.0)
    assert np.array_equal(one.weights, same.weights)
    assert np.allclose(one.weights, other.weights, atol=1e-3)


def test_a_penalty_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="penalty"):
        fit_residual(np.zeros((1, 1)), np.zeros((1, 2)), labels=np.zeros(1, dtype=np.int64), penalty=0.0)
