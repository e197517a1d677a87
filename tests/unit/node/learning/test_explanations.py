"""Explanations add up to the score, follow it when a factor goes, and name nobody."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from torch_geometric.explain import Explainer
from torch_geometric.explain.algorithm import GNNExplainer

from safeborders.models.architecture import Architecture, TaskArchitecture
from safeborders.models.defaults import ARCHITECTURE, ARCHITECTURES, Model
from safeborders.models.gnn.networks import build_networks
from safeborders.models.gnn.perceptron import build_perceptron, logits_of
from safeborders.models.gnn.propagation import spread_evidence
from safeborders.models.protocol.plan import Stage, Task
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.learning.candidates import STEPS
from safeborders.node.learning.case_reasons import (
    AROUND,
    HEARD,
    Margin,
    Surroundings,
    case_reasons,
    evidence_of,
    margin_shares,
    node_shares,
)
from safeborders.node.learning.home_model import OWN_GUESS, SpokenPart
from safeborders.node.learning.known_links import INPUTS
from safeborders.node.learning.linear import linear_part
from safeborders.node.learning.link_predictions import LinkPredictions
from safeborders.node.learning.link_words import FACTORS, factor_of
from safeborders.node.learning.outcomes import Reason
from safeborders.node.learning.predictions import CasePredictions, predict_all, predict_case_types
from safeborders.node.learning.regression import Floats
from safeborders.node.learning.suggestions import case_hypotheses, link_shares, link_suggestions, usual_score
from sbtest.linked_country import linked_country
from sbtest.small_country import small_country


@pytest.fixture(scope="module", params=["federated", "local"])
def predicted(request: pytest.FixtureRequest) -> tuple[CasePredictions, LinkPredictions]:
    """Return stage C's predictions, with a released model that is used by force, or not at all."""
    random = np.random.default_rng(4)
    networks = build_networks(ARCHITECTURE, random.normal(0, 0.5, ARCHITECTURE.length).astype(np.float32))
    said = predict_all(small_country(2), networks, examples_per_person=dict.fromkeys(Task, 2))
    cases, links = said.cases, said.links
    assert cases is not None
    assert links is not None
    if request.param == "federated":
        scorer = replace(links.outcome.personalised, trust=1.0)
        federated = logits_of(networks.get(Task.LINKS, Stage.ENCODER), links.inputs)
        links = replace(
            links,
            outcome=replace(links.outcome, personalised=scorer),
            scores={**links.scores, "personalised": scorer.scores(links.table, federated=federated)},
        )
    return cases, links


def most_likely(cases: CasePredictions, case: int) -> tuple[int, int]:
    first, second = np.argsort(-cases.outcome.personalised[case], kind="stable")[:2]
    return int(first), int(second)


def lead(cases: CasePredictions, case: int) -> float:
    """Return by how much the likeliest type of a case is before the next."""
    first, second = most_likely(cases, case)
    logits = cases.outcome.personalised[case]
    return float(logits[first] - logits[second])


def shares_of(cases: CasePredictions, case: int) -> Floats:
    types = most_likely(cases, case)
    return margin_shares(cases.problem, cases.outcome, case=case, types=types, prior=cases.prior)


def every(links: LinkPredictions) -> np.ndarray:
    return np.arange(len(links.first))


def test_shares_of_a_link_add_up_to_its_score(predicted: tuple[CasePredictions, LinkPredictions]) -> None:
    _, links = predicted
    away = links.scores["personalised"] - usual_score(links)
    assert np.allclose(link_shares(links, every(links)).sum(axis=1), away, atol=1e-4)


def test_control_shuffled_shares_of_links_do_not_add_up(predicted: tuple[CasePredictions, LinkPredictions]) -> None:
    _, links = predicted
    shares = link_shares(links, every(links))
    shuffled = shares[np.random.default_rng(0).permutation(len(shares))]
    away = links.scores["personalised"] - usual_score(links)
    assert np.abs(shuffled.sum(axis=1) - away).max() > 0.1


def removal(links: LinkPredictions, shares: Floats) -> list[float]:
    """Return how far the score of each of the best pairs falls when its top factor becomes that of a usual pair."""
    scorer = links.outcome.personalised
    falls = []
    for index in np.argsort(-links.scores["personalised"])[:20]:
        factor = FACTORS[int(shares[index].argmax())]
        inputs, table = links.inputs[[index]].astype(np.float64), links.table[[index]].copy()
        for changed, whole, names in ((inputs, links.inputs, INPUTS), (table, links.table, links.columns)):
            for place, name in enumerate(names):
                if factor_of(name) == factor:
                    changed[0, place] = whole[:, place].mean()
        federated = inputs @ links.prior[:-1] + links.prior[-1]
        falls.append(float(links.scores["personalised"][index] - scorer.scores(table, federated=federated)[0]))
    return falls


