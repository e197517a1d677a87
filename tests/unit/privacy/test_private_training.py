"""The facade: who knows Opacus trains privately with it, and each unsound part is refused with its own reason."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from benchmarks.rooted_models import TwoHopSage
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from safeborders.privacy.accountant import epsilon
from safeborders.privacy.dpsgd import private_training
from safeborders.privacy.dpsgd.bookkeeping import BookKeepingModule
from safeborders.privacy.dpsgd.private_training import (
    PoissonLoader,
    PrivacyEngine,
    PrivateLoss,
    PrivateStep,
    calibrated,
    private_pass,
    privatised_sum,
)
from safeborders.privacy.dpsgd.soundness import check_rooted_module
from safeborders.privacy.errors import (
    BatchStatistics,
    EntityParameters,
    HiddenState,
    InBatchLoss,
    RowsMixed,
    TiedParameters,
    UnknownLayer,
    UnsoundModule,
)

STEP = PrivateStep(0.5, 4.0, 1.0, expected_batch_size=60.0)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 4)
        self.two.weight = self.one.weight


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(4, 4)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        twice: torch.Tensor = self.one(self.one(rows))
        return twice


class MixesRows(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(4, 4)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        mixed: torch.Tensor = self.one(rows - rows.mean(0))
        return mixed


class OwnParameter(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.scale = nn.Linear(4, 4), nn.Parameter(torch.ones(4))


def hooked() -> nn.Module:
    layer = nn.Linear(4, 4)
    layer.register_forward_hook(lambda *_: None)
    return nn.Sequential(layer)


def buffered() -> nn.Module:
    layer = nn.Linear(4, 4)
    layer.register_buffer("memory", torch.zeros(1))
    return nn.Sequential(layer)


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda: nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)), BatchStatistics),
        (lambda: nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 4)), EntityParameters),
        (lambda: nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)), UnknownLayer),
        (lambda: nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True)), UnknownLayer),
        (lambda: nn.Sequential(nn.Conv1d(1, 1, 1)), UnknownLayer),
        (lambda: nn.Sequential(nn.ReLU()), UnknownLayer),
        (lambda: nn.Linear(4, 4).double(), UnknownLayer),
        (hooked, HiddenState),
        (buffered, HiddenState),
        (OwnParameter, HiddenState),
        (Tied, TiedParameters),
    ],
)
def test_each_unsound_part_is_refused_with_its_reason(
    build: Callable[[], nn.Module], reason: type[UnsoundModule]
) -> None:
    with pytest.raises(UnsoundModule) as caught:
        check_rooted_module(build())
    assert type(caught.value) is reason


@pytest.mark.parametrize(("model", "reason"), [(Twice(), TiedParameters), (MixesRows(), RowsMixed)])
def test_what_only_running_shows_is_refused_when_it_runs(model: nn.Module, reason: type[UnsoundModule]) -> None:
    private = BookKeepingModule(model).train()
    with pytest.raises(reason):
        private(torch.randn(5, 4))


def test_a_loss_over_the_batch_is_refused() -> None:
    class Contrastive(nn.Module):
        reduction = "sum"

    with pytest.raises(InBatchLoss):
        PrivateLoss(Contrastive())


def make_private(mode: private_training.GradSampleMode, *, steps: int = 8, rows: int = 120):  # type: ignore[no-untyped-def]  # noqa: ANN201  # Opacus returns many things
    torch.manual_seed(0)
    inputs = torch.randn(rows, 6)
    dataset = TensorDataset(inputs, (inputs[:, 0] > 0).long())
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2))
    engine = PrivacyEngine()
    made = engine.make_private(
        module=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=2.0),
        criterion=nn.CrossEntropyLoss(),
        data_loader=DataLoader(dataset, batch_size=rows // 2),
        step=STEP,
        steps=steps,
        grad_sample_mode=mode,
    )
    return engine, made, dataset


@pytest.mark.filterwarnings("ignore:Full backward hook:UserWarning")  # Opacus hooks inputs that need no gradient
@pytest.mark.filterwarnings("ignore:Secure RNG:UserWarning")  # Opacus speaks of its own noise
@pytest.mark.parametrize("mode", ["bk", "ghost"])
def test_the_loop_of_opacus_trains_in_both_modes(mode: private_training.GradSampleMode) -> None:
    engine, (module, optimizer, criterion, loader), _ = make_private(mode)
    before = [parameter.detach().clone() for parameter in module.parameters()]
    for inputs, labels in loader:
        optimizer.zero_grad()
        loss = criterion(module(inputs), labels)
        loss.backward()
        optimizer.step()
    assert any(not torch.equal(old, new) for old, new in zip(before, module.parameters(), strict=True))
    if mode == "bk":
        wanted = epsilon([STEP.event(dimension=6 * 8 + 8 + 16 + 2, steps=8)], delta=1e-5)
        assert engine.get_epsilon(1e-5) == wanted > 0


def test_training_learns_and_the_gradient_without_noise_is_the_clipped_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_training, "discrete_gaussian", lambda count, *, deviation: np.zeros(count, np.int64))
    _, (module, optimizer, criterion, _), dataset = make_private("bk")
    inputs, labels = dataset.tensors
    plain = copy.deepcopy(module._module).requires_grad_(True)
    for part in plain:
        part._forward_hooks.clear()
    rows = []
    for row in range(len(inputs)):
        loss = nn.functional.cross_entropy(plain(inputs[row : row + 1]), labels[row : row + 1])
        gradient = torch.cat([part.flatten() for part in torch.autograd.grad(loss, list(plain.parameters()))])
        rows.append(gradient * min(1.0, 1.0 / float(gradient.norm())))
    criterion(module(inputs), labels).backward()
    optimizer.step()
    seen = torch.cat([parameter.grad.flatten() for parameter in module.trainable()])
    assert torch.allclose(seen, torch.stack(rows).sum(0) / 60.0, atol=1e-4)


def test_steps_without_examples_send_noise_and_are_charged() -> None:
    engine, (module, optimizer, criterion, _), dataset = make_private("bk")
    inputs, labels = (tensor[:0] for tensor in dataset.tensors)
    criterion(module(inputs), labels).backward()
    optimizer.step()
    assert all(bool(parameter.grad.any()) for parameter in module.trainable())
    assert engine.get_epsilon(1e-5) > 0


def test_noise_is_fresh_has_its_deviation_and_is_not_there_in_the_control(monkeypatch: pytest.MonkeyPatch) -> None:
    private = BookKeepingModule(TwoHopSage(20, hidden=16, classes=4)).train()

    def released() -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        private(torch.zeros(0, 3, 20), torch.zeros(0, 3, 2, 20)).sum().backward()
        return privatised_sum(private, step=STEP)

    first, second = released(), released()
    scale = 4.0 * 2**16
    assert abs(float(first.std()) / scale - 1) < 5 / np.sqrt(2 * len(first))
    assert abs(np.corrcoef(first, second)[0, 1]) < 5 / np.sqrt(len(first))
    monkeypatch.setattr(private_training, "discrete_gaussian", lambda count, *, deviation: np.zeros(count, np.int64))
    assert not released().any()  # control: the check above would fail


def test_the_loader_draws_poisson_batches_of_public_number() -> None:
    rows = torch.arange(50)
    loader = PoissonLoader(TensorDataset(rows), sampling_rate=0.1, steps=400)
    sizes = [len(batch[0]) for batch in loader]
    assert len(sizes) == len(loader) == 400
    assert abs(np.mean(sizes) - 5) < 5 * np.sqrt(4.5 / 400)
    assert 2 < np.var(sizes) < 7  # control: batches of one size have none
    assert min(sizes) == 0 or 0 not in sizes


def test_calibration_meets_its_target() -> None:
    noise = calibrated(STEP, dimension=100, steps=40, target_epsilon=2.0, delta=1e-5)
    numbers = {**vars(STEP), "noise_multiplier": noise}
    assert epsilon([PrivateStep(**numbers).event(dimension=100, steps=40)], delta=1e-5) <= 2.0


def test_a_pass_over_mapped_arrays_equals_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_training, "discrete_gaussian", lambda count, *, deviation: np.zeros(count, np.int64))
    torch.manual_seed(1)
    private = BookKeepingModule(nn.Sequential(nn.Linear(6, 3)), block_rows=64).train()
    rows = np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32)
    labels = np.random.default_rng(1).integers(0, 3, 300)
    step = PrivateStep(1.0, 4.0, 1.0, expected_batch_size=300)
    passed = private_pass(private, rows, labels=labels, step=step)
    nn.functional.cross_entropy(private(torch.from_numpy(rows)), torch.from_numpy(labels), reduction="sum").backward()  # type: ignore[no-untyped-call]  # torch
    at_once = private.clipped_integers(clip_norm=1.0, grid=2**16)
    assert np.abs(passed - at_once).max() <= 2 * 6  # the order is random, so each chunk rounds another sum
