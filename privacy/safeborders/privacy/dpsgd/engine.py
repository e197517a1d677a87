r"""One private step: draw, clip each example, sum, round to the integer grid, add integer noise.

Book-keeping (privacy.md 6.1): the gradient of a linear layer for one example is the outer product of its output
gradient g and its input a, so its squared norm is :math:`\|g\|^2 (\|a\|^2 + 1)` with the bias, and the clipped sum is
one matrix product. One backward pass, no gradient per example is ever formed.

Two precautions against floating-point numbers, which the proof does not know (docs/decisions/0033): all arithmetic is
float64; and examples run in chunks of one fixed shape, padded with zeros, because matrix kernels round a row
differently in batches of different size, so that deleting one person would change the gradients of all others.
"""

import copy
import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from safeborders.models.architecture import STATISTIC_SHARE, STATISTICS, largest_loss
from safeborders.models.protocol.plan import SMALLEST_CLIP_NORM, TaskPlan
from safeborders.privacy.dpsgd.clipping import GRADIENT_SHARE, clip_factors
from safeborders.privacy.dpsgd.noise import discrete_gaussian
from safeborders.privacy.dpsgd.sampling import poisson_sample
from safeborders.privacy.dpsgd.soundness import check_module
from safeborders.privacy.errors import UnsoundExamples
from safeborders.privacy.units import AttributedExamples

CHUNK_ROWS = 256
_LARGEST_SUM = 2.0**62


def private_sum(model: nn.Module, examples: AttributedExamples, *, mechanism: TaskPlan) -> NDArray[np.int64]:
    """Return one task's part of an update: noisy, on the integer grid, ready to leave.

    One call is one step of ``AttributedGaussian``: the caller must have charged it, and must never call again for the
    same charge. The sum may be empty; its noise is not.

    Args:
        model: An ``nn.Sequential`` of linear layers and tanh with the round's parameters; it is not changed.
        examples: The country's curated examples of the task.
        mechanism: The plan's numbers for the task.

    Returns:
        Parameters in the order of ``TaskArchitecture.layout``, then ``STATISTICS``; 2**quantisation_bits grid units
        are one clip_norm. Shape (update_length,).

    Raises:
        UnsoundModule: If ``model`` is not on the allow-list.
        UnsoundExamples: If ``examples`` promise less than the plan was priced for, or do not fit ``model``.
    """
    if examples.examples_per_person > mechanism.examples_per_person:
        raise UnsoundExamples("The curation keeps more examples of a person than the plan allows: curate again.")
    chosen = poisson_sample(examples.count, sampling_rate=mechanism.sampling_rate)
    total = clipped_sum(model, examples.inputs[chosen], labels=examples.labels[chosen], clip_norm=mechanism.clip_norm)
    return privatise(total, mechanism=mechanism)


def privatise(total: NDArray[np.float64], *, mechanism: TaskPlan) -> NDArray[np.int64]:
    """Round ``total`` to the grid of ``mechanism`` and add integer noise of at least the plan's standard deviation."""
    grid = 2.0**mechanism.quantisation_bits
    scaled = total * (grid / mechanism.clip_norm)
    if not (np.abs(scaled) < _LARGEST_SUM).all():  # a comparison with NaN is false; a cast would leak signs
        raise UnsoundExamples("The sum does not fit the integer grid: nothing was released.")
    rounded = np.rint(scaled).astype(np.int64)
    deviation = math.ceil(mechanism.noise_multiplier * grid)
    return rounded + discrete_gaussian(len(rounded), deviation=deviation)


