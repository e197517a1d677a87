"""Secret coins: Poisson sampling from the operating system's generator.

A seed known to the coordinator would end amplification by sampling, so there is no seed. An empty draw is a draw:
whoever calls must use it, or the number of steps would depend on the records.
"""

import math
import os

import numpy as np
from numpy.typing import NDArray

_WORD = np.dtype("<u8")


def random_words(count: int) -> NDArray[np.uint64]:
    """Return ``count`` independent, uniform 64-bit words of the operating system's generator."""
    return np.frombuffer(os.urandom(count * _WORD.itemsize), dtype=_WORD).astype(np.uint64)


def poisson_sample(count: int, *, sampling_rate: float) -> NDArray[np.int64]:
    """Return which of ``count`` examples enter a round, each by its own coin.

    The coin compares a 64-bit word with floor(q * 2**64), which is exact for every float64 q >= 2**-11 and rounds
    down, to the private side, below; q = 1 takes everybody.

    Args:
        count: Number of curated examples, at least 0.
        sampling_rate: Probability q in (0, 1].

    Returns:
        Increasing indices, possibly none.

    Raises:
        ValueError: If an argument is out of range.
    """
    if count < 0:
        raise ValueError(f"count must be >= 0. Got {count}.")
    if not 0 < sampling_rate <= 1:
        raise ValueError(f"sampling_rate must be in (0, 1]. Got {sampling_rate}.")
    threshold = math.floor(math.ldexp(sampling_rate, 64))  # exact: a power of two only moves the exponent
    if threshold >= 2**64:
        return np.arange(count, dtype=np.int64)
    return np.flatnonzero(random_words(count) < np.uint64(threshold)).astype(np.int64)
