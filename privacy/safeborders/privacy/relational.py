r"""Events of rooted training with neighbour coins, and of metrics and statistics that leave a country.

``RootedGaussian`` covers both stages: without relations it is stage A (a person is one root), with relations stage B (a
person is also seen by the roots that kept it). docs/proofs/stage-b.md proves what ``price`` computes.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from safeborders.privacy.events import check_counts, noise_divergence, register_event
from safeborders.privacy.rounding import chunk_slack


@register_event
@dataclass(frozen=True)
class RootedGaussian:
    r"""Poisson roots, per-step neighbour coins, rows clipped and summed to integers, integer Gaussian noise.

    Args:
        task: What was trained, for the reader.
        sampling_rate: q in (0, 1].
        noise_multiplier: Standard deviation of the noise divided by ``grid``.
        relations: Per relation (K, p) or, with two hops, (K, p, p2): most curated links of a person, and the
            probabilities that a neighbour is kept in the first and the second hop. Empty for roots alone.
        grid: Units of the integer grid to one clip_norm.
        dimension: Coordinates of the sum.
        positions: Most positions of a row that one layer sees stacked; 1 for roots alone.
        steps: How often, at least 1.
        honest: Countries whose noise the observer cannot subtract; 1 for a country's own message.
        copies: Countries in one sum that hold the same person; 1 for a country's own message.
    """

    kind: ClassVar[str] = "rooted_gaussian"

    task: str
    sampling_rate: float
    noise_multiplier: float
    relations: tuple[tuple[float, ...], ...]
    grid: int
    dimension: int
    positions: int = 1
    steps: int = 1
    honest: int = 1
    copies: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be priced; lists become tuples, as JSON has none."""
        object.__setattr__(self, "relations", tuple(tuple(entry) for entry in self.relations))
        if not 0 < self.sampling_rate <= 1:
            raise ValueError(f"sampling_rate must be in (0, 1]. Got {self.sampling_rate}.")
        for entry in self.relations:
            if len(entry) not in (2, 3) or not all(0 < keep <= 1 for keep in entry[1:]):
                raise ValueError(f"relations must have one or two probabilities in (0, 1] each. Got {entry}.")
            if entry[0] != int(entry[0]) or entry[0] < 1:
                raise ValueError(f"relations must have whole limits >= 1. Got {entry}.")
        if len({len(entry) for entry in self.relations}) > 1:
            raise ValueError("relations must all have the same number of hops.")
        check_counts(self, "grid", "dimension", "positions", "steps", "honest", "copies")
        noise_divergence(self.noise_multiplier * self.grid, coordinates=1)

    @property
    def own_weight(self) -> float:
        """Return how far a person's own root may move the sum, in clip_norms: two chunks change on both sides."""
        return 1 + 4 * self._slack

    @property
    def seen_weight(self) -> float:
        """Return how far a root that kept the person may move the sum, in clip_norms: content changes, one chunk."""
        return 2 + 2 * self._slack

    def seen_slots(self) -> Iterator[tuple[int, float]]:
        """Yield (number, probability) of the independent ways in which other roots see one person in one step."""
        for limit, keep, *_ in self.relations:
            yield self.copies * int(limit), self.sampling_rate * keep
        for number, (limit, keep, *second) in enumerate(self.relations):
            for other, entry in enumerate(self.relations):
                if second:
                    # The middle person's link back to the deleted one is no link to a root.
                    paths = int(entry[0]) * (int(limit) - (number == other))
                    yield self.copies * paths, self.sampling_rate * keep * entry[2]

    @property
    def effective_noise_multiplier(self) -> float:
        """Noise that the observer cannot subtract, in clip_norms."""
        return self.noise_multiplier * math.sqrt(self.honest)

    @property
    def rounding_divergence(self) -> float:
        """Bound of docs/decisions/0031 for all coordinates and all ``honest`` countries of one step."""
        return self.honest * noise_divergence(self.noise_multiplier * self.grid, coordinates=self.dimension)

    @property
    def mean_loss(self) -> float:
        """Upper bound on the mean privacy loss of one step; Kullback-Leibler divergence is convex."""
        coins = [(self.copies, self.sampling_rate, self.own_weight)]
        coins += [(number, probability, self.seen_weight) for number, probability in self.seen_slots()]
        mean = sum(number * probability * weight for number, probability, weight in coins)
        variance = sum(number * probability * (1 - probability) * weight**2 for number, probability, weight in coins)
        return (mean**2 + variance) / (2 * self.effective_noise_multiplier**2)

    @property
    def _slack(self) -> float:
        return chunk_slack(positions=self.positions, dimension=self.dimension, grid=self.grid)

    def times(self, steps: int) -> Self:
        """Return the same mechanism run ``steps`` times."""
        return replace(self, steps=steps)

    def seen_in_sum(self, honest: int) -> Self:
        """Return the event as the observer of a sum with the noise of ``honest`` countries sees it."""
        return replace(self, honest=honest)

    def in_countries(self, countries: int) -> Self:
        """Return the event for a person whom ``countries`` countries put into the same sum."""
        return replace(self, copies=self.copies * countries)


@dataclass(frozen=True)
class GaussianRelease:
    """A vector of integers that one person moves by a bounded length, released once with integer Gaussian noise.

    Args:
        name: What was released, for the reader.
        sensitivity: Most, in L2 and in grid units, that deleting one person moves the vector, rounding included.
        deviation: Standard deviation of the noise in grid units.
        coordinates: Length of the vector.
        steps: How often, at least 1.
        honest: Countries whose noise the observer cannot subtract.
    """

    kind: ClassVar[str] = "gaussian_release"

    name: str
    sensitivity: float
    deviation: float
    coordinates: int
    steps: int = 1
    honest: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be priced."""
        if not (math.isfinite(self.sensitivity) and self.sensitivity > 0):
            raise ValueError(f"sensitivity must be finite and > 0. Got {self.sensitivity}.")
        check_counts(self, "coordinates", "steps", "honest")
        noise_divergence(self.deviation, coordinates=1)

    @property
    def effective_noise_multiplier(self) -> float:
        """Noise that the observer cannot subtract, divided by the sensitivity."""
        return self.deviation * math.sqrt(self.honest) / self.sensitivity

    @property
    def rounding_divergence(self) -> float:
        """Bound of docs/decisions/0031 for all coordinates and all ``honest`` countries of one release."""
        return self.honest * noise_divergence(self.deviation, coordinates=self.coordinates)

    @property
    def mean_loss(self) -> float:
        """The mean privacy loss of one release."""
        return 1 / (2 * self.effective_noise_multiplier**2)

    def times(self, steps: int) -> Self:
        """Return the same release made ``steps`` times."""
        return replace(self, steps=steps)

    def seen_in_sum(self, honest: int) -> Self:
        """Return the event as the observer of a sum with the noise of ``honest`` countries sees it."""
        return replace(self, honest=honest)

    def in_countries(self, countries: int) -> Self:
        """Return the event for a person whom ``countries`` countries put into the same sum."""
        return replace(self, sensitivity=self.sensitivity * countries)


@register_event
@dataclass(frozen=True)
class MetricRelease(GaussianRelease):
    """Counts of hits on held-out persons; with inference over neighbours a person moves 1 + K of them."""

    kind: ClassVar[str] = "metric"


@register_event
@dataclass(frozen=True)
class StatisticRelease(GaussianRelease):
    """Counts or histograms of records, each person's part bounded."""

    kind: ClassVar[str] = "statistic"
