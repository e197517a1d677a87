"""What a mechanism did, apart from what it costs: frozen events that the ledger keeps and the accountant prices.

An event says everything that a later and better accountant needs, so that old ledgers can be priced again. Kinds are
only ever added; the meaning of a kind never changes (the evolution rule of ``dp_accounting.dp_event``).
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import ClassVar, Protocol, Self

from safeborders.kit.canonical import canonical_json
from safeborders.privacy.errors import LedgerDamaged

SMALLEST_GRID_DEVIATION = 256
"""Least standard deviation of integer noise, in grid units; docs/decisions/0031 needs it."""

ROUNDING_MOMENT = 4.1
"""docs/decisions/0031: KL(discrete || rounded continuous) <= 4.1 / (24 sigma**2 - 1)**2 for sigma >= 256."""


class Event(Protocol):
    """A mechanism run ``steps`` times; a stage plugs in with a kind, a decoder here and a price in the accountant."""

    kind: ClassVar[str]

    @property
    def steps(self) -> int:
        """How often the mechanism ran."""

    @property
    def rounding_divergence(self) -> float:
        """Kullback-Leibler divergence, for one step, between the integer noise used and the noise that is priced."""

    @property
    def mean_loss(self) -> float:
        """Upper bound on the mean privacy loss of one step: E[s**2] / 2 for a move of s deviations of the noise."""

    def __hash__(self) -> int:
        """Equal events have one price."""

    def times(self, steps: int) -> Self:
        """Return the same mechanism run ``steps`` times."""

    def seen_in_sum(self, honest: int) -> Self:
        """Return the event as an observer of a sum sees it that ``honest`` countries add the same noise to."""

    def in_countries(self, countries: int) -> Self:
        """Return the event for a person whom ``countries`` countries put into the same sum."""


@dataclass(frozen=True)
class AttributedGaussian:
    r"""Poisson-sampled, attributed examples, clipped, summed on an integer grid, with integer Gaussian noise.

    Each of the at most ``examples_per_person`` examples of a person enters with probability ``sampling_rate``. An
    example adds a vector of at most ``grid`` units; the sum is rounded once, so deleting a person whose ``s`` examples
    were drawn moves it by at most :math:`s \cdot grid + \sqrt{dimension}` (triangle inequality; 0 when ``s`` is 0).

    Args:
        task: What was trained, for the reader.
        sampling_rate: q in (0, 1].
        noise_multiplier: Standard deviation of the noise divided by ``grid``, as the plan names it.
        examples_per_person: M, at least 1.
        grid: Units of the integer grid to one clip_norm.
        dimension: Coordinates of the sum.
        steps: Rounds, at least 1.
        honest: Countries whose noise the observer cannot subtract; 1 for a country's own message.
    """

    kind: ClassVar[str] = "attributed_gaussian"

    task: str
    sampling_rate: float
    noise_multiplier: float
    examples_per_person: int
    grid: int
    dimension: int
    steps: int = 1
    honest: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be priced."""
        if not 0 < self.sampling_rate <= 1:
            raise ValueError(f"sampling_rate must be in (0, 1]. Got {self.sampling_rate}.")
        if not (math.isfinite(self.noise_multiplier) and self.noise_multiplier > 0):
            raise ValueError(f"noise_multiplier must be finite and > 0. Got {self.noise_multiplier}.")
        check_counts(self, "examples_per_person", "grid", "dimension", "steps", "honest")
        if self.noise_multiplier * self.grid < SMALLEST_GRID_DEVIATION:
            raise ValueError(
                f"noise_multiplier * grid must be >= {SMALLEST_GRID_DEVIATION}: use more quantisation bits."
            )

    @property
    def effective_noise_multiplier(self) -> float:
        """Noise divided by the sensitivity to one example, rounding included; below the plan's figure."""
        sensitivity = self.grid + math.sqrt(self.dimension)
        return self.noise_multiplier * self.grid * math.sqrt(self.honest) / sensitivity

    @property
    def rounding_divergence(self) -> float:
        """Bound of docs/decisions/0031 for all coordinates and all ``honest`` countries of one step."""
        return self.honest * noise_divergence(self.noise_multiplier * self.grid, coordinates=self.dimension)

    @property
    def mean_loss(self) -> float:
        """Upper bound on the mean privacy loss of one step; Kullback-Leibler divergence is convex."""
        mean = self.examples_per_person * self.sampling_rate
        return (mean**2 + mean * (1 - self.sampling_rate)) / (2 * self.effective_noise_multiplier**2)

    def times(self, steps: int) -> Self:
        """Return the same mechanism run ``steps`` times."""
        return replace(self, steps=steps)

    def seen_in_sum(self, honest: int) -> Self:
        """Return the event as the observer of a sum with the noise of ``honest`` countries sees it."""
        return replace(self, honest=honest)

    def in_countries(self, countries: int) -> Self:
        """Return the event for a person whom ``countries`` countries put into the same sum."""
        return replace(self, examples_per_person=self.examples_per_person * countries)


