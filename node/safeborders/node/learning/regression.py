"""Softmax regression on top of given logits: the whole of local fine-tuning, convex and deterministic.

With zero offsets it is the local-only model; with a federated model's logits as offsets it is that model fine-tuned
towards the country, with a Gaussian prior centred on the federated one. Nothing of it ever leaves.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]  # it ships no types

from safeborders.node.learning.home import StaysHome

Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Residual(StaysHome):
    """A linear correction: ``logits = offsets + inputs @ weights + bias``."""

    weights: Floats
    bias: Floats

    def logits(self, inputs: Floats, offsets: Floats) -> Floats:
        """Return the corrected logits, :math:`(B, K)`."""
        corrected: Floats = offsets + inputs @ self.weights + self.bias
        return corrected


def fit_residual(inputs: Floats, offsets: Floats, *, labels: NDArray[np.int64], penalty: float) -> Residual:
    """Return the correction with the largest posterior under a Gaussian prior of precision ``penalty`` per weight.

    The bias (the country's own mix of classes) has a tenth of the penalty. Without any example the correction is zero.

    Shape:
        - ``inputs``: :math:`(B, F)`; ``offsets``: :math:`(B, K)`; ``labels``: :math:`(B,)`.

    Raises:
        ValueError: If ``penalty`` is not positive.
    """
    if not penalty > 0:
        raise ValueError(f"penalty must be positive. Got {penalty}.")
    width, classes = inputs.shape[1], offsets.shape[1]
    if not len(labels):
        return Residual(weights=np.zeros((width, classes)), bias=np.zeros(classes))
    rows = np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1)
    precision = np.full((width + 1, 1), penalty)
    precision[-1] = penalty / 10
    wanted = np.eye(classes)[labels]

    def objective(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(width + 1, classes)
        logits = offsets + rows @ weights
        loss = -float((wanted * log_softmax(logits, axis=1)).sum()) + 0.5 * float((precision * weights**2).sum())
        return loss, (rows.T @ (softmax(logits, axis=1) - wanted) + precision * weights).ravel()

    start = np.zeros((width + 1) * classes)
    # These matrices are so small that a second thread only waits for the first: 20 times slower on two busy cores.
    with _threads().limit(limits=1):
        found = minimize(objective, start, jac=True, method="L-BFGS-B", options={"maxiter": 200, "ftol": 1e-7})
    weights = found.x.reshape(width + 1, classes)
    return Residual(weights=weights[:-1], bias=weights[-1])


@cache
def _threads() -> ThreadpoolController:
    return ThreadpoolController()


def log_losses(logits: Floats, labels: NDArray[np.int64]) -> Floats:
    """Return the negative log-likelihood of each of ``labels``, in nats."""
    return np.asarray(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels])


def mean_log_loss(logits: Floats, labels: NDArray[np.int64]) -> float:
    """Return the mean negative log-likelihood of ``labels``, in nats; zero without any."""
    return float(log_losses(logits, labels).mean()) if len(labels) else 0.0
