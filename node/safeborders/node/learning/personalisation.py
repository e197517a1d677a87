"""Stage C for cases and for roles: the federated model, the country's own records, and a choice that may refuse them.

The choice includes the gate of stage B: how much of the relational head's residual counts, nothing, half or all. Every
candidate predicts each labelled example without having seen its label (five folds); the local-only one wins unless
another is strictly better. Those that are better and differ from the best in their penalty alone speak together where
that is better still: which penalty is best on a hundred labels is luck (docs/decisions/0204). The released model saw
some of these labels too, but only through noise that hides every single person, so that it can hardly flatter itself.
Nothing computed here can be sent: it goes into the node's database and into no message.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from safeborders.models.gnn.propagation import spread_evidence
from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.regression import Floats, Residual, fit_residual, log_losses, mean_log_loss

FOLDS = 5
STEPS = 4
SHARES = (0.0, 0.3, 0.45, 0.6)
"""Weights of the neighbours that compete; 0 is no propagation."""
GATES = (0.0, 0.5, 1.0)
"""How much of the relational head's logits counts; 0 refuses the head."""
TRUST = 0.9
"""Belief in a human label of a neighbouring case; some labels are wrong."""
TEMPERATURES = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)


@dataclass(frozen=True, eq=False, repr=False)
class HomeProblem(StaysHome):
    """What stage C knows of the examples: of the cases, or of the suspects in them.

    Attributes:
        inputs: Inputs of all examples, :math:`(N, F)`.
        labels: Human label, -1 without one, :math:`(N,)`.
        folds: In which of ``FOLDS`` parts each example is, by a public keyed hash.
        classes: Number of classes.
        edges: Links over which evidence spreads, both directions, :math:`(2, E)`.
        weights: Their weights, :math:`(E,)`.
        shares: Weights of the neighbours that compete; (0,) where nothing spreads.
        temperatures: Divisors of the logits that compete; below 1 they sharpen.
    """

    inputs: Floats
    labels: NDArray[np.int64]
    folds: NDArray[np.int64]
    classes: int
    edges: NDArray[np.int64] = field(default_factory=lambda: np.zeros((2, 0), dtype=np.int64))
    weights: Floats = field(default_factory=lambda: np.zeros(0))
    shares: tuple[float, ...] = SHARES
    temperatures: tuple[float, ...] = TEMPERATURES


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


@dataclass(frozen=True, repr=False)
class ReleasedLogits(StaysHome):
    """What the released model says of all examples of this country.

    Attributes:
        own: The encoder's logits, or those of a rooted GraphSAGE over the country's graph, :math:`(N, K)`.
        head: What the relational head adds over all links of the country's graph; None without one, :math:`(N, K)`.
    """

    own: Floats
    head: Floats | None = None

    def gated(self, gate: float) -> Floats:
        """Return the logits with that much of the head."""
        return self.own if self.head is None or gate == 0 else self.own + gate * self.head


@dataclass(frozen=True, repr=False)
class Prior(StaysHome):
    """What the released logits are made of, so that they can be explained.

    Attributes:
        linear: Weights of the released encoder and, in the last row, its bias; zeros without one, :math:`(F + 1, K)`.
        heard: What the released model adds to that: the gated head, or all of a rooted GraphSAGE, :math:`(N, K)`.
    """

    linear: Floats
    heard: Floats


@dataclass(frozen=True, repr=False)
class ChosenParts(StaysHome):
    """The parts of the chosen prediction, so that it can be explained: ``logits = propagate(evidence) / temperature``.

    Attributes:
        evidence: Log-probabilities of each example before propagation, :math:`(N, K)`.
        weights: The country's own correction of the inputs' weights, :math:`(F, K)`.
        bias: Its correction of the bias, :math:`(K,)`.
        federated: Whether the released network's logits are below the correction.
        gate: How much of the relational head is among them.
        share: Weight of the neighbours.
        temperature: Divisor of the logits.
    """

    evidence: Floats
    weights: Floats
    bias: Floats
    federated: bool
    gate: float
    share: float
    temperature: float


