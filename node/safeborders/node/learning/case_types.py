"""Stage C for cases: the federated model, the country's own graph and labels, and a choice that may refuse them.

Every candidate predicts each labelled case without having seen its label (five folds); the local-only one wins unless
another is strictly better. The released model saw some of these labels too, but only through noise that hides every
single person, so that it can hardly flatter itself. Nothing computed here can be sent: it goes into the node's database
and into no message.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from safeborders.models.gnn.propagation import spread_evidence
from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.regression import Floats, fit_residual, mean_log_loss

FOLDS = 5
STEPS = 4
SHARES = (0.0, 0.3, 0.45, 0.6)
"""Weights of the neighbours that compete; 0 is no propagation."""
TRUST = 0.9
"""Belief in a human label of a neighbouring case; some labels are wrong."""
TEMPERATURES = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


@dataclass(frozen=True)
class CaseProblem:
    """What stage C knows of the cases.

    Attributes:
        inputs: Inputs of all cases, :math:`(N, F)`.
        labels: Human label, -1 without one, :math:`(N,)`.
        folds: In which of ``FOLDS`` parts each case is, by a public keyed hash.
        edges: Links between cases, both directions, :math:`(2, E)`.
        weights: Their weights, :math:`(E,)`.
        classes: Number of types.
    """

    inputs: Floats
    labels: NDArray[np.int64]
    folds: NDArray[np.int64]
    edges: NDArray[np.int64]
    weights: Floats
    classes: int


@dataclass(frozen=True)
class Candidate:
    """One way to predict: whose logits it starts from, how far it may leave them, how much neighbours count."""

    federated: bool
    penalty: float
    share: float

    @property
    def name(self) -> str:
        """A stable name for reports."""
        return f"{'federated' if self.federated else 'local'}-{self.penalty:g}-{self.share:g}"


@dataclass(frozen=True, repr=False)
class ChosenCase(StaysHome):
    """The parts of the chosen prediction, so that it can be explained: ``logits = propagate(evidence) / temperature``.

    Attributes:
        evidence: Log-probabilities of each case before propagation, :math:`(N, K)`.
        weights: The country's own correction of the indicators' weights, :math:`(F, K)`.
        bias: Its correction of the bias, :math:`(K,)`.
        federated: Whether the released network's logits are below the correction.
        share: Weight of the neighbours.
        temperature: Divisor of the logits.
    """

    evidence: Floats
    weights: Floats
    bias: Floats
    federated: bool
    share: float
    temperature: float


@dataclass(frozen=True, repr=False)
class CaseTypes(StaysHome):
    """Predictions for all cases and which candidates made them.

    Attributes:
        local: Logits of the best candidate that never saw the federated model.
        personalised: Logits of the candidate that was chosen.
        chosen: Its name.
        local_loss: Loss of the best local candidate on labels that it did not see, nats.
        chosen_loss: Loss of the chosen one; never above ``local_loss``.
        parts: What the chosen prediction is made of.
    """

    local: Floats
    personalised: Floats
    chosen: str
    local_loss: float
    chosen_loss: float
    parts: ChosenCase


LOCAL = tuple(Candidate(federated=False, penalty=p, share=s) for p in (1.0, 3.0) for s in SHARES)
FEDERATED = tuple(Candidate(federated=True, penalty=p, share=s) for p in (1.0, 3.0, 10.0, 100.0) for s in SHARES)
UNJUDGED = Candidate(federated=True, penalty=10.0, share=0.6)


def personalise_case_types(problem: CaseProblem, federated: Floats) -> CaseTypes:
    """Predict all cases with the best candidate.

    Args:
        problem: The country's cases.
        federated: Logits of the released model for all cases, :math:`(N, K)`.
    """
    if not (problem.labels >= 0).any():
        return _unjudged(problem, federated)
    losses = {}
    for base in {(c.federated, c.penalty) for c in (*LOCAL, *FEDERATED)}:
        losses.update(_held_out_losses(problem, federated, base=base))
    local = min(LOCAL, key=lambda candidate: losses[candidate][0])
    best = min((local, *FEDERATED), key=lambda candidate: losses[candidate][0])  # ties go to the local one
    everything = problem.labels >= 0
    return CaseTypes(
        local=_predict(problem, federated, candidate=local, known=everything) / losses[local][1],
        personalised=_predict(problem, federated, candidate=best, known=everything) / losses[best][1],
        chosen=best.name,
        local_loss=losses[local][0],
        chosen_loss=losses[best][0],
        parts=_parts(problem, federated, candidate=best, known=everything, temperature=losses[best][1]),
    )


def _unjudged(problem: CaseProblem, federated: Floats) -> CaseTypes:
    """Without a label to judge by, believe the federated model and the neighbours alike."""
    known = problem.labels >= 0
    return CaseTypes(
        local=_predict(problem, federated, candidate=LOCAL[0], known=known),
        personalised=_predict(problem, federated, candidate=UNJUDGED, known=known),
        chosen=UNJUDGED.name,
        local_loss=0.0,
        chosen_loss=0.0,
        parts=_parts(problem, federated, candidate=UNJUDGED, known=known, temperature=1.0),
    )


def _held_out_losses(
    problem: CaseProblem, federated: Floats, *, base: tuple[bool, float]
) -> dict[Candidate, tuple[float, float]]:
    """Return the loss of the base with each share on labels that it did not see, and its best temperature."""
    judged = problem.labels >= 0
    held_out = {share: np.zeros((len(problem.labels), problem.classes)) for share in SHARES}
    for fold in range(FOLDS):
        here = judged & (problem.folds == fold)
        if not here.any():
            continue
        known = (problem.labels >= 0) & ~here
        evidence = _evidence(problem, federated, base=base, known=known)
        for share in SHARES:
            held_out[share][here] = _propagate(problem, evidence, share=share)[here]
    labels = problem.labels[judged]
    found = {}
    for share, logits in held_out.items():
        by_temperature = {t: mean_log_loss(logits[judged] / t, labels) for t in TEMPERATURES}
        warmest = min(by_temperature, key=lambda t: (by_temperature[t], abs(t - 1)))
        found[Candidate(federated=base[0], penalty=base[1], share=share)] = (by_temperature[warmest], warmest)
    return found


def _predict(problem: CaseProblem, federated: Floats, *, candidate: Candidate, known: NDArray[np.bool_]) -> Floats:
    evidence = _evidence(problem, federated, base=(candidate.federated, candidate.penalty), known=known)
    return _propagate(problem, evidence, share=candidate.share)


def _evidence(problem: CaseProblem, federated: Floats, *, base: tuple[bool, float], known: NDArray[np.bool_]) -> Floats:
    """Return the log-probabilities of each case; known cases say what the human said."""
    offsets = federated if base[0] else np.zeros_like(federated)
    residual = fit_residual(problem.inputs[known], offsets[known], labels=problem.labels[known], penalty=base[1])
    evidence = log_softmax(residual.logits(problem.inputs, offsets), axis=1)
    spread = (1 - TRUST) / (problem.classes - 1)
    evidence[known] = np.log(np.where(np.eye(problem.classes)[problem.labels[known]] > 0, TRUST, spread))
    return np.asarray(evidence, dtype=np.float64)


def _parts(
    problem: CaseProblem,
    federated: Floats,
    *,
    candidate: Candidate,
    known: NDArray[np.bool_],
    temperature: float,
) -> ChosenCase:
    offsets = federated if candidate.federated else np.zeros_like(federated)
    labels = problem.labels[known]
    residual = fit_residual(problem.inputs[known], offsets[known], labels=labels, penalty=candidate.penalty)
    return ChosenCase(
        evidence=_evidence(problem, federated, base=(candidate.federated, candidate.penalty), known=known),
        weights=residual.weights,
        bias=residual.bias,
        federated=candidate.federated,
        share=candidate.share,
        temperature=temperature,
    )


def _propagate(problem: CaseProblem, evidence: Floats, *, share: float) -> Floats:
    return spread_evidence(evidence, problem.edges, weights=problem.weights, share=share, steps=STEPS)
