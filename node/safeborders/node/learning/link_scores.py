"""Stage C for links: the federated scorer as prior, a local stack beside it, and a choice that may refuse the prior.

The stack is a regression and trees over all predictors, learnt from links that are hidden again; its score is the mean
of their log-odds. With the prior the regression has the federated log-odds as one more predictor, which it is free to
believe: their weight alone is hardly penalised. Which of the two serves is chosen on parts of hidden links that the
judged models did not see. Everything here may look at anything, because it stays home.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.link_trees import Trees, grow_trees
from safeborders.node.learning.regression import Floats, fit_residual
from safeborders.node.learning.scores import area_under_curve

PENALTIES = (1.0, 10.0, 100.0)
_MARGIN = 0.003
"""How much better, in area, a scorer with the prior must be to be used."""
_ENOUGH = 50
_DOUBT = 0.3
"""With fewer judged links than ``_ENOUGH`` an area is a matter of chance: how much worse the prior may then look."""
_EASY = 10.0
"""Scale of the federated log-odds among standardised columns: their weight has a hundredth of the penalty."""
_SEED = 20260101
_BLIND = 0.5
_LEAST_SPREAD = 0.02
"""So that a column that is nearly the same everywhere gets no large weight."""


@dataclass(frozen=True)
class LinkProblem:
    """Pairs of persons with known answers.

    Attributes:
        table: What the two share, and predictors for use at home only, :math:`(N, P)`.
        labels: 1 for a hidden link, 0 for a pair that is not linked, :math:`(N,)`.
        parts: Which part of the links was hidden when the pair was asked, :math:`(N,)`.
        judged: Pairs that took no part in federated training; they alone decide.
    """

    table: Floats
    labels: NDArray[np.int64]
    parts: NDArray[np.int64]
    judged: NDArray[np.bool_]


@dataclass(frozen=True, eq=False, repr=False)
class LinkScorer(StaysHome):
    """A fitted scorer of pairs; larger means more likely to belong together.

    Attributes:
        trust: What the federated log-odds count in the regression's; 0 for the local scorer.
        slopes: Of every column in the regression's log-odds, :math:`(P,)`.
        level: The regression's constant.
        trees: The trees; None where there was nothing to learn from, and the regression speaks alone.
    """

    trust: float
    slopes: Floats
    level: float
    trees: Trees | None

    @property
    def voices(self) -> int:
        """How many log-odds the score is the mean of."""
        return 1 if self.trees is None else 2

    def scores(self, table: Floats, *, federated: Floats) -> Floats:
        """Return the log-odds of each pair."""
        odds = self.trust * (federated[:, 1] - federated[:, 0]) + table @ self.slopes + self.level
        return np.asarray(odds if self.trees is None else (odds + self.trees.odds(table)) / 2)


@dataclass(frozen=True, repr=False)
class LinkScorers(StaysHome):
    """The best scorer without and with the federated model, and how they did on the judged pairs."""

    local: LinkScorer
    personalised: LinkScorer
    local_area: float
    chosen_area: float


@dataclass(frozen=True)
class _Choice:
    """One way to score: with the federated log-odds or without; without a penalty they speak alone."""

    federated: bool
    penalty: float | None


LOCAL = tuple(_Choice(federated=False, penalty=penalty) for penalty in PENALTIES)
FEDERATED = (
    _Choice(federated=True, penalty=None),
    *(_Choice(federated=True, penalty=penalty) for penalty in PENALTIES),
)


def personalise_links(problem: LinkProblem, federated: Floats) -> LinkScorers:
    """Fit the scorers and choose; the federated model must be better by ``_MARGIN`` on held-out pairs to be used.

    With fewer than ``_ENOUGH`` judged links it speaks alone unless it is worse by more than ``_DOUBT``.

    Args:
        problem: Pairs with known answers.
        federated: Logits of the released model for the same pairs, :math:`(N, 2)`.
    """
    areas = _areas(problem, federated)
    local = max(LOCAL, key=lambda choice: areas[choice])
    judged = int(problem.labels[problem.judged].sum())
    best = FEDERATED[0] if judged < _ENOUGH else max(FEDERATED, key=lambda choice: areas[choice])
    trees = grow_trees(problem.table, problem.labels, seed=_SEED)
    everything = np.ones(len(problem.labels), dtype=np.bool_)
    alone = _fit(problem, federated, choice=local, known=everything, trees=trees)
    with_prior = _fit(problem, federated, choice=best, known=everything, trees=trees)
    # With little to learn from, the federated model speaks alone unless clearly wrong; one to be turned round never.
    wanted = _MARGIN if judged >= _ENOUGH else -_DOUBT
    is_better = areas[best] >= areas[local] + wanted and with_prior.trust > 0
    return LinkScorers(
        local=alone,
        personalised=with_prior if not judged or is_better else alone,
        local_area=areas[local],
        chosen_area=areas[best] if is_better else areas[local],
    )


def _areas(problem: LinkProblem, federated: Floats) -> dict[_Choice, float]:
    """Return each choice's mean area over the two halves, each judged by models of the other."""
    found: dict[_Choice, list[float]] = {choice: [] for choice in (*LOCAL, *FEDERATED)}
    for known, here in _halves(problem):
        trees = grow_trees(problem.table[known], problem.labels[known], seed=_SEED)
        for choice, areas in found.items():
            scorer = _fit(problem, federated, choice=choice, known=known, trees=trees)
            area = area_under_curve(scorer.scores(problem.table[here], federated=federated[here]), problem.labels[here])
            areas.append(_BLIND if np.isnan(area) else area)
    return {choice: float(np.mean(areas)) if areas else _BLIND for choice, areas in found.items()}


def _halves(problem: LinkProblem) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    for half in (0, 1):
        mine = problem.parts % 2 == half
        yield ~mine, mine & problem.judged


def _fit(
    problem: LinkProblem, federated: Floats, *, choice: _Choice, known: NDArray[np.bool_], trees: Trees | None
) -> LinkScorer:
    width = problem.table.shape[1]
    if choice.penalty is None:
        return LinkScorer(trust=1.0, slopes=np.zeros(width), level=0.0, trees=None)
    believed = federated[:, 1] - federated[:, 0] if choice.federated else np.zeros(len(federated))
    rows = np.concatenate([problem.table, believed[:, None]], axis=1)[known]
    if not len(rows):
        return LinkScorer(trust=0.0, slopes=np.zeros(width), level=0.0, trees=None)
    middle, size = rows.mean(axis=0), np.maximum(rows.std(axis=0), _LEAST_SPREAD)
    size[-1] /= _EASY
    nothing = np.zeros((len(rows), 2))
    found = fit_residual((rows - middle) / size, nothing, labels=problem.labels[known], penalty=choice.penalty)
    slopes = (found.weights[:, 1] - found.weights[:, 0]) / size
    level = float(found.bias[1] - found.bias[0] - middle @ slopes)
    return LinkScorer(trust=float(slopes[-1]), slopes=slopes[:-1], level=level, trees=trees)
