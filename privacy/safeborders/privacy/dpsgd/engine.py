"""One private step of a network of a run: draw, clip each root, sum to integers, add integer noise.

Both stages go through the book-keeping engine: an encoder draws its examples here, a rooted network brings the sample
that its coins drew. Beside its clipped gradient every root adds its share of the ``STATISTICS``; gradient and
statistics together fill at most one clip_norm. The statistics are rounded down root by root, so that they are exact.
"""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from safeborders.models.architecture import STATISTIC_SHARE, STATISTICS, largest_loss
from safeborders.models.protocol.plan import TaskPlan
from safeborders.privacy.dpsgd.bookkeeping import BookKeepingModule
from safeborders.privacy.dpsgd.noise import discrete_gaussian
from safeborders.privacy.dpsgd.sampling import poisson_sample, shuffled
from safeborders.privacy.errors import UnsoundExamples
from safeborders.privacy.units import AttributedExamples

GRADIENT_SHARE = 15 / 16
"""Part of clip_norm that a gradient may fill: with 3 * 0.2**2 for statistics less than all of it; exact in binary."""


def private_sum(model: nn.Module, examples: AttributedExamples, *, mechanism: TaskPlan) -> NDArray[np.int64]:
    """Return an encoder's part of an update: noisy, on the integer grid, ready to leave.

    One call is one step of ``RootedGaussian`` without relations: the caller must have charged it, and must never call
    again for the same charge. The sum may be empty; its noise is not.

    Args:
        model: The network with the round's parameters; it is not changed.
        examples: The country's curated examples of the task.
        mechanism: The plan's numbers for the network.

    Returns:
        Parameters in the order of ``TaskArchitecture.layout``, then ``STATISTICS``; 2**quantisation_bits grid units
        are one clip_norm. Shape (update_length,).

    Raises:
        UnsoundModule: If ``model`` is not on the allow-list.
        UnsoundExamples: If ``examples`` promise less than the plan was priced for, or do not fit ``model``.
    """
    check_promise(examples.examples_per_person, mechanism=mechanism)
    chosen = shuffled(poisson_sample(examples.count, sampling_rate=mechanism.sampling_rate))
    inputs = torch.from_numpy(examples.inputs[chosen])
    return add_noise(clipped_sum(model, (inputs,), labels=examples.labels[chosen], mechanism=mechanism), mechanism)


def check_promise(examples_per_person: int, *, mechanism: TaskPlan) -> None:
    """Refuse examples of which a person has more than was priced.

    Raises:
        UnsoundExamples: If a person is part of more than the plan's number.
    """
    if examples_per_person > mechanism.examples_per_person:
        raise UnsoundExamples("The curation keeps more examples of a person than the plan allows: curate again.")


def add_noise(total: NDArray[np.int64], mechanism: TaskPlan) -> NDArray[np.int64]:
    """Return ``total`` with integer noise of at least the plan's deviation; the caller must have charged it."""
    deviation = math.ceil(mechanism.noise_multiplier * 2.0**mechanism.quantisation_bits)
    return total + discrete_gaussian(len(total), deviation=deviation)


def clipped_sum(
    model: nn.Module, inputs: tuple[torch.Tensor, ...], *, labels: NDArray[np.int64], mechanism: TaskPlan
) -> NDArray[np.int64]:
    """Return the integer sum over a sample of [clipped gradient, statistics], one clip_norm at most for each row.

    This is not private; it is apart so that audits can take it apart. Rows must be in uniformly random order.

    Args:
        model: As for ``private_sum``.
        inputs: The network's inputs, one row per root; there may be none.
        labels: Shape (B,), int64, below the number of outputs.
        mechanism: The plan's numbers: clip_norm and grid.
    """
    _check_fit(model, inputs)
    with _one_thread():
        return _clipped_sum(BookKeepingModule(copy.deepcopy(model)).train(), inputs, labels=labels, mechanism=mechanism)


def _clipped_sum(
    module: BookKeepingModule, inputs: tuple[torch.Tensor, ...], *, labels: NDArray[np.int64], mechanism: TaskPlan
) -> NDArray[np.int64]:
    total = np.zeros(module.dimension + len(STATISTICS), dtype=np.int64)
    grid = 2**mechanism.quantisation_bits
    for start in range(0, len(labels), module.block_rows):
        rows = slice(start, start + module.block_rows)
        targets = torch.from_numpy(labels[rows])
        outputs = module(*(tensor[rows] for tensor in inputs))
        _check_labels(targets, classes=outputs.shape[1])
        losses = nn.functional.cross_entropy(outputs, targets, reduction="none")
        losses.sum().backward()  # type: ignore[no-untyped-call]  # torch
        total[: module.dimension] += module.clipped_integers(
            clip_norm=mechanism.clip_norm * GRADIENT_SHARE, grid=round(grid * GRADIENT_SHARE)
        )
        total[module.dimension :] += _statistics(outputs.detach(), targets, losses=losses.detach(), grid=grid)
    return total


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch use one thread: on blocks this small others only wait, fifty times as long on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _check_fit(model: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    """Refuse inputs of another width than a network takes that has one input alone."""
    first = next((layer for layer in model.modules() if isinstance(layer, nn.Linear)), None)
    if len(inputs) == 1 and first is not None and inputs[0].shape[1:] != (first.in_features,):
        raise UnsoundExamples("The training inputs have another width than the network: correct the curation.")


def _check_labels(targets: torch.Tensor, *, classes: int) -> None:
    if len(targets) and not 0 <= int(targets.min()) <= int(targets.max()) < classes:
        raise UnsoundExamples("A training label is not among the network's classes: correct the curation.")


def _statistics(logits: torch.Tensor, targets: torch.Tensor, *, losses: torch.Tensor, grid: int) -> NDArray[np.int64]:
    """Return the sums of ``STATISTICS``, each row's share in [0, 1] of ``STATISTIC_SHARE`` clip_norms, rounded down."""
    loss = (losses.double() / largest_loss(logits.shape[1])).nan_to_num(nan=0.0).clamp(0, 1)
    correct = (logits.argmax(1) == targets).double()
    shares = torch.stack([loss, correct, torch.ones_like(loss)])
    units: NDArray[np.int64] = (shares * (STATISTIC_SHARE * grid)).floor().to(torch.int64).sum(1).numpy()
    return units