def test_without_its_top_factor_a_link_scores_lower_and_a_shuffle_would_not_tell(
    predicted: tuple[CasePredictions, LinkPredictions],
) -> None:
    _, links = predicted
    shares = link_shares(links, every(links))
    assert min(removal(links, shares)) > 0
    shuffled = shares[:, np.random.default_rng(1).permutation(shares.shape[1])]
    assert min(removal(links, shuffled)) <= 0, "control"


def test_shares_of_a_case_add_up_to_the_difference_of_two_types(
    predicted: tuple[CasePredictions, LinkPredictions],
) -> None:
    cases, _ = predicted
    for case in np.flatnonzero(cases.labels < 0):
        assert shares_of(cases, int(case)).sum() == pytest.approx(lead(cases, int(case)), abs=1e-4)


def test_shares_add_up_with_a_released_network_and_neighbours_too() -> None:
    cases = with_neighbours()
    around = [abs(shares_of(cases, int(case))[-4]) for case in np.flatnonzero(cases.labels < 0)]
    assert max(around) > 0.01
    for case in np.flatnonzero(cases.labels < 0):
        assert shares_of(cases, int(case)).sum() == pytest.approx(lead(cases, int(case)), abs=1e-4)


def test_without_its_top_indicator_a_type_is_less_far_ahead_and_a_shuffle_would_not_tell() -> None:
    cases = with_neighbours()
    falls, shuffled = [], []
    random = np.random.default_rng(5)
    for case in np.flatnonzero(cases.labels < 0):
        types = most_likely(cases, int(case))
        shares = shares_of(cases, int(case))[:-4]
        if shares.max() > 0:
            falls.append(fall(cases, case=int(case), types=types, indicator=int(shares.argmax())))
            shuffled.append(
                fall(cases, case=int(case), types=types, indicator=int(random.permutation(shares).argmax()))
            )
    assert falls
    assert min(falls) > 0
    assert min(shuffled) <= 0


def fall(cases: CasePredictions, *, case: int, types: tuple[int, int], indicator: int) -> float:
    """Return how far the lead of a type falls when an indicator of the case becomes unknown."""
    inputs = cases.problem.inputs.copy()
    inputs[case, indicator] = 0
    logits = propagated(cases, inputs)[case]
    before = cases.outcome.personalised[case]
    return float((before[types[0]] - before[types[1]]) - (logits[types[0]] - logits[types[1]]))


def propagated(cases: CasePredictions, inputs: Floats) -> Floats:
    """Return all logits anew from ``inputs`` of cases without a label."""
    spoken = sum_of(cases, [spoken_anew(cases, part, inputs=inputs) for part in cases.outcome.parts])
    return spoken + cases.outcome.own_guess


def sum_of(cases: CasePredictions, parts: Sequence[SpokenPart]) -> Floats:
    problem = cases.problem
    heard = [
        spread_evidence(part.evidence, problem.edges, weights=problem.weights, share=part.share, steps=STEPS)
        for part in parts
    ]
    total: Floats = np.sum(heard, axis=0)
    return total


def spoken_anew(cases: CasePredictions, part: SpokenPart, *, inputs: Floats) -> SpokenPart:
    """Return ``part`` as if one candidate spoke for it, with the evidence that ``inputs`` and the prior give."""
    prior, count = cases.prior, part.released
    raw = inputs @ part.weights + part.bias + part.heard * prior.head
    raw += count * (inputs @ prior.linear[:-1] + prior.linear[-1] + prior.opaque)
    fresh = raw - np.log(np.exp(raw / count).sum(axis=1, keepdims=True)) * count
    return replace(part, evidence=np.where((cases.labels < 0)[:, None], fresh, part.evidence))


def spoken_by_force(cases: CasePredictions, *, heard: float) -> CasePredictions:
    """Return predictions in which the released network and neighbours count, twice and by different amounts."""
    first = cases.outcome.parts[0]
    forced = [
        replace(first, share=share, released=count, heard=heard * count) for share, count in ((0.3, 0.25), (0.6, 0.5))
    ]
    parts = tuple(spoken_anew(cases, part, inputs=cases.problem.inputs) for part in forced)
    guess = OWN_GUESS * np.eye(cases.outcome.local.shape[1])[cases.outcome.local.argmax(axis=1)]
    said = sum_of(cases, parts) + guess
    return replace(cases, outcome=replace(cases.outcome, parts=parts, own_guess=guess, personalised=said))


def with_neighbours() -> CasePredictions:
    """Return predictions by the released network with neighbours that count, whatever the choice was."""
    random = np.random.default_rng(8)
    only = Architecture(ARCHITECTURE.tasks[:1])
    networks = build_networks(only, random.normal(0, 0.6, only.length).astype(np.float32))
    cases = predict_all(small_country(6, groups=6), networks, examples_per_person={}).cases
    assert cases is not None
    return spoken_by_force(cases, heard=0.0)


