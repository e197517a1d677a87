"""The shape of the released model, without torch: both sides must agree on every number.

A model is one flat float32 vector: the parameters of each task in the plan's order, each task's tensors in the order of
its layout. An update is one flat int64 vector: for each task its parameters, then ``STATISTICS``.
"""

import math
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from safeborders.kit.canonical import document_sha256
from safeborders.models.protocol.plan import Task

STATISTICS: tuple[str, ...] = ("loss", "correct", "examples")
"""Training statistics that travel inside the noised vector, each example's share in [0, 1]."""

STATISTIC_SHARE = 0.2
"""Length of each statistic's coordinate as a share of clip_norm; gradients keep sqrt(1 - 3 * 0.2**2) of it."""


def largest_loss(classes: int) -> float:
    """Return the public bound, in nats, that a loss statistic is clipped to and divided by: twice a blind guess's."""
    return 2 * math.log(classes)


@dataclass(frozen=True)
class TaskArchitecture:
    """A perceptron: widths from the inputs to the outputs, tanh between layers; a linear model when two widths."""

    task: Task
    widths: tuple[int, ...]

    @property
    def layout(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Names and shapes of the tensors, in the order of the flat vector."""
        pairs = enumerate(pairwise(self.widths))
        return tuple(
            tensor
            for index, (inputs, outputs) in pairs
            for tensor in ((f"{index}.weight", (outputs, inputs)), (f"{index}.bias", (outputs,)))
        )

    @property
    def length(self) -> int:
        """Number of parameters."""
        return sum(int(np.prod(shape)) for _, shape in self.layout)

    @property
    def update_length(self) -> int:
        """Number of entries in this task's part of an update."""
        return self.length + len(STATISTICS)


@dataclass(frozen=True)
class Architecture:
    """The released model of a run: one part per task."""

    tasks: tuple[TaskArchitecture, ...]

    @property
    def length(self) -> int:
        """Number of parameters of all tasks."""
        return sum(task.length for task in self.tasks)

    @property
    def update_length(self) -> int:
        """Number of entries of a whole update."""
        return sum(task.update_length for task in self.tasks)

    def sha256(self) -> str:
        """Return the hash that plans and messages name."""
        return document_sha256({"tasks": [asdict(task) for task in self.tasks], "statistics": list(STATISTICS)})

    def initial_parameters(self, seed: int) -> NDArray[np.float32]:
        """Return the public starting point: Glorot-uniform weights from ``seed``, zero biases, zero last layer.

        The last layer starts at zero so that round 1 begins from the uniform prediction in every country.
        """
        generator = np.random.default_rng(seed)
        parts: list[NDArray[np.float32]] = []
        for task in self.tasks:
            last = len(task.widths) - 2
            for name, shape in task.layout:
                if name.endswith("bias") or name.startswith(f"{last}."):
                    parts.append(np.zeros(int(np.prod(shape)), dtype=np.float32))
                    continue
                limit = float(np.sqrt(6 / sum(shape)))
                parts.append(generator.uniform(-limit, limit, int(np.prod(shape))).astype(np.float32))
        return np.concatenate(parts)
