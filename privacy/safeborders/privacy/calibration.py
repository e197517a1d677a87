"""How much noise a budget needs; the answer is rounded up, to the private side."""

import math
from collections.abc import Callable, Sequence

from safeborders.privacy.accountant import epsilon
from safeborders.privacy.events import Event

_THOUSAND = 1000
_LARGEST = 10_000 * _THOUSAND  # in thousandths, as all guesses
_START = 16 * _THOUSAND


def noise_multiplier_for(
    events_with: Callable[[float], Sequence[Event]], *, target_epsilon: float, delta: float
) -> float:
    """Return the least noise multiplier, in thousandths, whose events cost at most ``target_epsilon``.

    Args:
        events_with: From a noise multiplier to everything that will be released with it.
        target_epsilon: Above 0.
        delta: In (0, 1).

    Returns:
        A multiplier m with epsilon(events_with(m)) <= target_epsilon, verified, and a cost above it at m - 0.001 or
        below the smallest noise that can be priced.

    Raises:
        ValueError: If the target is out of range or no multiplier up to 10,000 reaches it.
    """
    if not (math.isfinite(target_epsilon) and target_epsilon > 0):
        raise ValueError(f"target_epsilon must be finite and > 0. Got {target_epsilon}.")

    low, high, guess = 0, _LARGEST, _START
    while high - low > 1:
        cost = epsilon(events_with(guess / _THOUSAND), delta=delta)
        low, high = (low, guess) if cost <= target_epsilon else (guess, high)
        guess = _next_guess(guess, ratio=cost / target_epsilon, between=(low, high))
    if high == _LARGEST:
        raise ValueError(f"target_epsilon must be reachable with noise up to 10,000. Got {target_epsilon}.")
    return high / _THOUSAND


def _next_guess(guess: int, *, ratio: float, between: tuple[int, int]) -> int:
    """Return a guess strictly ``between`` two bounds, from a cost that falls about like the inverse of the noise.

    Costs at little noise take long to compute, so that plain bisection is slow; this starts high and needs few.
    """
    low, high = between
    if not math.isfinite(ratio):
        return (low + high) // 2
    return max(low + 1, min(high - 1, math.ceil(guess * max(ratio, 0.25))))
