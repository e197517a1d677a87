"""How much one example may add: its gradient and its statistics share one L2 bound."""

import math

import torch

from safeborders.models.architecture import STATISTIC_SHARE, STATISTICS

GRADIENT_SHARE = math.sqrt(1 - len(STATISTICS) * STATISTIC_SHARE**2)
"""Part of clip_norm that the gradient may fill, so that gradient and statistics together fill at most all of it."""

SLACK = 1e-6
"""Share of the bound left free for float64 rounding: a sum of 10**5 examples errs by less than 10**-8 of clip_norm."""


def clip_factors(squared_norms: torch.Tensor, *, bound: float) -> torch.Tensor:
    """Return the factor that brings each gradient to at most ``bound * (1 - SLACK)``.

    Each factor depends on its own example alone. A gradient whose norm is not finite gets 0: it adds nothing.

    Args:
        squared_norms: Squared L2 norms over all parameters (flat clipping). Shape (B,), float64.
        bound: L2 bound, above 0.

    Returns:
        Shape (B,), float64, in [0, 1].
    """
    kept = bound * (1 - SLACK)
    factors = (kept / squared_norms.sqrt()).clamp(max=1.0)  # norm 0 gives infinity, hence 1
    return torch.where(torch.isfinite(squared_norms), factors, torch.zeros_like(factors))
