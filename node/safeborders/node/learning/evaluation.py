"""A file with the predictions of the three models, for judging them at home; it never enters a message."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from safeborders.kit.files import write_atomically
from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.node.learning.link_predictions import MODELS, LinkPredictions
from safeborders.node.learning.predictions import CasePredictions


def write_evaluation(
    path: Path, keys: Mapping[str, str], *, cases: CasePredictions | None, links: LinkPredictions | None
) -> None:
    """Write the types of all unlabelled cases and the scores of all candidate pairs to ``path``.

    Args:
        path: The file; its folder is made.
        keys: What the source files call each case and person, by our identifier.
        cases: Predictions for cases.
        links: Scores of pairs.
    """
    document: dict[str, object] = {"version": 1}
    if cases is not None:
        document["cases"] = _cases(cases, keys)
    if links is not None:
        document["links"] = _links(links, keys)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(path, json.dumps(document, separators=(",", ":")).encode())


def _cases(cases: CasePredictions, keys: Mapping[str, str]) -> dict[str, object]:
    unlabelled = np.flatnonzero(cases.labels < 0)
    logits = {
        "local": cases.outcome.local,
        "federated": cases.federated,
        "personalised": cases.outcome.personalised,
    }
    return {
        "ids": [keys[cases.ids[index]] for index in unlabelled],
        **{model: [CASE_TYPES[place] for place in logits[model][unlabelled].argmax(axis=1)] for model in MODELS},
        "chosen": cases.outcome.chosen,
    }


def _links(links: LinkPredictions, keys: Mapping[str, str]) -> dict[str, object]:
    return {
        "persons": [keys[person] for person in links.persons],
        "first": links.first.tolist(),
        "second": links.second.tolist(),
        **{model: np.round(scores, 4).tolist() for model, scores in links.scores.items()},
        "floor": links.floor,
    }