@dataclass(frozen=True, repr=False)
class HomeModel(StaysHome):
    """Predictions for all examples and which candidates made them.

    Attributes:
        local: Logits of the best candidate that never saw the federated model.
        personalised: Logits of the candidate that was chosen, or of several that differ in their penalty alone.
        chosen: Its name; several that speak together are joined by "+".
        local_loss: Loss of the best local candidate on labels that it did not see, nats.
        chosen_loss: Loss of the chosen one; never above ``local_loss``.
        parts: What the chosen prediction is made of.
    """

    local: Floats
    personalised: Floats
    chosen: str
    local_loss: float
    chosen_loss: float
    parts: ChosenParts


LOCAL = tuple(Candidate(federated=False, penalty=p, share=s) for p in (1.0, 3.0) for s in SHARES)
FEDERATED = tuple(Candidate(federated=True, penalty=p, share=s) for p in (1.0, 3.0, 10.0, 100.0) for s in SHARES)
UNJUDGED = Candidate(federated=True, penalty=10.0, share=0.6)


@dataclass(frozen=True, eq=False, repr=False)
class _Judged(StaysHome):
    """Log-losses of a candidate on labels that it did not see, each of them, and the temperature that they are at."""

    losses: Floats
    temperature: float

    @property
    def loss(self) -> float:
        return float(self.losses.mean())

    def is_clearly_better(self, other: "_Judged") -> bool:
        """Return whether the mean gain is above zero by more than its standard error; a single label shows nothing."""
        gains = other.losses - self.losses
        return len(gains) > 1 and bool(gains.mean() > gains.std(ddof=1) / np.sqrt(len(gains)))


def personalise(problem: HomeProblem, released: ReleasedLogits) -> HomeModel:
    """Predict all examples with the best candidate.

    Args:
        problem: The country's examples.
        released: Logits of the released model for all of them.
    """
    if not (problem.labels >= 0).any():
        return _unjudged(problem, released)
    gates = GATES if released.head is not None else GATES[:1]
    alone = tuple(one for one in LOCAL if one.share in problem.shares)
    federated = tuple(replace(one, gate=gate) for one in FEDERATED for gate in gates if one.share in problem.shares)
    judged: dict[Candidate, _Judged] = {}
    for base in {replace(one, share=0.0) for one in (*alone, *federated)}:
        judged.update(_held_out_losses(problem, released, together=(base,)))
    local = min(alone, key=lambda candidate: judged[candidate].loss)
    better = [candidate for candidate in federated if judged[candidate].is_clearly_better(judged[local])]
    best = min(better, key=lambda candidate: judged[candidate].loss, default=local)  # ties: the smallest gate
    chosen, judgement = _with_other_penalties(problem, released, best=best, better=better, alone=judged[best])
    parts = _parts(problem, released, together=chosen, temperature=judgement.temperature)
    return HomeModel(
        local=_logits(problem, _parts(problem, released, together=(local,), temperature=judged[local].temperature)),
        personalised=_logits(problem, parts),
        chosen="+".join(one.name for one in chosen),
        local_loss=judged[local].loss,
        chosen_loss=judgement.loss,
        parts=parts,
    )


def _with_other_penalties(
    problem: HomeProblem,
    released: ReleasedLogits,
    *,
    best: Candidate,
    better: Sequence[Candidate],
    alone: _Judged,
) -> "tuple[tuple[Candidate, ...], _Judged]":
    """Return the best candidate, with those that differ from it in penalty alone where that lowers the loss."""
    together = (best, *(one for one in better if one != best and replace(one, penalty=best.penalty) == best))
    if len(together) < 2:
        return (best,), alone
    judged = _held_out_losses(problem, released, together=together)[best]
    return (together, judged) if judged.loss < alone.loss else ((best,), alone)


