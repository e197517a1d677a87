"""Perceptrons as torch modules, and their passage to and from one flat vector."""

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from safeborders.models.architecture import TaskArchitecture


def build_perceptron(task: TaskArchitecture, flat: NDArray[np.float32]) -> nn.Sequential:
    """Return linear layers with tanh between them, with the parameters in ``flat``.

    A plain sequence without buffers or normalisation, so that no example can touch another (privacy.dpsgd.soundness).

    Args:
        task: The widths.
        flat: All parameters in the order of the task's layout.

    Shape:
        - input of the module: :math:`(B, F)`, float32, F the first width.
        - output of the module: :math:`(B, K)`, float32 logits, K the last width.

    Raises:
        ValueError: If the length of ``flat`` is not the architecture's.
    """
    if flat.shape != (task.length,):
        raise ValueError(f"flat must have {task.length} entries. Got {flat.shape}.")
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(task.widths):
        linear = nn.Linear(inputs, outputs, device="meta")  # no random start: the parameters are given
        layers += [linear.to_empty(device="cpu"), nn.Tanh()]
    module = nn.Sequential(*layers[:-1])
    nn.utils.vector_to_parameters(torch.from_numpy(np.array(flat, dtype=np.float32)), module.parameters())
    return module


def flat_parameters(module: nn.Module) -> NDArray[np.float32]:
    """Return all parameters of ``module`` as one vector, in the order of the task's layout."""
    vector: NDArray[np.float32] = nn.utils.parameters_to_vector(module.parameters()).detach().numpy()
    return vector.astype(np.float32)


def logits_of(module: nn.Module, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the logits of ``module`` for each row of ``inputs``, without gradients.

    Shape:
        - ``inputs``: :math:`(B, F)`; output: :math:`(B, K)`, also when B is zero.
    """
    with torch.no_grad():
        logits: NDArray[np.float32] = module(torch.from_numpy(np.array(inputs, dtype=np.float32))).numpy()
    return logits.astype(np.float64)
