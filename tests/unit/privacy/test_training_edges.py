"""Edges of private training: what a caller can do wrong, and what a step is without examples, loss or gradient."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from safeborders.models.graph.csr import CuratedGraph, build_relation
from safeborders.privacy.dpsgd.bookkeeping import BookKeepingModule
from safeborders.privacy.dpsgd.class_sums import ClassSum, class_sum, private_class_sum
from safeborders.privacy.dpsgd.delete_one_audit import KeyedCoins
from safeborders.privacy.dpsgd.private_training import PrivacyEngine, PrivateLoss, PrivateStep
from safeborders.privacy.dpsgd.rooted_sampling import NeighbourRule, RootedSampler
from safeborders.privacy.dpsgd.soundness import check_rows_apart
from safeborders.privacy.errors import InBatchLoss, RowsMixed, UnsoundExamples
from safeborders.privacy.rounding import CHUNK_ROWS

GRID = 2**20


def backward(private: BookKeepingModule, inputs: torch.Tensor) -> None:
    private(inputs).square().sum().backward()


class TwoHeads(nn.Module):
    """Two layers run, and the loss sees one of them."""

    def __init__(self) -> None:
        super().__init__()
        self.seen, self.unseen = nn.Linear(3, 2), nn.Linear(3, 5)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        self.unseen(rows)
        output: torch.Tensor = self.seen(rows)
        return output


@pytest.mark.parametrize("rows", [0, -CHUNK_ROWS, CHUNK_ROWS + 1])
def test_a_block_is_a_whole_number_of_chunks(rows: int) -> None:
    with pytest.raises(ValueError, match="block_rows"):
        BookKeepingModule(nn.Linear(3, 2), block_rows=rows)


@pytest.mark.parametrize("mode", ["eval", "no_grad"])
def test_outside_training_it_is_the_model_and_keeps_nothing(mode: str) -> None:
    layer, inputs = nn.Linear(3, 2), torch.randn(5, 3)
    private = BookKeepingModule(layer).train(mode == "no_grad")
    with torch.set_grad_enabled(mode == "eval"):
        assert torch.equal(private(inputs), layer(inputs))
    assert not private.clipped_integers(clip_norm=1.0, grid=GRID).any()


def test_a_sum_before_any_loss_is_an_error_and_not_a_zero() -> None:
    private = BookKeepingModule(nn.Linear(3, 2)).train()
    private(torch.randn(5, 3))
    with pytest.raises(UnsoundExamples, match="backward"):
        private.clipped_integers(clip_norm=1.0, grid=GRID)


def test_a_batch_is_summed_once() -> None:
    private = BookKeepingModule(nn.Linear(3, 2)).train()
    backward(private, torch.randn(5, 3))
    assert private.clipped_integers(clip_norm=1.0, grid=GRID).any()
    assert not private.clipped_integers(clip_norm=1.0, grid=GRID).any()


def test_a_layer_that_the_loss_does_not_see_adds_zeros_in_its_place() -> None:
    private = BookKeepingModule(TwoHeads()).train()
    backward(private, torch.randn(5, 3))
    total = private.clipped_integers(clip_norm=1.0, grid=GRID)
    assert total.shape == (3 * 2 + 2 + 3 * 5 + 5,)
    assert total[: 3 * 2 + 2].all()
    assert not total[3 * 2 + 2 :].any()


def test_a_sum_that_the_integers_cannot_hold_is_refused() -> None:
    private = BookKeepingModule(nn.Linear(3, 2)).train()
    backward(private, torch.ones(CHUNK_ROWS, 3))
    with pytest.raises(UnsoundExamples, match="grid"):
        private.clipped_integers(clip_norm=1.0, grid=2**62)


def test_a_class_sum_is_each_row_under_its_label_less_its_share() -> None:
    chance = np.random.default_rng(3)
    rows = chance.uniform(-0.4, 0.4, (9, 4)).astype(np.float32)
    labels = chance.integers(0, 3, 9)
    expected = sum(
        np.outer(np.eye(3)[label] - 1 / 3, row.astype(float)) for label, row in zip(labels, rows, strict=True)
    )
    assert class_sum(rows, labels, classes=3) == pytest.approx(np.ravel(expected), abs=1e-12)


@pytest.mark.parametrize("labels", [np.array([0, 1]), np.array([0, 1, -1]), np.array([0, 1, 3])])
def test_labels_that_do_not_fit_the_rows_are_refused(labels: NDArray[np.int64]) -> None:
    with pytest.raises(UnsoundExamples, match="labels"):
        class_sum(np.zeros((3, 4), dtype=np.float32), labels, classes=3)


def test_a_class_sum_of_other_rows_than_priced_is_refused() -> None:
    release = ClassSum(classes=3, width=4, touched=5, noise_multiplier=20.0)
    with pytest.raises(UnsoundExamples, match="priced"):
        private_class_sum(np.zeros((3, 5), dtype=np.float32), np.zeros(3, dtype=np.int64), touched=5, release=release)


@pytest.mark.parametrize("criterion", [nn.MSELoss, nn.SmoothL1Loss, nn.BCEWithLogitsLoss])
@pytest.mark.parametrize(("outputs", "targets"), [((1, 4), (3, 4)), ((3, 1), (3,)), ((3,), (3, 1)), ((3, 4), (4,))])
def test_a_loss_that_spreads_a_row_over_the_batch_is_refused(
    criterion: type[nn.Module], outputs: tuple[int, ...], targets: tuple[int, ...]
) -> None:
    with pytest.raises(InBatchLoss):  # torch would meet every row with every target, and only warn
        PrivateLoss(criterion())(torch.zeros(outputs), torch.zeros(targets))


def test_a_loss_that_takes_the_batch_for_classes_is_refused() -> None:
    with pytest.raises(InBatchLoss):
        PrivateLoss(nn.CrossEntropyLoss())(torch.zeros(3), torch.tensor(1))


def test_control_targets_of_the_outputs_shape_make_one_term_per_example() -> None:
    assert float(PrivateLoss(nn.MSELoss())(torch.ones(3, 4), torch.zeros(3, 4))) == 3.0
    assert float(PrivateLoss(nn.SmoothL1Loss())(torch.ones(3), torch.zeros(3))) == 1.5
    assert float(PrivateLoss(nn.CrossEntropyLoss())(torch.zeros(3, 4, 5), torch.zeros(3, 5).long())) > 4.0


class Endless(Dataset[torch.Tensor]):
    """A data set without a length of its tensors."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.zeros(3)