def _unjudged(problem: HomeProblem, released: ReleasedLogits) -> HomeModel:
    """Without a label to judge by, believe the federated model and the neighbours alike, and leave the gate shut."""
    believed = replace(UNJUDGED, share=min(UNJUDGED.share, max(problem.shares)))
    parts = _parts(problem, released, together=(believed,), temperature=1.0)
    return HomeModel(
        local=_logits(problem, _parts(problem, released, together=LOCAL[:1], temperature=1.0)),
        personalised=_logits(problem, parts),
        chosen=believed.name,
        local_loss=0.0,
        chosen_loss=0.0,
        parts=parts,
    )


def _held_out_losses(
    problem: HomeProblem, released: ReleasedLogits, *, together: tuple[Candidate, ...]
) -> "dict[Candidate, _Judged]":
    """Return how candidates did together, with each share, on labels that they did not see, at the best temperature.

    The keys are the first of them with each share.
    """
    judged = problem.labels >= 0
    held_out = {share: np.zeros((len(problem.labels), problem.classes)) for share in problem.shares}
    for fold in range(FOLDS):
        here = judged & (problem.folds == fold)
        if not here.any():
            continue
        known = (problem.labels >= 0) & ~here
        _, evidence = _fit(problem, released, together=together, known=known)
        for share in problem.shares:
            held_out[share][here] = _propagate(problem, evidence, share=share)[here]
    labels = problem.labels[judged]
    found = {}
    for share, logits in held_out.items():
        by_temperature = {t: mean_log_loss(logits[judged] / t, labels) for t in problem.temperatures}
        warmest = min(by_temperature, key=lambda t: (by_temperature[t], abs(t - 1)))
        found[replace(together[0], share=share)] = _Judged(log_losses(logits[judged] / warmest, labels), warmest)
    return found


def _fit(
    problem: HomeProblem, released: ReleasedLogits, *, together: tuple[Candidate, ...], known: NDArray[np.bool_]
) -> tuple[Residual, Floats]:
    """Return the correction and the log-probabilities of each example; known ones say what the human said.

    Candidates that differ in penalty alone say the mean of their logits, that is the logits of their mean weights.
    """
    offsets, inputs, labels = _offsets(released, together[0]), problem.inputs[known], problem.labels[known]
    fitted = [fit_residual(inputs, offsets[known], labels=labels, penalty=one.penalty) for one in together]
    residual = Residual(
        weights=np.mean([one.weights for one in fitted], axis=0), bias=np.mean([one.bias for one in fitted], axis=0)
    )
    evidence = log_softmax(residual.logits(problem.inputs, offsets), axis=1)
    spread = (1 - TRUST) / (problem.classes - 1)
    evidence[known] = np.log(np.where(np.eye(problem.classes)[labels] > 0, TRUST, spread))
    return residual, np.asarray(evidence, dtype=np.float64)


def _offsets(released: ReleasedLogits, base: Candidate) -> Floats:
    return released.gated(base.gate) if base.federated else np.zeros_like(released.own)


def _parts(
    problem: HomeProblem, released: ReleasedLogits, *, together: tuple[Candidate, ...], temperature: float
) -> ChosenParts:
    """Return what the prediction of candidates that saw every label is made of."""
    residual, evidence = _fit(problem, released, together=together, known=problem.labels >= 0)
    one = together[0]
    return ChosenParts(
        evidence=evidence,
        weights=residual.weights,
        bias=residual.bias,
        federated=one.federated,
        gate=one.gate,
        share=one.share,
        temperature=temperature,
    )


def _logits(problem: HomeProblem, parts: ChosenParts) -> Floats:
    return _propagate(problem, parts.evidence, share=parts.share) / parts.temperature


def _propagate(problem: HomeProblem, evidence: Floats, *, share: float) -> Floats:
    return spread_evidence(evidence, problem.edges, weights=problem.weights, share=share, steps=STEPS)
