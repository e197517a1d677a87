"""The engine's gradients equal two independent engines, are clipped one by one, and do not feel one another."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from opacus.grad_sample import GradSampleModule
from torch import nn
from torch.func import functional_call, grad, vmap

from safeborders.models.architecture import STATISTIC_SHARE, TaskArchitecture, largest_loss
from safeborders.models.gnn.perceptron import build_perceptron
from safeborders.models.protocol.plan import SMALLEST_CLIP_NORM, Task
from safeborders.privacy.dpsgd.engine import GRADIENT_SHARE, add_noise, clipped_sum, private_sum
from safeborders.privacy.errors import UnsoundExamples
from safeborders.privacy.units import AttributedExamples
from sbtest.plans import make_task

WIDTHS = [(6, 4), (5, 7, 2), (9, 8, 8, 3)]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads of small matrices only wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_model(widths: tuple[int, ...], *, seed: int = 0, scale: float = 1.0) -> nn.Sequential:
    architecture = TaskArchitecture(Task.TYPOLOGY, widths)
    flat = np.random.default_rng(seed).normal(0, scale, architecture.length).astype(np.float32)
    return build_perceptron(architecture, flat)


def make_batch(widths: tuple[int, ...], count: int, *, seed: int = 1) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(count, widths[0])).astype(np.float32), generator.integers(0, widths[-1], count)


def total_of(
    model: nn.Sequential, inputs: NDArray[np.float32], labels: NDArray[np.int64], *, clip_norm: float, bits: int = 24
) -> NDArray[np.float64]:
    """Return the engine's clipped sum in units of the gradient."""
    mechanism = make_task(Task.TYPOLOGY, clip_norm=clip_norm, quantisation_bits=bits)
    summed = clipped_sum(model, (torch.from_numpy(inputs),), labels=labels, mechanism=mechanism)
    assert summed.dtype == np.int64
    scaled: NDArray[np.float64] = summed * (clip_norm / 2**bits)
    return scaled


