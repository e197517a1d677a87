"""How good predictions are; computed at home, and never sent."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata


def accuracy(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the share of rows whose largest logit is at the label; NaN without rows."""
    return float((logits.argmax(axis=1) == labels).mean()) if len(labels) else float("nan")


def area_under_curve(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the chance that a positive scores above a negative, ties counting half; NaN without both.

    Mann and Whitney's U over ranks.
    """
    positive = labels == 1
    pairs = int(positive.sum()) * int((~positive).sum())
    if not pairs:
        return float("nan")
    above = rankdata(scores)[positive].sum() - positive.sum() * (positive.sum() + 1) / 2
    return float(above / pairs)
