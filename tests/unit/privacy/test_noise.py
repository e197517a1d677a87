"""The noise has the law that the accountant prices; every check is one that a wrong law fails."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chisquare, kstest, norm

from safeborders.privacy.dpsgd.noise import LARGEST_DEVIATION, _uniform_below, discrete_gaussian
from safeborders.privacy.dpsgd.sampling import random_words

# Each test below fails by chance with this probability; 20 of them make a false alarm once in 50,000 runs.
CHANCE = 1e-6
DRAWS = 40_000


def law(deviation: float, *, reach: int) -> NDArray[np.float64]:
    values = np.arange(-reach, reach + 1)
    weights: NDArray[np.float64] = np.exp(-(values**2) / (2 * deviation**2))
    return weights / float(weights.sum())


def p_value(drawn: NDArray[np.int64], *, deviation: float) -> float:
    """Chi-squared test against the exact law; the tails beyond four deviations are one bin each."""
    reach = math.ceil(3.5 * deviation)
    exact = law(deviation, reach=12 * math.ceil(deviation))
    middle = len(exact) // 2
    inner = exact[middle - reach : middle + reach + 1]
    tail = (1 - inner.sum()) / 2
    seen = np.bincount(np.clip(drawn, -reach - 1, reach + 1) + reach + 1, minlength=2 * reach + 3)
    expected = np.concatenate([[tail], inner, [tail]]) * len(drawn)
    return float(chisquare(seen, expected * (seen.sum() / expected.sum())).pvalue)


@pytest.mark.parametrize("deviation", [1, 2, 3, 5, 16])
def test_small_deviations_have_exactly_the_discrete_gaussian_law(deviation: int) -> None:
    assert p_value(discrete_gaussian(DRAWS, deviation=deviation), deviation=deviation) > CHANCE


@pytest.mark.parametrize("wrong", [0.95, 1.05])
def test_control_a_deviation_five_percent_off_is_caught(wrong: float) -> None:
    drawn = discrete_gaussian(DRAWS, deviation=16)
    assert p_value(drawn, deviation=16 * wrong) < CHANCE


def test_control_rounded_laplace_noise_is_caught() -> None:
    generator = np.random.default_rng(1)
    drawn = np.rint(generator.laplace(0, 16 / math.sqrt(2), DRAWS)).astype(np.int64)
    assert p_value(drawn, deviation=16) < CHANCE


@pytest.mark.parametrize("deviation", [2**22, 2**26 - 5, LARGEST_DEVIATION])
def test_large_deviations_follow_the_continuous_law_to_within_the_test(deviation: int) -> None:
    drawn = discrete_gaussian(DRAWS, deviation=deviation)
    assert kstest(drawn / deviation, norm.cdf).pvalue > CHANCE
    assert drawn.std() / deviation == pytest.approx(1, abs=5 / math.sqrt(2 * DRAWS))
    assert drawn.mean() / deviation == pytest.approx(0, abs=5 / math.sqrt(DRAWS))


def test_control_the_test_of_large_deviations_catches_three_percent() -> None:
    drawn = discrete_gaussian(DRAWS, deviation=2**22)
    assert drawn.std() / (1.03 * 2**22) != pytest.approx(1, abs=5 / math.sqrt(2 * DRAWS))


def test_the_low_bits_are_as_random_as_the_high_ones() -> None:
    drawn = discrete_gaussian(DRAWS, deviation=2**22 + 7)
    assert chisquare(np.bincount(drawn & 15, minlength=16)).pvalue > CHANCE


def test_draws_are_independent_of_each_other_and_of_earlier_calls() -> None:
    first, second = (discrete_gaussian(DRAWS, deviation=2**20) / 2**20 for _ in range(2))
    bound = 5 / math.sqrt(DRAWS)
    assert abs(np.corrcoef(first, second)[0, 1]) < bound
    assert abs(np.corrcoef(first[1:], first[:-1])[0, 1]) < bound


def test_no_draws_are_none_and_impossible_requests_are_refused() -> None:
    assert discrete_gaussian(0, deviation=5).shape == (0,)
    with pytest.raises(ValueError, match="count"):
        discrete_gaussian(-1, deviation=5)
    for deviation in (0, LARGEST_DEVIATION + 1):
        with pytest.raises(ValueError, match="deviation"):
            discrete_gaussian(1, deviation=deviation)


def test_a_bound_that_does_not_divide_the_words_gives_no_number_a_better_chance() -> None:
    bound = 3 * 2**61  # without rejection the lower third would come up half as often again
    thirds = _uniform_below(DRAWS, bound=bound) // 2**61
    assert chisquare(np.bincount(thirds, minlength=3)).pvalue > CHANCE


def test_control_without_rejection_the_bias_is_caught() -> None:
    thirds = (random_words(DRAWS) % np.uint64(3 * 2**61)).astype(np.int64) // 2**61
    assert chisquare(np.bincount(thirds, minlength=3)).pvalue < CHANCE