def by_opacus(model: nn.Sequential, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    hooked = GradSampleModule(model, loss_reduction="sum")
    nn.functional.cross_entropy(hooked(inputs), labels, reduction="sum").backward()  # type: ignore[no-untyped-call]  # torch
    return torch.cat([parameter.grad_sample.flatten(1) for parameter in hooked.parameters()], dim=1)


def by_vmap(model: nn.Sequential, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    def loss(parameters: dict[str, torch.Tensor], row: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(functional_call(model, parameters, (row,)), label)

    parameters = {name: value.detach() for name, value in model.named_parameters()}
    gradients = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, inputs, labels)
    return torch.cat([gradients[name].flatten(1) for name in parameters], dim=1)


@pytest.mark.filterwarnings("ignore:Full backward hook:UserWarning")  # Opacus hooks inputs that need no gradient
@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("oracle", [by_opacus, by_vmap])
def test_each_clipped_gradient_equals_that_of_an_independent_engine(
    widths: tuple[int, ...], oracle: Callable[[nn.Sequential, torch.Tensor, torch.Tensor], torch.Tensor]
) -> None:
    inputs, labels = make_batch(widths, 20)
    clip_norm = 1.5  # some are clipped, some are not
    wanted = oracle(make_model(widths).double(), torch.from_numpy(inputs).double(), torch.from_numpy(labels)).detach()
    norms = wanted.norm(dim=1, keepdim=True)
    assert 0 < int((norms > clip_norm * GRADIENT_SHARE).sum()) < len(labels)
    wanted = wanted * (clip_norm * GRADIENT_SHARE / norms).clamp(max=1)
    alone = [total_of(make_model(widths), inputs[[row]], labels[[row]], clip_norm=clip_norm) for row in range(20)]
    together = total_of(make_model(widths), inputs, labels, clip_norm=clip_norm)
    np.testing.assert_allclose(np.stack(alone)[:, :-3], wanted.numpy(), atol=1e-5)
    np.testing.assert_allclose(together, np.sum(alone, axis=0), atol=1e-5)


@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_no_example_adds_more_than_clip_norm(widths: tuple[int, ...], scale: float) -> None:
    model = make_model(widths, scale=scale)
    inputs, labels = make_batch(widths, 12)
    for row in range(12):
        added = total_of(model, inputs[[row]] * 50, labels[[row]], clip_norm=0.7)
        rounding = 0.7 * math.sqrt(len(added)) / 2**25
        assert np.linalg.norm(added) <= 0.7
        assert np.linalg.norm(added[:-3]) <= 0.7 * GRADIENT_SHARE + rounding


def test_the_statistics_are_loss_hits_and_number() -> None:
    inputs, labels = make_batch((6, 4), 30)
    model = make_model((6, 4))
    logits = model(torch.from_numpy(inputs))
    losses = nn.functional.cross_entropy(logits, torch.from_numpy(labels), reduction="none").detach().numpy()
    unit = 2.0 * STATISTIC_SHARE
    seen = total_of(model, inputs, labels, clip_norm=2.0)[-3:] / unit
    assert seen[0] == pytest.approx(np.clip(losses / largest_loss(4), 0, 1).sum(), abs=1e-4)
    assert seen[1:].tolist() == pytest.approx([(logits.argmax(1).numpy() == labels).sum(), 30])
    assert largest_loss(4) == 2 * math.log(4)


def test_an_example_without_a_finite_gradient_adds_no_gradient() -> None:
    model = make_model((6, 4))
    weight = next(model.parameters())
    inputs = np.full((1, 6), 3e38, dtype=np.float32)
    inputs[0, 0] *= -1
    both = np.concatenate([inputs, np.zeros((1, 6), dtype=np.float32)])
    labels = np.array([1, 2])
    with torch.no_grad():
        weight.fill_(3e38)
        weight[1] = -3e38
    sane = total_of(model, both[1:], labels[1:], clip_norm=1.0)
    mixed = total_of(model, both, labels, clip_norm=1.0)
    assert np.array_equal(mixed[:-3], sane[:-3])
    assert np.linalg.norm(mixed - sane) <= 1.0


def test_an_empty_draw_is_zero_and_still_gets_noise() -> None:
    inputs, labels = make_batch((6, 4), 0)
    mechanism = make_task(Task.TYPOLOGY)
    total = clipped_sum(make_model((6, 4)), (torch.from_numpy(inputs),), labels=labels, mechanism=mechanism)
    assert not total.any()
    noisy = add_noise(total, mechanism)
    assert noisy.dtype == np.int64
    assert np.std(noisy) == pytest.approx(6 * 2**16, rel=0.5)


def make_examples(count: int, *, share: int = 1) -> AttributedExamples:
    inputs, labels = make_batch((6, 4), count)
    persons = np.arange(count) // share
    return AttributedExamples(inputs, labels, np.arange(count + 1), persons, examples_per_person=share)


def test_one_step_is_the_sum_on_the_grid_plus_noise_of_the_plans_size() -> None:
    mechanism = make_task(Task.TYPOLOGY, sampling_rate=1.0, noise_multiplier=0.01, clip_norm=2.0)
    examples = make_examples(300)
    total = clipped_sum(
        make_model((6, 4)), (torch.from_numpy(examples.inputs),), labels=examples.labels, mechanism=mechanism
    )
    steps = np.stack([private_sum(make_model((6, 4)), examples, mechanism=mechanism) for _ in range(40)])
    errors = steps - total  # another order of the rows rounds a few units otherwise
    assert errors.std() == pytest.approx(0.01 * 2**16, rel=0.1)
    assert abs(errors.mean()) < 6 * errors.std() / math.sqrt(errors.size)
    assert len({row.tobytes() for row in steps}) == 40


def test_the_rate_of_the_plan_decides_who_is_drawn() -> None:
    mechanism = make_task(Task.TYPOLOGY, sampling_rate=0.25, noise_multiplier=0.01)
    counts = [private_sum(make_model((6, 4)), make_examples(400), mechanism=mechanism)[-1] for _ in range(60)]
    drawn = np.array(counts) / (0.2 * 2**16)
    assert drawn.mean() == pytest.approx(100, abs=6 * math.sqrt(75 / 60))
    assert drawn.std() == pytest.approx(math.sqrt(75), rel=0.5)


def test_a_weaker_promise_than_the_plans_is_refused_and_a_stronger_one_is_not() -> None:
    mechanism = make_task(Task.TYPOLOGY, examples_per_person=2)
    with pytest.raises(UnsoundExamples):
        private_sum(make_model((6, 4)), make_examples(6, share=3), mechanism=mechanism)
    assert private_sum(make_model((6, 4)), make_examples(6), mechanism=mechanism).shape == (31,)


@pytest.mark.parametrize("widths", [(7, 4), (6, 2)])
def test_examples_that_do_not_fit_the_network_are_refused(widths: tuple[int, ...]) -> None:
    inputs, labels = make_batch((6, 4), 30)
    with pytest.raises(UnsoundExamples):
        total_of(make_model(widths), inputs, labels, clip_norm=1.0)


@pytest.mark.parametrize("weight", [1.0, 40.0, 375.0, 750.0, 1000.0])
def test_the_smallest_bound_holds_for_every_model_that_a_coordinator_may_send(weight: float) -> None:
    model = make_model((6, 4))
    with torch.no_grad():
        first = model[0]
        assert isinstance(first, nn.Linear)
        first.weight.zero_()
        first.bias.copy_(torch.tensor([weight, 0.0, 0.0, 0.0]))
    for label in range(4):
        inputs = np.full((1, 6), 0.5, dtype=np.float32)
        labels = np.full(1, label, dtype=np.int64)
        added = total_of(model, inputs, labels, clip_norm=SMALLEST_CLIP_NORM)
        assert np.linalg.norm(added) <= SMALLEST_CLIP_NORM
