"""Poisson sampling: independent coins, honest empties."""

import math

import numpy as np
import pytest
from scipy.stats import binom, chisquare

from safeborders.privacy.dpsgd.sampling import poisson_sample, random_words

CHANCE = 1e-6


def batch_size_p_value(sizes: list[int], *, count: int, rate: float) -> float:
    values = np.arange(count + 1)
    expected = binom.pmf(values, count, rate) * len(sizes)
    usual = expected >= 5
    seen = np.bincount(sizes, minlength=count + 1)
    observed = np.append(seen[usual], seen[~usual].sum())
    wanted = np.append(expected[usual], expected[~usual].sum())
    return float(chisquare(observed, wanted * (observed.sum() / wanted.sum())).pvalue)


def test_batch_sizes_are_binomial() -> None:
    sizes = [len(poisson_sample(60, sampling_rate=0.3)) for _ in range(4000)]
    assert batch_size_p_value(sizes, count=60, rate=0.3) > CHANCE


def test_control_batches_of_a_fixed_size_are_caught() -> None:
    assert batch_size_p_value([18] * 4000, count=60, rate=0.3) < CHANCE


def test_each_example_has_its_own_fresh_coin() -> None:
    drawn = np.zeros((3000, 8), dtype=np.bool_)
    for row in drawn:
        row[poisson_sample(8, sampling_rate=0.5)] = True
    patterns = drawn @ (1 << np.arange(8))
    assert chisquare(np.bincount(patterns, minlength=256)).pvalue > CHANCE


def test_an_empty_batch_is_a_batch() -> None:
    assert poisson_sample(0, sampling_rate=0.5).shape == (0,)
    assert any(len(poisson_sample(2, sampling_rate=0.1)) == 0 for _ in range(100))


def test_rate_one_takes_everybody_and_a_tiny_rate_nearly_nobody() -> None:
    assert poisson_sample(1000, sampling_rate=1.0).tolist() == list(range(1000))
    assert len(poisson_sample(1000, sampling_rate=math.ldexp(1, -60))) == 0


def test_impossible_requests_are_refused() -> None:
    with pytest.raises(ValueError, match="count"):
        poisson_sample(-1, sampling_rate=0.5)
    for rate in (0.0, 1.1, math.nan):
        with pytest.raises(ValueError, match="sampling_rate"):
            poisson_sample(1, sampling_rate=rate)


def test_words_use_all_64_bits() -> None:
    words = random_words(4000)
    ones = [(int((words >> np.uint64(bit) & np.uint64(1)).sum())) for bit in range(64)]
    assert all(abs(count - 2000) < 6 * math.sqrt(1000) for count in ones)
