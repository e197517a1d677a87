"""Stage C for cases and for roles: the federated model and the country's own records, weighed, or its records alone.

What is weighed is in ``candidates.py``: each predicts every labelled example without having seen its label (five
folds), and by how well they did they are weighed (pseudo-BMA with the Bayesian bootstrap: Yao, Vehtari, Simpson and
Gelman, Bayesian Analysis 13(3), 2018): which one is best on a hundred labels is luck (docs/decisions/0205). Served is
the weighted mean of the logits of all, of those that do not hear the head, or of the local ones alone, whichever does
best on these labels; then the class that the country's own records alone point to counts more, or stands
(docs/decisions/0206, 0207). The released model saw some of these labels too, but only through noise that hides every
single person, so that it can hardly flatter itself. Nothing computed here can be sent: it goes into the node's database
and into no message.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from scipy.special import softmax

from safeborders.node.learning.candidates import (
    FEDERATED,
    GATES,
    LOCAL,
    UNJUDGED,
    Candidate,
    Judged,
    fit,
    judge_all,
    propagate,
    without_neighbours,
)
from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.home_model import HomeModel, HomeProblem, ReleasedLogits, SpokenPart
from safeborders.node.learning.regression import Floats, Residual, mean_log_loss

DRAWS = 1000
"""Of the Bayesian bootstrap."""
A_HAIR = 1e-6
"""By how many nats a guess that stands stays ahead."""
LEAST_WEIGHT = 0.01
"""Candidates that weigh less are silent: they change nothing and would cost an explanation each."""


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
    judged = judge_all(problem, released, candidates=(*unaided, *federated))
    pools = dict.fromkeys((unaided, (*unaided, *headless), (*unaided, *federated)))  # the last two may be the same
    spoken = [_weigh(problem, judged, pool=pool) for pool in pools]
    local = spoken[0] if alone is None else _weigh(alone, judge_all(alone, released, candidates=unaided), pool=unaided)
    chosen = min((local, *spoken), key=lambda one: one.loss)  # ties: the one that trusts the least
    return _home_model(released, local=local, chosen=chosen)


def _home_model(released: ReleasedLogits, *, local: _Spoken, chosen: _Spoken) -> HomeModel:
    own = _parts(local, released)
    parts = own if chosen is local else _parts(chosen, released)
    alone, spoken = _logits(local.problem, own), _logits(chosen.problem, parts)
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


def _weigh(problem: HomeProblem, judged: Mapping[Candidate, Judged], *, pool: Sequence[Candidate]) -> _Spoken:
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


def _parts(spoken: _Spoken, released: ReleasedLogits) -> tuple[SpokenPart, ...]:
    """Return what candidates that saw every label say together, one part for each weight of the neighbours."""
    problem = spoken.problem
    fitted = {
        base: fit(problem, released, base=base, known=problem.labels >= 0)
        for base in dict.fromkeys(without_neighbours(one) for one in spoken.weights)
    }
    counted = {one: weight / spoken.temperatures[one] for one, weight in spoken.weights.items()}
    alike = groupby(sorted(counted, key=lambda one: one.share), key=lambda one: one.share)
    return tuple(_part({one: counted[one] for one in group}, fitted) for _, group in alike)


def _part(counted: Mapping[Candidate, float], fits: Mapping[Candidate, tuple[Residual, Floats]]) -> SpokenPart:
    counts, fitted = list(counted.values()), [fits[without_neighbours(one)] for one in counted]
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
    return _total([propagate(problem, part.evidence, share=part.share) for part in parts], [1.0] * len(parts))
