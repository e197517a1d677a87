"""The compiled loops of noise: one pass over all draws, one over the few that need more bits (see ``noise``).

Coverage cannot see into machine code: tests compare what it returns with the exact law.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safeborders.privacy.dpsgd.sampling import random_words
from safeborders.privacy.dpsgd.team import compiled

REJECTED, ACCEPTED, UNDECIDED = 0, 1, 2

FIRST_BITS = 16  # of a cell's draw and of an acceptance's, of 64 bits that may come
WORD_BITS = 64
_NARROW_BITS = 15  # widest place that fits beside its sign

_SCALE = 2.0**-WORD_BITS

Integers = NDArray[np.int64]
Verdicts = NDArray[np.uint8]
Bits = NDArray[np.uint16]
Whole = Any  # an int, in compiled code of 64 bits


class Table(NamedTuple):
    """What the loops need to know of one deviation.

    Attributes:
        cells: For each value of a draw's first bits, the cell that it means; -1 where several are possible, and for
            cells at zero and in the tail. Shape (2**16,).
        high: The upper 64 bits of all thresholds but the last.
        width_bits: log2 of the cells' width.
        sure: First bits below this accept every point of the cells in ``cells``.
        deviation: t.
        undecided: How close to a word an acceptance probability may be for float64 to decide.
    """

    cells: NDArray[np.int16]
    high: NDArray[np.uint64]
    width_bits: int
    sure: int
    deviation: float
    undecided: float


def draw_bits(count: int, *, width_bits: int) -> Bits:
    """Return the random bits of ``count`` proposals, three or five numbers for each.

    They are the first bits of an acceptance; a sign, and below it the place in a narrow cell; the first bits of a
    cell's draw; and, where cells are wide, two for the place.
    """
    return random_words(-(-count * shorts_per_draw(width_bits) // 4)).view(np.uint16)


@compiled
def shorts_per_draw(width_bits: int) -> int:  # pragma: no cover - compiled
    """Return how many 16-bit numbers a draw takes."""
    return 3 if width_bits <= _NARROW_BITS else 5


@compiled
def place_of(  # house: numba misplaces keywords
    bits: Bits, at: int, width_bits: int
) -> Whole:  # pragma: no cover - compiled
    """Return the place in its cell of the draw whose bits begin ``at``."""
    place = np.int64(bits[at + 1])
    if width_bits > _NARROW_BITS:
        place = np.int64(bits[at + 3]) << FIRST_BITS | np.int64(bits[at + 4])
    return place & ((1 << width_bits) - 1)


@compiled
def signed(  # house: numba misplaces keywords
    bits: Bits, at: int, magnitude: Whole
) -> Whole:  # pragma: no cover - compiled
    """Return ``magnitude`` with the sign of the draw whose bits begin ``at``."""
    minus = -(np.int64(bits[at + 1]) >> (FIRST_BITS - 1))  # all bits set for a minus
    return (magnitude ^ minus) - minus


@compiled
def propose(table: Table, bits: Bits, *, proposed: Integers, far: Integers) -> int:  # pragma: no cover - compiled
    """Write a signed proposal of each draw, and to ``far`` which of them need more bits; return how many do."""
    shorts, count = shorts_per_draw(table.width_bits), 0
    for draw in range(len(proposed)):
        at = shorts * draw
        cell = np.int64(table.cells[bits[at + 2]])
        magnitude = (cell << table.width_bits) + place_of(bits, at, table.width_bits)
        proposed[draw] = signed(bits, at, magnitude)
        far[count] = draw
        count += int((cell < 0) | (bits[at] >= table.sure))
    return count


@compiled
def decide(  # house: what a draw needs
    table: Table, bits: Bits, *, far: Integers, rest: NDArray[np.uint64], proposed: Integers, verdicts: Verdicts
) -> int:  # pragma: no cover - compiled
    """Settle the draws ``far`` with the bits that were left out, 48 of the cell's draw and 48 of the acceptance's.

    Where float64 cannot settle a draw, its verdict is ``UNDECIDED`` and it stays as proposed; their number is returned.
    """
    square, undecided = -0.5 / (table.deviation * table.deviation), 0
    for one in range(len(far)):
        at = shorts_per_draw(table.width_bits) * far[one]
        cell, tie = np.int64(table.cells[bits[at + 2]]), False
        if cell < 0:
            upper = _extended(bits[at + 2], rest[2 * one])
            cell = _passed(table.high, upper)
            tie = bool(cell > 0 and table.high[cell - 1] == upper)
        begin, place = cell << table.width_bits, place_of(bits, at, table.width_bits)
        likely = math.exp(float(place) * (2.0 * float(begin) + float(place)) * square)
        excess = likely - float(_extended(bits[at], rest[2 * one + 1])) * _SCALE
        if tie or abs(excess) < table.undecided:
            verdicts[one] = UNDECIDED
            undecided += 1
            continue
        proposed[far[one]] = signed(bits, at, begin + place)
        # Zero would come with both signs and be twice as likely.
        verdicts[one] = excess > 0 and not (begin + place == 0 and bits[at + 1] >> (FIRST_BITS - 1) != 0)
    return undecided


@compiled
def _extended(first: np.uint16, rest: np.uint64) -> np.uint64:  # pragma: no cover - compiled
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
