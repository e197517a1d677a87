"""The compiled loops of noise: one pass over all draws, one over the few that need more bits (see ``noise``).

Coverage cannot see into machine code: tests compare what it returns with the exact law.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from safeborders.privacy.dpsgd.team import compiled

REJECTED, ACCEPTED, UNDECIDED = 0, 1, 2

FIRST_BITS = 16  # of a cell's draw and of an acceptance's, of 64 bits that may come
WORD_BITS = 64
NARROW_BITS = 15  # widest place that fits a 32-bit word beside its sign and the acceptance's first bits

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


def bytes_per_draw(width_bits: int) -> int:
    """Return how many random bytes a draw takes whose cells are 2**``width_bits`` wide."""
    return 6 if width_bits <= NARROW_BITS else 10


@compiled
def split(pool: NDArray[np.uint64], sizes: tuple[int, int]) -> Draws:  # pragma: no cover - compiled
    """Return ``pool`` as the bits of as many draws as the first of ``sizes`` says; the second is ``width_bits``."""
    count, width_bits = sizes
    words, shorts = pool.view(np.uint32), pool.view(np.uint16)
    if width_bits <= NARROW_BITS:
        return Draws(shorts[2 * count : 3 * count], words[:count], words[:count])
    return Draws(shorts[4 * count : 5 * count], words[:count], words[count : 2 * count])


@compiled
def propose(
    table: Table, pool: NDArray[np.uint64], *, proposed: Integers, far: Integers
) -> int:  # pragma: no cover - compiled
    """Write a signed proposal of each draw, and to ``far`` which of them need more bits; return how many do."""
    firsts, words, places = split(pool, (len(proposed), table.width_bits))
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
def decide(
    table: Table, pool: NDArray[np.uint64], *, far: Integers, rest: NDArray[np.uint64], proposed: Integers
) -> tuple[Verdicts, int]:  # pragma: no cover - compiled
    """Settle the draws ``far`` with the bits that were left out, 48 of the cell's draw and 48 of the acceptance's.

    Where float64 cannot settle a draw, its verdict is ``UNDECIDED`` and it stays as proposed; their number is returned.
    """
    firsts, words, places = split(pool, (len(proposed), table.width_bits))
    verdicts, undecided = np.empty(len(far), dtype=np.uint8), 0
    square = -0.5 / (table.deviation * table.deviation)
    for one in range(len(far)):
        draw = far[one]
        word = np.int64(words[draw])
        cell: Any = np.int64(table.cells[firsts[draw]])
        tie: Any = False
        if cell < 0:
            upper = extended(np.int64(firsts[draw]), rest[2 * one])
            cell = np.searchsorted(table.high, upper, side="right")
            tie = cell > 0 and table.high[cell - 1] == upper
        begin = cell << table.width_bits
        place = np.int64(places[draw]) & ((1 << table.width_bits) - 1)
        likely = math.exp(float(place) * (2.0 * float(begin) + float(place)) * square)
        excess = likely - float(extended(word >> FIRST_BITS, rest[2 * one + 1])) * _SCALE
        if tie or abs(excess) < table.undecided:
            verdicts[one] = UNDECIDED
            undecided += 1
            continue
        minus = -(word >> (FIRST_BITS - 1) & 1)
        proposed[draw] = (begin + place ^ minus) - minus
        # Zero would come with both signs and be twice as likely.
        verdicts[one] = excess > 0 and not (begin + place == 0 and minus != 0)
    return verdicts, undecided


@compiled
def extended(first: np.int64, rest: np.uint64) -> np.uint64:  # pragma: no cover - compiled
    """Return the 64-bit word of its first bits and, below them, the upper bits of ``rest``."""
    return np.uint64(first) << np.uint64(WORD_BITS - FIRST_BITS) | rest >> np.uint64(FIRST_BITS)


@compiled
def fill(
    proposed: Integers, *, far: Integers, verdicts: Verdicts, count: int
) -> Integers:  # pragma: no cover - compiled
    """Put accepted proposals from ``count`` on into the places of rejected ones below; return which stay open."""
    spare = proposed[count:]
    kept, looked = 0, np.searchsorted(far, count)
    for place in range(len(spare)):
        if looked < len(far) and far[looked] == count + place:
            looked += 1
            if verdicts[looked - 1] == REJECTED:
                continue
        spare[kept] = spare[place]
        kept += 1
    still_open = 0
    for one in range(len(far)):
        if far[one] >= count or verdicts[one] == ACCEPTED:
            continue
        if kept:
            kept -= 1
            proposed[far[one]] = spare[kept]
        else:
            far[still_open] = far[one]
            still_open += 1
    return far[:still_open]