def check_counts(event: Event, *names: str) -> None:
    """Refuse an event whose fields of these names are not whole numbers from 1 on.

    Raises:
        ValueError: If one is not.
    """
    for name in names:
        if not isinstance(getattr(event, name), int) or getattr(event, name) < 1:
            raise ValueError(f"{name} must be a whole number >= 1. Got {getattr(event, name)}.")


def noise_divergence(deviation: float, *, coordinates: int) -> float:
    """Return the bound of docs/decisions/0031 on KL(discrete || rounded continuous Gaussian), all coordinates added.

    Raises:
        ValueError: If ``deviation`` is below what the bound holds for, or not finite.
    """
    if not (math.isfinite(deviation) and deviation >= SMALLEST_GRID_DEVIATION):
        raise ValueError(
            f"noise on the grid must be finite and >= {SMALLEST_GRID_DEVIATION}: use more quantisation bits."
        )
    return coordinates * ROUNDING_MOMENT / (24 * deviation**2 - 1) ** 2


_KINDS: dict[str, type[Event]] = {AttributedGaussian.kind: AttributedGaussian}


def register_event(kind: type[Event]) -> type[Event]:
    """Make ``kind`` (a frozen dataclass) known to ``parse_events``; used as a decorator by later stages.

    Raises:
        ValueError: If another class already has this kind.
    """
    if _KINDS.setdefault(kind.kind, kind) is not kind:
        raise ValueError(f"kind must be new. Got {kind.kind}.")
    return kind


def events_to_json(events: Iterable[Event]) -> str:
    """Return ``events`` as canonical JSON, the form in which the ledger keeps them."""
    rows = [{"kind": event.kind, **asdict(event)} for event in events]  # type: ignore[call-overload]  # all are dataclasses
    return canonical_json({"events": rows}).decode()


def parse_events(document: str) -> tuple[Event, ...]:
    """Return the events in ``document``.

    Raises:
        LedgerDamaged: If it is malformed or holds a kind that this version cannot price; nothing is ever skipped.
    """
    try:
        rows: list[Mapping[str, object]] = json.loads(document)["events"]
        return tuple(_parse_event(row) for row in rows)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LedgerDamaged(
            "The privacy ledger holds an entry that this version cannot price: install the version that wrote it."
        ) from error


def merge_events(events: Iterable[Event]) -> dict[Event, int]:
    """Return the multiset of ``events``: each mechanism with one step, and how many steps it ran in all."""
    total: dict[Event, int] = {}
    for event in events:
        single = event.times(1)
        total[single] = total.get(single, 0) + event.steps
    return total


def _parse_event(row: Mapping[str, object]) -> Event:
    fields = {name: value for name, value in row.items() if name != "kind"}
    return _KINDS[str(row["kind"])](**fields)
