"""The released part of the model as torch modules, and its passage to and from one flat vector."""

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from safeborders.models.architecture import Architecture, TaskArchitecture
from safeborders.models.protocol.plan import Task


class Perceptron(nn.Module):
    """Linear layers with tanh between them; no buffer, no normalisation over a batch, so that examples stay apart.

    Args:
        task: The widths.

    Shape:
        - input: :math:`(B, F)`, float32, F the first width.
        - output: :math:`(B, K)`, float32 logits, K the last width.
    """

    def __init__(self, task: TaskArchitecture) -> None:
        super().__init__()
        self.task = task
        self.layers = nn.ModuleList(nn.Linear(inputs, outputs) for inputs, outputs in pairwise(task.widths))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits of each row of ``inputs``."""
        hidden = inputs
        for index, layer in enumerate(self.layers):
            hidden = layer(torch.tanh(hidden) if index else hidden)
        return hidden

    def load_flat(self, flat: NDArray[np.float32]) -> None:
        """Set all parameters from ``flat``, in the order of the task's layout.

        Raises:
            ValueError: If its length is not the architecture's.
        """
        if flat.shape != (self.task.length,):
            raise ValueError(f"flat must have {self.task.length} entries. Got {flat.shape}.")
        vector = torch.from_numpy(np.array(flat, dtype=np.float32))
        nn.utils.vector_to_parameters(vector, self.parameters())

    def flat(self) -> NDArray[np.float32]:
        """Return all parameters as one vector, in the order of the task's layout."""
        vector: NDArray[np.float32] = nn.utils.parameters_to_vector(self.parameters()).detach().numpy()
        return vector.astype(np.float32)


def build_perceptron(task: TaskArchitecture, flat: NDArray[np.float32]) -> Perceptron:
    """Return the module of ``task`` with the parameters in ``flat``.

    Raises:
        ValueError: If the length of ``flat`` is not the architecture's.
    """
    with torch.random.fork_rng(devices=[]):
        module = Perceptron(task)
    module.load_flat(flat)
    return module


def build_perceptrons(architecture: Architecture, model: NDArray[np.float32]) -> dict[Task, Perceptron]:
    """Return one module per task from the released flat ``model``.

    Raises:
        ValueError: If the length of ``model`` is not the architecture's.
    """
    if model.shape != (architecture.length,):
        raise ValueError(f"model must have {architecture.length} entries. Got {model.shape}.")
    modules: dict[Task, Perceptron] = {}
    start = 0
    for task in architecture.tasks:
        modules[task.task] = build_perceptron(task, model[start : start + task.length])
        start += task.length
    return modules


def logits_of(module: Perceptron, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the logits of ``module`` for each row of ``inputs``, without gradients.

    Shape:
        - ``inputs``: :math:`(B, F)`; output: :math:`(B, K)`, also when B is zero.
    """
    with torch.no_grad():
        logits: NDArray[np.float32] = module(torch.from_numpy(np.ascontiguousarray(inputs, dtype=np.float32))).numpy()
    return logits.astype(np.float64)
