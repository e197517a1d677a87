"""What a country allows before it trains and before it sends: its own limits, its own arithmetic, deny by default.

Nothing that the coordinator claims is believed: epsilon is computed here from the numbers that will be run.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from safeborders.kit.errors import SafeBordersError
from safeborders.models.architecture import Architecture, Catalogue
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import PROTOCOL_VERSION, SMALLEST_CLIP_NORM, RunPlan
from safeborders.privacy.accountant import epsilon
from safeborders.privacy.events import Event
from safeborders.privacy.pricing import run_events
from safeborders.privacy.rounding import LARGEST_DEVIATION

LARGEST_WEIGHT = 1e3
"""Parameters beyond it are no trained model but an attack on numerical precision (docs/decisions/0033)."""


class PolicyDenied(SafeBordersError):
    """The country's policy or agreement does not cover what was asked."""

    code: ClassVar[str] = "agreement.denied"


class ApprovalPending(SafeBordersError):
    """No approval covers the run; people of this country have to decide."""

    code: ClassVar[str] = "approval.pending"


@dataclass(frozen=True)
class PolicySettings:
    """What this country allows, whatever a plan asks for.

    Attributes:
        country: Who we are.
        federation: The only federation we belong to.
        epsilon_cap: Most that one run may ever cost, approval or not.
        delta_cap: Largest delta of a run.
        rounds_cap: Most rounds of a run.
        floor: Fewest countries among which our update may be aggregated.
        smallest_noise_multiplier: Least noise, whatever epsilon says.
        largest_clip_norm: Most that an example may add, in units of the model's parameters.
    """

    country: Country
    federation: str
    epsilon_cap: float
    delta_cap: float
    rounds_cap: int
    floor: int
    smallest_noise_multiplier: float = 0.3
    largest_clip_norm: float = 100.0


@dataclass(frozen=True)
class InstalledModel:
    """What this node can train: the models and the features it was installed with."""

    catalogue: Catalogue
    features_sha256: str


@dataclass(frozen=True)
class ApprovedRun:
    """A plan that is within this country's limits, and what the whole run costs by our own arithmetic."""

    plan: RunPlan
    events: tuple[Event, ...]
    epsilon: float

    def round_events(self) -> tuple[Event, ...]:
        """Return what one round does."""
        return tuple(event.times(1) for event in self.events)


def price_run(plan: RunPlan, *, settings: PolicySettings, installed: InstalledModel) -> ApprovedRun:
    """Return ``plan`` with its cost by our own arithmetic if it is within this country's limits.

    Raises:
        PolicyDenied: If a limit, a hash or a membership is not as it must be; the sentence names the first.
    """
    for is_kept, sentence in _conditions(plan, settings=settings, installed=installed):
        if not is_kept():
            raise PolicyDenied(sentence, run=plan.run)
    try:
        events = run_events(plan, installed.catalogue.get(plan), rounds=plan.rounds)
    except ValueError as error:
        raise PolicyDenied("The plan's privacy cannot be priced: correct its numbers.", run=plan.run) from error
    cost = epsilon(events, delta=plan.delta)
    if not cost <= settings.epsilon_cap:
        raise PolicyDenied("The run would cost more epsilon than this country allows: add noise.", run=plan.run)
    return ApprovedRun(plan=plan, events=events, epsilon=cost)


def check_model(model: NDArray[np.float32]) -> None:
    """Refuse parameters that no training can have produced.

    Raises:
        PolicyDenied: If one is not finite or too large.
    """
    if not (np.abs(model) <= LARGEST_WEIGHT).all():  # a comparison with NaN is false
        raise PolicyDenied("The model's parameters are out of range: it was not trained on.")


def check_update(update: NDArray[np.int64], *, architecture: Architecture) -> None:
    """Refuse an update that is not the declared release: one flat vector of integers.

    Raises:
        PolicyDenied: If its type or shape is another.
    """
    if update.dtype != np.int64 or update.shape != (architecture.update_length,):
        raise PolicyDenied("The update is not of the declared shape and type: it was not stored.")


_Condition = tuple[Callable[[], bool], str]


def _conditions(plan: RunPlan, *, settings: PolicySettings, installed: InstalledModel) -> tuple[_Condition, ...]:
    return (
        (
            lambda: plan.version == PROTOCOL_VERSION,
            "The plan is of another version: both ends need the same.",
        ),
        (
            lambda: plan.federation == settings.federation,
            "The plan is of another federation: check the coordinator's address.",
        ),
        (
            lambda: settings.country in plan.participants,
            "The plan does not name this country: ask the coordinator.",
        ),
        (
            lambda: len(set(plan.participants)) == len(plan.participants),
            "The plan names a country twice: correct it.",
        ),
        (
            lambda: settings.floor <= plan.floor <= len(plan.participants),
            "The plan's floor of participants is not what this country asks for: raise it.",
        ),
        (
            lambda: plan.rounds <= settings.rounds_cap,
            "The plan has more rounds than this country allows: shorten it.",
        ),
        (
            lambda: 0 < plan.delta <= settings.delta_cap,
            "The plan's delta is larger than this country allows: lower it.",
        ),
        (
            lambda: plan.fits_size_of(settings.country.value),
            "The plan's delta is too large for as many persons as this country has: lower it.",
        ),
        (
            lambda: installed.catalogue.find(plan) is not None,
            "The plan is for another architecture: both ends need the same version.",
        ),
        (
            lambda: plan.features_sha256 == installed.features_sha256,
            "The plan is for another feature specification: both ends need the same version.",
        ),
        (
            lambda: all(task.noise_multiplier >= settings.smallest_noise_multiplier for task in plan.tasks),
            "The plan's noise is below what this country accepts: add noise.",
        ),
        (
            lambda: all(task.noise_multiplier * 2**task.quantisation_bits <= LARGEST_DEVIATION for task in plan.tasks),
            "The plan's noise is beyond what can be drawn exactly: use fewer bits.",
        ),
        (
            lambda: all(SMALLEST_CLIP_NORM <= task.clip_norm <= settings.largest_clip_norm for task in plan.tasks),
            "The plan's clip_norm is out of the range that this country allows: correct it.",
        ),
    )
