"""Models of the shapes that rooted training knows, for benchmarks and tests."""

import torch
from torch import nn


class TwoHopSage(nn.Module):
    """GraphSAGE over two hops on dense lists: privacy.md 6.1's setting.

    Args:
        features: d, inputs per person.
        hidden: h.
        classes: Outputs.

    Shape:
        - nodes: :math:`(B, 1 + F, d)`, the root first; beyond: :math:`(B, 1 + F, F, d)`, the lists of each of them.
        - output: :math:`(B, classes)`.
    """

    def __init__(self, features: int, *, hidden: int, classes: int) -> None:
        super().__init__()
        self.inner = nn.Linear(2 * features, hidden)
        self.outer = nn.Linear(2 * hidden, classes)
        self.relu = nn.ReLU()

    def forward(self, nodes: torch.Tensor, beyond: torch.Tensor) -> torch.Tensor:
        """Return the logits of each root."""
        seen = self.relu(self.inner(torch.cat([nodes, beyond.mean(2)], dim=2)))
        logits: torch.Tensor = self.outer(torch.cat([seen[:, 0], seen[:, 1:].mean(1)], dim=1))
        return logits
