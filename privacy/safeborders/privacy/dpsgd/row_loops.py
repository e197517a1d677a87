"""The compiled loops of book-keeping: what reads each row's numbers once (see ``bookkeeping`` for what they mean).

Chunks of rows are shared out to threads; a row's numbers depend on that row alone, whoever computes them. Sums are
float32 unless said otherwise, in an order that the compiler chooses once, which the bounds of ``rounding`` allow.

Coverage cannot see into machine code: tests compare what it returns with NumPy and torch in double precision.
"""

import numpy as np
from numpy.typing import NDArray

from safeborders.privacy.dpsgd.team import Addresses, carray, compiled, compiled_sums, share
from safeborders.privacy.rounding import CANCELLATION, CHUNK_ROWS

FIRST_LAYER, LAYER_ARRAYS = 4, 4  # arrays before those of the layers, and of each

_HEADER, _PER_LAYER = 4, 4  # numbers in a table of sizes

_FLOOR = np.float32(1e-30)  # added to products: what float32 may lose below its smallest normal numbers
_CANCELLED = np.float32(CANCELLATION**2)
_TILE = 2048  # numbers of a sum that stay in the first cache while chunks are added to them
_ROUNDING = 1.5 * 2.0**52  # added to a float64 below 2**51 and taken off again, leaves the nearest integer

Floats = NDArray[np.float32]


