"""Stage C for cases and for roles: the federated model and the country's own records, weighed, or its records alone.

Candidates differ in whether they start from the released model, in how far they leave it, in how much neighbours count
and in the gate of stage B: how much of the relational head's residual counts, nothing, half or all. Each predicts every
labelled example without having seen its label (five folds), and by how well they did they are weighed (pseudo-BMA with
the Bayesian bootstrap: Yao, Vehtari, Simpson and Gelman, Bayesian Analysis 13(3), 2018): which one is best on a hundred
labels is luck (docs/decisions/0205). Served is the weighted mean of the logits of all, of those that do not hear the
head, or of the local ones alone, whichever does best on these labels; then the class that the country's own records
alone point to counts more, or stands (docs/decisions/0206). The released model saw some of these labels too, but only
through noise that hides every single person, so that it can hardly flatter itself. Nothing computed here can be sent:
it goes into the node's database and into no message.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax

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
DRAWS = 1000
"""Of the Bayesian bootstrap."""
OWN_GUESS = 0.4
"""How much more, in nats, the class counts that the country's own records alone point to."""
A_HAIR = 1e-6
"""By how many nats a guess that stands stays ahead."""
LEAST_WEIGHT = 0.01
"""Candidates that weigh less are silent: they change nothing and would cost an explanation each."""


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
        own_guess: How much more, in nats, the class counts that the country's own records alone point to.
        guess_stands: Whether no released model may put another class before it: where one would, the two are as likely
            as each other.
    """

    inputs: Floats
    labels: NDArray[np.int64]
    folds: NDArray[np.int64]
    classes: int
    edges: NDArray[np.int64] = field(default_factory=lambda: np.zeros((2, 0), dtype=np.int64))
    weights: Floats = field(default_factory=lambda: np.zeros(0))
    shares: tuple[float, ...] = SHARES
    temperatures: tuple[float, ...] = TEMPERATURES
    own_guess: float = OWN_GUESS
    guess_stands: bool = False


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
        opaque: What the released model says for itself and no weights of inputs explain: a rooted GraphSAGE's logits,
            zeros with an encoder, :math:`(N, K)`.
        head: What its relational head adds; zeros without one, :math:`(N, K)`.
    """

    linear: Floats
    opaque: Floats
    head: Floats


@dataclass(frozen=True, repr=False)
class SpokenPart(StaysHome):
    """What the candidates with one weight of the neighbours say together: ``logits = propagate(evidence, share)``.

    Each counts with its own weight, divided by its temperature. The evidence of an example without a label is, but for
    a number that all classes share, ``inputs @ weights + bias + released * own logits + heard * head's logits``.

    Attributes:
        share: Weight of the neighbours.
        evidence: Log-probabilities of each example before propagation, :math:`(N, K)`.
        weights: The country's own correction of the inputs' weights, :math:`(F, K)`.
        bias: Its correction of the bias, :math:`(K,)`.
        released: How much the released model's own logits count below the correction.
        heard: How much its relational head does.
    """

    share: float
    evidence: Floats
    weights: Floats
    bias: Floats
    released: float
    heard: float


@dataclass(frozen=True, repr=False)
class HomeModel(StaysHome):
    """Predictions for all examples and which candidates made them.

    Attributes:
        local: Logits of the candidates that never saw the federated model.
        personalised: Logits of all candidates together, of those without the head, or ``local``: the best of them.
        chosen: Names of those that spoke, the one with the largest weight first, joined by "+".
        local_loss: Loss of the local candidates on labels that they did not see, nats.
        chosen_loss: Loss of the chosen ones; never above ``local_loss``.
        parts: What the chosen prediction is made of.
        own_guess: What the own guess adds to the logits of the parts to give ``personalised``, :math:`(N, K)`.
        inputs: What those that spoke looked at, :math:`(N, F)`.
    """

    local: Floats
    personalised: Floats
    chosen: str
    local_loss: float
    chosen_loss: float
    parts: tuple[SpokenPart, ...]
    own_guess: Floats
    inputs: Floats


LOCAL = tuple(Candidate(federated=False, penalty=p, share=s) for p in (1.0, 3.0) for s in SHARES)
FEDERATED = tuple(Candidate(federated=True, penalty=p, share=s) for p in (1.0, 3.0, 10.0, 100.0) for s in SHARES)
UNJUDGED = Candidate(federated=True, penalty=10.0, share=0.6)


