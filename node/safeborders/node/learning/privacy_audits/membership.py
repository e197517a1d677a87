"""Membership inference: was this example among those that the model was trained on?

Two attackers. The threshold attacker (Yeom et al. 2018) believes that a small loss means yes. The other one trains a
few shadow models on random halves of the country's own examples with the product's engine at the run's numbers, and
compares likelihoods (Carlini et al. 2022, with one variance for all examples because the shadows are few). Both attack
two targets: the released model, where who took part is curation's choice and not a coin, which is weak evidence
(Khosla 2026); and each shadow in turn, where membership is a fair coin, as if the country had trained alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import nn

from safeborders.models.architecture import Architecture
from safeborders.models.defaults import MODEL_SEED, MOMENTUM
from safeborders.models.gnn.perceptron import build_perceptron, logits_of
from safeborders.node.learning.privacy_audits.subject import (
    CERTAIN,
    Answers,
    Engine,
    Subject,
    gradient_of,
    one_person_each,
)
from safeborders.node.learning.regression import Floats
from safeborders.node.learning.scores import area_under_curve
from safeborders.privacy.dpsgd.engine import private_sum
from safeborders.privacy.dpsgd.sampling import secret_heads

SHADOWS = 8
MOST_EXAMPLES = 1000
FALSE_POSITIVES = 0.01
_LEAST_VARIANCE = 1e-6
_OTHER = -1e30  # the logit of the label itself does not count among the others'


@dataclass(frozen=True)
class Membership:
    """How well one attacker did against one target.

    Attributes:
        attacker: "loss" or "likelihood".
        target: "released" or "alone".
        area: Area under the ROC curve; NaN without members or others.
        error: Its standard error (Hanley and McNeil 1982).
        hits: Share of members found at one per cent false positives.
        hits_error: Standard error of ``hits``.
    """

    attacker: str
    target: str
    area: float
    error: float
    hits: float
    hits_error: float

    def stays_within(self, *, area: float, hits: float) -> bool:
        """Whether the figures do not contradict the bars at 99.9 %; nothing to judge contradicts nothing."""
        if np.isnan(self.area):
            return True
        return self.area - CERTAIN * self.error <= area and self.hits - CERTAIN * self.hits_error <= hits


def attack_membership(subject: Subject, *, engine: Engine = private_sum, shadows: int = SHADOWS) -> list[Membership]:
    """Run both attackers against both targets.

    Args:
        subject: The task.
        engine: What trains the shadows; the product's when left out.
        shadows: How many, at least 4.
    """
    inputs = np.concatenate([subject.curated.inputs, subject.others[0]])
    labels = np.concatenate([subject.curated.labels, subject.others[1]])
    took_part = np.arange(len(labels)) < subject.curated.count
    chosen = _spread(len(labels))
    inputs, labels, took_part = inputs[chosen], labels[chosen], took_part[chosen]
    inside = np.array([secret_heads(len(labels), probability=0.5) for _ in range(shadows)])
    confidence = np.array(
        [
            _confidence(train_alone(subject, inputs[mask], labels=labels[mask], engine=engine), inputs, labels)
            for mask in inside
        ]
    )
    released = _confidence(subject.module, inputs, labels)
    found = [
        _judge("loss", "released", scores=released, members=took_part),
        _judge("likelihood", "released", scores=_likelihood(released, confidence, inside), members=took_part),
    ]
    turns = list(_turns(confidence, inside))
    members = inside.ravel()
    found.append(_judge("loss", "alone", scores=confidence.ravel(), members=members))
    found.append(_judge("likelihood", "alone", scores=np.concatenate(turns), members=members))
    return found


def attack_answers(answers: Answers) -> Membership:
    """Tell roots of a rooted network from other labelled cases by the loss of the released model."""
    return _judge("loss", "released", scores=_log_odds(answers.logits, answers.labels), members=answers.members)


def _turns(confidence: Floats, inside: NDArray[np.bool_]) -> Iterator[Floats]:
    for target in range(len(inside)):
        rest = np.arange(len(inside)) != target
        yield _likelihood(confidence[target], confidence[rest], inside[rest])


def _spread(count: int) -> NDArray[np.int64]:
    """Return at most MOST_EXAMPLES positions, evenly over all of them."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST_EXAMPLES)).astype(np.int64)) if count else np.arange(0)


def train_alone(
    subject: Subject, inputs: NDArray[np.float32], *, labels: NDArray[np.int64], engine: Engine
) -> nn.Sequential:
    """Play the whole run with one country: the product's engine, the coordinator's step, the plan's numbers."""
    mechanism, shape = subject.mechanism, subject.shape
    examples = one_person_each(inputs, labels)
    parameters = Architecture((shape,)).initial_parameters(MODEL_SEED).astype(np.float64)
    velocity = np.zeros(shape.length)
    expected = mechanism.sampling_rate * max(subject.public_size, 1)
    for _ in range(subject.rounds):
        module = build_perceptron(shape, parameters.astype(np.float32))
        gradient = gradient_of(engine(module, examples, mechanism=mechanism), mechanism) * mechanism.clip_norm
        velocity = MOMENTUM * velocity + gradient / expected
        parameters = parameters - mechanism.learning_rate * velocity
    return build_perceptron(shape, parameters.astype(np.float32))


def _confidence(module: nn.Sequential, inputs: NDArray[np.float32], labels: NDArray[np.int64]) -> Floats:
    """Return the log-odds of each label; they rise as the loss falls."""
    return _log_odds(logits_of(module, inputs), labels)


def _log_odds(logits: Floats, labels: NDArray[np.int64]) -> Floats:
    rows, others = np.arange(len(labels)), logits.copy()
    others[rows, labels] = _OTHER
    odds: Floats = logits[rows, labels] - logsumexp(others, axis=1)
    return odds


def _likelihood(target: Floats, shadows: Floats, inside: NDArray[np.bool_]) -> Floats:
    """Return the log-likelihood ratio of taking part, from shadows of known membership."""
    counts = inside.sum(axis=0), (~inside).sum(axis=0)
    both = (counts[0] > 0) & (counts[1] > 0)
    within = (shadows * inside).sum(axis=0) / np.maximum(counts[0], 1)
    without = (shadows * ~inside).sum(axis=0) / np.maximum(counts[1], 1)
    residual = np.where(inside, shadows - within, shadows - without)
    variance = max(float(residual.var()), _LEAST_VARIANCE)
    ratio: Floats = ((target - without) ** 2 - (target - within) ** 2) / (2 * variance)
    return np.where(both, ratio, 0.0)


def _judge(attacker: str, target: str, *, scores: Floats, members: NDArray[np.bool_]) -> Membership:
    yes, no = int(members.sum()), int((~members).sum())
    if not yes or not no:
        return Membership(attacker, target, *(float("nan"),) * 4)
    area = area_under_curve(scores, members.astype(np.int64))
    first, second = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (yes - 1) * (first - area**2) + (no - 1) * (second - area**2)
    others = np.sort(scores[~members])[::-1]
    threshold = others[min(int(FALSE_POSITIVES * no), no - 1)]
    hits = float((scores[members] > threshold).mean())
    # The threshold is itself a quantile of few others: its rank varies like a Poisson number.
    share = max(hits, FALSE_POSITIVES)
    hits_error = float(np.sqrt(share * (1 - share) / yes + share**2 / max(FALSE_POSITIVES * no, 1.0)))
    return Membership(attacker, target, area, float(np.sqrt(max(variance, 0.0) / (yes * no))), hits, hits_error)
