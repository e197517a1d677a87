"""Stage C as a whole: a country's records and a released model make its own predictions, which stay home."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from safeborders.models.gnn.networks import Networks
from safeborders.models.gnn.perceptron import logits_of
from safeborders.models.gnn.rooted import whole_logits
from safeborders.models.gnn.speech import prepare_network
from safeborders.models.graph.indicators import CASE_TYPES, INDICATORS
from safeborders.models.protocol.plan import Stage, Task
from safeborders.node.graph.builder import CASE_EDGE, build_graph
from safeborders.node.graph.case_relations import case_relations, whole_case_graph
from safeborders.node.graph.pairs import candidate_pairs, contains, pair_inputs
from safeborders.node.graph.persons import PersonGraph, build_person_graph
from safeborders.node.graph.predictors import adamic_adar, predictors
from safeborders.node.graph.ranking import FOLD_KEY, keyed_ranks, pair_identifiers
from safeborders.node.graph.records import CASE, PERSON, Records
from safeborders.node.learning.case_types import FOLDS as CASE_FOLDS
from safeborders.node.learning.case_types import CaseProblem, CaseTypes, Prior, ReleasedLogits, personalise_case_types
from safeborders.node.learning.examples import build_pair_examples, case_inputs
from safeborders.node.learning.link_scores import FOLDS as PAIR_FOLDS
from safeborders.node.learning.link_scores import MOST_PAIRS, LinkProblem, LinkScorers, personalise_links
from safeborders.node.learning.regression import Floats


@dataclass(frozen=True)
class CasePredictions:
    """Logits of all cases by three models, what the choice looked like, and what explains it."""

    ids: tuple[str, ...]
    labels: NDArray[np.int64]
    federated: Floats
    outcome: CaseTypes
    problem: CaseProblem
    prior: Prior


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


def predict_case_types(records: Records, persons: PersonGraph, *, networks: Networks) -> CasePredictions:
    """Predict the type of every case with the local, the federated and the chosen model."""
    graph = build_graph(records, persons)
    inputs = case_inputs(records)
    released = released_case_logits(records, persons, networks=networks)
    problem = CaseProblem(
        inputs=inputs.astype(np.float64),
        labels=graph[CASE].y.numpy(),
        folds=_folds(records.ids.get(CASE, ()), count=CASE_FOLDS),
        edges=graph[CASE_EDGE].edge_index.numpy(),
        weights=graph[CASE_EDGE].edge_weight.numpy(),
        classes=len(CASE_TYPES),
    )
    encoder = networks.find(Task.TYPOLOGY, Stage.ENCODER)
    outcome = personalise_case_types(problem, released)
    return CasePredictions(
        ids=records.ids.get(CASE, ()),
        labels=records.case_type,
        federated=released.gated(1.0),
        outcome=outcome,
        problem=problem,
        prior=_prior(released, outcome, encoder=None if encoder is None else encoder[1]),
    )


def _prior(released: ReleasedLogits, outcome: CaseTypes, *, encoder: nn.Module | None) -> Prior:
    """Return what explains the released logits: an encoder's weights and the gated head, or one opaque part."""
    if encoder is None:
        return Prior(linear=np.zeros((len(INDICATORS) + 1, len(CASE_TYPES))), heard=released.own)
    gate = outcome.parts.gate
    return Prior(linear=linear_part(encoder, width=len(INDICATORS)), heard=released.gated(gate) - released.own)


def released_case_logits(records: Records, persons: PersonGraph, *, networks: Networks) -> ReleasedLogits:
    """Return what the released model says of all cases, thick: over every link of the country's own graph."""
    inputs = case_inputs(records)
    encoder = networks.find(Task.TYPOLOGY, Stage.ENCODER)
    rooted = networks.find(Task.TYPOLOGY, Stage.SAGE if encoder is None else Stage.HEAD)
    if rooted is None:
        return ReleasedLogits(own=logits_of(networks.get(Task.TYPOLOGY, Stage.ENCODER), inputs))
    shape, module = rooted
    links = case_relations(records, persons, same_person=True)
    graph = whole_case_graph(records, links, relations=shape.relations)
    own, speakers = prepare_network(shape, networks, graph=graph, inputs=inputs)
    logits = whole_logits(module, speakers, own=own)
    if encoder is None:
        return ReleasedLogits(own=logits)
    return ReleasedLogits(own=own.astype(np.float64), head=logits - own)


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
    records: Records, networks: Networks, *, examples_per_person: Mapping[Task, int]
) -> tuple[CasePredictions | None, LinkPredictions | None]:
    """Run stage C for every task that was trained."""
    persons = build_person_graph(records)
    cases = links = None
    tasks = {shape.task for shape in networks.architecture.tasks}
    if Task.TYPOLOGY in tasks:
        cases = predict_case_types(records, persons, networks=networks)
    if Task.LINKS in tasks:
        limit, module = examples_per_person[Task.LINKS], networks.get(Task.LINKS, Stage.ENCODER)
        links = predict_links(records, persons, module=module, examples_per_person=limit)
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
