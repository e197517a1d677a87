"""What an audit attacks: one task of a released model, the country's examples of it, and the engine that trained it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from safeborders.models.architecture import STATISTICS, TaskArchitecture
from safeborders.models.gnn.networks import Networks
from safeborders.models.protocol.plan import TaskPlan
from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.regression import Floats
from safeborders.node.learning.training_parts import RootedPart
from safeborders.privacy.relational import RootedGaussian
from safeborders.privacy.units import AttributedExamples

CERTAIN = 3.09
"""Normal quantile of 99.9 %, one-sided: a bar is contradicted by a figure that many standard errors beyond it.

A node judges eight figures at once and a false alarm blocks a release; what a missing noise leaves lies far beyond.
"""

Engine = Callable[..., NDArray[np.int64]]
"""The engine under audit, called as ``private_sum(model, examples, mechanism=...)``."""


@dataclass(frozen=True, repr=False)
class Subject(StaysHome):
    """One task of a node's release.

    Attributes:
        shape: The network.
        mechanism: The plan's numbers for the task.
        rounds: T of the run.
        module: The released network.
        curated: Examples that took part in training.
        others: Inputs and labels of known examples that did not.
        public_size: The country's declared size.
        event: One step of the task, as the ledger keeps it.
        epsilon: What the task's part of the run cost, by the product's accountant.
        delta: At which it holds.
    """

    shape: TaskArchitecture
    mechanism: TaskPlan
    rounds: int
    module: nn.Sequential
    curated: AttributedExamples
    others: tuple[NDArray[np.float32], NDArray[np.int64]]
    public_size: int
    event: RootedGaussian
    epsilon: float
    delta: float

    @property
    def name(self) -> str:
        """The task's name."""
        return self.mechanism.task.value


@dataclass(frozen=True, repr=False)
class Answers(StaysHome):
    """What the released model says of every labelled case, over all links of the country's graph.

    Attributes:
        logits: Shape (N, K).
        labels: Shape (N,).
        members: Which took part in training as roots. Shape (N,).
    """

    logits: Floats
    labels: NDArray[np.int64]
    members: NDArray[np.bool_]


@dataclass(frozen=True, repr=False)
class RootedSubject(StaysHome):
    """One rooted network of a node's release: the very part that trained it.

    Attributes:
        part: The network's curated nodes and numbers.
        networks: All networks of the release.
        answers: What the release says at home.
        rounds: T of the run.
        event: One step of the network, as the ledger keeps it.
        epsilon: What its part of the run cost, by the product's accountant.
        delta: At which it holds.
    """

    part: RootedPart
    networks: Networks
    answers: Answers
    rounds: int
    event: RootedGaussian
    epsilon: float
    delta: float

    @property
    def name(self) -> str:
        """The network's name."""
        return self.part.plan.name


def one_person_each(inputs: NDArray[np.float32], labels: NDArray[np.int64]) -> AttributedExamples:
    """Return examples that are each about a person of its own."""
    return AttributedExamples(
        inputs=inputs,
        labels=labels,
        starts=np.arange(len(labels) + 1),
        persons=np.arange(len(labels)),
        examples_per_person=1,
    )


def gradient_of(update: NDArray[np.int64], mechanism: TaskPlan) -> NDArray[np.float64]:
    """Return an update without its statistics, in clip_norms."""
    return update[: len(update) - len(STATISTICS)] / 2.0**mechanism.quantisation_bits
