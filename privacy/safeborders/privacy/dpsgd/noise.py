r"""Exact integer Gaussian noise from secret bits, fast enough for every step.

The discrete Gaussian :math:`N_\mathbb{Z}(0, t^2)` has :math:`P(x) \propto e^{-x^2/2t^2}` on the integers. A draw
proposes a magnitude from cells of width w (a power of two, at most t/8), each as likely as its first point would have
it, and a uniform place r and sign in the cell; it accepts with :math:`e^{-r(2kw + r)/2t^2}`, which leaves exactly the
wanted weights.

Cells come from 128-bit thresholds, acceptance from a 64-bit word; a float64 decides only where it cannot err, and
decimal arithmetic decides the rest. Beyond 13 deviations nothing is drawn. The law of one draw is the discrete Gaussian
up to a total variation of 2**-62, in place of floats that leak (Mironov 2012; docs/decisions/0032, 0113).

The running time depends on the noise drawn, not on the records; a round's pace is set by training and by the network.
"""

from bisect import bisect_right
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from safeborders.privacy.dpsgd.sampling import random_words

LARGEST_DEVIATION = 2**40
"""Largest supported standard deviation; a sum of noise and signal then stays far inside int64."""

_REACH = 13  # deviations; the mass beyond is below 2**-121
_WORD_BITS = 64
_GUIDE_BITS = 12
_UNDECIDED = 2.0**-44  # far above float64's error in an acceptance probability
_DIGITS = 60
_ROOM = 16


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
    cells = _cells(deviation)
    drawn = np.empty(count, dtype=np.int64)
    filled = 0
    while filled < count:
        # About 0.95 of the proposals are accepted for large deviations, and a half at the least.
        accepted = _propose(cells, (count - filled) * 17 // 16 + _ROOM)[: count - filled]
        drawn[filled : filled + len(accepted)] = accepted
        filled += len(accepted)
    return drawn


@dataclass(frozen=True, eq=False)
class _Cells:
    """The proposal's table for one deviation.

    Attributes:
        deviation: t.
        width_bits: log2 of the cells' width w.
        thresholds: Cumulated likelihoods in units of 2**-128.
        high: Their upper 64 bits, closed by the largest word. Shape (cells + 1,).
        guide: For each value of a word's first bits, the first cell that it can mean.
    """

    deviation: int
    width_bits: int
    thresholds: list[int]
    high: NDArray[np.uint64]
    guide: NDArray[np.int64]


@lru_cache(maxsize=64)
def _cells(deviation: int) -> _Cells:
    width_bits = max(0, deviation.bit_length() - 4)
    number = _REACH * deviation // 2**width_bits + 1
    with localcontext() as context:
        context.prec = _DIGITS
        step = -((Decimal(2**width_bits) / Decimal(deviation)) ** 2) / 2
        weights = [(step * (index * index)).exp() for index in range(number)]
        whole, running = sum(weights), Decimal(0)
        thresholds: list[int] = []
        for weight in weights:
            running += weight
            thresholds.append(int(running / whole * 2**128))
    thresholds[-1] = 2**128
    high = np.array([min(value >> _WORD_BITS, 2**64 - 1) for value in thresholds] + [2**64 - 1], dtype=np.uint64)
    firsts = np.arange(2**_GUIDE_BITS, dtype=np.uint64) << np.uint64(_WORD_BITS - _GUIDE_BITS)
    guide = np.searchsorted(high[:-1], firsts, side="right")
    return _Cells(deviation, width_bits, thresholds, high, guide)


def _propose(cells: _Cells, count: int) -> NDArray[np.int64]:
    """Return those of ``count`` proposals that are accepted, with their signs."""
    words = random_words(3 * count)
    begin = _draw_cells(cells, words[:count]) << cells.width_bits
    places = words[count : 2 * count]
    offset = (places >> np.uint64(1) & np.uint64(2**cells.width_bits - 1)).astype(np.int64)
    magnitude = begin + offset
    negative = (places & np.uint64(1)).astype(np.bool_)
    # Zero would come with both signs and be twice as likely.
    accepted = _accept(cells, begin, offset=offset, words=words[2 * count :]) & ~(negative & (magnitude == 0))
    signed: NDArray[np.int64] = np.where(negative, -magnitude, magnitude)[accepted]
    return signed


def _draw_cells(cells: _Cells, words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the number of thresholds that each 128-bit draw, of which ``words`` are the upper halves, has passed."""
    index: NDArray[np.int64] = cells.guide[words >> np.uint64(_WORD_BITS - _GUIDE_BITS)]
    alive = np.flatnonzero(cells.high[index] <= words)
    while len(alive):
        index[alive] += 1
        alive = alive[(index[alive] < len(cells.thresholds)) & (cells.high[index[alive]] <= words[alive])]
    # An upper half that equals a threshold's is decided by the lower one: about once in 2**56 draws.
    for tie in np.flatnonzero(cells.high[np.maximum(index - 1, 0)] == words):
        index[tie] = bisect_right(cells.thresholds, int(words[tie]) << _WORD_BITS | int(random_words(1)[0]))
    return index


def _accept(
    cells: _Cells, begin: NDArray[np.int64], *, offset: NDArray[np.int64], words: NDArray[np.uint64]
) -> NDArray[np.bool_]:
    """Return whether each 64-bit word, as a fraction, is below exp(-offset (2 begin + offset) / 2 t**2)."""
    place = offset.astype(np.float64)
    exponent = place * (2.0 * begin + place) * (-0.5 / float(cells.deviation) ** 2)
    excess = np.exp(exponent) - words * 2.0**-_WORD_BITS
    accepted: NDArray[np.bool_] = excess > 0
    for close in np.flatnonzero(np.abs(excess) < _UNDECIDED):
        accepted[close] = _is_below(cells, int(begin[close]), offset=int(offset[close]), word=int(words[close]))
    return accepted


def _is_below(cells: _Cells, begin: int, *, offset: int, word: int) -> bool:
    """Decide one acceptance in decimal arithmetic."""
    with localcontext() as context:
        context.prec = _DIGITS
        exponent = Decimal(offset * (2 * begin + offset)) / Decimal(2 * cells.deviation**2)
        return bool(Decimal(word) < (-exponent).exp() * 2**_WORD_BITS)
