"""Why a case may be of a type, and what speaks against: exact shares of the difference between the two likeliest types.

The prediction is a sum of parts. Each is linear in the evidence of the cases around it and, for the case itself, in its
indicators, so that the shares add up to the difference of the two logits: nothing is left out and nothing invented. The
part of the graph is asked through torch_geometric's explain interface. No reason names a case, a person or a selector.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch_geometric.explain import Explainer, Explanation
from torch_geometric.explain.algorithm import ExplainerAlgorithm
from torch_geometric.utils import k_hop_subgraph

from safeborders.models.gnn.propagation import EvidencePropagation
from safeborders.models.graph.indicators import INDICATORS
from safeborders.models.ontology.loader import load_indicators
from safeborders.node.learning.candidates import STEPS
from safeborders.node.learning.home_model import HomeModel, HomeProblem, Prior, SpokenPart
from safeborders.node.learning.outcomes import Reason
from safeborders.node.learning.regression import Floats

REASONS_FOR = 3
REASONS_AGAINST = 2
_NEGLIGIBLE = 0.01  # of the log-odds
AROUND = ("linked cases point to this type", "linked cases point to another type")
HEARD = (
    "the shared model takes linked cases as a sign of this type",
    "the shared model takes linked cases as a sign of another type",
)
OWN = (
    "the country's own records alone point to this type",
    "the country's own records alone point to another type",
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
    """How far the propagated evidence of one type is above another's, over all parts."""

    def __init__(self, parts: Sequence[SpokenPart], *, types: tuple[int, int]) -> None:
        super().__init__()
        self.spoken = nn.ModuleList(EvidencePropagation(share=part.share, steps=STEPS) for part in parts)
        self.types = types

    def forward(self, x: Tensor, edge_index: Tensor, edge_weight: Tensor) -> Tensor:
        """Return the margin of every case from the evidence of the parts side by side, ``x``: :math:`(N, P K)`."""
        first, second = self.types
        margins = []
        for propagation, evidence in zip(self.spoken, x.chunk(len(self.spoken), dim=1), strict=True):
            heard = propagation(evidence, edge_index, edge_weight)
            margins.append(heard[:, [first]] - heard[:, [second]])
        return torch.cat(margins, dim=1).sum(dim=1, keepdim=True)


def margin_shares(
    problem: HomeProblem, chosen: HomeModel, *, case: int, types: tuple[int, int], prior: Prior
) -> Floats:
    """Return the shares of ``logit(types[0]) - logit(types[1])`` of one case that has no human label.

    Args:
        problem: The country's cases.
        chosen: What predicted them.
        case: Position of the case.
        types: The type to explain and the one to compare with.
        prior: What the released model's logits are made of.

    Returns:
        One share per indicator, then that of the linked cases, that of what the released model hears from them, that
        of the country's own guess, and that of how frequent the types are; they add up to the difference. Shape
        (F + 4,).
    """
    around = Surroundings.of(problem, case)
    nodes = node_shares(around, chosen.parts, types=types)
    first, second = types
    shares = np.zeros(problem.inputs.shape[1] + 4)
    for part, own in zip(chosen.parts, nodes[around.case], strict=True):
        table = np.concatenate([part.weights, part.bias[None]]) + part.released * prior.linear
        said = problem.inputs[case][:, None] * table[:-1]
        heard = part.released * prior.opaque[case] + part.heard * prior.head[case]
        nothing = np.zeros_like(heard)
        logits = np.concatenate([said, [nothing, heard, nothing, table[-1]]])
        shares += _counts(part.evidence[case], own, types=types) * (logits[:, first] - logits[:, second])
    shares[-4] = nodes.sum() - nodes[around.case].sum()
    shares[-2] = chosen.own_guess[case, first] - chosen.own_guess[case, second]
    return shares


def _counts(evidence: Floats, shares: Floats, *, types: tuple[int, int]) -> float:
    """Return how much the case's own evidence counts in the margin, from the shares of its evidence for both types."""
    # Evidence is a log-probability, never zero for two types at once: the larger one says it best.
    place = 0 if abs(evidence[types[0]]) >= abs(evidence[types[1]]) else 1
    return float((1, -1)[place] * shares[types[place]] / evidence[types[place]])


def case_reasons(
    problem: HomeProblem, chosen: HomeModel, *, case: int, types: tuple[int, int], prior: Prior
) -> tuple[Reason, ...]:
    """Put the largest shares in words: what speaks most for the type, then what against."""
    shares = margin_shares(problem, chosen, case=case, types=types, prior=prior)
    meanings = _meanings()
    words = [
        f"recorded: {meaning}" if value > 0 else f"recorded as absent: {meaning}"
        for meaning, value in zip(meanings, problem.inputs[case], strict=True)
    ]
    others = zip((AROUND, HEARD, OWN, FREQUENCY), shares[-4:], strict=True)
    words += [pair[0 if share > 0 else 1] for pair, share in others]
    order = np.argsort(-shares, kind="stable")
    kept = [index for index in order[:REASONS_FOR] if shares[index] > _NEGLIGIBLE]
    kept += [index for index in order[-REASONS_AGAINST:] if shares[index] < -_NEGLIGIBLE]
    return tuple(Reason(text=words[index], weight=round(float(shares[index]), 3)) for index in kept)


@dataclass(frozen=True, eq=False, repr=False)
class Surroundings:
    """The cases whose evidence can reach one case, and the links among them.

    Attributes:
        cases: Positions of the cases, :math:`(n,)`.
        case: Where the one is among them.
        edges: Links by place in ``cases``, both directions, :math:`(2, e)`.
        weights: Their weights, :math:`(e,)`.
    """

    cases: Tensor
    case: int
    edges: Tensor
    weights: Tensor

    @classmethod
    def of(cls, problem: HomeProblem, case: int) -> "Surroundings":
        """Return what is at most as many links away from ``case`` as evidence is passed on."""
        edges, count = torch.from_numpy(problem.edges), len(problem.labels)
        cases, near, place, kept = k_hop_subgraph(case, STEPS, edges, relabel_nodes=True, num_nodes=count)
        return cls(cases, int(place), near, torch.from_numpy(problem.weights)[kept])


def node_shares(around: Surroundings, parts: Sequence[SpokenPart], *, types: tuple[int, int]) -> Floats:
    """Return the share of each case's evidence for each type in the margin, by torch_geometric's ``Explainer``.

    Shape:
        - returns :math:`(n, P, K)`: by place in ``around``, by part and by type.
    """
    explainer = Explainer(
        model=Margin(parts, types=types),
        algorithm=LinearAttribution(),
        explanation_type="model",
        node_mask_type="attributes",
        model_config={"mode": "regression", "task_level": "node", "return_type": "raw"},
    )
    explanation = explainer(
        torch.from_numpy(evidence_of(around, parts)), around.edges, index=around.case, edge_weight=around.weights
    )
    shares: Floats = explanation.node_mask.numpy()
    return shares.reshape(len(shares), len(parts), -1)


def evidence_of(around: Surroundings, parts: Sequence[SpokenPart]) -> Floats:
    """Return the evidence of the parts side by side, :math:`(n, P K)`."""
    return np.concatenate([part.evidence[around.cases.numpy()] for part in parts], axis=1)


@cache
def _meanings() -> tuple[str, ...]:
    known = {indicator.code: indicator.meaning for indicator in load_indicators()}
    return tuple(known[code] for code in INDICATORS)
