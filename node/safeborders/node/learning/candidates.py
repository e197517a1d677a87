"""The candidates of stage C: ways to predict with the released model or without it, fitted and judged on five folds.

They differ in whether they start from the released model, in how far they leave it, in how much neighbours count and in
the gate of stage B: how much of the relational head's residual counts, nothing, half or all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from safeborders.models.gnn.propagation import spread_evidence
from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.home_model import SHARES, HomeProblem, ReleasedLogits
from safeborders.node.learning.regression import Floats, Residual, fit_residual, log_losses, mean_log_loss

FOLDS = 5
STEPS = 4
"""How far evidence spreads, in links."""
GATES = (0.0, 0.5, 1.0)
"""How much of the relational head's logits counts; 0 refuses the head."""
TRUST = 0.9
"""Belief in a human label of a neighbouring case; some labels are wrong."""


@dataclass(frozen=True)
class Candidate:
    """One way to predict: whose logits it starts from, how far it may leave them, how much neighbours count.

    Attributes:
        federated: Whether it starts from the released model's logits.
        penalty: How much it costs to leave them.
        share: Weight of the neighbours in propagation.
        gate: How much of the relational head is in what it starts from.
    """

    federated: bool
    penalty: float
    share: float
    gate: float = 0.0

    @property
    def name(self) -> str:
        """A stable name for reports."""
        gate = f"-head-{self.gate:g}" if self.gate else ""
        return f"{'federated' if self.federated else 'local'}-{self.penalty:g}-{self.share:g}{gate}"


LOCAL = tuple(Candidate(federated=False, penalty=p, share=s) for p in (1.0, 3.0) for s in SHARES)
FEDERATED = tuple(Candidate(federated=True, penalty=p, share=s) for p in (1.0, 3.0, 10.0, 100.0) for s in SHARES)
UNJUDGED = Candidate(federated=True, penalty=10.0, share=0.6)


@dataclass(frozen=True, eq=False, repr=False)
class Judged(StaysHome):
    """What a candidate says of labels that it did not see: calibrated logits, their losses, and the temperature."""

    logits: Floats
    losses: Floats
    temperature: float


def judge_all(
    problem: HomeProblem, released: ReleasedLogits, *, candidates: Sequence[Candidate]
) -> dict[Candidate, Judged]:
    """Return how every candidate does on labels that it did not see; those that differ in neighbours alone fit once."""
    judged: dict[Candidate, Judged] = {}
    for base in dict.fromkeys(without_neighbours(one) for one in candidates):
        judged.update(_judge(problem, released, base=base))
    return judged


def without_neighbours(candidate: Candidate) -> Candidate:
    """Return what is fitted of a candidate: neighbours count only afterwards."""
    return replace(candidate, share=0.0)


def _judge(problem: HomeProblem, released: ReleasedLogits, *, base: Candidate) -> dict[Candidate, Judged]:
    """Return how ``base`` does with each share on labels that it did not see, at the best temperature."""
    judged = problem.labels >= 0
    held_out = {share: np.zeros((len(problem.labels), problem.classes)) for share in problem.shares}
    for fold in range(FOLDS):
        here = judged & (problem.folds == fold)
        if not here.any():
            continue
        _, evidence = fit(problem, released, base=base, known=judged & ~here)
        for share in problem.shares:
            held_out[share][here] = propagate(problem, evidence, share=share)[here]
    labels = problem.labels[judged]
    found = {}
    for share, logits in held_out.items():
        by_temperature = {t: mean_log_loss(logits[judged] / t, labels) for t in problem.temperatures}
        warmest = min(by_temperature, key=lambda t: (by_temperature[t], abs(t - 1)))
        calibrated = log_softmax(logits[judged] / warmest, axis=1)
        found[replace(base, share=share)] = Judged(calibrated, log_losses(calibrated, labels), warmest)
    return found


def fit(
    problem: HomeProblem, released: ReleasedLogits, *, base: Candidate, known: NDArray[np.bool_]
) -> tuple[Residual, Floats]:
    """Return the correction and the log-probabilities of each example; known ones say what the human said."""
    offsets = released.gated(base.gate) if base.federated else np.zeros_like(released.own)
    labels = problem.labels[known]
    residual = fit_residual(problem.inputs[known], offsets[known], labels=labels, penalty=base.penalty)
    evidence = log_softmax(residual.logits(problem.inputs, offsets), axis=1)
    spread = (1 - TRUST) / (problem.classes - 1)
    evidence[known] = np.log(np.where(np.eye(problem.classes)[labels] > 0, TRUST, spread))
    return residual, np.asarray(evidence, dtype=np.float64)


def propagate(problem: HomeProblem, evidence: Floats, *, share: float) -> Floats:
    """Return the logits of all examples once neighbours were heard with weight ``share``."""
    return spread_evidence(evidence, problem.edges, weights=problem.weights, share=share, steps=STEPS)
