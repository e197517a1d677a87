"""Private training with the method names of Opacus: ``make_private``, ``zero_grad``, ``backward``, ``step``.

Who knows Opacus 1.6's ``PrivacyEngine`` knows this one. What differs is on purpose: the sampling rate, the number of
steps and the divisor are public numbers that are passed in, never counts of the records; the noise is integer noise of
secret bits; the loss is wrapped, because a loss over the batch would mix persons; and an epsilon can include neighbour
coins. ``grad_sample_mode="ghost"`` hands training to Opacus' own ghost clipping, as a reference to compare with.
"""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import opacus
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from safeborders.privacy.accountant import epsilon
from safeborders.privacy.calibration import noise_multiplier_for
from safeborders.privacy.dpsgd.bookkeeping import BookKeepingModule
from safeborders.privacy.dpsgd.noise import discrete_gaussian
from safeborders.privacy.dpsgd.sampling import check_probability, poisson_sample, shuffled
from safeborders.privacy.errors import InBatchLoss
from safeborders.privacy.events import Event
from safeborders.privacy.relational import RootedGaussian

GradSampleMode = Literal["bk", "ghost"]

_LOSSES = (nn.CrossEntropyLoss, nn.BCEWithLogitsLoss, nn.MSELoss, nn.SmoothL1Loss, nn.NLLLoss)
_ONE_TERM = (nn.CrossEntropyLoss, nn.NLLLoss)  # of each row of outputs, whatever the form of its target
_DEFAULT_BITS = 16


@dataclass(frozen=True)
class PrivateStep:
    """The public numbers of one step.

    Attributes:
        sampling_rate: q, with which each example enters.
        noise_multiplier: Standard deviation of the noise in clip_norms.
        max_grad_norm: C, in Opacus' words; the bound on one example's gradient.
        expected_batch_size: Public constant that the noisy sum is divided by; not a count.
        bits: One clip_norm is 2**bits units of the integer grid.
        relations: Neighbour coins of each relation, as in ``RootedGaussian``.
        positions: Most stacked positions of an example in any layer.
    """

    sampling_rate: float
    noise_multiplier: float
    max_grad_norm: float
    expected_batch_size: float
    bits: int = _DEFAULT_BITS
    relations: tuple[tuple[float, ...], ...] = ()
    positions: int = 1

    def event(self, *, dimension: int, steps: int, task: str = "training") -> RootedGaussian:
        """Return what ``steps`` such steps do, for accountant and ledger."""
        return RootedGaussian(
            task=task,
            sampling_rate=self.sampling_rate,
            noise_multiplier=self.noise_multiplier,
            relations=self.relations,
            grid=2**self.bits,
            dimension=dimension,
            positions=self.positions,
            steps=steps,
        )


class PoissonLoader:
    """Steps of Poisson samples: each example by its own secret coin, in secret random order, empty ones included.

    Args:
        dataset: Tensors with one row per example.
        sampling_rate: q in (0, 1].
        steps: Steps per iteration; public.
    """

    def __init__(self, dataset: TensorDataset, *, sampling_rate: float, steps: int) -> None:
        check_probability("sampling_rate", sampling_rate)
        self._tensors = dataset.tensors
        self._sampling_rate = sampling_rate
        self._steps = steps

    def __len__(self) -> int:
        """Return the public number of steps."""
        return self._steps

    def __iter__(self) -> Iterator[tuple[torch.Tensor, ...]]:
        """Yield the batches, possibly without rows."""
        for _ in range(self._steps):
            chosen = shuffled(poisson_sample(len(self._tensors[0]), sampling_rate=self._sampling_rate))
            yield tuple(tensor[torch.from_numpy(chosen)] for tensor in self._tensors)


