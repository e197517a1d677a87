"""How far float32 and rounding may move the engine's sum: numbers that engine and accountant share, without torch.

docs/decisions/0111 and docs/proofs/stage-b.md, section 5, derive them. u is float32's unit roundoff; a sum of n
products errs by at most n u / (1 - n u) times the sum of absolute products, in whatever order a kernel adds
(Higham 2002, section 3.1).
"""

import math

CHUNK_ROWS = 64
"""Rows whose sum is rounded to integers at once."""

CANCELLATION = 4.0
"""A row's uncancelled length, over its positions, is at most this many clip_norms."""

KEPT_SHARE = 1 - 1e-6
"""Part of clip_norm that a clipped row may fill; the rest pays for rounding when rows are scaled."""

LARGEST_DEVIATION = 2**40
"""Largest supported standard deviation of integer noise; a sum of noise and signal then stays far inside int64."""

_UNIT = 2.0**-24
_ROOM = 16  # roundings besides the sum itself: scaling, the factor, square roots


def norm_error(positions: int, width: int) -> float:
    """Return a bound on the error of a squared norm from Gram matrices, relative to the squared uncancelled length.

    It also covers norms of formed products, where 2 (positions + room) would do.
    """
    return _growth(positions * positions + width + _ROOM)


def chunk_slack(*, positions: int, dimension: int, grid: int) -> float:
    """Return how far one chunk's integers may be from its exact real sum, in clip_norms (L2 over all coordinates).

    Args:
        positions: Most stacked positions of a row in any layer: 1 for a model of the root alone.
        dimension: Coordinates of the sum.
        grid: Integer units to one clip_norm.
    """
    cancelled = 1.0 if positions == 1 else CANCELLATION
    by_float = _growth(CHUNK_ROWS * positions + _ROOM) * CHUNK_ROWS * cancelled
    return by_float + math.sqrt(dimension) / (2 * grid)


def _growth(count: int) -> float:
    return count * _UNIT / (1 - count * _UNIT)
