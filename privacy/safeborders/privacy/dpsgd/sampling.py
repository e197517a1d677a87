"""Secret coins from the operating system's generator, stretched by ChaCha20.

A seed known to the coordinator would end amplification by sampling, so there is no seed: every call takes a fresh
256-bit key from the operating system and forgets it, which also makes the coins safe across forks. An empty draw is a
draw: whoever calls must use it, or the number of steps would depend on the records.
"""

import math
import os
from collections.abc import Callable
from typing import Protocol

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from numpy.typing import NDArray

_WORD = np.dtype("<u8")
_SHORT = np.dtype("<u2")
_STRETCHED_FROM = 1024  # bytes; below it the operating system itself is as fast

Identify = Callable[[], tuple[NDArray[np.int64], NDArray[np.int64]]]
"""Whose coins are tossed: for each coin the path that it belongs to and the person that it decides about."""


class CoinSource(Protocol):
    """Where a sampler's coins come from: secret ones in the product, coupled ones in an audit."""

    def heads(self, count: int, *, probability: float, identify: Identify) -> NDArray[np.bool_]:
        """Return ``count`` independent coins of the given probability."""

    def keys(self, count: int, *, identify: Identify) -> NDArray[np.uint64]:
        """Return ``count`` independent, uniform 64-bit words, for random orders."""


class SecretCoins:
    """Fresh coins of the system's generator; who they are about does not matter."""

    def heads(self, count: int, *, probability: float, identify: Identify) -> NDArray[np.bool_]:  # port
        """Return ``count`` independent coins of the given probability; see ``secret_heads``."""
        return secret_heads(count, probability=probability)

    def keys(self, count: int, *, identify: Identify) -> NDArray[np.uint64]:  # port
        """Return ``count`` independent, uniform 64-bit words."""
        return random_words(count)


def random_words(count: int) -> NDArray[np.uint64]:
    """Return ``count`` independent, uniform 64-bit words."""
    return np.frombuffer(_random_bytes(count * _WORD.itemsize), dtype=_WORD).astype(np.uint64, copy=False)


def secret_heads(count: int, *, probability: float) -> NDArray[np.bool_]:
    """Return ``count`` independent coins, true with probability floor(p * 2**64) / 2**64.

    That is exact for every float64 p >= 2**-11, and lower by less than 2**-64, to the private side, below; p = 1 is
    always true. A coin compares the first 16 bits of a 64-bit word and draws the others only when these are equal.
    """
    threshold = math.floor(math.ldexp(probability, 64))  # exact: a power of two only moves the exponent
    if threshold >= 2**64:
        return np.ones(count, dtype=np.bool_)
    shorts = np.frombuffer(_random_bytes(count * _SHORT.itemsize), dtype=_SHORT)
    first = np.uint16(threshold >> 48)
    coins = shorts < first
    undecided = np.flatnonzero(shorts == first)
    if len(undecided):
        coins[undecided] = random_words(len(undecided)) >> np.uint64(16) < np.uint64(threshold & (2**48 - 1))
    return coins


def poisson_sample(count: int, *, sampling_rate: float) -> NDArray[np.int64]:
    """Return which of ``count`` examples enter a round, each by its own coin (``secret_heads``).

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
    check_probability("sampling_rate", sampling_rate)
    return np.flatnonzero(secret_heads(count, probability=sampling_rate)).astype(np.int64)


def shuffled(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return ``rows`` in uniformly random, secret order; the engine's rounding proof needs it."""
    return rows[np.argsort(random_words(len(rows)))]


def check_probability(name: str, value: float) -> None:
    """Refuse what is not in (0, 1].

    Raises:
        ValueError: If it is not, or is no number.
    """
    if not 0 < value <= 1:
        raise ValueError(f"{name} must be in (0, 1]. Got {value}.")


def _random_bytes(size: int) -> bytearray:
    """Return ``size`` secret bytes; long draws are the keystream of ChaCha20 under a key that is used once."""
    if size < _STRETCHED_FROM:
        return bytearray(os.urandom(size))
    stream = Cipher(ChaCha20(os.urandom(32), os.urandom(16)), mode=None).encryptor()
    drawn = bytearray(size)
    stream.update_into(drawn, drawn)
    return drawn
