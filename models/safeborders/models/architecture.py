"""The shape of the released model, without torch: both sides must agree on every number.

A model is one flat float32 vector: the parameters of each network in the plan's order, each network's tensors in the
order of its layout. An update is one flat int64 vector: for each network its parameters, then ``STATISTICS``.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from safeborders.kit.canonical import document_sha256
from safeborders.kit.errors import SafeBordersError
from safeborders.models.protocol.plan import RunPlan, Stage, Task, part_name

STATISTICS: tuple[str, ...] = ("loss", "correct", "examples")
"""Training statistics that travel inside the noised vector, each example's share in [0, 1]."""

STATISTIC_SHARE = 0.2
"""Length of each statistic's coordinate as a share of clip_norm; gradients keep sqrt(1 - 3 * 0.2**2) of it."""


def largest_loss(classes: int) -> float:
    """Return the public bound, in nats, that a loss statistic is clipped to and divided by: twice a blind guess's."""
    return 2 * math.log(classes)


class UnknownModel(SafeBordersError):
    """A plan is for a model that this version cannot train."""

    code: ClassVar[str] = "federation.unknown_model"


Layout = tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True)
class TaskArchitecture:
    """One network of a task.

    An encoder is a perceptron: ``widths`` from the inputs to the outputs, tanh between layers; linear when two widths.
    A head is one linear layer without a bias from (length of a relation's message times relations) to the classes. A
    rooted GraphSAGE has widths (own inputs, hidden, classes) and sees messages of ``message`` numbers.

    Attributes:
        task: What is learnt.
        widths: As above.
        stage: Which network.
        relations: Whose neighbours a root sees, in the order of the input.
        message: Numbers that one link of a relation brings: of the neighbour, then of the link.
        hops: How far a root sees.
    """

    task: Task
    widths: tuple[int, ...]
    stage: Stage = Stage.ENCODER
    relations: tuple[str, ...] = ()
    message: int = 0
    hops: int = 0

    @property
    def name(self) -> str:
        """Name of the network within a run."""
        return part_name(self.task, self.stage)

    @property
    def classes(self) -> int:
        """Number of outputs."""
        return self.widths[-1]

    @property
    def layout(self) -> Layout:
        """Names and shapes of the tensors, in the order of the flat vector."""
        heard = self.message * len(self.relations)
        if self.stage is Stage.HEAD:
            return (("0.weight", (self.classes, heard)),)
        if self.stage is Stage.ENCODER:
            return _perceptron(self.widths)
        inputs, hidden, classes = self.widths
        inner = _perceptron((inputs + heard, hidden))
        outer = hidden * (1 + len(self.relations) * (self.hops == 2))
        return (*inner, ("1.weight", (classes, outer)), ("1.bias", (classes,)))

    @property
    def length(self) -> int:
        """Number of parameters."""
        return sum(int(np.prod(shape)) for _, shape in self.layout)

    @property
    def update_length(self) -> int:
        """Number of entries in this network's part of an update."""
        return self.length + len(STATISTICS)


@dataclass(frozen=True)
class Architecture:
    """The released model of a run: its networks in order."""

    tasks: tuple[TaskArchitecture, ...]

    @property
    def length(self) -> int:
        """Number of parameters of all networks."""
        return sum(task.length for task in self.tasks)

    @property
    def update_length(self) -> int:
        """Number of entries of a whole update."""
        return sum(task.update_length for task in self.tasks)

    @property
    def spans(self) -> Iterator[tuple[TaskArchitecture, slice, slice]]:
        """Yield each network with its places in the flat model and in the flat update."""
        at_model = at_update = 0
        for task in self.tasks:
            in_model = slice(at_model, at_model + task.length)
            yield task, in_model, slice(at_update, at_update + task.update_length)
            at_model, at_update = in_model.stop, at_update + task.update_length

    def fits(self, plan: RunPlan) -> bool:
        """Return whether ``plan`` is for this model, its networks seeing the same relations in the same order."""
        wanted = [(one.name, tuple(part.relation for part in one.relations), one.hops) for one in plan.tasks]
        return plan.architecture_sha256 == self.sha256() and wanted == [
            (one.name, one.relations, one.hops) for one in self.tasks
        ]

    def sha256(self) -> str:
        """Return the hash that plans and messages name."""
        return document_sha256({"tasks": [asdict(task) for task in self.tasks], "statistics": list(STATISTICS)})

    def initial_parameters(self, seed: int) -> NDArray[np.float32]:
        """Return the public starting point: Glorot-uniform weights from ``seed``, zero biases, zero last layers.

        Last layers start at zero so that round 1 begins from the uniform prediction in every country, and a head adds
        nothing before it has learnt something.
        """
        generator = np.random.default_rng(seed)
        parts: list[NDArray[np.float32]] = []
        for task in self.tasks:
            last = task.layout[-1][0].split(".")[0]
            for name, shape in task.layout:
                if name.endswith("bias") or name.startswith(f"{last}."):
                    parts.append(np.zeros(int(np.prod(shape)), dtype=np.float32))
                    continue
                limit = float(np.sqrt(6 / sum(shape)))
                parts.append(generator.uniform(-limit, limit, int(np.prod(shape))).astype(np.float32))
        return np.concatenate(parts)


@dataclass(frozen=True)
class Catalogue:
    """The models that this version can train; a plan names one of them by its hash, or there is none for it."""

    architectures: tuple[Architecture, ...]

    def find(self, plan: RunPlan) -> Architecture | None:
        """Return the model that ``plan`` is for."""
        return next((one for one in self.architectures if one.fits(plan)), None)

    def find_parts(self, parts: Sequence[tuple[str, int]]) -> Architecture | None:
        """Return the model whose updates consist of these networks, by name and number of entries, in this order."""
        wanted = list(parts)
        return next(
            (one for one in self.architectures if [(part.name, part.update_length) for part in one.tasks] == wanted),
            None,
        )

    def get(self, plan: RunPlan) -> Architecture:
        """Return the model that ``plan`` is for.

        Raises:
            UnknownModel: If there is none for it.
        """
        found = self.find(plan)
        if found is None:
            raise UnknownModel("The plan is for a model that this version lacks: both ends need the same version.")
        return found


def _perceptron(widths: tuple[int, ...]) -> Layout:
    return tuple(
        tensor
        for index, (inputs, outputs) in enumerate(pairwise(widths))
        for tensor in ((f"{index}.weight", (outputs, inputs)), (f"{index}.bias", (outputs,)))
    )
