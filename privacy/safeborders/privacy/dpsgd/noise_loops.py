"""The compiled loops of noise: one pass over all draws, one over the few that need more bits (see ``noise``).

Coverage cannot see into machine code: tests compare what it returns with the exact law.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from safeborders.privacy.dpsgd.sampling import random_words
from safeborders.privacy.dpsgd.team import compiled

REJECTED, ACCEPTED, UNDECIDED = 0, 1, 2

FIRST_BITS = 16  # of a cell's draw and of an acceptance's, of 64 bits that may come
WORD_BITS = 64
_NARROW_BITS = 15  # widest place that fits a 32-bit word beside its sign and the acceptance's first bits

_SCALE = 2.0**-WORD_BITS

Integers = NDArray[np.int64]
Verdicts = NDArray[np.uint8]


class Table(NamedTuple):
    """What the loops need to know of one deviation.

    Attributes:
        cells: For each value of a draw's first bits, the cell that it means; -1 where several are possible, and for
            cells at zero and in the tail. Shape (2**16,).
        high: The upper 64 bits of all thresholds but the last.
        width_bits: log2 of the cells' width.
        sure: Words below this accept every point of the cells in ``cells``.
        deviation: t.
        undecided: How close to a word an acceptance probability may be for float64 to decide.
    """

    cells: NDArray[np.int16]
    high: NDArray[np.uint64]
    width_bits: int
    sure: int
    deviation: float
    undecided: float


class Draws(NamedTuple):
    """Random bits of proposals, three numbers for each.

    Attributes:
        firsts: The first of the cell's bits.
        words: From above, the first of the acceptance's bits, the sign, and up to 15 that place a point in its cell.
        places: Words that place it; the same words where cells are narrow enough.
    """

    firsts: NDArray[np.uint16]
    words: NDArray[np.uint32]
    places: NDArray[np.uint32]

    @classmethod
    def of(cls, count: int, *, width_bits: int) -> "Draws":
        """Return fresh bits of ``count`` draws of cells 2**``width_bits`` wide, all independent."""
        wide = width_bits > _NARROW_BITS
        pool = random_words(-(-count * (10 if wide else 6) // 8))
        words, firsts = pool.view(np.uint32), pool.view(np.uint16)[count * (4 if wide else 2) :]
        return cls(firsts[:count], words[:count], words[count : 2 * count] if wide else words[:count])


@compiled
def propose(table: Table, draws: Draws, *, proposed: Integers, far: Integers) -> int:  # pragma: no cover - compiled
    """Write a signed proposal of each draw, and to ``far`` which of them need more bits; return how many do."""
    firsts, words, places = draws
    inside, count = (1 << table.width_bits) - 1, 0
    for draw in range(len(firsts)):
        cell = np.int64(table.cells[firsts[draw]])
        magnitude = (cell << table.width_bits) + (np.int64(places[draw]) & inside)
        minus = -(np.int64(words[draw]) >> (FIRST_BITS - 1) & 1)  # all bits set for a minus
        proposed[draw] = (magnitude ^ minus) - minus
        far[count] = draw
        count += int((cell < 0) | (np.int64(words[draw]) >= table.sure))
    return count


@compiled
def decide(  # house: what a draw needs
    table: Table,
    draws: Draws,
    *,
    far: Integers,
    rest: NDArray[np.uint64],
    proposed: Integers,
    verdicts: Verdicts,
) -> int:  # pragma: no cover - compiled
    """Settle the draws ``far`` with the bits that were left out, 48 of the cell's draw and 48 of the acceptance's.

    Where float64 cannot settle a draw, its verdict is ``UNDECIDED`` and it stays as proposed; their number is returned.
    """
    firsts, words, places = draws
    square, undecided = -0.5 / (table.deviation * table.deviation), 0
    for one in range(len(far)):
        draw = far[one]
        word = np.int64(words[draw])
        cell, tie = np.int64(table.cells[firsts[draw]]), False
        if cell < 0:
            upper = _extended(np.int64(firsts[draw]), rest[2 * one])
            cell = _passed(table.high, upper)
            tie = bool(cell > 0 and table.high[cell - 1] == upper)
        begin = cell << table.width_bits
        place = np.int64(places[draw]) & ((1 << table.width_bits) - 1)
        likely = math.exp(float(place) * (2.0 * float(begin) + float(place)) * square)
        excess = likely - float(_extended(word >> FIRST_BITS, rest[2 * one + 1])) * _SCALE
        if tie or abs(excess) < table.undecided:
            verdicts[one] = UNDECIDED
            undecided += 1
            continue
        minus = -(word >> (FIRST_BITS - 1) & 1)
        proposed[draw] = (begin + place ^ minus) - minus
        # Zero would come with both signs and be twice as likely.
        verdicts[one] = excess > 0 and not (begin + place == 0 and minus != 0)
    return undecided


@compiled
def _extended(first: np.int64, rest: np.uint64) -> np.uint64:  # pragma: no cover - compiled
    """Return the 64-bit word of its first bits and, below them, the upper bits of ``rest``."""
    return np.uint64(first) << np.uint64(WORD_BITS - FIRST_BITS) | rest >> np.uint64(FIRST_BITS)


@compiled
def _passed(thresholds: NDArray[np.uint64], word: np.uint64) -> np.int64:  # pragma: no cover - compiled
    """Return how many of the rising ``thresholds`` are at most ``word``; numba's own search takes long to compile."""
    low, high = np.int64(0), np.int64(len(thresholds))
    while low < high:
        middle = (low + high) >> 1
        if thresholds[middle] <= word:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def fill(proposed: Integers, *, far: Integers, verdicts: Verdicts, count: int) -> int:  # pragma: no cover - compiled
    """Put accepted proposals from ``count`` on into the places of rejected ones below.

    Returns:
        How many places stay open; ``far`` begins with them.
    """
    looked = 0
    while looked < len(far) and far[looked] < count:
        looked += 1
    below, kept = looked, count
    for place in range(count, len(proposed)):
        if looked < len(far) and far[looked] == place:
            looked += 1
            if verdicts[looked - 1] == REJECTED:
                continue
        proposed[kept] = proposed[place]
        kept += 1
    still_open = 0
    for one in range(below):
        if verdicts[one] == ACCEPTED:
            continue
        if kept > count:
            kept -= 1
            proposed[far[one]] = proposed[kept]
        else:
            far[still_open] = far[one]
            still_open += 1
    return still_open
