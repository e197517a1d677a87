"""The released model of a run as torch modules, one per network."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from safeborders.models.architecture import Architecture, TaskArchitecture
from safeborders.models.gnn.perceptron import build_perceptron
from safeborders.models.gnn.rooted import RelationalHead, RootedSage
from safeborders.models.protocol.plan import Stage, Task, part_name


@dataclass(frozen=True)
class Networks:
    """A model's networks by name, with their shapes."""

    architecture: Architecture
    modules: Mapping[str, nn.Module]

    def get(self, task: Task, stage: Stage) -> nn.Module:
        """Return a network that the model has."""
        return self.modules[part_name(task, stage)]

    def find(self, task: Task, stage: Stage) -> tuple[TaskArchitecture, nn.Module] | None:
        """Return the network of a task's stage with its shape, if the model has one."""
        name = part_name(task, stage)
        return next(((shape, self.modules[name]) for shape in self.architecture.tasks if shape.name == name), None)


def build_network(task: TaskArchitecture, flat: NDArray[np.float32]) -> nn.Module:
    """Return one network with the parameters in ``flat``.

    Raises:
        ValueError: If the length of ``flat`` is not the architecture's.
    """
    if task.stage is Stage.ENCODER:
        return build_perceptron(task, flat)
    if flat.shape != (task.length,):
        raise ValueError(f"flat must have {task.length} entries. Got {flat.shape}.")
    module: nn.Module
    if task.stage is Stage.HEAD:
        module = RelationalHead(task.message, relations=len(task.relations), classes=task.classes)
    else:
        inputs, hidden, classes = task.widths
        module = RootedSage(
            (inputs, hidden, classes), message=task.message, relations=len(task.relations), hops=task.hops
        )
    nn.utils.vector_to_parameters(torch.from_numpy(np.array(flat, dtype=np.float32)), module.parameters())
    return module


def build_networks(architecture: Architecture, model: NDArray[np.float32]) -> Networks:
    """Return the networks of the released flat ``model``.

    Raises:
        ValueError: If the length of ``model`` is not the architecture's.
    """
    if model.shape != (architecture.length,):
        raise ValueError(f"model must have {architecture.length} entries. Got {model.shape}.")
    modules = {task.name: build_network(task, model[places]) for task, places, _ in architecture.spans}
    return Networks(architecture, modules)
