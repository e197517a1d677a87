"""Explanations add up to the score, follow it when a factor goes, and name nobody."""

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
from safeborders.node.learning.case_reasons import AROUND, HEARD, Margin, case_reasons, margin_shares, node_shares
from safeborders.node.learning.known_links import INPUTS
from safeborders.node.learning.linear import linear_part
from safeborders.node.learning.link_predictions import LinkPredictions
from safeborders.node.learning.link_words import FACTORS, factor_of
from safeborders.node.learning.personalisation import STEPS, Prior
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


def shares_of(cases: CasePredictions, case: int) -> Floats:
    types = most_likely(cases, case)
    return margin_shares(cases.problem, cases.outcome.parts, case=case, types=types, prior=cases.prior)


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
        first, second = most_likely(cases, int(case))
        logits = cases.outcome.personalised[case]
        assert shares_of(cases, int(case)).sum() == pytest.approx(logits[first] - logits[second], abs=1e-4)


def test_shares_add_up_with_a_released_network_and_neighbours_too() -> None:
    cases = with_neighbours()
    around = [abs(shares_of(cases, int(case))[-3]) for case in np.flatnonzero(cases.labels < 0)]
    assert max(around) > 0.01
    for case in np.flatnonzero(cases.labels < 0):
        first, second = most_likely(cases, int(case))
        logits = cases.outcome.personalised[case]
        assert shares_of(cases, int(case)).sum() == pytest.approx(logits[first] - logits[second], abs=1e-4)


def test_without_its_top_indicator_a_type_is_less_far_ahead_and_a_shuffle_would_not_tell() -> None:
    cases = with_neighbours()
    falls, shuffled = [], []
    random = np.random.default_rng(5)
    for case in np.flatnonzero(cases.labels < 0):
        types = most_likely(cases, int(case))
        shares = shares_of(cases, int(case))[:-3]
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
    parts, problem = cases.outcome.parts, cases.problem
    table = np.concatenate([parts.weights, parts.bias[None]]) + (cases.prior.linear if parts.federated else 0.0)
    raw = inputs @ table[:-1] + table[-1]
    fresh = raw - np.log(np.exp(raw).sum(axis=1, keepdims=True))
    evidence = np.where((problem.labels < 0)[:, None], fresh, parts.evidence)
    heard = spread_evidence(evidence, problem.edges, weights=problem.weights, share=parts.share, steps=STEPS)
    return heard / parts.temperature


def with_neighbours() -> CasePredictions:
    """Return predictions by the released network with neighbours that count, whatever the choice was."""
    random = np.random.default_rng(8)
    only = Architecture(ARCHITECTURE.tasks[:1])
    networks = build_networks(only, random.normal(0, 0.6, only.length).astype(np.float32))
    cases = predict_all(small_country(6, groups=6), networks, examples_per_person={}).cases
    assert cases is not None
    parts = replace(cases.outcome.parts, federated=True, share=0.45, temperature=1.5)
    cases = replace(cases, outcome=replace(cases.outcome, parts=parts))
    logits = propagated(cases, cases.problem.inputs)
    raw = cases.problem.inputs @ (parts.weights + cases.prior.linear[:-1]) + parts.bias + cases.prior.linear[-1]
    fresh = raw - np.log(np.exp(raw).sum(axis=1, keepdims=True))
    evidence = np.where((cases.labels < 0)[:, None], fresh, parts.evidence)
    parts = replace(parts, evidence=evidence)
    return replace(cases, outcome=replace(cases.outcome, parts=parts, personalised=logits))


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
    forced = replace(cases.outcome.parts, federated=True, gate=1.0, share=0.45, temperature=1.5)
    inputs = cases.problem.inputs
    heard = cases.federated if model is Model.SAGE1 else head_logits(cases)
    prior = Prior(linear=cases.prior.linear, heard=heard)
    raw = inputs @ (forced.weights + prior.linear[:-1]) + forced.bias + prior.linear[-1] + heard
    assert np.allclose(raw - inputs @ forced.weights - forced.bias, cases.federated, atol=1e-4)
    fresh = raw - np.log(np.exp(raw).sum(axis=1, keepdims=True))
    evidence = np.where((cases.labels < 0)[:, None], fresh, forced.evidence)
    parts, problem = replace(forced, evidence=evidence), cases.problem
    spread = spread_evidence(evidence, problem.edges, weights=problem.weights, share=0.45, steps=STEPS) / 1.5
    said = []
    for case in np.flatnonzero(cases.labels < 0):
        first, second = (int(one) for one in np.argsort(-spread[case], kind="stable")[:2])
        shares = margin_shares(problem, parts, case=int(case), types=(first, second), prior=prior)
        assert shares.sum() == pytest.approx(spread[case][first] - spread[case][second], abs=1e-4)
        said += [
            reason.text for reason in case_reasons(problem, parts, case=int(case), types=(first, second), prior=prior)
        ]
    assert set(said) & set(HEARD)


def head_logits(cases: CasePredictions) -> Floats:
    """Return what a head adds: the released logits less the linear encoder's."""
    added: Floats = cases.federated - cases.problem.inputs @ cases.prior.linear[:-1] - cases.prior.linear[-1]
    return added


def test_linked_cases_are_spoken_of_together() -> None:
    cases = with_neighbours()
    texts = {
        reason.text
        for case in np.flatnonzero(cases.labels < 0)
        for reason in case_reasons(
            cases.problem,
            cases.outcome.parts,
            case=int(case),
            types=most_likely(cases, int(case)),
            prior=cases.prior,
        )
    }
    assert texts & set(AROUND)


def test_exact_shares_and_torch_geometrics_own_explainer_point_at_the_same_evidence() -> None:
    """GNNExplainer learns a mask over the same inputs: zero where the share is zero, and large where it is large."""
    cases, agreements, shuffled = with_neighbours(), [], []
    random = np.random.default_rng(3)
    for case in np.flatnonzero(cases.labels < 0)[:4]:
        types = most_likely(cases, int(case))
        torch.manual_seed(1)
        oracle = Explainer(
            model=Margin(cases.outcome.parts, types=types),
            algorithm=GNNExplainer(epochs=100, lr=0.05, edge_size=0.0, edge_ent=0.0, node_feat_size=0.05),
            explanation_type="model",
            node_mask_type="attributes",
            model_config={"mode": "regression", "task_level": "node", "return_type": "raw"},
        )
        mask = oracle(
            torch.from_numpy(cases.outcome.parts.evidence),
            torch.from_numpy(cases.problem.edges),
            index=int(case),
            edge_weight=torch.from_numpy(cases.problem.weights),
        ).node_mask.numpy()
        shares = node_shares(cases.problem, cases.outcome.parts, case=int(case), types=types)
        counts = np.abs(shares) > 1e-9
        assert np.array_equal(mask > 0, counts)
        agreements.append(spearmanr(mask[counts], np.abs(shares[counts]))[0])
        shuffled.append(spearmanr(mask[counts], random.permutation(np.abs(shares[counts])))[0])
    assert np.mean(agreements) > 0.4
    assert np.mean(shuffled) < 0.4, "control"


def test_the_linear_part_is_the_network() -> None:
    shape = TaskArchitecture(ARCHITECTURE.tasks[0].task, (5, 3))
    flat = np.random.default_rng(1).normal(size=shape.length).astype(np.float32)
    table = linear_part(build_perceptron(shape, flat), width=5)
    assert np.allclose(table[:-1].T.ravel(), flat[:15], atol=1e-6)
    assert np.allclose(table[-1], flat[15:], atol=1e-6)
