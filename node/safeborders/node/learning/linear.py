"""The weights of a released network that is linear, as explanations need them."""

import numpy as np
from torch import nn

from safeborders.models.gnn.perceptron import logits_of
from safeborders.node.learning.regression import Floats


def linear_part(module: nn.Module, *, width: int) -> Floats:
    """Return the weights of a linear network and its bias in the last row, :math:`(F + 1, K)`."""
    bias = logits_of(module, np.zeros((1, width), dtype=np.float32))
    return np.concatenate([logits_of(module, np.eye(width, dtype=np.float32)) - bias, bias])
