"""What has been spent, what would be spent, and how long the rest lasts; figures err to the private side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from safeborders.privacy.accountant import epsilon, epsilon_across, epsilon_sum
from safeborders.privacy.events import Event

COUNTRIES = (1, 2, 3)
"""In how many countries a person may be present."""

COLLUDERS = (0, 1, 2)
"""How many countries may tell the coordinator their own noise."""

MOST_ROUNDS = 1024
"""Projections end here: no policy allows more rounds of a run."""


@dataclass(frozen=True)
class Exposure:
    """What events cost persons, at one delta.

    Attributes:
        epsilon: Against whoever sees the country's own messages: epsilon_local.
        by_countries: The same for a person who is present in 1, 2, 3 countries that all release as much.
        by_colluders: Against whoever sees only the sum, when 0, 1, 2 countries collude; infinity when nobody honest
            is left to hide among.
    """

    epsilon: float
    by_countries: Mapping[int, float]
    by_colluders: Mapping[int, float]


@dataclass(frozen=True)
class Preview:
    """What a run would cost before it runs.

    Attributes:
        run: The run alone.
        total: Everything ever reserved and the run together.
        fits: Whether the total stays within the cap.
    """

    run: Exposure
    total: float
    fits: bool


def exposure(events: Sequence[Event], *, participants: int, delta: float) -> Exposure:
    """Return what ``events`` cost when ``participants`` countries are summed, each adding the same noise."""
    return Exposure(
        epsilon=epsilon(events, delta=delta),
        by_countries={
            countries: epsilon_across(events, countries=countries, delta=delta) if events else 0.0
            for countries in COUNTRIES
        },
        by_colluders={
            colluders: epsilon_sum(events, honest=participants - colluders, delta=delta)
            if participants > colluders
            else float("inf")
            for colluders in COLLUDERS
        },
    )


def preview_run(
    spent: Sequence[Event], run: Sequence[Event], *, participants: int, delta: float, cap_epsilon: float
) -> Preview:
    """Return what ``run`` would cost a country that has already ``spent``."""
    total = epsilon([*spent, *run], delta=delta)
    return Preview(run=exposure(run, participants=participants, delta=delta), total=total, fits=total <= cap_epsilon)


def rounds_left(spent: Sequence[Event], one_round: Sequence[Event], *, delta: float, cap_epsilon: float) -> int:
    """Return how many more rounds like ``one_round`` fit under the cap, at most ``MOST_ROUNDS``."""

    def fits(rounds: int) -> bool:
        more = [event.times(event.steps * rounds) for event in one_round] if rounds else []
        return epsilon([*spent, *more], delta=delta) <= cap_epsilon

    if not one_round or not fits(0):
        return 0
    low, high = 0, 1
    while high <= MOST_ROUNDS and fits(high):
        low, high = high, 2 * high
    high = min(high, MOST_ROUNDS + 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
