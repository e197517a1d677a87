"""Stage C for links: the federated scorer as prior, a local stack of predictors, and a choice that may refuse them.

Everything here may look at anything, because it stays home.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.regression import Floats, Residual, fit_residual
from safeborders.node.learning.scores import area_under_curve

FOLDS = 3
PENALTIES = (1.0, 10.0)
MOST_PAIRS = 6000
"""A stack of some twenty predictors gains nothing from more pairs; the first ones of each kind are taken."""


@dataclass(frozen=True)
class LinkProblem:
    """Pairs of persons with known answers.

    Attributes:
        inputs: Inputs of the federated model, :math:`(N, F)`.
        predictors: Predictors for use at home only, :math:`(N, P)`.
        labels: 1 for a recorded link, 0 for none, :math:`(N,)`.
        folds: In which of ``FOLDS`` parts each pair is, by a public keyed hash.
        judged: Pairs that took no part in federated training; they alone decide.
    """

    inputs: Floats
    predictors: Floats
    labels: NDArray[np.int64]
    folds: NDArray[np.int64]
    judged: NDArray[np.bool_]


@dataclass(frozen=True, repr=False)
class LinkScorer(StaysHome):
    """A fitted scorer of pairs; larger means more likely to belong together."""

    federated: bool
    residual: Residual

    def scores(self, inputs: Floats, predictors: Floats, *, federated: Floats) -> Floats:
        """Return the log-odds of each pair."""
        offsets = federated if self.federated else np.zeros_like(federated)
        logits = self.residual.logits(np.concatenate([inputs, predictors], axis=1), offsets)
        odds: Floats = logits[:, 1] - logits[:, 0]
        return odds


@dataclass(frozen=True, repr=False)
class LinkScorers(StaysHome):
    """The best scorer without and with the federated model, and how they did on the judged pairs."""

    local: LinkScorer
    personalised: LinkScorer
    local_area: float
    chosen_area: float


def personalise_links(problem: LinkProblem, federated: Floats) -> LinkScorers:
    """Fit the scorers and choose; the federated model must be strictly better on held-out pairs to be used.

    Args:
        problem: Pairs with known answers.
        federated: Logits of the released model for the same pairs, :math:`(N, 2)`.
    """
    areas = {
        (uses, penalty): _held_out_area(problem, federated, uses=uses, penalty=penalty)
        for uses in (False, True)
        for penalty in PENALTIES
    }
    if not problem.judged.any():
        areas[True, PENALTIES[-1]] = 0.5 + 1e-9  # nothing to judge by: believe the federated model
    local = max(((False, penalty) for penalty in PENALTIES), key=lambda choice: areas[choice])
    best = max((local, *((True, penalty) for penalty in PENALTIES)), key=lambda choice: areas[choice])
    everything = np.ones(len(problem.labels), dtype=np.bool_)
    return LinkScorers(
        local=_fit(problem, federated, choice=local, known=everything),
        personalised=_fit(problem, federated, choice=best, known=everything),
        local_area=areas[local],
        chosen_area=areas[best],
    )


def _held_out_area(problem: LinkProblem, federated: Floats, *, uses: bool, penalty: float) -> float:
    scores = np.zeros(len(problem.labels))
    for fold in range(FOLDS):
        here = problem.judged & (problem.folds == fold)
        if here.any():
            scorer = _fit(problem, federated, choice=(uses, penalty), known=problem.folds != fold)
            scores[here] = scorer.scores(problem.inputs[here], problem.predictors[here], federated=federated[here])
    area = area_under_curve(scores[problem.judged], problem.labels[problem.judged])
    return 0.5 if np.isnan(area) else area


def _fit(
    problem: LinkProblem, federated: Floats, *, choice: tuple[bool, float], known: NDArray[np.bool_]
) -> LinkScorer:
    uses, penalty = choice
    rows = np.concatenate([problem.inputs, problem.predictors], axis=1)[known]
    offsets = federated[known] if uses else np.zeros_like(federated[known])
    return LinkScorer(uses, fit_residual(rows, offsets, labels=problem.labels[known], penalty=penalty))
