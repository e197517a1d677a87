"""Stage C as a whole: a country's records and a released model make its own predictions, which stay home."""

from collections.abc import Mapping
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
from safeborders.node.graph.persons import PersonGraph, build_person_graph
from safeborders.node.graph.ranking import keyed_folds
from safeborders.node.graph.records import CASE, Records
from safeborders.node.learning.candidates import FOLDS as CASE_FOLDS
from safeborders.node.learning.examples import case_inputs
from safeborders.node.learning.home import StaysHome
from safeborders.node.learning.home_model import HomeModel, HomeProblem, Prior, ReleasedLogits
from safeborders.node.learning.linear import linear_part
from safeborders.node.learning.link_predictions import LinkPredictions, predict_links
from safeborders.node.learning.personalisation import personalise
from safeborders.node.learning.regression import Floats
from safeborders.node.learning.role_predictions import LikelyTypes, RolePredictions, predict_roles


@dataclass(frozen=True, eq=False, repr=False)
class CasePredictions(StaysHome):
    """Logits of all cases by three models, what the choice looked like, and what explains it."""

    ids: tuple[str, ...]
    labels: NDArray[np.int64]
    federated: Floats
    outcome: HomeModel
    problem: HomeProblem
    prior: Prior


@dataclass(frozen=True, eq=False, repr=False)
class Predictions(StaysHome):
    """What stage C says of a country, by task; None for what was not trained."""

    cases: CasePredictions | None = None
    links: LinkPredictions | None = None
    roles: RolePredictions | None = None


def predict_case_types(records: Records, persons: PersonGraph, *, networks: Networks) -> CasePredictions:
    """Predict the type of every case with the local, the federated and the chosen model."""
    graph = build_graph(records, persons)
    inputs = case_inputs(records)
    released = released_case_logits(records, persons, networks=networks)
    problem = HomeProblem(
        inputs=inputs.astype(np.float64),
        labels=graph[CASE].y.numpy(),
        folds=keyed_folds(records.ids.get(CASE, ()), count=CASE_FOLDS),
        edges=graph[CASE_EDGE].edge_index.numpy(),
        weights=graph[CASE_EDGE].edge_weight.numpy(),
        classes=len(CASE_TYPES),
    )
    encoder = networks.find(Task.TYPOLOGY, Stage.ENCODER)
    return CasePredictions(
        ids=records.ids.get(CASE, ()),
        labels=records.case_type,
        federated=released.gated(1.0),
        outcome=personalise(problem, released),
        problem=problem,
        prior=_prior(released, encoder=None if encoder is None else encoder[1]),
    )


def _prior(released: ReleasedLogits, *, encoder: nn.Module | None) -> Prior:
    """Return what explains the released logits: an encoder's weights and the head, or one opaque part."""
    nothing = np.zeros_like(released.own)
    if encoder is None:
        return Prior(linear=np.zeros((len(INDICATORS) + 1, len(CASE_TYPES))), opaque=released.own, head=nothing)
    head = nothing if released.head is None else released.head
    return Prior(linear=linear_part(encoder, width=len(INDICATORS)), opaque=nothing, head=head)


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


def predict_all(records: Records, networks: Networks, *, examples_per_person: Mapping[Task, int]) -> Predictions:
    """Run stage C for every task that was trained."""
    persons = build_person_graph(records)
    cases = links = roles = None
    tasks = {shape.task for shape in networks.architecture.tasks}
    if Task.TYPOLOGY in tasks:
        cases = predict_case_types(records, persons, networks=networks)
    if Task.LINKS in tasks:
        limit, module = examples_per_person[Task.LINKS], networks.get(Task.LINKS, Stage.ENCODER)
        links = predict_links(records, persons, module=module, examples_per_person=limit)
    if Task.ROLES in tasks:
        types = None if cases is None else LikelyTypes.of(cases.outcome)
        module = networks.get(Task.ROLES, Stage.ENCODER)
        roles = predict_roles(records, persons, module=module, case_types=types)
    return Predictions(cases, links, roles)
