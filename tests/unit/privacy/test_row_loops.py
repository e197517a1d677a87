"""Compiled loops: the same bits on any number of threads, integers exact, and nothing that is no number gets in."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from safeborders.privacy.dpsgd import team
from safeborders.privacy.dpsgd.clipping import Desk, Part
from safeborders.privacy.dpsgd.row_loops import add_chunks, add_integers
from safeborders.privacy.dpsgd.team import Task
from safeborders.privacy.rounding import CHUNK_ROWS

CHUNKS = [1, 3, 4, 7, 16]  # four are added at a time


def add_up(sums: list[NDArray[np.float32]]) -> NDArray[np.float64]:
    counts = [one.shape[1] for one in sums]
    total = np.full(sum(counts), np.nan)
    sizes = [len(sums[0]), len(sums), len(total)]
    for place, count in enumerate(counts):
        sizes += [count, sum(counts[:place])]
    Task(add_chunks, [np.array(sizes), total, *sums]).run()
    return total


@pytest.mark.parametrize("chunks", CHUNKS)
def test_chunks_are_rounded_one_by_one_and_added_exactly(chunks: int) -> None:
    generator = np.random.default_rng(chunks)
    small = (generator.integers(-(10**4), 10**4, (chunks, 17)) / 2).astype(np.float32)  # half of them are ties
    large = (generator.standard_normal((chunks, 5_000)) * 2.0 ** generator.integers(0, 40, 5_000)).astype(np.float32)
    wanted = np.concatenate([np.rint(one.astype(np.float64)).sum(0) for one in (small, large)])
    assert np.array_equal(add_up([small, large]), wanted)
    together = np.rint(small.astype(np.float64).sum(0))
    assert chunks == 1 or not np.array_equal(together, wanted[:17])  # control: rounded only once


def clip_and_add(threads: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    generator = torch.Generator().manual_seed(4)
    layers = [nn.Linear(30, 12), nn.Linear(9, 5, bias=False)]
    parts = [
        Part(
            layer,
            torch.randn(5 * CHUNK_ROWS, 4, layer.in_features, generator=generator),
            torch.randn(5 * CHUNK_ROWS, 4, layer.out_features, generator=generator),
        )
        for layer in layers
    ]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        desk = Desk(layers, parts, rows=5 * CHUNK_ROWS)
        summed = np.zeros(30 * 12 + 12 + 9 * 5, dtype=np.int64)
        desk.clip(parts, rows=5 * CHUNK_ROWS - 3, kept=1.0, unit=2.0**16)
        desk.add_to(summed)
    finally:
        torch.set_num_threads(before)
    return desk.factors.numpy(), summed


def test_factors_and_sums_are_the_same_on_every_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    factors, summed = clip_and_add(1)
    assert summed.any()
    assert not factors[-3:].any()
    assert factors[:-3].all()
    for threads in (2, 3):
        others = clip_and_add(threads)
        assert np.array_equal(others[0], factors)
        assert np.array_equal(others[1], summed)
    monkeypatch.setattr(team, "_OPENMP", None)
    alone = clip_and_add(2)
    assert np.array_equal(alone[0], factors)
    assert np.array_equal(alone[1], summed)


def test_where_torch_brought_no_openmp_a_region_runs_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert team.find_openmp(tmp_path) is None
    assert team.find_openmp(Path(torch.__file__).parent) is not None  # control: here it did
    monkeypatch.setattr(team, "_OPENMP", None)
    assert [team.of_openmp(name)() for name in ("omp_get_thread_num", "omp_get_num_threads")] == [0, 1]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 2.0**52, -(2.0**52)])
def test_what_is_no_integer_of_the_grid_is_not_added(wrong: float) -> None:
    summed = np.arange(5)
    assert not add_integers(np.array([1.0, 2.0, wrong, 4.0, 5.0]), summed, most=2.0**52)
    assert np.array_equal(summed, np.arange(5))
    assert add_integers(np.array([1.0, 2.0, 1 - 2.0**52, 4.0, -5.0]), summed, most=2.0**52)  # control
    assert summed.tolist() == [1, 3, 3 - 2**52, 7, -1]
