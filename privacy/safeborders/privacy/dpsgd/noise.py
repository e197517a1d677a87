r"""Exact integer Gaussian noise from secret bits, fast enough for every step.

The discrete Gaussian :math:`N_\mathbb{Z}(0, t^2)` has :math:`P(x) \propto e^{-x^2/2t^2}` on the integers. A draw
proposes a magnitude from cells of width w (a power of two, at most t/256), each as likely as its first point would have
it, and a uniform place r and sign in the cell; it accepts with :math:`e^{-r(2kw + r)/2t^2}`, which leaves exactly the
wanted weights.

Cells come from 128-bit thresholds, acceptance from a 64-bit word. Most draws need few of these bits: the first 16 of
a cell's draw usually leave one cell only, and the first 16 of an acceptance's lie below its least probability; the
others are drawn when they count, for about three draws in a hundred. A float64 decides only where it cannot err, and
decimal arithmetic decides the rest. Beyond 13 deviations nothing is drawn. The law of one draw is the discrete Gaussian
up to a total variation of 2**-62, in place of floats that leak (Mironov 2012; docs/decisions/0032, 0113, 0155).

The running time depends on the noise drawn, not on the records; a round's pace is set by training and by the network.
"""

from bisect import bisect_right
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safeborders.privacy.dpsgd.sampling import random_words

LARGEST_DEVIATION = 2**40
"""Largest supported standard deviation; a sum of noise and signal then stays far inside int64."""