@dataclass(frozen=True, eq=False, repr=False)
class _Judged(StaysHome):
    """What a candidate says of labels that it did not see: calibrated logits, their losses, and the temperature."""

    logits: Floats
    losses: Floats
    temperature: float


@dataclass(frozen=True, eq=False, repr=False)
class _Spoken(StaysHome):
    """Candidates that speak together.

    Attributes:
        problem: What they look at.
        weights: How much each counts.
        temperatures: The divisor of each one's logits.
        loss: Their loss together on labels that they did not see, nats.
    """

    problem: HomeProblem
    weights: Mapping[Candidate, float]
    temperatures: Mapping[Candidate, float]
    loss: float

    @property
    def name(self) -> str:
        return "+".join(one.name for one in sorted(self.weights, key=lambda one: -self.weights[one]))


def personalise(problem: HomeProblem, released: ReleasedLogits, *, alone: HomeProblem | None = None) -> HomeModel:
    """Predict all examples with the candidates together, each as much as it deserves.

    Args:
        problem: The country's examples.
        released: Logits of the released model for all of them.
        alone: The same as the country would see them without any released model, where that differs.
    """
    if not (problem.labels >= 0).any():
        return _unjudged(problem, released, own=problem if alone is None else alone)
    gates = GATES if released.head is not None else GATES[:1]
    unaided = tuple(one for one in LOCAL if one.share in problem.shares)
    federated = tuple(replace(one, gate=gate) for one in FEDERATED for gate in gates if one.share in problem.shares)
    headless = tuple(one for one in federated if one.gate == 0)
    judged = _judge_all(problem, released, candidates=(*unaided, *federated))
    pools = dict.fromkeys((unaided, (*unaided, *headless), (*unaided, *federated)))  # the last two may be the same
    spoken = [_weigh(problem, judged, pool=pool) for pool in pools]
    local = spoken[0] if alone is None else _weigh(alone, _judge_all(alone, released, candidates=unaided), pool=unaided)
    chosen = min((local, *spoken), key=lambda one: one.loss)  # ties: the one that trusts the least
    return _home_model(released, local=local, chosen=chosen)


def _home_model(released: ReleasedLogits, *, local: _Spoken, chosen: _Spoken) -> HomeModel:
    alone, parts = _logits(local.problem, _parts(local, released)), _parts(chosen, released)
    spoken = _logits(chosen.problem, parts)
    guessed = np.zeros_like(spoken) if chosen is local else _own_guess(local.problem, alone, spoken=spoken)
    return HomeModel(
        local=alone,
        personalised=spoken + guessed,
        chosen=chosen.name,
        local_loss=local.loss,
        chosen_loss=chosen.loss,
        parts=parts,
        own_guess=guessed,
        inputs=chosen.problem.inputs,
    )


def _own_guess(problem: HomeProblem, alone: Floats, *, spoken: Floats) -> Floats:
    """Return what the class counts more that ``alone`` puts first, of logits ``spoken``; nothing without any label."""
    if not (problem.labels >= 0).any():
        return np.zeros_like(spoken)
    first = np.eye(alone.shape[1], dtype=np.bool_)[alone.argmax(axis=1)]
    nats = np.full(len(spoken), problem.own_guess)
    if problem.guess_stands:
        ahead = np.where(first, -np.inf, spoken).max(axis=1) - spoken[first]
        nats = np.maximum(nats, ahead + A_HAIR)
    return np.where(first, nats[:, None], 0.0)


def bootstrapped_weights(losses: Floats) -> Floats:
    """Return how much each candidate deserves to count by its losses on labels that it did not see; they sum to 1.

    Pseudo-BMA+ (Yao, Vehtari, Simpson and Gelman 2018, section 3.3): the mean, over draws of how much each label
    counts, of the candidates' shares of the likelihood. Where few labels decide, weights stay near each other.

    Shape:
        - ``losses``: nats, :math:`(C, n)`; returns :math:`(C,)`.
    """
    count = losses.shape[1]
    random = np.random.default_rng(0)  # the same labels give the same weights
    totals = count * np.stack([losses @ random.dirichlet(np.ones(count)) for _ in range(DRAWS)])
    weights: Floats = softmax(-totals, axis=1).mean(axis=0)
    return weights