def engine_on(dataset: Dataset[object]) -> PrivacyEngine:
    model, engine = nn.Linear(3, 2), PrivacyEngine()
    engine.make_private(
        module=model,
        optimizer=torch.optim.SGD(model.parameters(), lr=1.0),
        criterion=nn.CrossEntropyLoss(),
        data_loader=DataLoader(dataset),
        step=PrivateStep(0.5, 4.0, 1.0, expected_batch_size=2.0),
        steps=1,
    )
    return engine


def test_a_data_set_that_cannot_be_sampled_is_refused_and_a_model_that_never_stepped_has_cost_nothing() -> None:
    with pytest.raises(TypeError, match="TensorDataset"):
        engine_on(Endless())
    assert engine_on(TensorDataset(torch.zeros(3, 3), torch.zeros(3).long())).get_epsilon(1e-5) == 0


def pairs() -> CuratedGraph:
    ends = np.array([(1, 0), (2, 0), (2, 1)])
    ranks, attributes = np.arange(3).astype(np.uint64), np.zeros((3, 1), dtype=np.float32)
    relation = build_relation(ends, attributes, count=3, limit=2, ranks=ranks)
    return CuratedGraph({"one": relation, "two": relation})


def test_relations_of_different_depth_have_no_proof_and_are_refused() -> None:
    rules = [NeighbourRule("one", (0.5,), (9,)), NeighbourRule("two", (0.5, 0.5), (9, 9))]
    with pytest.raises(ValueError, match="hops"):
        RootedSampler(pairs(), np.arange(3), rules=rules, sampling_rate=0.5)


def test_an_audit_that_names_too_few_coins_stops() -> None:
    named = np.arange(3)
    with pytest.raises(ValueError, match="name every coin"):
        KeyedCoins(1).heads(4, probability=0.5, identify=lambda: (named, named))
    assert len(KeyedCoins(1).heads(3, probability=0.5, identify=lambda: (named, named))) == 3  # control


class Counts(nn.Module):
    """Takes whole numbers, such as a mask of who is there."""

    def __init__(self, combine: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.layer, self.combine = nn.Linear(40, 2), combine

    def forward(self, present: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.layer(self.combine(present.float()))
        return output


def test_rows_are_probed_with_coins_where_inputs_are_whole_numbers() -> None:
    inputs = (torch.zeros(4, 40, dtype=torch.int64),)  # so many that two rows of coins are not the same by chance
    check_rows_apart(Counts(lambda present: present), inputs, rows=CHUNK_ROWS)
    with pytest.raises(RowsMixed):
        check_rows_apart(Counts(lambda present: present - present.mean(0)), inputs, rows=CHUNK_ROWS)