class PrivateLoss(nn.Module):
    """A loss that is one term per example: the sum of the terms of an allowed criterion.

    Raises:
        InBatchLoss: If the criterion is not on the allow-list.
    """

    def __init__(self, criterion: nn.Module) -> None:
        super().__init__()
        if type(criterion) not in _LOSSES:
            raise InBatchLoss("The loss is not proven to fall apart into one term per example: use a plain criterion.")
        self._terms, self._sum = (copy.copy(criterion) for _ in range(2))
        self._terms.reduction = "none"  # type: ignore[assignment]  # torch types it as a module's attribute
        self._sum.reduction = "sum"  # type: ignore[assignment]  # torch types it as a module's attribute

    def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the sum over examples of their losses (the mean over an example's own entries)."""
        if outputs.ndim == 2 and isinstance(self._sum, _ONE_TERM):
            summed: torch.Tensor = self._sum(outputs, targets)  # the same sum, in fewer calls
            return summed
        if not isinstance(self._sum, _ONE_TERM) and targets.shape != outputs.shape:
            raise InBatchLoss(
                "Targets of another shape than the outputs would meet every row of the batch: shape them alike."
            )
        terms: torch.Tensor = self._terms(outputs, targets)
        if terms.shape[:1] != outputs.shape[:1]:
            raise InBatchLoss("The loss has another number of terms than there are examples: use a plain criterion.")
        return terms.flatten(1).mean(1).sum() if terms.ndim > 1 else terms.sum()


class PrivateOptimizer:
    """Puts the noisy, clipped gradient where the optimizer expects one, then lets it step.

    Args:
        optimizer: Any torch optimizer over the wrapped module's parameters; its state is post-processing.
        module: The wrapped module.
        step: The public numbers.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, *, module: BookKeepingModule, step: PrivateStep) -> None:
        self.original_optimizer = optimizer
        self._module = module
        self._step = step
        self._gradient = np.empty(module.dimension, dtype=np.float32)  # of each step in turn
        parameters = list(module.trainable())
        parts = torch.split(torch.from_numpy(self._gradient), [one.numel() for one in parameters])
        self._parts = [(one, part.view_as(one)) for one, part in zip(parameters, parts, strict=True)]
        self.steps_done = 0

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradient of the last step."""
        self.original_optimizer.zero_grad(set_to_none=set_to_none)

    def step(self) -> None:
        """Clip, sum, add noise, divide by the public constant, and step; also for a batch without examples."""
        self.steps_done += 1  # charged before the noise exists
        noisy = privatised_sum(self._module, step=self._step)
        unit = self._step.max_grad_norm / 2**self._step.bits / self._step.expected_batch_size
        np.copyto(self._gradient, noisy, casting="unsafe")
        self._gradient *= np.float32(unit)
        for parameter, part in self._parts:
            parameter.grad = part
        self.original_optimizer.step()


@dataclass(eq=False)
class PrivacyEngine:
    """Makes a model, its optimizer, its loss and its loader private; keeps what they have spent.

    One engine is one release: everything that its optimizers ever did composes in ``get_epsilon``.
    """

    _spent: list[tuple[PrivateOptimizer, PrivateStep, int]] = field(default_factory=list)

    def make_private(  # house: the names of Opacus
        self,
        *,
        module: nn.Module,
        optimizer: torch.optim.Optimizer,
        criterion: nn.Module,
        data_loader: DataLoader[Any],
        step: PrivateStep,
        steps: int,
        grad_sample_mode: GradSampleMode = "bk",
    ) -> tuple[nn.Module, Any, Any, Any]:
        """Return (module, optimizer, criterion, loader) in Opacus' order for ghost clipping.

        Args:
            module: A model of allowed layers.
            optimizer: Over its parameters.
            criterion: One term per example.
            data_loader: Over a ``TensorDataset``; its batch size and order are not used.
            step: The public numbers.
            steps: Steps of one pass of the loader.
            grad_sample_mode: "bk" is ours, "ghost" is Opacus' own ghost clipping with its own noise and accountant.

        Raises:
            UnsoundModule: If a part is not proven sound; its subclass names the reason.
        """
        dataset = data_loader.dataset
        if not isinstance(dataset, TensorDataset):
            raise TypeError("data_loader.dataset must be a TensorDataset.")
        if grad_sample_mode == "ghost":
            return _make_ghost(module, optimizer, criterion=criterion, data_loader=data_loader, step=step)
        private = BookKeepingModule(module)
        stepper = PrivateOptimizer(optimizer, module=private, step=step)
        self._spent.append((stepper, step, private.dimension))
        loader = PoissonLoader(dataset, sampling_rate=step.sampling_rate, steps=steps)
        return private.train(), stepper, PrivateLoss(criterion), loader

    def get_epsilon(self, delta: float) -> float:
        """Return what everything done so far has cost at ``delta``."""
        return epsilon(list(self._events()), delta=delta)

    def _events(self) -> Iterator[Event]:
        for stepper, step, dimension in self._spent:
            if stepper.steps_done:
                yield step.event(dimension=dimension, steps=stepper.steps_done)


def _make_ghost(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    criterion: nn.Module,
    data_loader: DataLoader[Any],
    step: PrivateStep,
) -> tuple[nn.Module, Any, Any, Any]:
    private, stepper, loss, loader = opacus.PrivacyEngine(accountant="prv").make_private(
        module=module,
        optimizer=optimizer,
        criterion=criterion,
        data_loader=data_loader,
        noise_multiplier=step.noise_multiplier,
        max_grad_norm=step.max_grad_norm,
        grad_sample_mode="ghost",
    )
    return private, stepper, loss, loader


def calibrated(step: PrivateStep, *, dimension: int, steps: int, target_epsilon: float, delta: float) -> float:
    """Return the least noise multiplier, in thousandths, with which ``steps`` such steps cost ``target_epsilon``."""

    def events(noise: float) -> list[Event]:
        changed = PrivateStep(**{**vars(step), "noise_multiplier": noise})
        return [changed.event(dimension=dimension, steps=steps)]

    return noise_multiplier_for(events, target_epsilon=target_epsilon, delta=delta)


def privatised_sum(module: BookKeepingModule, *, step: PrivateStep) -> NDArray[np.int64]:
    """Return the clipped sum of the last batch plus integer noise: one step of ``RootedGaussian``, ready to leave.

    The caller must have charged it, and must never call again for the same charge.
    """
    grid = 2**step.bits
    noise = discrete_gaussian(module.dimension, deviation=math.ceil(step.noise_multiplier * grid))
    return module.clipped_integers(clip_norm=step.max_grad_norm, grid=grid, onto=noise)


def private_pass(
    module: BookKeepingModule, rows: NDArray[np.float32], *, labels: NDArray[np.int64], step: PrivateStep
) -> NDArray[np.int64]:
    """Return one step of stage A over examples that may lie in memory-mapped arrays: drawn, clipped, noised.

    The caller must have charged it. Only one block of examples is in memory at a time.

    Args:
        module: The model in training mode, over rows alone.
        rows: Inputs. Shape (N, F).
        labels: Classes. Shape (N,).
        step: The public numbers.
    """
    module.train()
    chosen = shuffled(poisson_sample(len(labels), sampling_rate=step.sampling_rate))
    grid = 2**step.bits
    total = np.zeros(module.dimension, dtype=np.int64)
    for start in range(0, len(chosen), module.block_rows):
        part = chosen[start : start + module.block_rows]
        targets = torch.from_numpy(labels[part])
        loss = nn.functional.cross_entropy(module(torch.from_numpy(rows[part])), targets, reduction="sum")
        loss.backward()  # type: ignore[no-untyped-call]  # torch
        total += module.clipped_integers(clip_norm=step.max_grad_norm, grid=grid)
    return total + discrete_gaussian(len(total), deviation=math.ceil(step.noise_multiplier * grid))
