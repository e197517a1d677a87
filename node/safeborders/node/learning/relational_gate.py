"""Stage C's gate: does the relational head help here, and how far do neighbours count? Decided at home, on own labels.

The encoder alone is kept unless a candidate with the head is better on labels that it did not see. Few numbers are
fitted per candidate: a scale for each part and the country's mix of classes.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from safeborders.models.gnn.propagation import spread_evidence
from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.regression import Floats, mean_log_loss

FOLDS = 5
SHARES = (0.0, 0.45, 0.6, 0.75)
"""Weights of the neighbours that compete; 0 is no propagation."""
STEPS = 2
_PRIOR_PENALTY = 3.0
_SCALE_START = 1.0


@dataclass(frozen=True, eq=False, repr=False)
class GateProblem(StaysHome):
    """Nodes of a country's own graph, some with a label that may judge.

    Attributes:
        labels: Label, -1 where none may judge, :math:`(N,)`.
        folds: In which of ``FOLDS`` parts each node is, by a public keyed hash.
        edges: Links in both directions, :math:`(2, E)`.
        weights: Their weights, :math:`(E,)`.
    """

    labels: NDArray[np.int64]
    folds: NDArray[np.int64]
    edges: NDArray[np.int64]
    weights: Floats


@dataclass(frozen=True)
class Opening:
    """One setting of the gate.

    Attributes:
        encoder: Whether the encoder's evidence counts.
        head: Whether the relational head's counts.
        share: How much neighbours' evidence counts.
    """

    encoder: bool
    head: bool
    share: float


@dataclass(frozen=True, repr=False)
class Gated(StaysHome):
    """Calibrated predictions of all nodes by the chosen setting and by the encoder alone."""

    logits: Floats
    without_head: Floats
    chosen: Opening
    loss: float
    loss_without_head: float


@dataclass(frozen=True, repr=False)
class _Blend(StaysHome):
    scales: Floats
    prior: Floats

    def logits(self, parts: tuple[Floats, ...]) -> Floats:
        mixed: Floats = self.prior + sum(scale * part for scale, part in zip(self.scales, parts, strict=True))
        return mixed


def open_gate(problem: GateProblem, *, encoder: Floats, head: Floats) -> Gated:
    """Choose among encoder, head and both, calibrate, and predict all nodes.

    Args:
        problem: The graph and the labels that judge; without one the encoder is believed, spread by the middle share.
        encoder: Logits of stage A by each node's own attributes, :math:`(N, K)`.
        head: Logits of stage B over all neighbours, :math:`(N, K)`.
    """
    spread = {share: _spread(problem, encoder, share=share) for share in SHARES}
    if not (problem.labels >= 0).any():
        believed = spread[SHARES[2]]
        return Gated(believed, believed, Opening(encoder=True, head=False, share=SHARES[2]), 0.0, 0.0)
    settings = [Opening(encoder=True, head=h, share=s) for h, s in product((False, True), SHARES)]
    settings.append(Opening(encoder=False, head=True, share=0.0))
    losses = {one: _held_out_loss(problem, _parts(one, spread, head)) for one in settings}
    plain = min((one for one in settings if not one.head), key=lambda one: losses[one])
    best = min((plain, *(one for one in settings if one.head)), key=lambda one: losses[one])  # ties: without the head
    return Gated(
        logits=_fitted(problem, _parts(best, spread, head)),
        without_head=_fitted(problem, _parts(plain, spread, head)),
        chosen=best,
        loss=losses[best],
        loss_without_head=losses[plain],
    )


def _spread(problem: GateProblem, encoder: Floats, *, share: float) -> Floats:
    evidence = np.asarray(log_softmax(encoder, axis=1), dtype=np.float64)
    return spread_evidence(evidence, problem.edges, weights=problem.weights, share=share, steps=STEPS)


def _parts(setting: Opening, spread: dict[float, Floats], head: Floats) -> tuple[Floats, ...]:
    encoder = (_centred(spread[setting.share]),) if setting.encoder else ()
    return (*encoder, *((_centred(head),) if setting.head else ()))


def _centred(logits: Floats) -> Floats:
    """Return logits around zero in units of their spread, so that scales of both parts compare."""
    around: Floats = logits - logits.mean(axis=1, keepdims=True)
    return around / max(float(around.std()), 1e-12)


def _held_out_loss(problem: GateProblem, parts: tuple[Floats, ...]) -> float:
    judged = problem.labels >= 0
    held_out = np.zeros(parts[0].shape)
    for fold in range(FOLDS):
        here = judged & (problem.folds == fold)
        if here.any():
            blend = _fit(parts, problem.labels, known=judged & ~here)
            held_out[here] = blend.logits(tuple(part[here] for part in parts))
    return mean_log_loss(held_out[judged], problem.labels[judged])


def _fitted(problem: GateProblem, parts: tuple[Floats, ...]) -> Floats:
    return _fit(parts, problem.labels, known=problem.labels >= 0).logits(parts)


def _fit(parts: tuple[Floats, ...], labels: NDArray[np.int64], *, known: NDArray[np.bool_]) -> _Blend:
    """Return the scales, none negative, and the prior that fit the known labels best."""
    seen, wanted = tuple(part[known] for part in parts), np.eye(parts[0].shape[1])[labels[known]]
    count = len(parts)

    def objective(flat: Floats) -> tuple[float, Floats]:
        logits = flat[count:] + sum(scale * part for scale, part in zip(flat[:count], seen, strict=True))
        wrong = softmax(logits, axis=1) - wanted
        loss = -float((wanted * log_softmax(logits, axis=1)).sum()) + _PRIOR_PENALTY * float((flat[count:] ** 2).sum())
        loss += 0.5 * float(((flat[:count] - _SCALE_START) ** 2).sum())
        scales = [float((wrong * part).sum()) for part in seen] + (flat[:count] - _SCALE_START)
        return loss, np.concatenate([scales, wrong.sum(axis=0) + 2 * _PRIOR_PENALTY * flat[count:]])

    start = np.concatenate([np.full(count, _SCALE_START), np.zeros(wanted.shape[1])])
    bounds = [(0.0, None)] * count + [(None, None)] * wanted.shape[1]
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds)
    return _Blend(scales=found.x[:count], prior=found.x[count:])
