"""The plan of a run as fixed in advance: measured once on synthetic worlds, never tuned on a country's records.

Figures and how they were found: decision 0040. With these numbers one country's messages cost epsilon_local < 8 at
delta = 1e-5 for both tasks together (a node computes that itself).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from safeborders.models.architecture import Architecture, TaskArchitecture
from safeborders.models.graph.features import SPECIFICATION
from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.models.protocol.plan import Task, TaskPlan

ROUNDS = 30
DELTA = 1e-5
MOMENTUM = 0.9
"""Of the coordinator's step: velocity = momentum * velocity + mean gradient; model -= learning_rate * velocity."""
MODEL_SEED = 20260101

BUNDLE_SHA256 = "062b9bf319801dfba9c3b49e8d747925fe2abb5bb6e88d866b0ae2d0827412af"
"""Of the Flower bundle without code that the coordinator opens runs with; no node executes one (decision 0004)."""

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
    Task.LINKS: TaskDefaults(sampling_rate=0.5, clip_norm=1.0, noise_multiplier=6.0, learning_rate=0.4),
}


def task_plan(task: Task, *, public_sizes: Mapping[str, int], noise_factor: float = 1.0) -> TaskPlan:
    """Return the plan of ``task`` with the numbers fixed here.

    Args:
        task: What is learnt.
        public_sizes: Declared number of examples per country.
        noise_factor: Multiplies the noise, to reach another epsilon.
    """
    chosen = TASK_DEFAULTS[task]
    return TaskPlan(
        task=task,
        sampling_rate=chosen.sampling_rate,
        clip_norm=chosen.clip_norm,
        noise_multiplier=round(chosen.noise_multiplier * noise_factor, 6),
        examples_per_person=chosen.examples_per_person,
        quantisation_bits=chosen.quantisation_bits,
        learning_rate=chosen.learning_rate,
        public_sizes=dict(public_sizes),
    )
