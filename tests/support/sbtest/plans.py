"""A small plan that every part accepts."""

from typing import Any

from safeborders.models.architecture import Architecture, Catalogue, TaskArchitecture
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import RunPlan, Task, TaskPlan

ARCHITECTURE = Architecture((TaskArchitecture(Task.TYPOLOGY, (6, 4)), TaskArchitecture(Task.LINKS, (5, 3, 2))))
CATALOGUE = Catalogue((ARCHITECTURE,))
FEATURES_SHA256 = "f" * 64


def make_task(task: Task, **changes: Any) -> TaskPlan:
    """Return one task's numbers."""
    numbers: dict[str, Any] = {
        "task": task,
        "sampling_rate": 0.5,
        "clip_norm": 1.0,
        "noise_multiplier": 6.0,
        "examples_per_person": 1,
        "quantisation_bits": 16,
        "learning_rate": 1.0,
        "public_sizes": {"gr": 100},
    }
    return TaskPlan(**{**numbers, **changes})


def make_plan(**changes: Any) -> RunPlan:
    """Return a plan of ten rounds for three countries."""
    fields: dict[str, Any] = {
        "federation": "demo",
        "run": "run-1",
        "purpose": "P1",
        "rounds": 10,
        "tasks": (make_task(Task.TYPOLOGY), make_task(Task.LINKS)),
        "delta": 1e-5,
        "architecture_sha256": ARCHITECTURE.sha256(),
        "features_sha256": FEATURES_SHA256,
        "participants": (Country.GR, Country.IT, Country.RO),
        "floor": 2,
        "deadline_seconds": 60.0,
    }
    return RunPlan(**{**fields, **changes})
