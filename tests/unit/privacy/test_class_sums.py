"""The one-step release: its price, its refusals, its noise."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from safeborders.privacy.accountant import epsilon
from safeborders.privacy.dpsgd.class_sums import ClassSum, class_sum, private_class_sum
from safeborders.privacy.errors import UnsoundExamples

RELEASE = ClassSum(classes=3, width=4, touched=5, noise_multiplier=20.0)
ROWS = (np.eye(4, dtype=np.float32) * 0.9)[[0, 1, 2, 3, 0]]
LABELS = np.array([0, 1, 2, 0, 1])


def test_the_price_is_that_of_a_gaussian_of_the_touched_rows() -> None:
    """Balle and Wang's exact formula for the Gaussian mechanism (ICML 2018) at the priced epsilon."""
    spent = epsilon([RELEASE.event(name="head")], delta=1e-5)
    ratio = 5 / 20.0
    exact = norm.cdf(ratio / 2 - spent / ratio) - math.exp(spent) * norm.cdf(-ratio / 2 - spent / ratio)
    assert exact <= 1e-5
    assert exact == pytest.approx(1e-5, rel=0.05)


def test_a_row_that_is_too_long_is_refused() -> None:
    long = ROWS.copy()
    long[0, 0] = 1.01
    with pytest.raises(UnsoundExamples, match="longer"):
        private_class_sum(long, LABELS, touched=5, release=RELEASE)
    long[0, 0] = np.nan
    with pytest.raises(UnsoundExamples, match="longer"):
        class_sum(long, LABELS, classes=3)


def test_rows_of_a_denser_graph_than_priced_are_refused() -> None:
    with pytest.raises(UnsoundExamples, match="priced"):
        private_class_sum(ROWS, LABELS, touched=6, release=RELEASE)


def test_unknown_labels_are_refused() -> None:
    with pytest.raises(UnsoundExamples, match="class"):
        class_sum(ROWS, np.array([0, 1, 2, 0, 3]), classes=3)


def test_the_noise_has_the_priced_deviation_also_without_examples() -> None:
    """3,000 coordinates: the sample deviation is within 6 of its standard errors, 1.3 %, but once in 10**8 runs."""
    wide = ClassSum(classes=2, width=1500, touched=1, noise_multiplier=2.0)
    empty = np.zeros((0, 1500), dtype=np.float32)
    drawn = private_class_sum(empty, np.zeros(0, dtype=np.int64), touched=1, release=wide) / 2**16
    assert float(drawn.std()) == pytest.approx(2.0, rel=6 / math.sqrt(2 * 3000))
