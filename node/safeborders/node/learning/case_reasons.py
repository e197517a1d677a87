"""Why a case may be of a type, and what speaks against: exact shares of the difference between the two likeliest types.

The prediction is linear in the evidence of the cases around it and, for the case itself, in its indicators, so that the
shares add up to the difference of the two logits: nothing is left out and nothing invented. The part of the graph is
asked through torch_geometric's explain interface. No reason names a case, a person or a selector.
"""

from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.explain import Explainer, Explanation
from torch_geometric.explain.algorithm import ExplainerAlgorithm

from safeborders.models.gnn.propagation import EvidencePropagation
from safeborders.models.graph.indicators import INDICATORS
from safeborders.models.ontology.loader import load_indicators
from safeborders.node.learning.outcomes import Reason
from safeborders.node.learning.personalisation import STEPS, ChosenParts, HomeProblem, Prior
from safeborders.node.learning.regression import Floats

REASONS_FOR = 3
REASONS_AGAINST = 2
_NEGLIGIBLE = 0.01  # of the log-odds
AROUND = ("linked cases point to this type", "linked cases point to another type")
HEARD = (
    "the shared model takes linked cases as a sign of this type",
    "the shared model takes linked cases as a sign of another type",
)
FREQUENCY = ("this type is frequent in the country's records", "this type is rare in the country's records")


class LinearAttribution(ExplainerAlgorithm):  # type: ignore[misc]  # torch_geometric ships no types
    """Gradient times input: for a model that is linear in its node inputs, the exact share of every input."""

    def forward(self, model: nn.Module, x: Tensor, edge_index: Tensor, **arguments: object) -> Explanation:
        """Return shares of the output at ``index``, one per node and input."""
        index = arguments.pop("index")
        arguments.pop("target", None)
        inputs = x.detach().clone().requires_grad_(True)
        output = model(inputs, edge_index, **arguments)[index].sum()
        (gradient,) = torch.autograd.grad(output, [inputs])
        return Explanation(node_mask=gradient * x)

    def supports(self) -> bool:
        """Explain any single number; whether the model is linear is the caller's promise."""
        return True


class Margin(nn.Module):
    """How far the propagated evidence of one type is above another's."""

    def __init__(self, chosen: ChosenParts, *, types: tuple[int, int]) -> None:
        super().__init__()
        self.propagation = EvidencePropagation(share=chosen.share, steps=STEPS)
        self.types = types

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor) -> Tensor:
        """Return the margin of every case from the evidence ``x``, :math:`(N, 1)`."""
        heard: Tensor = self.propagation(x, edge_index, edge_weight)
        return heard[:, [self.types[0]]] - heard[:, [self.types[1]]]


def margin_shares(
    problem: HomeProblem, chosen: ChosenParts, *, case: int, types: tuple[int, int], prior: Prior
) -> NDArray[np.float64]:
    """Return the shares of ``logit(types[0]) - logit(types[1])`` of one case that has no human label.

    Args:
        problem: The country's cases.
        chosen: What predicted them.
        case: Position of the case.
        types: The type to explain and the one to compare with.
        prior: What the released model's logits are made of.

    Returns:
        One share per indicator, then that of the linked cases, that of what the released model hears from them, and
        that of how frequent the types are; they add up to the difference. Shape (F + 3,).
    """
    nodes = node_shares(problem, chosen, case=case, types=types)
    own, first = nodes[case], chosen.evidence[case, types[0]]
    # Evidence is a log-probability, never zero for two types at once: the larger one says what the own part counts.
    place = 0 if abs(first) >= abs(chosen.evidence[case, types[1]]) else 1
    counted = (1, -1)[place] * own[types[place]] / chosen.evidence[case, types[place]]
    table = np.concatenate([chosen.weights, chosen.bias[None]]) + (prior.linear if chosen.federated else 0.0)
    slopes = table[:, types[0]] - table[:, types[1]]
    indicators = counted * problem.inputs[case] * slopes[:-1]
    around = nodes.sum() - own.sum()
    heard = prior.heard[case, types[0]] - prior.heard[case, types[1]] if chosen.federated else 0.0
    rest = [around, counted * heard, counted * slopes[-1]]
    shares: Floats = np.concatenate([indicators, rest]) / chosen.temperature
    return shares


def case_reasons(
    problem: HomeProblem, chosen: ChosenParts, *, case: int, types: tuple[int, int], prior: Prior
) -> tuple[Reason, ...]:
    """Put the largest shares in words: what speaks most for the type, then what against."""
    shares = margin_shares(problem, chosen, case=case, types=types, prior=prior)
    meanings = _meanings()
    words = [
        f"recorded: {meaning}" if value > 0 else f"recorded as absent: {meaning}"
        for meaning, value in zip(meanings, problem.inputs[case], strict=True)
    ]
    others = zip((AROUND, HEARD, FREQUENCY), shares[-3:], strict=True)
    words += [pair[0 if share > 0 else 1] for pair, share in others]
    order = np.argsort(-shares, kind="stable")
    kept = [index for index in order[:REASONS_FOR] if shares[index] > _NEGLIGIBLE]
    kept += [index for index in order[-REASONS_AGAINST:] if shares[index] < -_NEGLIGIBLE]
    return tuple(Reason(text=words[index], weight=round(float(shares[index]), 3)) for index in kept)


def node_shares(problem: HomeProblem, chosen: ChosenParts, *, case: int, types: tuple[int, int]) -> Floats:
    """Return the share of each case's evidence for each type in the margin, by torch_geometric's ``Explainer``."""
    explainer = Explainer(
        model=Margin(chosen, types=types),
        algorithm=LinearAttribution(),
        explanation_type="model",
        node_mask_type="attributes",
        model_config={"mode": "regression", "task_level": "node", "return_type": "raw"},
    )
    explanation = explainer(
        torch.from_numpy(chosen.evidence),
        torch.from_numpy(problem.edges),
        index=case,
        edge_weight=torch.from_numpy(problem.weights),
    )
    shares: Floats = explanation.node_mask.numpy()
    return shares


@cache
def _meanings() -> tuple[str, ...]:
    known = {indicator.code: indicator.meaning for indicator in load_indicators()}
    return tuple(known[code] for code in INDICATORS)
