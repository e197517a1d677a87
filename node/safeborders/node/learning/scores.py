"""How good predictions are; computed at home, and never sent."""

import numpy as np
from numpy.typing import NDArray


def accuracy(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the share of rows whose largest logit is at the label; NaN without rows."""
    return float((logits.argmax(axis=1) == labels).mean()) if len(labels) else float("nan")


def area_under_curve(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the chance that a positive scores above a negative, ties counting half; NaN without both.

    Mann and Whitney's U, by counting below and up to each positive.
    """
    positives, negatives = scores[labels == 1], np.sort(scores[labels != 1])
    pairs = len(positives) * len(negatives)
    if not pairs:
        return float("nan")
    below = np.searchsorted(negatives, positives, side="left").sum()
    up_to = np.searchsorted(negatives, positives, side="right").sum()
    return float((below + up_to) / (2 * pairs))