def clipped_sum(
    model: nn.Module, inputs: NDArray[np.float32], *, labels: NDArray[np.int64], clip_norm: float
) -> NDArray[np.float64]:
    """Return the sum over a batch of [clipped gradient, statistics], each example's part of norm at most clip_norm.

    This is not private; it is apart so that audits can take it apart.

    Args:
        model: As for ``private_sum``.
        inputs: Shape (B, F), float32; B may be 0.
        labels: Shape (B,), int64, below the number of outputs.
        clip_norm: Bound C, at least ``SMALLEST_CLIP_NORM``.

    Returns:
        Shape (parameters + 3,), float64.
    """
    if not (SMALLEST_CLIP_NORM <= clip_norm < math.inf):
        raise ValueError(f"clip_norm must be finite and >= {SMALLEST_CLIP_NORM}. Got {clip_norm}.")
    network = copy.deepcopy(model).double().requires_grad_(True).train()
    linear = check_module(network)
    if inputs.shape[1] != linear[0].in_features or (len(labels) and int(labels.max()) >= linear[-1].out_features):
        raise UnsoundExamples("The examples do not fit the network: both need the same feature specification.")
    length = sum(layer.weight.numel() + layer.bias.numel() for layer in linear)
    total = np.zeros(length + len(STATISTICS))
    for start in range(0, len(labels), CHUNK_ROWS):
        stop = start + CHUNK_ROWS
        total += _chunk_sum(network, inputs[start:stop], labels=labels[start:stop], clip_norm=clip_norm)
    return total


def _chunk_sum(
    network: nn.Module, inputs: NDArray[np.float32], *, labels: NDArray[np.int64], clip_norm: float
) -> NDArray[np.float64]:
    rows = len(labels)
    padded = torch.zeros((CHUNK_ROWS, inputs.shape[1]), dtype=torch.float64)
    padded[:rows] = torch.from_numpy(inputs)
    targets = torch.zeros(CHUNK_ROWS, dtype=torch.int64)
    targets[:rows] = torch.from_numpy(labels)
    activations, outputs = _run_layers(network, padded)
    losses = nn.functional.cross_entropy(outputs[-1], targets, reduction="none")
    gradients = torch.autograd.grad(losses.sum(), outputs)
    activations = [activation.detach() for activation in activations]
    factors = clip_factors(_squared_norms(activations, gradients), bound=clip_norm * GRADIENT_SHARE)
    factors[rows:] = 0
    parts: list[torch.Tensor] = []
    usable = (factors > 0).unsqueeze(1)  # a gradient that is not finite must not poison the sum: 0 * inf is nan
    for activation, gradient in zip(activations, gradients, strict=True):
        scaled = torch.where(usable, factors.unsqueeze(1) * gradient, 0.0)
        parts += [(scaled.T @ torch.where(usable, activation, 0.0)).flatten(), scaled.sum(0)]
    statistics = _statistics(outputs[-1].detach(), targets, losses=losses.detach(), usable=usable[:, 0])
    parts.append(statistics * (clip_norm * STATISTIC_SHARE))
    return torch.cat(parts).numpy()


def _run_layers(network: nn.Module, inputs: torch.Tensor) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Return the inputs and the outputs of each linear layer."""
    activations: list[torch.Tensor] = []
    outputs: list[torch.Tensor] = []
    flowing = inputs
    for layer in network.children():
        if isinstance(layer, nn.Linear):
            activations.append(flowing)
            outputs.append(layer(flowing))
            flowing = outputs[-1]
        else:
            flowing = layer(flowing)
    return activations, outputs


def _squared_norms(activations: list[torch.Tensor], gradients: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """Return the squared norm of each example's gradient over all weights and biases."""
    pairs = zip(activations, gradients, strict=True)
    layers = [gradient.square().sum(1) * (activation.square().sum(1) + 1) for activation, gradient in pairs]
    return torch.stack(layers).sum(0)


def _statistics(
    logits: torch.Tensor, targets: torch.Tensor, *, losses: torch.Tensor, usable: torch.Tensor
) -> torch.Tensor:
    """Return the sums of ``STATISTICS`` in units of one example, each example's share in [0, 1]."""
    loss = (losses / largest_loss(logits.shape[1])).clamp(0, 1)
    correct = (logits.argmax(1) == targets).double()
    shares = torch.stack([loss, correct, torch.ones_like(loss)])
    return torch.where(usable, shares, 0.0).sum(1)
