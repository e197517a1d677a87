"""Repeatable chance: one stream per purpose and country, so that a change in one place leaves the others alone."""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from random import Random
from typing import TypeVar

Item = TypeVar("Item")

_SPREAD = 0.7  # standard deviation of the logarithm of a duration; ours, domain.md 6.4 gives medians only


class Serials:
    """Numbers below ``space`` in an order that looks random, none twice: an affine permutation of a counter.

    Args:
        space: How many numbers there are; where it is a prime, ``draw_scrambled`` leaves no pattern either.
        chance: Decides on the permutation.
        first: Where the counter starts.
        step: What it grows by; nine countries that count 0, 9, 18 … and 1, 10, 19 … never give out the same number.
    """

    def __init__(self, space: int, *, chance: Random, first: int = 0, step: int = 1) -> None:
        self._space = space
        self._next = first
        self._step = step
        self._start = int(chance.random() * space)
        self._factor = space // 3 + int(chance.random() * space / 3)
        while math.gcd(self._factor, space) != 1:
            self._factor += 1

    def draw(self) -> int:
        """Return the next number.

        Raises:
            ValueError: If all numbers are given out.
        """
        if self._next >= self._space:
            raise ValueError("space must be larger than what is drawn from it.")
        number = (self._start + self._next * self._factor) % self._space
        self._next += self._step
        return number

    def draw_scrambled(self) -> int:
        """Return the inverse of the next number modulo ``space``: neighbours in the count are no neighbours here."""
        number = self.draw()
        return pow(number, -1, self._space) if number else 0


def stream(seed: int, *purpose: str) -> Random:
    """Return the stream for ``purpose``; the same seed and purpose give the same stream."""
    return Random("/".join((str(seed), *purpose)))  # noqa: S311  # a synthetic world must repeat


def geometric(chance: Random, *, mean: float, most: int = 8) -> int:
    """Return a count of 0, 1, 2 … with ``mean`` (negative binomial with one success), cut at ``most``."""
    return min(most, int(math.log(1.0 - chance.random()) / math.log(mean / (1.0 + mean))))


def few(chance: Random, *, mean: float) -> int:
    """Return a count of 0 to 3 with ``mean`` of at most 3 (binomial)."""
    return sum(chance.random() < mean / 3 for _ in range(3))


def favourite(chance: Random, items: Sequence[Item]) -> Item:
    """Return one of ``items``, the first ones most often."""
    return items[int(len(items) * chance.random() ** 1.5)]


def day_between(chance: Random, period: tuple[date, date]) -> date:
    """Return a day of ``period``, both ends included; the first if they are the wrong way round."""
    first, last = period
    return first + timedelta(days=int(chance.random() * max(1, (last - first).days + 1)))


def days(chance: Random, *, median: float) -> timedelta:
    """Return a log-normal number of days with ``median``."""
    return timedelta(days=min(1500, int(chance.lognormvariate(math.log(median), _SPREAD)) + 1))
