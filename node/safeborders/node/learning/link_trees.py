"""Trees over what two persons share, for use at home, with the share of each input in what they say.

Large leaves keep them from learning a small network by heart. The chance that a tree gives moves at each of its nodes;
the moves along a pair's way, put to the input that the node asked for, add up to the chance (Saabas 2014).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import expit, logit
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.regression import Floats

TREES = 100
LEAF = 10
"""Of extremely randomised trees, which ask anything anywhere."""
SEARCHED_TREES, SEARCHED_LEAF, SEARCHED_ROWS = 80, 6, 0.3
"""Of a random forest, which searches for the best question; each tree sees three tenths of the pairs."""
_CERTAIN = 1e-3
_CLOSE = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class Trees(StaysHome):
    """A forest of one kind, its log-odds cut at one in a thousand.

    Attributes:
        forest: The trees.
        asked: Columns that they know: those that were not the same everywhere, which would only take others' turns.
    """

    forest: ExtraTreesClassifier | RandomForestClassifier
    asked: NDArray[np.int64]

    def odds(self, table: Floats) -> Floats:
        """Return the log-odds of each row."""
        return _log_odds(self._chances(table))

    @property
    def usual(self) -> float:
        """Log-odds before anything is asked: the share of links among all pairs that the trees learnt from."""
        return float(_log_odds(np.mean([tree.tree_.value[0, 0, 1] for tree in self.forest.estimators_])))

    def shares(self, table: Floats) -> Floats:
        """Return what each column adds to each row's log-odds; they add up to ``odds`` less ``usual``. Shape (N, F)."""
        rows = table[:, self.asked].astype(np.float32)
        moved = np.zeros(rows.shape)
        for tree in self.forest.estimators_:
            nodes = tree.tree_
            steps = np.zeros((nodes.node_count, rows.shape[1]))
            asking = np.flatnonzero(nodes.children_left >= 0)
            for below in (nodes.children_left[asking], nodes.children_right[asking]):
                steps[below, nodes.feature[asking]] = nodes.value[below, 0, 1] - nodes.value[asking, 0, 1]
            moved += csr_array(nodes.decision_path(rows)) @ steps
        moved /= len(self.forest.estimators_)
        shares = np.zeros(table.shape)
        shares[:, self.asked] = moved * self._stretch(moved.sum(axis=1))[:, None]
        return shares

    def _stretch(self, moves: Floats) -> Floats:
        """Return by how much a move of the chance counts in log-odds, for each row."""
        start = expit(self.usual)
        odds = _log_odds(start + moves) - self.usual
        return np.asarray(np.where(np.abs(moves) < _CLOSE, 0.0, odds / np.where(moves == 0, 1.0, moves)))

    def _chances(self, table: Floats) -> Floats:
        return np.asarray(self.forest.predict_proba(table[:, self.asked])[:, 1], dtype=np.float64)


def grow_trees(table: Floats, labels: NDArray[np.int64], *, turns: int, seed: int) -> tuple[Trees, ...]:
    """Return two forests, extremely randomised (Geurts, Ernst and Wehenkel 2006) and random (Breiman 2001).

    Args:
        table: Pairs with known answers.
        labels: The answers.
        turns: How often a link is among them. Leaves grow with its root: the same link says little new again.
        seed: Of the trees.

    Returns:
        None of them where there is not one row of each kind, or nothing to ask for.
    """
    asked = np.flatnonzero(np.ptp(table, axis=0) > 0) if len(table) else np.zeros(0, dtype=np.int64)
    if not 0 < labels.sum() < len(labels) or not len(asked):
        return ()
    larger = np.sqrt(turns)
    forests = (
        ExtraTreesClassifier(TREES, min_samples_leaf=round(LEAF * larger), random_state=seed, n_jobs=1),
        RandomForestClassifier(
            SEARCHED_TREES,
            min_samples_leaf=round(SEARCHED_LEAF * larger),
            max_samples=int(np.ceil(SEARCHED_ROWS * len(table))),
            random_state=seed,
            n_jobs=1,
        ),
    )
    return tuple(Trees(forest.fit(table[:, asked], labels), asked) for forest in forests)


def _log_odds(chances: Floats | np.floating | float) -> Floats:
    return np.asarray(logit(np.clip(chances, _CERTAIN, 1 - _CERTAIN)), dtype=np.float64)
