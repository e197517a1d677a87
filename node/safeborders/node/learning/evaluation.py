"""A file with the predictions of the three models, for judging them at home; it never enters a message."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from safeborders.kit.files import write_atomically
from safeborders.models.domain.roles import OFFENDING_ROLES
from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.node.learning.link_predictions import MODELS, LinkPredictions
from safeborders.node.learning.predictions import CasePredictions, Predictions
from safeborders.node.learning.role_predictions import RolePredictions
from safeborders.node.learning.role_reasons import role_hypotheses


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


def _roles(roles: RolePredictions, keys: Mapping[str, str]) -> dict[str, object]:
    open_ones = np.flatnonzero(roles.labels < 0)
    logits = {
        "local": roles.outcome.local,
        "federated": roles.federated,
        "personalised": roles.outcome.personalised,
    }
    told = {(one.person_id, one.case_id) for one in role_hypotheses(roles)}
    return {
        "persons": [keys[roles.persons[index]] for index in open_ones],
        "cases": [keys[roles.cases[index]] for index in open_ones],
        **{model: [OFFENDING_ROLES[place] for place in logits[model][open_ones].argmax(axis=1)] for model in MODELS},
        "told": [(roles.persons[index], roles.cases[index]) in told for index in open_ones],
        "chosen": roles.outcome.chosen,
    }
