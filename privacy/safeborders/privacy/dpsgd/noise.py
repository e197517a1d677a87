r"""Exact integer Gaussian noise from the operating system's generator.

The discrete Gaussian :math:`N_\mathbb{Z}(0, \sigma^2)` has :math:`P(x) \propto e^{-x^2/2\sigma^2}` on the integers. It
is drawn by the rejection method of Canonne, Kamath and Steinke (NeurIPS 2020, https://arxiv.org/abs/2004.00010,
Algorithms 1 to 3) with integer :math:`\sigma`, on whole arrays. Every coin is a comparison of uniform integers: no
floating-point number takes part, so that the law is exact (floats leak: Mironov 2012) and 64-bit words suffice up to
:math:`\sigma = 2^{40}`.

The running time depends on the noise drawn, not on the records; a round's pace is set by training and by the network.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from safeborders.privacy.dpsgd.sampling import random_words

LARGEST_DEVIATION = 2**40
"""Largest supported standard deviation; a sum of noise and signal then stays far inside int64."""

Coins = Callable[[NDArray[np.int64]], NDArray[np.bool_]]
"""Fresh independent coins, one for each of the given positions."""


def discrete_gaussian(count: int, *, deviation: int) -> NDArray[np.int64]:
    r"""Return ``count`` independent draws of :math:`N_\mathbb{Z}(0, deviation^2)`.

    Args:
        count: How many, at least 0.
        deviation: Standard deviation in grid units, an integer in [1, 2**40]. (The variance of the discrete law is
            at most its square, and equal to it beyond 15 digits from 3 on.)

    Raises:
        ValueError: If an argument is out of range.
    """
    if count < 0:
        raise ValueError(f"count must be >= 0. Got {count}.")
    if not 1 <= deviation <= LARGEST_DEVIATION:
        raise ValueError(f"deviation must be in [1, 2**40]. Got {deviation}.")
    drawn = np.empty(count, dtype=np.int64)
    filled = 0
    while filled < count:
        # About 0.6 of the proposals survive both rejections.
        accepted = _propose(2 * (count - filled) + 16, deviation=deviation)[: count - filled]
        drawn[filled : filled + len(accepted)] = accepted
        filled += len(accepted)
    return drawn


def _propose(count: int, *, deviation: int) -> NDArray[np.int64]:
    """Return those of ``count`` discrete Laplace draws of scale ``deviation`` that Algorithm 3 accepts."""
    whole, part, magnitude = _discrete_laplace_magnitudes(count, deviation=deviation)
    negative = _fair(len(magnitude))
    # Zero would come with both signs and be twice as likely.
    kept = ~(negative & (magnitude == 0))
    value: NDArray[np.int64] = np.where(negative, -magnitude, magnitude)[kept]
    return value[_accept(whole[kept], part[kept], deviation=deviation)]


def _discrete_laplace_magnitudes(
    count: int, *, deviation: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return v, u and u + v * deviation, with weight exp(-(u + v * deviation) / deviation) (Algorithm 2)."""
    part = _uniform_below(count, bound=deviation)
    part = part[_exponential_coins(_ratio_coins(part, bound=deviation), count)]
    whole = np.zeros(len(part), dtype=np.int64)
    alive = np.arange(len(part))
    while len(alive):
        alive = alive[_exponential_coins(_certain, len(alive))]
        whole[alive] += 1
    return whole, part, part + whole * deviation


def _accept(whole: NDArray[np.int64], part: NDArray[np.int64], *, deviation: int) -> NDArray[np.bool_]:
    r"""Toss coins of probability :math:`e^{-(y - t)^2 / 2t^2}` where y = part + whole * t and t = deviation.

    With :math:`|y - t| = a t + b`, the exponent is :math:`a^2/2 + a b/t + (b/t)^2/2`; each term is a product of coins
    on numbers below t, so that nothing exceeds 64 bits.
    """
    above = whole >= 1
    a = np.where(above, whole - 1, np.where(part == 0, 1, 0))
    b = np.where(above | (part == 0), part, deviation - part)
    ratio = _ratio_coins(b, bound=deviation)

    def half_square(positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        return ratio(positions) & ratio(positions) & _fair(len(positions))

    accepted = _exponential_coins(half_square, len(whole))
    accepted &= _repeated_exponential_coins(ratio, a)
    accepted &= _repeated_exponential_coins(lambda positions: _fair(len(positions)), a * a)
    return accepted


def _exponential_coins(coins: Coins, count: int) -> NDArray[np.bool_]:
    """Toss a coin of probability exp(-p) for each position whose ``coins`` have probability p <= 1 (Algorithm 1).

    The number of successes of coins p/1, p/2, p/3 ... before the first failure is even with probability exp(-p).
    """
    is_even = np.ones(count, dtype=np.bool_)
    alive = np.arange(count)
    divisor = 1
    while len(alive):
        succeeded = coins(alive) & (_uniform_below(len(alive), bound=divisor) == 0)
        alive = alive[succeeded]
        is_even[alive] ^= True
        divisor += 1
    return is_even


def _repeated_exponential_coins(coins: Coins, repetitions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Toss a coin of probability exp(-p * repetitions) for each position."""
    accepted = np.ones(len(repetitions), dtype=np.bool_)
    alive = np.flatnonzero(repetitions > 0)
    done = 0
    while len(alive):
        tossed = _exponential_coins(lambda positions, now=alive: coins(now[positions]), len(alive))  # type: ignore[misc]
        accepted[alive[~tossed]] = False
        alive = alive[tossed]
        done += 1
        alive = alive[repetitions[alive] > done]
    return accepted


def _ratio_coins(numerator: NDArray[np.int64], *, bound: int) -> Coins:
    return lambda positions: _uniform_below(len(positions), bound=bound) < numerator[positions]


def _certain(positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.ones(len(positions), dtype=np.bool_)


def _fair(count: int) -> NDArray[np.bool_]:
    return (random_words(count) & np.uint64(1)).astype(np.bool_)


def _uniform_below(count: int, *, bound: int) -> NDArray[np.int64]:
    """Return uniform integers in [0, bound) by rejection of the last, incomplete stretch of 64-bit words."""
    if bound == 1:
        return np.zeros(count, dtype=np.int64)
    words = random_words(count)
    last = np.uint64(2**64 - 2**64 % bound - 1)
    refused = np.flatnonzero(words > last)
    while len(refused):
        words[refused] = random_words(len(refused))
        refused = refused[words[refused] > last]
    return (words % np.uint64(bound)).astype(np.int64)
