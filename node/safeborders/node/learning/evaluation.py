"""A file with the predictions of the three models, for judging them at home; it never enters a message."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from safeborders.kit.files import write_atomically
from safeborders.models.domain.roles import OFFENDING_ROLES
from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.node.learning.link_predictions import MODELS, LinkPredictions
from safeborders.node.learning.predictions import CasePredictions, Predictions
from safeborders.node.learning.role_predictions import RolePredictions
from safeborders.node.learning.role_reasons import is_told


def write_evaluation(path: Path, keys: Mapping[str, str], *, predictions: Predictions) -> None:
    """Write the types of unlabelled cases, the scores of candidate pairs and the roles that nobody stated to ``path``.

    Args:
        path: The file; its folder is made.
        keys: What the source files call each case and person, by our identifier.
        predictions: Of the three models.
    """
    document: dict[str, object] = {"version": 1}
    if predictions.cases is not None:
        document["cases"] = _cases(predictions.cases, keys)
    if predictions.links is not None:
        document["links"] = _links(predictions.links, keys)
    if predictions.roles is not None:
        document["roles"] = _roles(predictions.roles, keys)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(path, json.dumps(document, separators=(",", ":")).encode())


def _cases(cases: CasePredictions, keys: Mapping[str, str]) -> dict[str, object]:
    unlabelled = np.flatnonzero(cases.labels < 0)
    return {
        "ids": [keys[cases.ids[index]] for index in unlabelled],
        **_likeliest(cases, unlabelled, classes=CASE_TYPES),
    }


def _likeliest(
    said: CasePredictions | RolePredictions, rows: NDArray[np.int64], *, classes: Sequence[str]
) -> dict[str, object]:
    """Return what each model says of some rows, and which one was chosen."""
    logits = {"local": said.outcome.local, "federated": said.federated, "personalised": said.outcome.personalised}
    return {
        **{model: [classes[place] for place in logits[model][rows].argmax(axis=1)] for model in MODELS},
        "chosen": said.outcome.chosen,
    }


def _links(links: LinkPredictions, keys: Mapping[str, str]) -> dict[str, object]:
    return {
        "persons": [keys[person] for person in links.persons],
        "first": links.first.tolist(),
        "second": links.second.tolist(),
        **{model: np.round(scores, 4).tolist() for model, scores in links.scores.items()},
        "floor": links.floor,
    }


def _roles(roles: RolePredictions, keys: Mapping[str, str]) -> dict[str, object]:
    unstated = np.flatnonzero(roles.labels < 0)
    return {
        "persons": [keys[roles.persons[index]] for index in unstated],
        "cases": [keys[roles.cases[index]] for index in unstated],
        "told": is_told(roles)[unstated].tolist(),
        **_likeliest(roles, unstated, classes=OFFENDING_ROLES),
    }