def _weigh(problem: HomeProblem, judged: Mapping[Candidate, _Judged], *, pool: Sequence[Candidate]) -> _Spoken:
    """Return how much each of ``pool`` counts; those that would hardly count are silent."""
    weights = bootstrapped_weights(np.stack([judged[one].losses for one in pool]))
    weights = np.where(weights >= LEAST_WEIGHT, weights, 0.0)
    kept = {one: float(weight) for one, weight in zip(pool, weights / weights.sum(), strict=True) if weight > 0}
    logits = _total([judged[one].logits for one in kept], list(kept.values()))
    loss = mean_log_loss(logits, problem.labels[problem.labels >= 0])
    return _Spoken(problem, kept, {one: judged[one].temperature for one in kept}, loss)


def _unjudged(problem: HomeProblem, released: ReleasedLogits, *, own: HomeProblem) -> HomeModel:
    """Without a label to judge by, believe the federated model and the neighbours alike, and leave the gate shut."""
    believed = replace(UNJUDGED, share=min(UNJUDGED.share, max(problem.shares)))
    local, chosen = (_Spoken(seen, {one: 1.0}, {one: 1.0}, 0.0) for seen, one in ((own, LOCAL[0]), (problem, believed)))
    return _home_model(released, local=local, chosen=chosen)


def _judge_all(
    problem: HomeProblem, released: ReleasedLogits, *, candidates: Sequence[Candidate]
) -> dict[Candidate, _Judged]:
    judged: dict[Candidate, _Judged] = {}
    for base in dict.fromkeys(_without_neighbours(one) for one in candidates):
        judged.update(_judge(problem, released, base=base))
    return judged


def _without_neighbours(candidate: Candidate) -> Candidate:
    """Return what is fitted of a candidate: neighbours count only afterwards."""
    return replace(candidate, share=0.0)


def _judge(problem: HomeProblem, released: ReleasedLogits, *, base: Candidate) -> dict[Candidate, _Judged]:
    """Return how ``base`` does with each share on labels that it did not see, at the best temperature."""
    judged = problem.labels >= 0
    held_out = {share: np.zeros((len(problem.labels), problem.classes)) for share in problem.shares}
    for fold in range(FOLDS):
        here = judged & (problem.folds == fold)
        if not here.any():
            continue
        _, evidence = _fit(problem, released, base=base, known=judged & ~here)
        for share in problem.shares:
            held_out[share][here] = _propagate(problem, evidence, share=share)[here]
    labels = problem.labels[judged]
    found = {}
    for share, logits in held_out.items():
        by_temperature = {t: mean_log_loss(logits[judged] / t, labels) for t in problem.temperatures}
        warmest = min(by_temperature, key=lambda t: (by_temperature[t], abs(t - 1)))
        calibrated = log_softmax(logits[judged] / warmest, axis=1)
        found[replace(base, share=share)] = _Judged(calibrated, log_losses(calibrated, labels), warmest)
    return found


def _fit(
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


def _parts(spoken: _Spoken, released: ReleasedLogits) -> tuple[SpokenPart, ...]:
    """Return what candidates that saw every label say together, one part for each weight of the neighbours."""
    problem = spoken.problem
    fitted = {
        base: _fit(problem, released, base=base, known=problem.labels >= 0)
        for base in dict.fromkeys(_without_neighbours(one) for one in spoken.weights)
    }
    counted = {one: weight / spoken.temperatures[one] for one, weight in spoken.weights.items()}
    alike = groupby(sorted(counted, key=lambda one: one.share), key=lambda one: one.share)
    return tuple(_part({one: counted[one] for one in group}, fitted) for _, group in alike)


def _part(counted: Mapping[Candidate, float], fits: Mapping[Candidate, tuple[Residual, Floats]]) -> SpokenPart:
    counts, fitted = list(counted.values()), [fits[_without_neighbours(one)] for one in counted]
    return SpokenPart(
        share=next(iter(counted)).share,
        evidence=_total([evidence for _, evidence in fitted], counts),
        weights=_total([residual.weights for residual, _ in fitted], counts),
        bias=_total([residual.bias for residual, _ in fitted], counts),
        released=sum(count for one, count in counted.items() if one.federated),
        heard=sum(count * one.gate for one, count in counted.items() if one.federated),
    )


def _total(arrays: Sequence[Floats], counts: Sequence[float]) -> Floats:
    total: Floats = np.sum([count * array for array, count in zip(arrays, counts, strict=True)], axis=0)
    return total


def _logits(problem: HomeProblem, parts: Sequence[SpokenPart]) -> Floats:
    return _total([_propagate(problem, part.evidence, share=part.share) for part in parts], [1.0] * len(parts))


def _propagate(problem: HomeProblem, evidence: Floats, *, share: float) -> Floats:
    return spread_evidence(evidence, problem.edges, weights=problem.weights, share=share, steps=STEPS)