def clip_rows(addresses: Addresses) -> None:  # pragma: no cover - compiled
    """Scale each row's output gradients so that its gradient over all layers is clipped; a region of ``team.Task``.

    Arrays: sizes [rows in use, chunks, layers, widest D, and for each layer positions P, inputs D, outputs H, 1 for a
    bias]; numbers [clip_norm as kept, error of a squared norm, units]; a scratch line per chunk (chunks, widest D);
    factors (R), written; and for each layer inputs (R, P, D), gradients (R, P, H), the same scaled, written, and the
    sums of these by chunk (chunks, H), written.
    """
    layers = carray(addresses[0], _HEADER, np.int64)[2]
    sizes = carray(addresses[0], _HEADER + _PER_LAYER * layers, np.int64)
    numbers = carray(addresses[1], 3, np.float32)
    first, last = share(sizes[1])
    for row in range(first * CHUNK_ROWS, last * CHUNK_ROWS):
        squared, lengths = np.float32(0), np.float32(0)
        for layer in range(layers):
            at, place = _HEADER + _PER_LAYER * layer, FIRST_LAYER + LAYER_ARRAYS * layer
            positions, width, outputs = sizes[at], sizes[at + 1], sizes[at + 2]
            a = carray(addresses[place], ((row + 1) * positions, width), np.float32)[row * positions :]
            g = carray(addresses[place + 1], ((row + 1) * positions, outputs), np.float32)[row * positions :]
            line = carray(addresses[2], (sizes[1], sizes[3]), np.float32)[row // CHUNK_ROWS]
            exact, uncancelled = _squared_norm(a, g, np.float32(sizes[at + 3]), line)
            squared += exact
            lengths += uncancelled
        factor = _factor(squared, lengths, numbers) if row < sizes[0] else np.float32(0)
        carray(addresses[3], row + 1, np.float32)[row] = factor
        for layer in range(layers):
            at, place = _HEADER + _PER_LAYER * layer, FIRST_LAYER + LAYER_ARRAYS * layer
            positions, outputs = sizes[at], sizes[at + 2]
            g = carray(addresses[place + 1], ((row + 1) * positions, outputs), np.float32)[row * positions :]
            scaled = carray(addresses[place + 2], ((row + 1) * positions, outputs), np.float32)[row * positions :]
            total = carray(addresses[place + 3], (sizes[1], outputs), np.float32)[row // CHUNK_ROWS]
            _scale(g, scaled, total, factor, row % CHUNK_ROWS == 0)


@compiled
def _factor(squared: np.float32, lengths: np.float32, numbers: Floats) -> np.float32:  # pragma: no cover - compiled
    """Return what brings a row to at most clip_norm, times the units; 0 for a row whose norm is not finite.

    The larger of the norm, enlarged by its error, and of a CANCELLATION-th of the uncancelled length counts.
    """
    if not (np.isfinite(squared) and np.isfinite(lengths)):
        return np.float32(0)
    bound = max(squared + numbers[1] * lengths, lengths / _CANCELLED)
    factor: np.float32 = numbers[0] / max(np.sqrt(bound), numbers[0]) * numbers[2]
    return factor


@compiled_sums
def _squared_norm(  # house: numba misplaces keywords
    a: Floats, g: Floats, bias: np.float32, line: Floats
) -> tuple[np.float32, np.float32]:  # pragma: no cover - compiled
    """Return the squared norm of a row's gradient in one layer, and the square of its positions' norms added up.

    By the products of two Gram matrices, where the floor off the diagonals only enlarges (it adds floor * (|sum a|**2 +
    bias P**2 + |sum g|**2)), or, where a row has many positions, by forming the gradient, line by line.
    """
    forms = len(a) * (a.shape[1] + g.shape[1]) > a.shape[1] * g.shape[1]
    squared, length = np.float32(0), np.float32(0)
    for p in range(len(a)):
        for q in range(p if forms else 0, p + 1):
            product = (_dot(a[p], a[q]) + (bias + _FLOOR)) * (_dot(g[p], g[q]) + _FLOOR)
            squared += product
            if q < p:
                squared += product
            else:
                length += np.sqrt(product)
    if forms and len(a) > 1:
        squared = _formed(a, g, bias, line)
    return squared, length * length


@compiled_sums
def _formed(  # house: numba misplaces keywords
    a: Floats, g: Floats, bias: np.float32, line: Floats
) -> np.float32:  # pragma: no cover - compiled
    squared = 0.0
    for output in range(g.shape[1]):
        total = np.float32(0)
        for k in range(a.shape[1]):
            line[k] = 0
        for p in range(len(a)):
            total += g[p, output]
            for k in range(a.shape[1]):
                line[k] += g[p, output] * a[p, k]
        for k in range(a.shape[1]):
            squared += np.float64(line[k]) * np.float64(line[k])
        squared += bias * np.float64(total) * np.float64(total)
    return np.float32(squared)


@compiled_sums
def _dot(x: Floats, y: Floats) -> np.float32:  # pragma: no cover - compiled
    total = np.float32(0)
    for k in range(len(x)):
        total += x[k] * y[k]
    return total


@compiled_sums
def _scale(  # house: numba misplaces keywords
    g: Floats, scaled: Floats, total: Floats, factor: np.float32, begins: bool
) -> None:  # pragma: no cover - compiled
    """Write a row's scaled gradients and add them to their chunk's, which perhaps begins with them.

    A row that adds nothing is 0 whatever it held.
    """
    for k in range(len(total) if begins else 0):
        total[k] = 0
    for p in range(len(g)):
        for k in range(g.shape[1] if factor == 0 else 0):
            scaled[p, k] = 0
        for k in range(g.shape[1] if factor != 0 else 0):
            scaled[p, k] = factor * g[p, k]
            total[k] += scaled[p, k]


def add_chunks(addresses: Addresses) -> None:  # pragma: no cover - compiled
    """Round each chunk's sums to integers and add the chunks, exactly, in float64; a region of ``team.Task``.

    Arrays: sizes [chunks, parts, all numbers, and for each part its numbers n and its place in the total]; total,
    written; and for each part its sums by chunk (chunks, n).
    """
    sizes = carray(addresses[0], 3, np.int64)
    chunks, parts, everything = sizes[0], sizes[1], sizes[2]
    sizes = carray(addresses[0], 3 + 2 * parts, np.int64)
    total = carray(addresses[1], everything, np.float64)
    for part in range(parts):
        count, place = sizes[3 + 2 * part], sizes[4 + 2 * part]
        sums = carray(addresses[2 + part], (chunks, count), np.float32)
        first, last = share(count)
        for start in range(first, last, _TILE):
            end = min(start + _TILE, last)
            _add_rounded(sums, total[place + start : place + end], start, end)


@compiled
def _add_rounded(  # house: numba misplaces keywords
    sums: Floats, total: NDArray[np.float64], start: int, end: int
) -> None:  # pragma: no cover - compiled
    """Write the sum over chunks of the numbers from ``start`` to ``end``, four chunks streaming in at a time."""
    for k in range(end - start):
        total[k] = 0
    whole = len(sums) - len(sums) % 4
    for chunk in range(0, whole, 4):
        one, two = sums[chunk, start:end], sums[chunk + 1, start:end]
        three, four = sums[chunk + 2, start:end], sums[chunk + 3, start:end]
        for k in range(end - start):
            total[k] += (_rounded(one[k]) + _rounded(two[k])) + (_rounded(three[k]) + _rounded(four[k]))
    for chunk in range(whole, len(sums)):
        one = sums[chunk, start:end]
        for k in range(end - start):
            total[k] += _rounded(one[k])


@compiled
def _rounded(number: np.float32) -> float:  # pragma: no cover - compiled
    return np.float64(number) + _ROUNDING - _ROUNDING


@compiled
def add_integers(
    total: NDArray[np.float64], summed: NDArray[np.int64], *, most: float
) -> bool:  # pragma: no cover - compiled
    """Add ``total`` to ``summed`` and return True, or leave it if one number is no number or not below ``most``."""
    unfit = 0
    for k in range(len(total)):
        unfit += not abs(total[k]) < most
    if unfit == 0:
        for k in range(len(total)):
            summed[k] += np.int64(total[k])
    return unfit == 0
