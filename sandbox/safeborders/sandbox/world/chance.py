"""Repeatable chance: one stream per purpose and country, so that a change in one place leaves the others alone."""

import math
from datetime import date, timedelta
from random import Random


def stream(seed: int, *purpose: str) -> Random:
    """Return the stream for ``purpose``; the same seed and purpose give the same stream."""
    return Random("/".join((str(seed), *purpose)))  # noqa: S311  # a synthetic world must repeat


def geometric(chance: Random, *, mean: float, most: int = 8) -> int:
    """Return a count of 0, 1, 2 … with ``mean`` (negative binomial with one success), cut at ``most``."""
    return min(most, int(math.log(1.0 - chance.random()) / math.log(mean / (1.0 + mean))))


def day_between(chance: Random, period: tuple[date, date]) -> date:
    """Return a day of ``period``, both ends included; the first if they are the wrong way round."""
    first, last = period
    return first + timedelta(days=int(chance.random() * max(1, (last - first).days + 1)))


def days(chance: Random, *, median: float) -> timedelta:
    """Return a log-normal number of days with ``median``."""
    return timedelta(days=min(1500, int(chance.lognormvariate(math.log(median), 0.7)) + 1))