def test_reasons_speak_for_and_against_and_name_nobody(predicted: tuple[CasePredictions, LinkPredictions]) -> None:
    cases, links = predicted
    hypotheses, suggestions = case_hypotheses(cases), link_suggestions(links)
    reasons = [reason for guess in hypotheses for reason in guess.reasons]
    reasons += [reason for link in suggestions for reason in link.reasons]
    assert any(reason.weight > 0 for reason in reasons)
    assert any(reason.weight < 0 for reason in reasons)
    names = {*links.persons, *cases.ids}
    assert not any(word in names for reason in reasons for word in reason.text.split())


@pytest.mark.parametrize("model", [Model.RELATIONAL, Model.SAGE1])
def test_shares_add_up_when_the_released_model_hears_neighbours_and_it_is_said(model: Model) -> None:
    architecture = ARCHITECTURES[model]
    flat = np.random.default_rng(9).normal(0, 0.5, architecture.length).astype(np.float32)
    records = linked_country(3, rings=5, labelled=0.4)
    cases = predict_case_types(records, build_person_graph(records), networks=build_networks(architecture, flat))
    inputs, prior = cases.problem.inputs, cases.prior
    released = inputs @ prior.linear[:-1] + prior.linear[-1] + prior.opaque + prior.head
    assert np.allclose(released, cases.federated, atol=1e-4)
    cases = spoken_by_force(cases, heard=1.0)
    said: list[Reason] = []
    for case in np.flatnonzero(cases.labels < 0):
        assert shares_of(cases, int(case)).sum() == pytest.approx(lead(cases, int(case)), abs=1e-4)
        types = most_likely(cases, int(case))
        said += case_reasons(cases.problem, cases.outcome, case=int(case), types=types, prior=prior)
    assert {reason.text for reason in said} & set(HEARD)


def test_linked_cases_are_spoken_of_together() -> None:
    cases = with_neighbours()
    texts = {
        reason.text
        for case in np.flatnonzero(cases.labels < 0)
        for reason in case_reasons(
            cases.problem,
            cases.outcome,
            case=int(case),
            types=most_likely(cases, int(case)),
            prior=cases.prior,
        )
    }
    assert texts & set(AROUND)


def test_exact_shares_and_torch_geometrics_own_explainer_point_at_the_same_evidence() -> None:
    """GNNExplainer learns a mask over the same inputs: zero where the share is zero, and large where it is large."""
    cases, agreements, shuffled = with_neighbours(), [], []
    parts, random = cases.outcome.parts, np.random.default_rng(3)
    for case in np.flatnonzero(cases.labels < 0)[:4]:
        types, around = most_likely(cases, int(case)), Surroundings.of(cases.problem, int(case))
        torch.manual_seed(1)
        oracle = Explainer(
            model=Margin(parts, types=types),
            algorithm=GNNExplainer(epochs=100, lr=0.05, edge_size=0.0, edge_ent=0.0, node_feat_size=0.05),
            explanation_type="model",
            node_mask_type="attributes",
            model_config={"mode": "regression", "task_level": "node", "return_type": "raw"},
        )
        inputs = torch.from_numpy(evidence_of(around, parts))
        mask = oracle(inputs, around.edges, index=around.case, edge_weight=around.weights).node_mask.numpy()
        shares = node_shares(around, parts, types=types).reshape(mask.shape)
        counts = np.abs(shares) > 1e-9
        assert np.array_equal(mask > 0, counts)
        agreements.append(spearmanr(mask[counts], np.abs(shares[counts]))[0])
        shuffled.append(spearmanr(mask[counts], random.permutation(np.abs(shares[counts])))[0])
    assert np.mean(agreements) > 0.4
    assert np.mean(shuffled) < 0.4, "control"


def test_what_surrounds_a_case_is_all_that_can_reach_it_and_one_link_less_is_not() -> None:
    cases = with_neighbours()
    problem, parts = cases.problem, cases.outcome.parts
    case = int(np.flatnonzero(cases.labels < 0)[0])
    types, around = most_likely(cases, case), Surroundings.of(problem, case)
    model = Margin(parts, types=types)
    everything = torch.from_numpy(np.concatenate([part.evidence for part in parts], axis=1))
    whole = model(everything, torch.from_numpy(problem.edges), torch.from_numpy(problem.weights))[case]
    inputs = torch.from_numpy(evidence_of(around, parts))
    near = model(inputs, around.edges, around.weights)[around.case]
    assert near.item() == pytest.approx(whole.item(), abs=1e-9)
    arriving = torch.nonzero(around.edges[1] == around.case)[0].item()
    kept = torch.arange(around.edges.shape[1]) != arriving
    cut = model(inputs, around.edges[:, kept], around.weights[kept])[around.case]
    assert cut.item() != pytest.approx(whole.item(), abs=1e-9), "control"


def test_the_linear_part_is_the_network() -> None:
    shape = TaskArchitecture(ARCHITECTURE.tasks[0].task, (5, 3))
    flat = np.random.default_rng(1).normal(size=shape.length).astype(np.float32)
    table = linear_part(build_perceptron(shape, flat), width=5)
    assert np.allclose(table[:-1].T.ravel(), flat[:15], atol=1e-6)
    assert np.allclose(table[-1], flat[15:], atol=1e-6)
