r"""What it costs that a person changes other persons' samples: the Lemma of docs/proofs/stage-b.md as a distribution.

In one step a person moves the sum by at most :math:`x = w_1 b + w_2 j` clip_norms, b and j being sums of independent
coins that do not depend on the data. With :math:`\eta = P(x > 0)` and
:math:`e^\epsilon = 1 + (e^{\epsilon'} - 1)/\eta`, in both directions

.. math:: \delta(\epsilon') \le \sum_{x > 0} P(x) \, D_{e^\epsilon}\big(N(x, \sigma^2) \,\|\, N(0, \sigma^2)\big).

The bound is a privacy profile (convex in :math:`e^{\epsilon'}`, symmetric), so connecting its dots gives a distribution
that composes. Mass that is left out anywhere becomes mass at infinity: errors are to the private side.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from safeborders.kit.lazy import LazyModule

# Imported with the first price: a second of every process that keeps a ledger and prices nothing.
pld: Any = LazyModule("dp_accounting.pld.privacy_loss_distribution")
pld_pmf: Any = LazyModule("dp_accounting.pld.pld_pmf")
special: Any = LazyModule("scipy.special")
stats: Any = LazyModule("scipy.stats")

Distribution: TypeAlias = Any
"""A ``PrivacyLossDistribution``; dp-accounting has no types."""

_TAIL = 1e-17  # probability of many coins at once, and of large losses, that is moved to infinity
_LARGEST_LOSS = 60.0
_NUMERIC = 1e-15  # far above float64's error in one divergence


class ContentChange(Protocol):
    """What the Lemma must know of one step."""

    @property
    def sampling_rate(self) -> float:
        """Probability of each own root."""

    @property
    def copies(self) -> int:
        """Number of own roots."""

    @property
    def own_weight(self) -> float:
        """How far one own root moves the sum, in clip_norms."""

    @property
    def seen_weight(self) -> float:
        """How far one other root that sees the person moves the sum, in clip_norms."""

    @property
    def effective_noise_multiplier(self) -> float:
        """Standard deviation of the noise in clip_norms."""

    def seen_slots(self) -> Iterable[tuple[int, float]]:
        """Return (number, probability) of the independent ways of being seen."""


def dominating_distribution(event: ContentChange, *, interval: float) -> Distribution:
    """Return a distribution that dominates one step of ``event``, in both directions, on a grid of ``interval``."""
    shifts, weights = movement_law(event)
    rest = max(0.0, 1.0 - float(weights.sum()))

    def bound(losses: NDArray[np.float64]) -> NDArray[np.float64]:
        return content_change_delta(losses, shifts=shifts, weights=weights, noise=event.effective_noise_multiplier)

    reach = _reach(bound, interval=interval)
    positive = bound(np.arange(reach + 1, dtype=np.float64) * interval) + rest + _NUMERIC
    losses = np.arange(1, reach + 1) * interval
    negative = -np.expm1(-losses) + np.exp(-losses) * positive[1:]
    deltas = np.minimum(np.concatenate([negative[::-1], positive]), 1.0)
    return pld.PrivacyLossDistribution(
        pld_pmf.create_pmf_pessimistic_connect_dots_fixed_gap(interval, -reach, reach, np.minimum.accumulate(deltas))
    )


def movement_law(event: ContentChange) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the possible moves in clip_norms, 0 first, and their probabilities; what is missing to 1 is cut off."""
    own = stats.binom.pmf(np.arange(event.copies + 1), event.copies, event.sampling_rate)
    seen = np.ones(1)
    for number, probability in event.seen_slots():
        counts = np.arange(number + 1)
        law = stats.binom.pmf(counts, number, probability)
        seen = np.convolve(seen, law[stats.binom.sf(counts - 1, number, probability) > _TAIL])
    kept = np.flatnonzero(np.cumsum(seen[::-1])[::-1] > _TAIL)
    seen = seen[: kept[-1] + 1]
    moves = event.own_weight * np.arange(len(own))[:, None] + event.seen_weight * np.arange(len(seen))
    return moves.ravel(), np.outer(own, seen).ravel()


def content_change_delta(
    losses: NDArray[np.float64], *, shifts: NDArray[np.float64], weights: NDArray[np.float64], noise: float
) -> NDArray[np.float64]:
    """Return the Lemma's bound at each loss >= 0.

    Args:
        losses: epsilon', at least 0. Shape (n,).
        shifts: Possible moves x of the sum, in clip_norms; exactly those that are 0 change nothing. Shape (m,).
        weights: Their probabilities. Shape (m,).
        noise: Standard deviation of the noise in clip_norms.
    """
    moving = (shifts > 0) & (weights > 0)
    changed = min(1.0, math.fsum(weights[moving]))
    inner = np.log1p(np.expm1(losses) / changed)
    total = np.zeros_like(losses)
    for shift, weight in zip(shifts[moving], weights[moving], strict=True):
        total += weight * gaussian_delta(inner, shift=float(shift), noise=noise)
    return total


def gaussian_delta(losses: NDArray[np.float64], *, shift: float, noise: float) -> NDArray[np.float64]:
    """Return the hockey-stick divergence of order e**loss of N(shift, noise**2) from N(0, noise**2)."""
    half, tilt = shift / (2 * noise), losses * noise / shift
    divergence: NDArray[np.float64] = special.ndtr(half - tilt) - np.exp(losses + special.log_ndtr(-half - tilt))
    return np.maximum(divergence, 0.0)


def _reach(bound: Callable[[NDArray[np.float64]], NDArray[np.float64]], *, interval: float) -> int:
    """Return the least number of intervals beyond which the bound is below ``_TAIL``, or the largest loss."""
    low, high = 1, math.ceil(_LARGEST_LOSS / interval)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if float(bound(np.array([middle * interval]))[0]) <= _TAIL else (middle + 1, high)
    return low
