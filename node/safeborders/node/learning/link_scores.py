"""Stage C for links: the federated scorer as prior, a local stack beside it, and a choice that may refuse the prior.

The stack is two regressions and two forests, learnt from links that are hidden again; its score is a mean of their
log-odds, in which the forests count half unless held-out pairs clearly say otherwise. The prior's log-odds count as
much as some links would: much where a country has few of its own, next to nothing where it has many. Whether they
count at all is decided on pairs that the judged models did not see. Everything here may look at anything, because it
stays home (decisions 0195 and 0196).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.link_trees import Trees, grow_trees
from safeborders.node.learning.regression import Floats, fit_residual
from safeborders.node.learning.scores import area_under_curve

LIGHT, HEAVY = 1.0, 100.0
"""Penalties of the regression over the plain columns, as published, and of the one over all of them. With fewer links
than ``_ENOUGH`` the first learns by heart and keeps silent."""
WORTH = 20.0
"""How many links of its own the released scorer is worth to a country."""
_ENOUGH = 50
_DOUBT = 0.5
"""With fewer judged links than ``_ENOUGH`` a score with the prior may look worse by the prior's part in it times this
over the root of their number, which is about the standard error of an area."""
SHARES = (0.5, 0.3, 0.7, 0.1, 0.9)
"""What the forests may count in the stack."""
_CAUTION = 0.05
"""By how much in area another share must be better for each unit that it is away from half: an area from few links is
partly luck."""
_SEED = 20260101
_BLIND = 0.5
_LEAST_SPREAD = 0.02
"""So that a column that is nearly the same everywhere gets no large weight."""
_MIX = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class LinkProblem:
    """Pairs of persons with known answers.

    Attributes:
        table: What the two share, and predictors for use at home only, :math:`(N, P)`.
        plain: Places of the columns that every network has.
        labels: 1 for a hidden link, 0 for a pair that is not linked, :math:`(N,)`.
        codes: Which pair it is, :math:`(N,)`: nobody is judged by a model that knows the same pair from another turn.
        judged: Pairs that took no part in federated training; they alone decide.
        turns: How often each link is asked for.
    """

    table: Floats
    plain: NDArray[np.int64]
    labels: NDArray[np.int64]
    codes: NDArray[np.int64]
    judged: NDArray[np.bool_]
    turns: int = 1

    def count_links(self, *, judged: bool = False) -> int:
        """Return how many links are asked for, each once."""
        answers = self.labels[self.judged] if judged else self.labels
        return int(answers.sum()) // self.turns


@dataclass(frozen=True, eq=False, repr=False)
class LinkScorer(StaysHome):
    """A fitted scorer of pairs; larger means more likely to belong together.

    Attributes:
        trust: What the federated log-odds count in the score; 0 for the local scorer.
        slopes: What every column counts through the regressions, :math:`(P,)`.
        level: Their constant.
        trees: Forests; none where there was nothing to learn from, and the regressions speak alone.
        weight: What each forest's log-odds count in the score.
    """

    trust: float
    slopes: Floats
    level: float
    trees: tuple[Trees, ...] = ()
    weight: float = 0.0

    def scores(self, table: Floats, *, federated: Floats) -> Floats:
        """Return the log-odds of each pair."""
        odds = self.trust * (federated[:, 1] - federated[:, 0]) + table @ self.slopes + self.level
        for forest in self.trees:
            odds = odds + self.weight * forest.odds(table)
        return np.asarray(odds)


@dataclass(frozen=True, repr=False)
class LinkScorers(StaysHome):
    """The local scorer, the one that serves, and how they did on the judged pairs."""

    local: LinkScorer
    personalised: LinkScorer
    local_area: float
    chosen_area: float


@dataclass(frozen=True, eq=False, repr=False)
class _Stack(StaysHome):
    """The local stack before anything is weighed: the mean regression, and the forests."""

    slopes: Floats
    level: float
    trees: tuple[Trees, ...] = ()

    def odds(self, table: Floats) -> tuple[Floats, Floats]:
        """Return the log-odds of the regressions and of the forests; the former twice where no forest is."""
        regressed = np.asarray(table @ self.slopes + self.level)
        forests = [forest.odds(table) for forest in self.trees]
        return regressed, np.mean(forests, axis=0) if forests else regressed

    def scorer(self, *, share: float, part: float) -> LinkScorer:
        """Return the scorer in which the forests count ``share`` of the stack and the prior ``part`` of the whole."""
        forests = share if self.trees else 0.0
        regressions = (1 - part) * (1 - forests)
        return LinkScorer(
            trust=part,
            slopes=regressions * self.slopes,
            level=regressions * self.level,
            trees=self.trees,
            weight=(1 - part) * forests / max(len(self.trees), 1),
        )


def personalise_links(problem: LinkProblem, federated: Floats) -> LinkScorers:
    """Fit the local stack, add the federated model, and use it so unless that is worse on held-out pairs.

    Args:
        problem: Pairs with known answers.
        federated: Logits of the released model for the same pairs, :math:`(N, 2)`.
    """
    judged = problem.count_links(judged=True)
    part = WORTH / (WORTH + problem.count_links())
    without, with_prior = _areas(problem, federated, part=part)
    best = int(np.argmax(without - _CAUTION * np.abs(np.array(SHARES) - SHARES[0])))
    doubt = part * _DOUBT / np.sqrt(max(judged, 1)) if judged < _ENOUGH else 0.0
    is_believed = bool(with_prior[best] >= without[best] - doubt)
    stack = _fit(problem, np.ones(len(problem.labels), dtype=np.bool_))
    return LinkScorers(
        local=stack.scorer(share=SHARES[best], part=0.0),
        personalised=stack.scorer(share=SHARES[best], part=part if is_believed else 0.0),
        local_area=float(without[best]),
        chosen_area=float((with_prior if is_believed else without)[best]),
    )


def _areas(problem: LinkProblem, federated: Floats, *, part: float) -> tuple[Floats, Floats]:
    """Return the areas without and with the prior for each of ``SHARES``, means over two halves.

    Each half is judged by models of the other.
    """
    prior = federated[:, 1] - federated[:, 0]
    found = []
    for known, here in _halves(problem):
        regressed, forests = _fit(problem, known).odds(problem.table[here])
        stacks = [(1 - share) * regressed + share * forests for share in SHARES]
        scores = (stacks, [(1 - part) * stack + part * prior[here] for stack in stacks])
        found.append([[area_under_curve(one, problem.labels[here]) for one in ones] for ones in scores])
    without, with_prior = np.nan_to_num(np.array(found), nan=_BLIND).mean(axis=0)
    return without, with_prior


def _halves(problem: LinkProblem) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    sides = (problem.codes.astype(np.uint64) * _MIX) >> np.uint64(63)
    for half in (0, 1):
        mine = sides == half
        yield ~mine, mine & problem.judged


def _fit(problem: LinkProblem, known: NDArray[np.bool_]) -> _Stack:
    """Return the local stack, learnt from the known rows."""
    width = problem.table.shape[1]
    table, labels = problem.table[known], problem.labels[known]
    if not len(labels):
        return _Stack(slopes=np.zeros(width), level=0.0)
    voices = [(np.arange(width), HEAVY)]
    if problem.count_links() >= _ENOUGH:
        voices.append((problem.plain, LIGHT))
    fitted = [_regress(table, labels, columns=columns, penalty=penalty * problem.turns) for columns, penalty in voices]
    return _Stack(
        slopes=np.mean([slopes for slopes, _ in fitted], axis=0),
        level=float(np.mean([level for _, level in fitted])),
        trees=grow_trees(table, labels, turns=problem.turns, seed=_SEED),
    )


def _regress(
    table: Floats, labels: NDArray[np.int64], *, columns: NDArray[np.int64], penalty: float
) -> tuple[Floats, float]:
    """Return slopes of all columns, zero but for the chosen ones, and the constant."""
    chosen = table[:, columns]
    middle, size = chosen.mean(axis=0), np.maximum(chosen.std(axis=0), _LEAST_SPREAD)
    found = fit_residual((chosen - middle) / size, np.zeros((len(chosen), 2)), labels=labels, penalty=penalty)
    slopes = np.zeros(table.shape[1])
    slopes[columns] = (found.weights[:, 1] - found.weights[:, 0]) / size
    return slopes, float(found.bias[1] - found.bias[0] - middle @ slopes[columns])
