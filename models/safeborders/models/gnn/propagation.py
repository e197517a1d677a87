"""Inference on a country's own graph: messages between neighbours, without a single trained parameter.

A model trained without neighbours is used with neighbours (Yang et al., ICLR 2023, https://arxiv.org/abs/2212.09034),
here as personalised PageRank over evidence (Gasteiger et al., ICLR 2019, https://arxiv.org/abs/1810.05997). It runs at
home on records that never leave, so it costs no privacy.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_geometric.nn import MessagePassing
from torch_geometric.utils import scatter


class EvidencePropagation(MessagePassing):  # type: ignore[misc]  # torch_geometric ships no types
    r"""Mix each node's own evidence with the weighted mean of its neighbours' evidence, several times.

    .. math:: z^{(k+1)}_i = (1 - a) z^{(0)}_i + a \frac{\sum_j w_{ji} z^{(k)}_j}{\sum_j w_{ji} + r}

    An isolated node keeps its own evidence. The term r lets a single weak link speak softly.

    Args:
        share: Weight :math:`a` of the neighbours, in [0, 1).
        steps: Number of rounds of messages, at least 0.
        reserve: The term :math:`r`, at least 0.

    Shape:
        - ``evidence``: :math:`(N, K)`, float; output: the same.
        - ``edge_index``: :math:`(2, E)`, int64; row 0 sends, row 1 receives.
        - ``edge_weight``: :math:`(E,)`, float, positive.
    """

    def __init__(self, *, share: float, steps: int, reserve: float = 0.5) -> None:
        if not 0 <= share < 1:
            raise ValueError(f"share must be in [0, 1). Got {share}.")
        if steps < 0 or reserve < 0:
            raise ValueError(f"steps and reserve must be at least 0. Got {steps}, {reserve}.")
        super().__init__(aggr="add")
        self.share = share
        self.steps = steps
        self.reserve = reserve

    def forward(self, evidence: Tensor, edge_index: Tensor, edge_weight: Tensor) -> Tensor:
        """Return the evidence after all rounds."""
        weights = edge_weight.to(evidence.dtype)
        arriving = scatter(weights, edge_index[1], dim_size=evidence.shape[0], reduce="sum")
        linked = (arriving > 0).to(evidence.dtype).unsqueeze(-1)
        divisor = (arriving + self.reserve).clamp_min(torch.finfo(evidence.dtype).tiny).unsqueeze(-1)
        current = evidence
        for _ in range(self.steps):
            heard = self.propagate(edge_index, evidence=current, weights=weights) / divisor
            current = linked * ((1 - self.share) * evidence + self.share * heard) + (1 - linked) * evidence
        return current

    def message(self, evidence_j: Tensor, weights: Tensor) -> Tensor:
        """Return what each sender says over each edge."""
        return weights.unsqueeze(-1) * evidence_j


def spread_evidence(
    evidence: NDArray[np.float64],
    edges: NDArray[np.int64],
    *,
    weights: NDArray[np.float64],
    share: float,
    steps: int,
) -> NDArray[np.float64]:
    """Return what ``EvidencePropagation`` makes of ``evidence``; the same array where nothing can be heard."""
    if share == 0 or steps == 0 or not edges.size:
        return evidence
    with torch.no_grad():
        heard: NDArray[np.float64] = EvidencePropagation(share=share, steps=steps)(
            torch.from_numpy(evidence), torch.from_numpy(edges), torch.from_numpy(weights)
        ).numpy()
    return heard