_REACH = 13  # deviations; the mass beyond is below 2**-121
_WORD_BITS = 64
_FIRST_BITS = 16  # of a cell's draw and of an acceptance's
_CELL_BITS = 8  # a deviation is at least 2**8 cells wide
_USUAL = 4.5  # deviations; cells beyond take the long way, about one draw in 150,000
_NARROW_BITS = 15  # widest place that fits a 32-bit word beside its sign and the acceptance's first bits
_UNDECIDED = 2.0**-44  # far above float64's error in an acceptance probability
_DIGITS = 80
_SPARE = 64  # proposals beyond one in 128, in place of those that are not accepted


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
    proposed, rejected = _propose(cells, count + count // 128 + _SPARE)
    drawn, spare = proposed[:count].astype(np.int64), np.delete(proposed[count:], rejected[rejected >= count] - count)
    missing = rejected[rejected < count]
    while len(missing):
        filled = min(len(missing), len(spare))
        drawn[missing[:filled]] = spare[:filled]
        missing = missing[filled:]
        if len(missing):  # small deviations reject more: up to a half
            proposed, rejected = _propose(cells, 2 * len(missing) + _SPARE)
            spare = np.delete(proposed, rejected)
    return drawn


@dataclass(frozen=True, eq=False)
class _Cells:
    """The proposal's table for one deviation.

    Attributes:
        deviation: t.
        width_bits: log2 of the cells' width w.
        thresholds: Cumulated likelihoods in units of 2**-128; the last is 1.
        high: The upper 64 bits of all but the last. Shape (cells - 1,).
        begins: For each value of a draw's first bits, the first point of the cell that it means; -1 where several are
            possible, and for cells at zero and in the tail. Its type holds every magnitude.
        sure: Words below this accept every point of the cells in ``begins``.
    """

    deviation: int
    width_bits: int
    thresholds: list[int]
    high: NDArray[np.uint64]
    begins: NDArray[Any]
    sure: np.unsignedinteger[Any]


@lru_cache(maxsize=64)
def _cells(deviation: int) -> _Cells:
    width_bits = max(0, deviation.bit_length() - 1 - _CELL_BITS)
    width = 2**width_bits
    thresholds = _thresholds(deviation, width=width)
    high = np.array([value >> _WORD_BITS for value in thresholds[:-1]], dtype=np.uint64)
    firsts = np.arange(2**_FIRST_BITS, dtype=np.uint64) << np.uint64(_WORD_BITS - _FIRST_BITS)
    lasts = firsts + np.uint64(2 ** (_WORD_BITS - _FIRST_BITS) - 1)
    lowest, highest = np.searchsorted(high, firsts, side="left"), np.searchsorted(high, lasts, side="right")
    usual = int(_USUAL * deviation) // width
    begins = np.where((lowest == highest) & (lowest > 0) & (lowest <= usual), lowest << width_bits, -1)
    # 1 - x <= exp(-x), and no exponent is larger than that of the last point of the last usual cell.
    largest = -(-(2**_FIRST_BITS) * (width - 1) * (2 * usual * width + width - 1) // (2 * deviation**2))
    sure = 2**_FIRST_BITS - max(1, largest)
    if width_bits <= _NARROW_BITS:
        return _Cells(deviation, width_bits, thresholds, high, begins.astype(np.int32), np.uint32(sure << 16))
    return _Cells(deviation, width_bits, thresholds, high, begins.astype(np.int64), np.uint64(sure << 48))


def _thresholds(deviation: int, *, width: int) -> list[int]:
    """Return the cells' cumulated likelihoods; each weight errs by less than 10**-60 of itself."""
    number = _REACH * deviation // width + 1
    with localcontext() as context:
        context.prec = _DIGITS
        square = (Decimal(width) / Decimal(deviation)) ** 2
        weights = [Decimal(1)]
        ratio, shrink = (-square / 2).exp(), (-square).exp()  # exp(-((k + 1)^2 - k^2) s / 2) shrinks by exp(-s)
        for _ in range(number - 1):
            weights.append(weights[-1] * ratio)
            ratio *= shrink
        unit, running = 2**128 / sum(weights, Decimal(0)), Decimal(0)
        thresholds: list[int] = []
        for weight in weights:
            running += weight
            thresholds.append(int(running * unit))
    thresholds[-1] = 2**128
    return thresholds


def _propose(cells: _Cells, count: int) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Return ``count`` proposals with their signs, and the places of those that are not accepted."""
    words, firsts = _random_parts(count, size=cells.begins.dtype.itemsize)
    begin = cells.begins.take(firsts)
    long_way = np.flatnonzero((begin < 0) | (words >= cells.sure))
    # A word holds, from above: an acceptance's first bits, the sign, what is not used, the place in the cell.
    signed = words.view(cells.begins.dtype)
    minus = signed << _FIRST_BITS >> (8 * signed.itemsize - 1)  # all bits set for a minus
    offset = signed & (2**cells.width_bits - 1)
    begin[long_way], accepted = _decide(
        cells, begin[long_way], firsts=firsts[long_way], words=words[long_way], offset=offset[long_way]
    )
    begin += offset
    # Zero would come with both signs and be twice as likely.
    rejected = long_way[~accepted | ((begin[long_way] == 0) & (minus[long_way] < 0))]
    begin ^= minus
    begin -= minus
    return begin, rejected


def _decide(
    cells: _Cells, begin: NDArray[Any], *, firsts: NDArray[np.uint16], words: NDArray[Any], offset: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Draw the bits that were left out; return the beginnings of the cells and whether each is accepted."""
    several = np.flatnonzero(begin < 0)
    rest = random_words(len(several) + len(begin)) >> np.uint64(_FIRST_BITS)
    begin[several] = _draw_cells(cells, _extended(firsts[several], rest[: len(several)])) << cells.width_bits
    first = words >> words.dtype.type(8 * words.itemsize - _FIRST_BITS)
    return begin, _accept(cells, begin, offset=offset, words=_extended(first, rest[len(several) :]))


def _random_parts(count: int, *, size: int) -> tuple[NDArray[Any], NDArray[np.uint16]]:
    """Return ``count`` uniform words of ``size`` bytes and as many of two, all independent."""
    pool = random_words(-(-count * (size + 2) // 8))
    words: NDArray[Any] = pool.view(np.uint32 if size == 4 else np.uint64)[:count]
    return words, pool.view(np.uint16)[count * size // 2 :][:count]


def _extended(firsts: NDArray[Any], rest: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return firsts.astype(np.uint64) << np.uint64(_WORD_BITS - _FIRST_BITS) | rest


def _draw_cells(cells: _Cells, words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the number of thresholds that each 128-bit draw, of which ``words`` are the upper halves, has passed."""
    index = np.searchsorted(cells.high, words, side="right")
    # An upper half that equals a threshold's is decided by the lower one: about once in 2**51 draws.
    for tie in np.flatnonzero((index > 0) & (cells.high[np.maximum(index - 1, 0)] == words)):
        index[tie] = bisect_right(cells.thresholds, int(words[tie]) << _WORD_BITS | int(random_words(1)[0]))
    return index


def _accept(
    cells: _Cells, begin: NDArray[Any], *, offset: NDArray[Any], words: NDArray[np.uint64]
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
