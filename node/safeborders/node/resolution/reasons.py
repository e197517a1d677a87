"""A reason in words with its weight, as a human sees it."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """One observation in words, without a name, a number or a date, and its weight in bits.

    Attributes:
        bits: Below zero it speaks against.
        decisive: Whether it alone keeps the two apart until a human says otherwise.
    """

    text: str
    bits: float
    decisive: bool = False


def bits(likely: float, chance: float) -> float:
    """Return the weight of what happens with probability ``likely`` to one person and ``chance`` to two strangers."""
    return math.log2(likely / max(chance, 1e-9))
