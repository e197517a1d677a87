r"""One private step that needs no gradient: the sum of :math:`(e_y - 1/K) \otimes x` over all examples.

It is the first gradient step of softmax regression from zero, and the sufficient statistic of a linear discriminant.
Because the summand is linear in the row x, an example whose row *moves* by d moves the sum by less than d, not by twice
the bound; that is what makes a head over neighbours affordable (docs/decisions/0120). Everybody takes part (q = 1), so
that the price is a plain Gaussian's and needs no argument about sampled content.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safeborders.privacy.dpsgd.noise import discrete_gaussian
from safeborders.privacy.errors import UnsoundExamples
from safeborders.privacy.relational import StatisticRelease

_BLOCK = 4096


@dataclass(frozen=True)
class ClassSum:
    """The public numbers of one class sum.

    Attributes:
        classes: K, at least 2.
        width: Length of a row.
        touched: Bound on how far deleting one person moves all rows together, in row bounds; at least 1.
        noise_multiplier: Standard deviation of the noise in row bounds.
        bits: One row bound is 2**bits units of the integer grid.
    """

    classes: int
    width: int
    touched: int
    noise_multiplier: float
    bits: int = 16

    @property
    def coordinates(self) -> int:
        """Length of the released vector."""
        return self.classes * self.width

    @property
    def deviation(self) -> int:
        """Standard deviation of the noise in grid units."""
        return math.ceil(math.ldexp(self.noise_multiplier, self.bits))

    def event(self, *, name: str) -> StatisticRelease:
        """Return what one release does, for accountant and ledger; rounding moves each coordinate by at most 1."""
        return StatisticRelease(
            name=name,
            sensitivity=math.ldexp(self.touched, self.bits) + math.sqrt(self.coordinates),
            deviation=float(self.deviation),
            coordinates=self.coordinates,
        )


def private_class_sum(
    rows: NDArray[np.float32], labels: NDArray[np.int64], *, touched: int, release: ClassSum
) -> NDArray[np.int64]:
    """Return the noisy integer class sum; the caller must have charged it and never calls again for the same charge.

    Args:
        rows: Each of norm at most 1. Shape (N, D), float32.
        labels: Shape (N,), int64 in [0, classes).
        touched: The curated graph's bound on what a deletion moves (``relational.touched_rows``).
        release: The public numbers that were priced.

    Returns:
        Class by class, in grid units. Shape (classes * D,).

    Raises:
        UnsoundExamples: If a row is too long or a label unknown, or the release was priced for less.
    """
    if touched > release.touched or rows.shape[1:] != (release.width,):
        raise UnsoundExamples("The class sum was priced for other rows than these: correct the plan.")
    scaled = class_sum(rows, labels, classes=release.classes) * 2.0**release.bits
    return np.rint(scaled).astype(np.int64) + discrete_gaussian(release.coordinates, deviation=release.deviation)


def class_sum(rows: NDArray[np.float32], labels: NDArray[np.int64], *, classes: int) -> NDArray[np.float64]:
    """Return the exact sum, for audits; it is not private. Shape (classes * D,)."""
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    if not (lengths <= 1).all():  # a comparison with NaN is false
        raise UnsoundExamples("A training row is longer than its bound: correct the curation.")
    if len(labels) != len(rows) or (len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes):
        raise UnsoundExamples("Training labels must be one known class for each example: correct the curation.")
    total = np.zeros((classes, rows.shape[1]))
    for start in range(0, len(labels), _BLOCK):
        part = slice(start, start + _BLOCK)
        total += (np.eye(classes)[labels[part]] - 1 / classes).T @ rows[part].astype(np.float64)
    return total.ravel()
