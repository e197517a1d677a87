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

import numpy as np
from numpy.typing import NDArray

from safeborders.privacy.dpsgd.noise_loops import (
    ACCEPTED,
    FIRST_BITS,
    REJECTED,
    UNDECIDED,
    WORD_BITS,
    Bits,
    Table,
    decide,
    draw_bits,
    fill,
    place_of,
    propose,
    shorts_per_draw,
    signed,
)
from safeborders.privacy.dpsgd.sampling import random_words
from safeborders.privacy.rounding import LARGEST_DEVIATION

_REACH = 13  # deviations; the mass beyond is below 2**-121
_CELL_BITS = 8  # a deviation is at least 2**8 cells wide
_USUAL = 4.5  # deviations; cells beyond take the long way, about one draw in 150,000
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
    proposed = np.empty(count + count // 128 + _SPARE, dtype=np.int64)
    far, verdicts = _propose(cells, proposed)
    still_open = fill(proposed, far=far, verdicts=verdicts, count=count)
    drawn = proposed[:count]
    if still_open:  # small deviations reject more: up to a half
        drawn[far[:still_open]] = discrete_gaussian(still_open, deviation=deviation)
    return drawn


@dataclass(frozen=True, eq=False)
class _Cells:
    """The proposal's table for one deviation.

    Attributes:
        deviation: t.
        width_bits: log2 of the cells' width w.
        thresholds: Cumulated likelihoods in units of 2**-128; the last is 1.
        table: The same as the compiled loops take it.
    """

    deviation: int
    width_bits: int
    thresholds: list[int]
    table: Table


@lru_cache(maxsize=64)
def _cells(deviation: int) -> _Cells:
    width_bits = max(0, deviation.bit_length() - 1 - _CELL_BITS)
    width = 2**width_bits
    thresholds = _thresholds(deviation, width=width)
    high = np.array([value >> WORD_BITS for value in thresholds[:-1]], dtype=np.uint64)
    firsts = np.arange(2**FIRST_BITS, dtype=np.uint64) << np.uint64(WORD_BITS - FIRST_BITS)
    lasts = firsts + np.uint64(2 ** (WORD_BITS - FIRST_BITS) - 1)
    lowest, highest = np.searchsorted(high, firsts, side="left"), np.searchsorted(high, lasts, side="right")
    usual = int(_USUAL * deviation) // width
    meant = np.where((lowest == highest) & (lowest > 0) & (lowest <= usual), lowest, -1).astype(np.int16)
    # 1 - x <= exp(-x), and no exponent is larger than that of the last point of the last usual cell.
    largest = -(-(2**FIRST_BITS) * (width - 1) * (2 * usual * width + width - 1) // (2 * deviation**2))
    sure = 2**FIRST_BITS - max(1, largest)
    return _Cells(deviation, width_bits, thresholds, Table(meant, high, width_bits, sure, float(deviation), _UNDECIDED))


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


def _propose(cells: _Cells, proposed: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Write signed proposals; return the places of those that needed more bits, and the verdicts about these."""
    bits = draw_bits(len(proposed), width_bits=cells.width_bits)
    far = np.empty(len(proposed) + 1, dtype=np.int64)
    far = far[: propose(cells.table, bits, proposed=proposed, far=far)]
    return far, _settle(cells, bits, far=far, rest=random_words(2 * len(far)), proposed=proposed)


def _settle(
    cells: _Cells, bits: Bits, *, far: NDArray[np.int64], rest: NDArray[np.uint64], proposed: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Decide about the draws ``far`` with two more words for each; exactly where float64 cannot."""
    verdicts = np.empty(len(far), dtype=np.uint8)
    if decide(cells.table, bits, far=far, rest=rest, proposed=proposed, verdicts=verdicts):
        for one in np.flatnonzero(verdicts == UNDECIDED).tolist():
            at = shorts_per_draw(cells.width_bits) * int(far[one])
            magnitude, accepted = _decide_exactly(cells, bits, at=at, rest=rest[2 * one : 2 * one + 2].tolist())
            proposed[far[one]] = signed(bits, at, magnitude)
            verdicts[one] = ACCEPTED if accepted else REJECTED
    return verdicts


def _decide_exactly(cells: _Cells, bits: Bits, *, at: int, rest: list[int]) -> tuple[int, bool]:
    """Return the magnitude of the draw whose bits begin ``at``, with the ``rest`` of them, and whether to accept it."""
    first, cell = int(bits[at + 2]), int(cells.table.cells[bits[at + 2]])
    if cell < 0:
        cell = _draw_cell(cells, _extended(first, rest[0]))
    magnitude = (cell << cells.width_bits) + place_of(bits, at, cells.width_bits)
    accepted = _is_below(cells, magnitude, word=_extended(int(bits[at]), rest[1]))
    return magnitude, accepted and (magnitude > 0 or int(bits[at + 1]) >> FIRST_BITS - 1 == 0)


def _extended(first: int, rest: int) -> int:
    return first << WORD_BITS - FIRST_BITS | rest >> FIRST_BITS


def _draw_cell(cells: _Cells, word: int) -> int:
    """Return the number of thresholds that a 128-bit draw has passed whose upper half is ``word``."""
    # The lower half counts where the upper one equals a threshold's: about once in 2**51 draws.
    return bisect_right(cells.thresholds, word << WORD_BITS | int(random_words(1)[0]))


def _is_below(cells: _Cells, magnitude: int, *, word: int) -> bool:
    """Return whether ``word``, as a fraction, is below the probability with which ``magnitude`` is accepted."""
    offset = magnitude & 2**cells.width_bits - 1
    with localcontext() as context:
        context.prec = _DIGITS
        exponent = Decimal(offset * (2 * magnitude - offset)) / Decimal(2 * cells.deviation**2)
        return bool(Decimal(word) < (-exponent).exp() * 2**WORD_BITS)
