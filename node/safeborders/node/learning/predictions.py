"""Stage C as a whole: a country's records and a released model make its own predictions, which stay home."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from safeborders.models.gnn.perceptron import logits_of
from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.models.protocol.plan import Task
from safeborders.node.graph.builder import CASE_EDGE, build_graph
from safeborders.node.graph.persons import PersonGraph, build_person_graph
from safeborders.node.graph.ranking import FOLD_KEY, keyed_ranks
from safeborders.node.graph.records import CASE, Records
from safeborders.node.learning.case_types import FOLDS as CASE_FOLDS
from safeborders.node.learning.case_types import CaseProblem, CaseTypes, personalise_case_types
from safeborders.node.learning.examples import case_inputs
from safeborders.node.learning.linear import linear_part
from safeborders.node.learning.link_predictions import LinkPredictions, predict_links
from safeborders.node.learning.regression import Floats


@dataclass(frozen=True)
class CasePredictions:
    """Logits of all cases by three models, what the choice looked like, and what explains it.

    ``prior`` holds the released network's weights and, in the last row, its bias.
    """

    ids: tuple[str, ...]
    labels: NDArray[np.int64]
    federated: Floats
    outcome: CaseTypes
    problem: CaseProblem
    prior: Floats


def predict_case_types(records: Records, persons: PersonGraph, *, module: nn.Module) -> CasePredictions:
    """Predict the type of every case with the local, the federated and the chosen model."""
    graph = build_graph(records, persons)
    inputs = case_inputs(records)
    federated = logits_of(module, inputs)
    problem = CaseProblem(
        inputs=inputs.astype(np.float64),
        labels=graph[CASE].y.numpy(),
        folds=_folds(records.ids.get(CASE, ()), count=CASE_FOLDS),
        edges=graph[CASE_EDGE].edge_index.numpy(),
        weights=graph[CASE_EDGE].edge_weight.numpy(),
        classes=len(CASE_TYPES),
    )
    return CasePredictions(
        ids=records.ids.get(CASE, ()),
        labels=records.case_type,
        federated=federated,
        outcome=personalise_case_types(problem, federated),
        problem=problem,
        prior=linear_part(module, width=inputs.shape[1]),
    )


def predict_all(
    records: Records, modules: Mapping[Task, nn.Module], *, examples_per_person: Mapping[Task, int]
) -> tuple[CasePredictions | None, LinkPredictions | None]:
    """Run stage C for every task that was trained."""
    persons = build_person_graph(records)
    cases = links = None
    if Task.TYPOLOGY in modules:
        cases = predict_case_types(records, persons, module=modules[Task.TYPOLOGY])
    if Task.LINKS in modules:
        limit = examples_per_person[Task.LINKS]
        links = predict_links(records, persons, module=modules[Task.LINKS], examples_per_person=limit)
    return cases, links


def _folds(identifiers: Sequence[str], *, count: int) -> NDArray[np.int64]:
    return (keyed_ranks(identifiers, key=FOLD_KEY) % np.uint64(count)).astype(np.int64)
