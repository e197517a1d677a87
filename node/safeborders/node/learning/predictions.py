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
from safeborders.node.graph.pairs import candidate_pairs, contains, pair_inputs
from safeborders.node.graph.persons import PersonGraph, build_person_graph
from safeborders.node.graph.predictors import adamic_adar, predictors
from safeborders.node.graph.ranking import FOLD_KEY, keyed_ranks, pair_identifiers
from safeborders.node.graph.records import CASE, PERSON, Records
from safeborders.node.learning.case_types import FOLDS as CASE_FOLDS
from safeborders.node.learning.case_types import CaseProblem, CaseTypes, personalise_case_types
from safeborders.node.learning.examples import build_pair_examples, case_inputs
from safeborders.node.learning.link_scores import FOLDS as PAIR_FOLDS
from safeborders.node.learning.link_scores import MOST_PAIRS, LinkProblem, LinkScorers, personalise_links
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


@dataclass(frozen=True)
class LinkPredictions:
    """Scores of all pairs that have something in common and are not recorded as linked.

    ``baseline`` is Adamic and Adar's index; ``floor`` holds each model's score of a pair with nothing in common;
    ``home`` are the predictors for use at home, ``prior`` the released network's weights and, last, its bias.
    """

    persons: tuple[str, ...]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    inputs: NDArray[np.float32]
    scores: Mapping[str, Floats]
    home: Floats
    prior: Floats
    floor: Mapping[str, float]
    recorded: int
    outcome: LinkScorers


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


def predict_links(
    records: Records, persons: PersonGraph, *, module: nn.Module, examples_per_person: int
) -> LinkPredictions:
    """Score every unlinked pair that has something in common with the local, the federated and the chosen model."""
    known = build_pair_examples(records, persons)
    used = np.sort(np.argsort(known.examples.ranks, kind="stable")[:MOST_PAIRS])
    examples, ends = known.examples, (known.first[used], known.second[used])
    names = records.ids.get(PERSON, ())
    problem = LinkProblem(
        inputs=examples.inputs[used].astype(np.float64),
        predictors=predictors(persons, ends),
        labels=examples.labels[used],
        folds=_folds(
            pair_identifiers([names[index] for index in ends[0]], [names[index] for index in ends[1]]), count=PAIR_FOLDS
        ),
        judged=~examples.curated(limit=examples_per_person)[used],
    )
    outcome = personalise_links(problem, logits_of(module, examples.inputs[used]))
    first, second = candidate_pairs(persons)
    free = ~contains(persons.associates, (first, second))
    pairs = (first[free], second[free])
    inputs = pair_inputs(persons, pairs).inputs
    home = predictors(persons, pairs)
    scores = _scores(outcome, module, inputs=inputs, home=home)
    scores["baseline"] = adamic_adar(persons, pairs)
    nothing = np.zeros((1, inputs.shape[1]), dtype=np.float32)
    floor = _scores(outcome, module, inputs=nothing, home=np.zeros((1, problem.predictors.shape[1])))
    return LinkPredictions(
        persons=names,
        first=pairs[0],
        second=pairs[1],
        inputs=inputs,
        scores=scores,
        home=home,
        prior=linear_part(module, width=inputs.shape[1]),
        floor={**{name: float(score[0]) for name, score in floor.items()}, "baseline": 0.0},
        recorded=int(examples.labels.sum()),
        outcome=outcome,
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


def linear_part(module: nn.Module, *, width: int) -> Floats:
    """Return the weights of a linear network and its bias in the last row, :math:`(F + 1, K)`."""
    bias = logits_of(module, np.zeros((1, width), dtype=np.float32))
    return np.concatenate([logits_of(module, np.eye(width, dtype=np.float32)) - bias, bias])


def _scores(
    outcome: LinkScorers, module: nn.Module, *, inputs: NDArray[np.float32], home: NDArray[np.float64]
) -> dict[str, Floats]:
    federated = logits_of(module, inputs)
    wide = inputs.astype(np.float64)
    return {
        "local": outcome.local.scores(wide, home, federated=federated),
        "federated": federated[:, 1] - federated[:, 0],
        "personalised": outcome.personalised.scores(wide, home, federated=federated),
    }


def _folds(identifiers: Sequence[str], *, count: int) -> NDArray[np.int64]:
    return (keyed_ranks(identifiers, key=FOLD_KEY) % np.uint64(count)).astype(np.int64)
