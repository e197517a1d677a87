"""The bound that federation is measured against: all countries' records pooled, without privacy.

Nobody may do this with real records. The same linear models are fitted to convergence on the examples of all countries,
and every country then applies them to its own graph as it would a released model, but without the caution that keeps a
country near its own guess (docs/decisions/0206, 0207): a bound shows all that pooling is worth.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from safeborders.models.architecture import Architecture
from safeborders.models.defaults import ARCHITECTURE
from safeborders.models.domain.countries import Country
from safeborders.models.gnn.networks import build_networks
from safeborders.models.protocol.plan import Task
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.graph.records import Records
from safeborders.node.learning.home_model import HomeModel
from safeborders.node.learning.predictions import Predictions, predict_all
from safeborders.node.learning.regression import fit_residual
from safeborders.node.learning.training_parts import task_examples

PENALTY = 1.0
POOLED = ARCHITECTURE
"""All tasks, whatever a run trains: the bound is the same beside every plan."""


def fit_pooled_model(
    countries: Mapping[Country, Records], *, architecture: Architecture = POOLED
) -> NDArray[np.float32]:
    """Return the flat model that fits the pooled examples of all countries best.

    Raises:
        ValueError: If the architecture is not linear.
    """
    if any(len(task.widths) != 2 for task in architecture.tasks):
        raise ValueError("architecture must be linear.")
    parts = []
    for task in architecture.tasks:
        examples = [
            task_examples(records, build_person_graph(records), task=task.task) for records in countries.values()
        ]
        inputs = np.concatenate([one.inputs for one in examples]).astype(np.float64)
        labels = np.concatenate([one.labels for one in examples])
        fitted = fit_residual(inputs, np.zeros((len(labels), task.widths[-1])), labels=labels, penalty=PENALTY)
        parts += [fitted.weights.T.ravel(), fitted.bias]
    return np.concatenate(parts).astype(np.float32)


def predict_pooled(records: Records, model: NDArray[np.float32], *, architecture: Architecture = POOLED) -> Predictions:
    """Apply a pooled model to one country; its ``personalised`` predictions are the bound."""
    networks = build_networks(architecture, model)
    said = predict_all(records, networks, examples_per_person=dict.fromkeys(Task, 1))
    cases, roles = said.cases, said.roles
    return replace(
        said,
        cases=None if cases is None else replace(cases, outcome=_incautious(cases.outcome)),
        roles=None if roles is None else replace(roles, outcome=_incautious(roles.outcome)),
    )


def _incautious(outcome: HomeModel) -> HomeModel:
    """Return what the chosen candidates say before the own guess counts more or stands."""
    return replace(
        outcome,
        personalised=outcome.personalised - outcome.own_guess,
        own_guess=np.zeros_like(outcome.own_guess),
    )
