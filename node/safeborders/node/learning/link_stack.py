"""Stage C for a network of ties: trees over topological predictors, and a federated scorer that they may refuse.

The trees learn, at home, from links that are hidden again; large leaves keep them from learning a small network by
heart. The federated scorer, trained with privacy on other networks, enters as an offset whose weight is chosen on
hidden-again links of draws that the trees did not see; zero, the local-only stack, wins ties.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit
from sklearn.ensemble import ExtraTreesClassifier

from safeborders.node.graph.ties import Ties, tie_predictors
from safeborders.node.graph.topology import Ends, Floats
from safeborders.node.learning.hiding import Hidden, hide
from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.scores import area_under_curve
from safeborders.node.learning.topology_prior import TopologyPrior

DRAWS = 10
"""How often links are hidden again; even, for two halves judge each other."""
NEGATIVES_PER_POSITIVE = 5
"""Of each kind: near misses and strangers."""
WEIGHTS = (0.0, 0.5, 1.0, 2.0)
"""Of the federated log-odds beside the trees'."""
TREES = 300
_LEAF = 10
_CERTAIN = 1e-3
_MARGIN = 0.005
"""How much better, in area, a weight must be than local-only to be believed."""


@dataclass(frozen=True, eq=False, repr=False)
class Examples(StaysHome):
    """Pairs with known answers over one draw's observed network.

    Attributes:
        predictors: Shape (P, F).
        prior: Federated log-odds, zero without a prior. Shape (P,).
        labels: 1 for a hidden link. Shape (P,).
    """

    predictors: Floats
    prior: Floats
    labels: NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class LinkStack(StaysHome):
    """A fitted scorer of unlinked pairs of one network; it stays home."""

    ties: Ties
    trees: ExtraTreesClassifier | None
    prior: TopologyPrior | None
    weight: float
    local_area: float
    chosen_area: float

    def scores(self, ends: Ends) -> Floats:
        """Return log-odds up to a constant: larger means more likely linked. The pairs must not be linked."""
        if not len(ends[0]):
            return np.zeros(0)
        weighed = self.weight * _prior_odds(self.prior, self.ties, ends)
        return weighed if self.trees is None else weighed + _tree_odds(self.trees, tie_predictors(self.ties, ends))


def fit_link_stack(ties: Ties, prior: TopologyPrior | None = None, *, seed: int) -> LinkStack:
    """Fit the stack on ``ties`` and choose how much ``prior`` counts.

    Args:
        ties: The observed network; the pairs to be scored later are not in it.
        prior: The federated scorer; None is local-only.
        seed: Of the draws and the trees, so that an analyst gets the same leads twice.
    """
    generator = np.random.default_rng(seed)
    draws = [_examples(hide(ties, generator), prior, generator=generator) for _ in range(DRAWS)]
    if not all(0 < draw.labels.sum() < len(draw.labels) for draw in draws):
        return LinkStack(ties, None, prior, weight=1.0, local_area=0.5, chosen_area=0.5)  # too little to learn from
    areas = _areas(draws, seed=seed) if prior is not None else {0.0: 0.5}
    best = max(areas, key=lambda weight: (areas[weight], -weight))
    if areas[best] < areas[0.0] + _MARGIN:
        best = 0.0
    trees = _grown(draws, seed=seed)
    return LinkStack(ties, trees, prior, weight=best, local_area=areas[0.0], chosen_area=areas[best])


def _examples(hidden: Hidden, prior: TopologyPrior | None, *, generator: np.random.Generator) -> Examples:
    wanted = NEGATIVES_PER_POSITIVE * len(hidden.positives)
    drawn = [generator.permutation(pairs)[:wanted] for pairs in (hidden.near, hidden.strangers)]
    pairs = np.concatenate([hidden.positives, *drawn])
    ends = pairs[:, 0], pairs[:, 1]
    return Examples(
        predictors=tie_predictors(hidden.observed, ends),
        prior=_prior_odds(prior, hidden.observed, ends),
        labels=(np.arange(len(pairs)) < len(hidden.positives)).astype(np.int64),
    )


def _areas(draws: Sequence[Examples], *, seed: int) -> dict[float, float]:
    """Return the mean area of each weight on draws that the trees did not see."""
    found: dict[float, list[float]] = {weight: [] for weight in WEIGHTS}
    halves = draws[: DRAWS // 2], draws[DRAWS // 2 :]
    for seen, unseen in (halves, halves[::-1]):
        trees = _grown(seen, seed=seed)
        for draw in unseen:
            odds = _tree_odds(trees, draw.predictors)
            for weight in WEIGHTS:
                found[weight].append(area_under_curve(odds + weight * draw.prior, draw.labels))
    return {weight: float(np.mean(areas)) for weight, areas in found.items()}


def _grown(draws: Sequence[Examples], *, seed: int) -> ExtraTreesClassifier:
    trees = ExtraTreesClassifier(TREES, min_samples_leaf=_LEAF, random_state=seed, n_jobs=1)
    trees.fit(np.concatenate([draw.predictors for draw in draws]), np.concatenate([draw.labels for draw in draws]))
    return trees


def _tree_odds(trees: ExtraTreesClassifier, predictors: Floats) -> Floats:
    chances = trees.predict_proba(predictors)[:, 1]
    return np.asarray(logit(np.clip(chances, _CERTAIN, 1 - _CERTAIN)))


def _prior_odds(prior: TopologyPrior | None, ties: Ties, ends: Ends) -> Floats:
    return np.zeros(len(ends[0])) if prior is None else prior.odds(ties.network, ends)
