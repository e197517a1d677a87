"""From integer sums to the next model: exact addition, public divisors, one momentum step; numpy only.

An update is the sum over a country's sampled examples, so the mean gradient is the sum of all accepted updates divided
by the number of examples that the plan expects: sampling_rate times the public sizes of the accepted countries. No
divisor comes from a country's records. Integer addition makes the result independent of the order of the replies.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.errors import SettingsError
from safeborders.models.architecture import STATISTIC_SHARE, Architecture, Catalogue, TaskArchitecture, largest_loss
from safeborders.models.defaults import MOMENTUM
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import RunPlan, TaskPlan
from safeborders.models.protocol.vectors import model_to_bytes, parse_model
from safeborders.server.registry.records import ModelVersion, TaskStatistics

_SIZE_SLACK = 8
_EXTRA_EXAMPLES = 64
_NOISE_DEVIATIONS = 12
_VELOCITY = np.dtype("<f8")


@dataclass(frozen=True)
class Step:
    """What one round made of a model."""

    parameters: bytes
    optimiser_state: bytes
    statistics: tuple[TaskStatistics, ...]


def entry_bound(plan: RunPlan, country: Country) -> int:
    """Return the largest absolute entry that an honest update of ``country`` can have.

    One example adds at most ``2**quantisation_bits`` to an entry. A country may hold eight times its public size plus
    64 examples, all sampled, and the noise stays within twelve standard deviations (beyond with probability 2**-105
    per entry). The bound only stops overflow and absurd replies; it is no defence against poisoning (decision 0014).
    """
    bounds = []
    for task in plan.tasks:
        grid = 1 << task.quantisation_bits
        examples = _SIZE_SLACK * task.public_sizes.get(country.value, 0) + _EXTRA_EXAMPLES
        bounds.append(grid * examples + int(np.ceil(_NOISE_DEVIATIONS * task.noise_multiplier * grid)))
    return max(bounds)


def find_architecture(plan: RunPlan, catalogue: Catalogue) -> Architecture:
    """Return the model that ``plan`` trains.

    Raises:
        SettingsError: If there is none for it, or it lacks a public size.
    """
    architecture = catalogue.find(plan)
    if architecture is None:
        raise SettingsError("The run's plan names another model architecture than this version has: make a new plan.")
    for task in plan.tasks:
        if any(task.public_sizes.get(country.value, 0) < 1 for country in plan.participants):
            raise SettingsError("The run's plan lacks a public size for a participant: make a new plan.")
    return architecture


def sum_updates(updates: Iterable[NDArray[np.int64]], *, length: int) -> NDArray[np.int64]:
    """Add updates exactly; their bounds leave int64 enough room for every country (at most 2**59)."""
    total = np.zeros(length, dtype=np.int64)
    for update in updates:
        total += update
    return total


def take_step(
    plan: RunPlan, architecture: Architecture, *, base: ModelVersion, total: NDArray[np.int64], countries: set[Country]
) -> Step:
    """Return the model after one round.

    Args:
        plan: Of the run.
        architecture: Of the plan.
        base: Model that the updates were made for.
        total: Sum of the accepted updates.
        countries: Whose updates they are.

    Shape:
        - ``total``: ``(architecture.update_length,)``, int64.
    """
    parameters = parse_model(base.parameters, length=architecture.length).astype(np.float64)
    velocity = _velocity_of(base, length=architecture.length)
    statistics = []
    for task, (shape, span, in_update) in zip(plan.tasks, architecture.spans, strict=True):
        gradient, figures = _mean(task, shape, part=total[in_update], countries=countries)
        velocity[span] = MOMENTUM * velocity[span] + gradient
        parameters[span] -= task.learning_rate * velocity[span]
        statistics.append(figures)
    return Step(
        parameters=model_to_bytes(parameters.astype(np.float32)),
        optimiser_state=velocity.astype(_VELOCITY).tobytes(),
        statistics=tuple(statistics),
    )


def next_version(base: ModelVersion, step: Step) -> ModelVersion:
    """Return ``step`` as the version that follows ``base``."""
    return ModelVersion(
        sha256=sha256_hex(step.parameters),
        parent_sha256=base.sha256,
        run=base.run,
        round=base.round + 1,
        parameters=step.parameters,
        optimiser_state=step.optimiser_state,
    )


def same_version(base: ModelVersion) -> ModelVersion:
    """Return ``base`` as the version after a round that was given up: nothing was learnt, nothing is changed."""
    return replace(base, parent_sha256=base.sha256, round=base.round + 1)


def _velocity_of(base: ModelVersion, *, length: int) -> NDArray[np.float64]:
    if not base.optimiser_state:
        return np.zeros(length, dtype=np.float64)
    return np.frombuffer(base.optimiser_state, dtype=_VELOCITY).astype(np.float64)


def _mean(
    task: TaskPlan, shape: TaskArchitecture, *, part: NDArray[np.int64], countries: set[Country]
) -> tuple[NDArray[np.float64], TaskStatistics]:
    unit = task.clip_norm / float(1 << task.quantisation_bits)
    expected = task.sampling_rate * sum(task.public_sizes[country.value] for country in countries)
    gradient = part[: shape.length].astype(np.float64) * unit / expected
    loss, correct, examples = part[shape.length :].astype(np.float64) * unit / (STATISTIC_SHARE * task.clip_norm)
    divisor = max(float(examples), 1.0)  # the count is noisy and may come out below one
    return gradient, TaskStatistics(
        task=task.name,
        loss=float(np.clip(loss / divisor, 0, 1)) * largest_loss(shape.classes),
        accuracy=float(np.clip(correct / divisor, 0, 1)),
        update_norm=float(np.linalg.norm(gradient)),
    )
