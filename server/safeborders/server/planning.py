"""How a run is planned: numbers fixed in advance, noise calibrated to an epsilon, publicly declared sizes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.errors import SettingsError
from safeborders.kit.ids import uuid7
from safeborders.models.architecture import Architecture
from safeborders.models.defaults import (
    ARCHITECTURES,
    CATALOGUE,
    DEFAULT_MODEL,
    DELTA,
    MODEL_SEED,
    ROUNDS,
    Model,
    task_plans,
)
from safeborders.models.domain.countries import Country
from safeborders.models.graph.features import SPECIFICATION
from safeborders.models.protocol.plan import PERSONS_TO_ONE_DELTA, RunPlan, Task
from safeborders.models.protocol.vectors import model_to_bytes
from safeborders.privacy.accountant import epsilon as epsilon_of
from safeborders.privacy.calibration import noise_multiplier_for
from safeborders.privacy.pricing import run_events
from safeborders.server.registry.records import ModelVersion

PURPOSE = "P1"
_PUBLIC_SIZE = 100  # where a country declared nothing: scales the step, never the privacy
_CLOSE_ENOUGH = 0.95  # the measured defaults are kept when they spend at least this share of the epsilon asked for

_EXPLANATION = (
    "The plan is out of range: rounds from 1 to 1000, a floor of at least 1, a deadline and sizes above 0; correct it."
)

Sizes = Mapping[Task, Mapping[str, int]]


@dataclass(frozen=True)
class RunRequest:
    """What the coordinator's team asks for.

    Attributes:
        epsilon: Of one country's messages against everybody, above 0.
        rounds: Number of rounds; the measured default when None.
        floor: Fewest countries in a round.
        deadline_seconds: How long a round waits.
        sizes: Declared public sizes per task and country.
        model: What is trained.
    """

    epsilon: float
    floor: int
    deadline_seconds: float
    rounds: int | None = None
    sizes: Sizes = field(default_factory=dict)
    model: Model = DEFAULT_MODEL


def build_plan(federation: str, *, countries: Sequence[Country], request: RunRequest) -> RunPlan:
    """Return a new plan whose messages cost at most the epsilon asked for, per country, at ``defaults.DELTA``.

    Where a country declared more than a tenth of one in it, delta is smaller by powers of ten.

    Args:
        federation: Name of the federation.
        countries: Participants.
        request: What is asked for.

    Raises:
        SettingsError: If no noise reaches the epsilon.
    """
    architecture = ARCHITECTURES[request.model]
    run, rounds = uuid7(), ROUNDS if request.rounds is None else request.rounds
    declared = {
        task: {country.value: request.sizes.get(task, {}).get(country.value, _PUBLIC_SIZE) for country in countries}
        for task in Task
    }
    delta = _delta_for(max((size for sizes in declared.values() for size in sizes.values()), default=1))

    def with_noise(factor: float) -> RunPlan:
        return RunPlan(
            federation=federation,
            run=run,
            purpose=PURPOSE,
            rounds=rounds,
            tasks=task_plans(request.model, public_sizes=declared, noise_factor=factor),
            delta=delta,
            architecture_sha256=architecture.sha256(),
            features_sha256=SPECIFICATION.sha256(),
            participants=tuple(countries),
            floor=request.floor,
            deadline_seconds=request.deadline_seconds,
        )

    try:
        if _CLOSE_ENOUGH * request.epsilon <= plan_epsilon(with_noise(1.0), architecture) <= request.epsilon:
            return with_noise(1.0)
        factor = noise_multiplier_for(
            lambda noise: run_events(with_noise(noise), architecture, rounds=rounds),
            target_epsilon=request.epsilon,
            delta=delta,
        )
    except ValidationError as error:
        raise SettingsError(_EXPLANATION) from error
    except ValueError as error:
        raise SettingsError("No noise reaches this epsilon: ask for a larger one or for fewer rounds.") from error
    return with_noise(factor)


def _delta_for(size: int) -> float:
    """Return the usual delta, or the largest power of ten that is small for a country of ``size`` examples."""
    power = min(round(math.log10(DELTA)), math.ceil(-math.log10(PERSONS_TO_ONE_DELTA * max(size, 1))) - 1)
    return float(f"1e{power}")


def parse_model_name(name: str) -> Model:
    """Return the model called ``name``.

    Raises:
        SettingsError: If there is none.
    """
    try:
        return Model(name)
    except ValueError as error:
        raise SettingsError(f"The model must be one of {', '.join(Model)}: correct --model.") from error


def plan_epsilon(plan: RunPlan, architecture: Architecture) -> float:
    """Return what all rounds of ``plan`` cost one country, against everybody, at the plan's delta."""
    return epsilon_of(run_events(plan, architecture, rounds=plan.rounds), delta=plan.delta)


def initial_model(plan: RunPlan) -> ModelVersion:
    """Return the public model that ``plan`` starts from.

    Raises:
        SettingsError: If this version does not know the model.
    """
    architecture = CATALOGUE.find(plan)
    if architecture is None:
        raise SettingsError("The plan is for a model that this version does not know: plan the run again.")
    parameters = model_to_bytes(architecture.initial_parameters(MODEL_SEED))
    return ModelVersion(
        sha256=sha256_hex(parameters),
        parent_sha256="",
        run=plan.run,
        round=0,
        parameters=parameters,
        optimiser_state=b"",
    )
