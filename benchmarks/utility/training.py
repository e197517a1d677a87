"""Private training in the benchmark: the product's engine, noise and accountant, and the coordinator's momentum step.

Every choice is a constant here, found on training and validation parts of the page graph (decision 0121), the same for
every file. The step size is the only number that differs: a public function of noise and declared size.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safeborders.models.architecture import STATISTICS, Architecture, TaskArchitecture
from safeborders.models.defaults import MODEL_SEED, MOMENTUM
from safeborders.models.gnn.perceptron import build_perceptron
from safeborders.models.protocol.plan import Task, TaskPlan
from safeborders.privacy.calibration import noise_multiplier_for
from safeborders.privacy.dpsgd.engine import private_sum
from safeborders.privacy.events import Event
from safeborders.privacy.relational import RootedGaussian
from safeborders.privacy.units import AttributedExamples

DELTA = 1e-5
BITS = 16


@dataclass(frozen=True)
class Recipe:
    """How one perceptron is trained.

    Attributes:
        hidden: Width of the hidden layer; 0 is a linear model.
        steps: Number of steps, each over everybody (q = 1).
        clip_norm: Bound on one example's gradient.
        rate: Largest step size.
        patience: The step size is also at most this divided by the noise per declared example.
        averaged: Share of the steps, the last ones, whose models are averaged.
    """

    hidden: int
    steps: int
    clip_norm: float
    rate: float
    patience: float = math.inf
    averaged: float = 0.5

    def step_size(self, noise: float, *, size: int) -> float:
        """Return the step size, a public function of the noise and the declared number of examples."""
        return min(self.rate, self.patience * size / noise)

    def architecture(self, width: int, classes: int) -> TaskArchitecture:
        """Return the network's shape."""
        return TaskArchitecture(Task.TYPOLOGY, (width, *((self.hidden,) if self.hidden else ()), classes))


def training_event(part: str, shape: TaskArchitecture, *, noise: float, steps: int) -> RootedGaussian:
    """Return the product's event for steps over everybody, each person being one example."""
    return RootedGaussian(
        task=part,
        sampling_rate=1.0,
        noise_multiplier=noise,
        relations=(),
        grid=2**BITS,
        dimension=shape.update_length,
        steps=steps,
    )


def noise_for(events: Callable[[float], Sequence[Event]], *, epsilon: float) -> float:
    """Return the least noise of the product's accountant for all events together."""
    return noise_multiplier_for(events, target_epsilon=epsilon, delta=DELTA)


def declared_size(count: int) -> int:
    """Return the number that a country would declare: two digits of the true one."""
    return int(float(f"{count:.1e}"))


def train_private(
    inputs: NDArray[np.float32], labels: NDArray[np.int64], *, recipe: Recipe, noise: float, classes: int
) -> NDArray[np.float32]:
    """Train on one example per person and return the flat model: what was released, averaged, and nothing else."""
    shape = recipe.architecture(inputs.shape[1], classes)
    count = len(labels)
    people = np.arange(count, dtype=np.int64)
    examples = AttributedExamples(
        inputs=np.ascontiguousarray(inputs),
        labels=labels,
        starts=np.arange(count + 1, dtype=np.int64),
        persons=people,
        examples_per_person=1,
    )
    size = declared_size(count)
    plan = TaskPlan(
        task=Task.TYPOLOGY,
        sampling_rate=1.0,
        clip_norm=recipe.clip_norm,
        noise_multiplier=noise,
        examples_per_person=1,
        quantisation_bits=BITS,
        learning_rate=recipe.step_size(noise, size=size),
        public_sizes={"all": size},
    )
    return _descend(shape, examples, recipe=recipe, plan=plan)


def _descend(
    shape: TaskArchitecture, examples: AttributedExamples, *, recipe: Recipe, plan: TaskPlan
) -> NDArray[np.float32]:
    """Take momentum steps on noisy sums, as the coordinator does, and return the mean of the last models."""
    flat = Architecture((shape,)).initial_parameters(MODEL_SEED)
    velocity, total = np.zeros(shape.length), np.zeros(shape.length)
    kept = range(int(recipe.steps * (1 - recipe.averaged)), recipe.steps)
    unit = plan.clip_norm / 2**plan.quantisation_bits / sum(plan.public_sizes.values())
    for number in range(recipe.steps):
        noisy = private_sum(build_perceptron(shape, flat), examples, mechanism=plan)
        velocity = MOMENTUM * velocity + noisy[: -len(STATISTICS)] * unit
        flat = (flat - plan.learning_rate * velocity).astype(np.float32)
        total += flat if number in kept else 0
    return (total / len(kept)).astype(np.float32)
