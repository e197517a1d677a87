"""The published stack: logistic regression and a random forest over topological predictors (Ghasemian et al., 2020).

Both learn from links hidden again from the observed network, ten times, less often where links abound. Ours asks the
links of a small network in four turns of ten parts; the stack gains little from as many (decision 0195).
"""

import numpy as np
from scipy.special import logit
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from safeborders.node.graph.ties import Ties
from safeborders.node.graph.topology import PUBLISHED, Ends, Floats, topological_predictors
from safeborders.node.learning.hiding import HIDDEN_SHARE, hide
from safeborders.node.learning.known_links import ENOUGH, FEWEST_PARTS

DRAWS = 10
NEGATIVES_PER_POSITIVE = 5
"""Of each kind: near misses and strangers."""


def stack_scores(observed: Ties, ends: Ends, *, seed: int) -> dict[str, Floats]:
    """Return the scores of ``stack_lr`` and ``stack_rf`` for unlinked pairs."""
    generator = np.random.default_rng(seed)
    rows: list[Floats] = []
    labels: list[Floats] = []
    draws = int(np.clip(ENOUGH // max(1, round(HIDDEN_SHARE * len(np.unique(observed.codes)))), FEWEST_PARTS, DRAWS))
    for _ in range(draws):
        hidden = hide(observed, generator)
        wanted = NEGATIVES_PER_POSITIVE * len(hidden.positives)
        drawn = [generator.permutation(pairs)[:wanted] for pairs in (hidden.near, hidden.strangers)]
        pairs = np.concatenate([hidden.positives, *drawn])
        rows.append(topological_predictors(hidden.observed.network, (pairs[:, 0], pairs[:, 1]), names=PUBLISHED))
        labels.append((np.arange(len(pairs)) < len(hidden.positives)).astype(np.float64))
    inputs, wanted_labels = np.concatenate(rows), np.concatenate(labels)
    asked = topological_predictors(observed.network, ends, names=PUBLISHED)
    models = {
        "stack_lr": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "stack_rf": RandomForestClassifier(300, min_samples_leaf=3, random_state=seed, n_jobs=1),
    }
    return {
        name: np.asarray(logit(np.clip(model.fit(inputs, wanted_labels).predict_proba(asked)[:, 1], 1e-4, 1 - 1e-4)))
        for name, model in models.items()
    }
