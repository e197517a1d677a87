"""Book-keeping on rooted shapes: equal to Opacus' hooks and to vmap row by row, clipped flat, and apart."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from benchmarks.rooted_models import TwoHopSage
from numpy.typing import NDArray
from opacus.grad_sample import GradSampleModule
from torch import nn
from torch.func import functional_call, grad, vmap

from safeborders.privacy.dpsgd.bookkeeping import BookKeepingModule
from safeborders.privacy.dpsgd.clipping import Desk, Part
from safeborders.privacy.errors import UnsoundExamples
from safeborders.privacy.rounding import CANCELLATION, CHUNK_ROWS, KEPT_SHARE, chunk_slack

GRID = 2**24
CLASSES = 4

Inputs = tuple[torch.Tensor, ...]


class OneHop(nn.Module):
    """Root and neighbours stacked, [B, 1 + F, d]; any width."""

    def __init__(self, features: int, hidden: int, *, bias: bool = True) -> None:
        super().__init__()
        self.inner = nn.Linear(features, hidden, bias=bias)
        self.outer = nn.Linear(2 * hidden, CLASSES)
        self.act = nn.Tanh()

    def forward(self, nodes: torch.Tensor) -> torch.Tensor:
        seen = self.act(self.inner(nodes))
        logits: torch.Tensor = self.outer(torch.cat([seen[:, 0], seen[:, 1:].mean(1)], dim=1))
        return logits


class TwoRelations(nn.Module):
    """A layer per relation, masks, and a list of lists: [B, F, F2, d]."""

    def __init__(self) -> None:
        super().__init__()
        self.own, self.first, self.second = nn.Linear(5, 6), nn.Linear(5, 6, bias=False), nn.Linear(3, 6)
        self.act = nn.ReLU()
        self.out = nn.Linear(6, CLASSES)

    def forward(self, own: torch.Tensor, nodes: torch.Tensor, mask: torch.Tensor, far: torch.Tensor) -> torch.Tensor:
        first = (self.first(nodes) * mask.unsqueeze(2)).sum(1) / (1 + mask.sum(1, keepdim=True))
        logits: torch.Tensor = self.out(self.act(self.own(own) + first + self.second(far).mean((1, 2))))
        return logits


def flat(model: nn.Module, inputs: int) -> tuple[nn.Module, Callable[[int], Inputs]]:
    return model, lambda rows: (torch.randn(rows, inputs),)


CASES: dict[str, Callable[[], tuple[nn.Module, Callable[[int], Inputs]]]] = {
    "linear": lambda: flat(nn.Linear(9, CLASSES), 9),
    "perceptron": lambda: flat(
        nn.Sequential(nn.Linear(9, 7), nn.Tanh(), nn.Linear(7, 8), nn.ReLU(), nn.Linear(8, 4)), 9
    ),
    "one hop, gram": lambda: (OneHop(20, 12), lambda rows: (torch.randn(rows, 4, 20),)),
    "one hop, many positions": lambda: (OneHop(3, 2), lambda rows: (torch.randn(rows, 9, 3),)),
    "no bias": lambda: (OneHop(6, 5, bias=False), lambda rows: (torch.randn(rows, 3, 6),)),
    "two hops": lambda: (
        TwoHopSage(16, hidden=8, classes=CLASSES),
        lambda rows: (torch.randn(rows, 6, 16), torch.randn(rows, 6, 5, 16)),
    ),
    "two relations": lambda: (
        TwoRelations(),
        lambda rows: (
            torch.randn(rows, 5),
            torch.randn(rows, 3, 5),
            (torch.rand(rows, 3) < 0.5).float(),
            torch.randn(rows, 2, 3, 3),
        ),
    ),
}


def by_opacus(model: nn.Module, inputs: Inputs, labels: torch.Tensor) -> torch.Tensor:
    hooked = GradSampleModule(model, loss_reduction="sum")
    nn.functional.cross_entropy(hooked(*inputs), labels, reduction="sum").backward()  # type: ignore[no-untyped-call]  # torch
    rows = torch.cat([parameter.grad_sample.flatten(1) for parameter in hooked.parameters()], dim=1)
    hooked.remove_hooks()
    return rows


def by_vmap(model: nn.Module, inputs: Inputs, labels: torch.Tensor) -> torch.Tensor:
    def loss(parameters: dict[str, torch.Tensor], row: Inputs, label: torch.Tensor) -> torch.Tensor:
        outputs = functional_call(model, parameters, tuple(tensor.unsqueeze(0) for tensor in row))
        return nn.functional.cross_entropy(outputs, label.unsqueeze(0))

    parameters = {name: value.detach() for name, value in model.named_parameters()}
    gradients = vmap(grad(loss), in_dims=(None, 0, 0))(parameters, inputs, labels)
    return torch.cat([gradients[name].flatten(1) for name in parameters], dim=1)


def clipped(model: BookKeepingModule, inputs: Inputs, labels: torch.Tensor, *, clip_norm: float) -> NDArray[np.float64]:
    loss = nn.functional.cross_entropy(model(*inputs), labels, reduction="sum")
    loss.backward()  # type: ignore[no-untyped-call]  # torch
    return model.clipped_integers(clip_norm=clip_norm, grid=GRID).astype(np.float64) * (clip_norm / GRID)


@pytest.mark.filterwarnings("ignore:Full backward hook:UserWarning")  # Opacus hooks inputs that need no gradient
@pytest.mark.parametrize("oracle", [by_opacus, by_vmap])
@pytest.mark.parametrize("case", CASES)
def test_each_clipped_gradient_equals_that_of_an_independent_engine(
    case: str, oracle: Callable[[nn.Module, Inputs, torch.Tensor], torch.Tensor]
) -> None:
    torch.manual_seed(3)
    model, make = CASES[case]()
    inputs, labels = make(24), torch.randint(0, CLASSES, (24,))
    wanted = oracle(model, inputs, labels).detach()
    norms = wanted.norm(dim=1, keepdim=True)
    clip_norm = float(norms.median())  # some are clipped, some are not
    wanted = wanted * (clip_norm / norms).clamp(max=1)
    private = BookKeepingModule(model, block_rows=CHUNK_ROWS).train()
    for row in range(24):
        part = tuple(tensor[row : row + 1] for tensor in inputs)
        mine = clipped(private, part, labels[row : row + 1], clip_norm=clip_norm)
        np.testing.assert_allclose(mine / clip_norm, wanted[row].numpy() / clip_norm, atol=1e-5)
        assert np.linalg.norm(mine) <= clip_norm * (1 + chunk_slack(positions=9, dimension=len(mine), grid=GRID))
    together = clipped(private, inputs, labels, clip_norm=clip_norm)
    np.testing.assert_allclose(together / clip_norm, wanted.sum(0).numpy() / clip_norm, atol=24e-5)


def test_blocks_add_up_and_an_empty_batch_is_a_batch() -> None:
    torch.manual_seed(1)
    model, make = CASES["one hop, gram"]()
    private = BookKeepingModule(model, block_rows=CHUNK_ROWS).train()
    inputs, labels = make(150), torch.randint(0, CLASSES, (150,))
    whole = clipped(private, inputs, labels, clip_norm=0.3)
    parts = [
        clipped(private, (inputs[0][start : start + 64],), labels[start : start + 64], clip_norm=0.3)
        for start in range(0, 150, 64)
    ]
    np.testing.assert_allclose(whole, np.sum(parts, axis=0), atol=1e-12)
    assert not clipped(private, make(0), labels[:0], clip_norm=0.3).any()


def test_a_row_without_a_finite_gradient_adds_nothing_and_poisons_nothing() -> None:
    torch.manual_seed(1)
    model, make = CASES["two hops"]()
    private = BookKeepingModule(model, block_rows=CHUNK_ROWS).train()
    nodes, beyond = make(20)
    labels = torch.randint(0, CLASSES, (20,))
    broken = nodes.clone()
    broken[7] = 3e38
    broken[8] = float("nan")
    rest = [row for row in range(20) if row not in (7, 8)]
    mixed = clipped(private, (broken, beyond), labels, clip_norm=0.5)
    sane = clipped(private, (nodes[rest], beyond[rest]), labels[rest], clip_norm=0.5)
    assert np.abs(mixed - sane).max() < 1e-5


def factors(layer: nn.Linear, a: torch.Tensor, g: torch.Tensor, *, clip_norm: float, rows: int = 0) -> torch.Tensor:
    part = Part(layer, a, g)
    desk = Desk([layer], [part], rows=len(a))
    desk.clip([part], rows=rows or len(a), kept=clip_norm * KEPT_SHARE, unit=1.0)
    return desk.factors


@pytest.mark.parametrize("scales", [(1e-21, 1e18), (1e18, 1e-21), (1e-30, 1e30)])
def test_tiny_inputs_and_huge_gradients_are_clipped_although_squares_vanish(scales: tuple[float, float]) -> None:
    a, g = scales
    inputs, gradients = torch.full((64, 3), a), torch.full((64, 2), g)
    factor = factors(nn.Linear(3, 2, bias=False), inputs, gradients, clip_norm=1e-6)[0]
    assert float(factor) * (3 * a * a) ** 0.5 * (2 * g * g) ** 0.5 <= 1e-6


def test_deleting_a_row_changes_the_integers_of_its_own_and_the_last_chunk_alone() -> None:
    torch.manual_seed(2)
    model, make = CASES["one hop, gram"]()
    private = BookKeepingModule(model, block_rows=2 * CHUNK_ROWS).train()
    rows = 5 * CHUNK_ROWS - 9
    (nodes,), labels = make(rows), torch.randint(0, CLASSES, (rows,))

    def chunks(order: list[int]) -> list[NDArray[np.float64]]:
        kept: list[NDArray[np.float64]] = []
        plain = Desk._add_up

        def spying(desk: Desk, parts: list[Part], summed: NDArray[np.int64]) -> bool:
            fits = plain(desk, parts, summed)
            for weights, biases in zip(desk._weights, desk._biases, strict=True):
                kept.extend(torch.cat([weights.flatten(1), biases], dim=1).round().double().numpy())
            return fits

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Desk, "_add_up", spying)
            clipped(private, (nodes[order],), labels[order], clip_norm=0.2)
        return kept[: 2 * 6 : 1]

    everybody = list(range(rows))
    moved = [*everybody[:100], everybody[-1], *everybody[101:-1]]  # row 100 is gone, the last takes its place
    before, after = chunks(everybody), chunks(moved)
    layers = 2
    per_block = 2 * layers
    differing = {
        (index // per_block) * 2 + index % 2
        for index, (left, right) in enumerate(zip(before, after, strict=True))
        if not np.array_equal(left, right)
    }
    assert differing <= {100 // CHUNK_ROWS, (rows - 1) // CHUNK_ROWS}
    assert 100 // CHUNK_ROWS in differing
    shifted = chunks(everybody[:100] + everybody[101:])
    assert sum(not np.array_equal(a, b) for a, b in zip(before, shifted, strict=True)) > layers * 2  # control


SHAPES = [(6, 64, 16), (5, 7, 40), (9, 3, 2), (1, 20, 4)]  # Gram matrices twice, formed gradients, one position


@pytest.mark.parametrize("shape", SHAPES)
def test_a_clip_factor_depends_neither_on_the_place_of_its_row_nor_on_other_rows(shape: tuple[int, int, int]) -> None:
    torch.manual_seed(5)
    positions, width, outputs = shape
    layer = nn.Linear(width, outputs)
    a, g = torch.randn(256, positions, width), torch.randn(256, positions, outputs)
    before, order = factors(layer, a, g, clip_norm=1.0), torch.randperm(256)
    assert torch.equal(factors(layer, a[order], g[order], clip_norm=1.0), before[order])
    others = torch.cat([a[:100], torch.randn(156, positions, width)])
    assert torch.equal(factors(layer, others, g, clip_norm=1.0)[:100], before[:100])
    assert not torch.equal(factors(layer, others, g, clip_norm=1.0)[100:], before[100:])  # control: a change is seen


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_clip_factor_is_that_of_the_norm_in_double_precision(shape: tuple[int, int, int], bias: bool) -> None:
    torch.manual_seed(8)
    positions, width, outputs = shape
    layer = nn.Linear(width, outputs, bias=bias)
    a, g = torch.randn(128, positions, width), torch.randn(128, positions, outputs)
    a[5], g[7, :, 0], a[9] = torch.nan, torch.inf, 3e38  # rows that add nothing
    if positions > 1:
        a[3], g[3] = 1.0, torch.tensor([100.0, -100.0, *[0.0] * (positions - 2)]).unsqueeze(1)  # these cancel
    full = torch.cat([a, torch.ones(128, positions, 1)], dim=2).double() if bias else a.double()
    norms = torch.einsum("rph,rpd->rhd", g.double(), full).flatten(1).norm(dim=1)
    clip_norm = float(norms[10:].median())
    least = (full.norm(dim=2) * g.double().norm(dim=2)).sum(1) / CANCELLATION
    wanted = (clip_norm / torch.maximum(norms, least)).clamp(max=1)
    wanted[[5, 7, 9]], wanted[100:] = 0, 0
    found = factors(layer, a, g, clip_norm=clip_norm, rows=100)
    np.testing.assert_allclose(found.numpy(), wanted.numpy(), rtol=1e-5 * positions)
    assert bool((found.double() * norms).nan_to_num(0)[:100].max() <= clip_norm)
    assert positions == 1 or float(found[3]) < 1  # although its gradient is 0


def test_what_is_not_float32_and_not_one_row_for_each_example_is_refused() -> None:
    class Unstacked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(5, CLASSES)

        def forward(self, nodes: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.layer(nodes.flatten(0, 1)).view(len(nodes), -1, CLASSES).mean(1)
            return logits

    unstacked = BookKeepingModule(Unstacked(), block_rows=CHUNK_ROWS).train()
    labels = torch.zeros(10, dtype=torch.int64)
    with pytest.raises(UnsoundExamples, match="other rows"):
        clipped(unstacked, (torch.randn(10, 3, 5),), labels, clip_norm=1.0)
    plain = BookKeepingModule(nn.Linear(5, CLASSES), block_rows=CHUNK_ROWS).train()
    with torch.autocast("cpu", dtype=torch.bfloat16), pytest.raises(UnsoundExamples, match="float32"):
        clipped(plain, (torch.randn(10, 5),), labels, clip_norm=1.0)
    assert clipped(plain, (torch.randn(10, 5),), labels, clip_norm=1.0).any()  # control


def test_outputs_that_share_one_gradient_are_not_scaled_twice() -> None:
    torch.manual_seed(6)

    class Sum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Linear(5, CLASSES), nn.Linear(5, CLASSES)

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.left(rows).view(-1, CLASSES) + self.right(rows)
            return logits

    model, rows, labels = Sum(), torch.randn(40, 5), torch.randint(0, CLASSES, (40,))
    wanted = by_vmap(model, (rows,), labels).detach()
    norms = wanted.norm(dim=1, keepdim=True)
    private = BookKeepingModule(model, block_rows=CHUNK_ROWS).train()
    for _ in range(2):  # memory of the first step is used again
        mine = clipped(private, (rows,), labels, clip_norm=0.7)
        np.testing.assert_allclose(mine, (wanted * (0.7 / norms).clamp(max=1)).sum(0).numpy(), atol=1e-4)
