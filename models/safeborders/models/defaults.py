"""The plan of a run as fixed in advance: measured once on synthetic worlds, never tuned on a country's records.

Figures and how they were found: decision 0040. With these numbers one country's messages cost epsilon_local < 8 at
delta = 1e-5 for both tasks together (a node computes that itself).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from safeborders.models.architecture import Architecture, TaskArchitecture
from safeborders.models.domain.countries import Country
from safeborders.models.graph.features import SPECIFICATION
from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.models.protocol.plan import Task, TaskPlan

ROUNDS = 30
DELTA = 1e-5
MOMENTUM = 0.9
"""Of the coordinator's step: velocity = momentum * velocity + mean gradient; model -= learning_rate * velocity."""
MODEL_SEED = 20260101

ARCHITECTURE = Architecture(
    (
        TaskArchitecture(Task.TYPOLOGY, (len(SPECIFICATION.typology), len(CASE_TYPES))),
        TaskArchitecture(Task.LINKS, (len(SPECIFICATION.links), 2)),
    )
)
"""Two linear models: at some thousand examples and this noise every hidden layer measured worse."""


@dataclass(frozen=True)
class TaskDefaults:
    """The numbers of one task in a plan."""

    sampling_rate: float
    clip_norm: float
    noise_multiplier: float
    learning_rate: float
    examples_per_person: int = 1
    quantisation_bits: int = 16


TASK_DEFAULTS: Mapping[Task, TaskDefaults] = {
    Task.TYPOLOGY: TaskDefaults(sampling_rate=0.5, clip_norm=1.0, noise_multiplier=2.05, learning_rate=0.5),
    Task.LINKS: TaskDefaults(sampling_rate=0.5, clip_norm=1.0, noise_multiplier=6.0, learning_rate=0.7),
}

_CASES: Mapping[str, Mapping[Country, int]] = {
    "tiny": dict(
        zip(
            (
                Country.RO,
                Country.BG,
                Country.GR,
                Country.IT,
                Country.PL,
                Country.PT,
                Country.BE,
                Country.FI,
                Country.WB,
            ),
            (60, 25, 40, 25, 15, 20, 20, 12, 45),
            strict=True,
        )
    ),
    "demo": dict(
        zip(
            (
                Country.RO,
                Country.BG,
                Country.GR,
                Country.IT,
                Country.PL,
                Country.PT,
                Country.BE,
                Country.FI,
                Country.WB,
            ),
            (1200, 350, 600, 350, 150, 220, 320, 150, 900),
            strict=True,
        )
    ),
}
"""Cases per country as the presets declare them (domain.md 6.2); ``bench`` is three times ``demo``."""

_EXAMPLES_PER_CASE: Mapping[Task, float] = {Task.TYPOLOGY: 0.2, Task.LINKS: 2.25}
"""Declared, public guess of curated examples per case; scales the step, never the privacy."""


def public_sizes(preset: str, task: Task) -> dict[str, int]:
    """Return the declared number of examples per country, a constant of the preset and not a count.

    Raises:
        ValueError: If the preset is unknown.
    """
    factor, name = (3, "demo") if preset == "bench" else (1, preset)
    if name not in _CASES:
        raise ValueError("preset must be tiny, demo or bench.")
    share = factor * _EXAMPLES_PER_CASE[task]
    return {country.value: max(5, 5 * round(cases * share / 5)) for country, cases in _CASES[name].items()}


def task_plans(preset: str) -> tuple[TaskPlan, ...]:
    """Return the plan of both tasks for a preset's nine countries.

    Raises:
        ValueError: If the preset is unknown.
    """
    return tuple(
        TaskPlan(
            task=task,
            sampling_rate=chosen.sampling_rate,
            clip_norm=chosen.clip_norm,
            noise_multiplier=chosen.noise_multiplier,
            examples_per_person=chosen.examples_per_person,
            quantisation_bits=chosen.quantisation_bits,
            learning_rate=chosen.learning_rate,
            public_sizes=public_sizes(preset, task),
        )
        for task, chosen in TASK_DEFAULTS.items()
    )
