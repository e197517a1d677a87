from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from safeborders.models.defaults import ARCHITECTURE
from safeborders.models.gnn.networks import build_networks
from safeborders.models.gnn.propagation import spread_evidence
from safeborders.models.graph.indicators import CASE_TYPES
from safeborders.models.protocol.plan import Stage, Task
from safeborders.node.graph.cases import case_links
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.learning.candidates import FOLDS, STEPS
from safeborders.node.learning.examples import case_inputs
from safeborders.node.learning.home_model import OWN_GUESS, HomeProblem, ReleasedLogits
from safeborders.node.learning.link_predictions import predict_links
from safeborders.node.learning.personalisation import A_HAIR, bootstrapped_weights, personalise
from safeborders.node.learning.predictions import predict_case_types
from safeborders.node.learning.regression import Floats
from sbtest.small_country import small_country

CLASSES = len(CASE_TYPES)


def problem_of(seed: int, *, groups: int = 12, labelled: float = 0.5) -> tuple[HomeProblem, Floats]:
    """Return a country's problem and the logits of a model that knows the truth a little."""
    records = small_country(seed, groups=groups, labelled=labelled)
    truth = small_country(seed, groups=groups, labelled=1.0).case_type
    edges, weights = case_links(records, build_person_graph(records))
    problem = HomeProblem(
        inputs=case_inputs(records).astype(np.float64),
        labels=records.case_type,
        folds=np.arange(len(truth)) % FOLDS,
        edges=edges,
        weights=weights,
        classes=CLASSES,
    )
    return problem, 2.0 * np.eye(CLASSES)[truth]


@given(seed=st.integers(0, 50), usefulness=st.floats(-1, 1))
@settings(max_examples=8, deadline=None)
def test_the_chosen_model_is_never_worse_than_the_local_one_on_held_out_labels(seed: int, usefulness: float) -> None:
    problem, logits = problem_of(seed, groups=6)
    outcome = personalise(problem, ReleasedLogits(usefulness * logits))
    assert outcome.chosen_loss <= outcome.local_loss


def test_a_useful_federated_model_is_taken_and_a_misleading_one_is_not() -> None:
    problem, logits = problem_of(1, labelled=0.3)
    assert personalise(problem, ReleasedLogits(logits)).chosen.startswith("federated")
    misleading = np.random.default_rng(0).normal(scale=20.0, size=logits.shape)
    assert personalise(problem, ReleasedLogits(misleading)).chosen.startswith("local")


@pytest.mark.parametrize(("labels", "least", "most"), [(1, 0.5, 0.51), (40, 0.55, 0.8), (4000, 0.999, 1.0)])
def test_the_same_mean_gain_counts_for_more_on_more_labels(labels: int, least: float, most: float) -> None:
    gains = 0.02 + 0.2 * np.tile([1.0, -1.0], labels)[:labels]
    gains += 0.02 - gains.mean()
    better, worse = bootstrapped_weights(np.stack([1.5 - gains, np.full(labels, 1.5)]))
    assert better + worse == pytest.approx(1)
    assert least <= better <= most


def test_the_bootstrap_is_less_certain_than_the_likelihood_alone_where_labels_disagree() -> None:
    """Akaike's weights take the mean gain for certain; its few outliers are what the bootstrap may leave out."""
    losses = np.stack([np.full(40, 1.5), np.full(40, 1.5)])
    losses[0, :3] -= 2.0
    akaike = 1 / (1 + np.exp(-6.0))
    assert 0.9 < bootstrapped_weights(losses)[0] < akaike - 0.005
    losses = np.stack([np.full(40, 1.5 - 6 / 40), np.full(40, 1.5)])
    assert bootstrapped_weights(losses)[0] == pytest.approx(akaike), "control: where all agree they are the same"


def test_several_candidates_speak_and_the_parts_are_their_sum() -> None:
    problem, logits = problem_of(0, groups=24, labelled=0.7)
    noisy = logits + 0.3 * np.random.default_rng(0).normal(size=logits.shape)
    outcome = personalise(problem, ReleasedLogits(noisy))
    assert len(outcome.chosen.split("+")) > 1
    assert len({part.share for part in outcome.parts}) == len(outcome.parts) > 1
    assert outcome.chosen_loss < outcome.local_loss
    total = sum(
        spread_evidence(part.evidence, problem.edges, weights=problem.weights, share=part.share, steps=STEPS)
        for part in outcome.parts
    )
    own = OWN_GUESS * np.eye(CLASSES)[outcome.local.argmax(axis=1)]
    assert np.allclose(total + own, outcome.personalised)
    assert np.allclose(outcome.own_guess, own)


def test_the_gate_lets_a_head_in_that_helps_and_shuts_out_one_that_does_not() -> None:
    problem, logits = problem_of(1, labelled=0.3)
    blind = np.zeros_like(logits)
    helped = personalise(problem, ReleasedLogits(own=blind, head=logits))
    assert sum(part.heard for part in helped.parts) > 0.5
    assert "head-1" in helped.chosen.split("+")[0]
    noise = np.random.default_rng(0).normal(scale=20.0, size=logits.shape)
    spoilt = personalise(problem, ReleasedLogits(own=logits, head=noise))
    assert sum(part.heard for part in spoilt.parts) == 0
    without = personalise(problem, ReleasedLogits(own=logits))
    assert np.allclose(spoilt.personalised, without.personalised, rtol=0, atol=1e-6)  # as if there were no head


def test_a_guess_that_stands_stays_first_and_what_disputes_it_becomes_as_likely() -> None:
    problem, logits = problem_of(0, groups=24, labelled=0.2)
    heard = personalise(problem, ReleasedLogits(logits))
    overturned = heard.personalised.argmax(axis=1) != heard.local.argmax(axis=1)
    assert overturned.sum() > 5, "control: without standing the released model overturns guesses"
    stands = personalise(replace(problem, guess_stands=True), ReleasedLogits(logits))
    assert np.array_equal(stands.personalised.argmax(axis=1), stands.local.argmax(axis=1))
    first, second = np.sort(stands.personalised[overturned], axis=1)[:, :-3:-1].T
    assert first == pytest.approx(second, abs=2 * A_HAIR)
    assert np.array_equal(stands.personalised[~overturned], heard.personalised[~overturned])


def test_a_model_that_was_refused_changes_nothing_and_without_a_label_there_is_no_own_guess() -> None:
    problem, logits = problem_of(1, labelled=0.3)
    misleading = np.random.default_rng(0).normal(scale=20.0, size=logits.shape)
    refused = personalise(problem, ReleasedLogits(misleading))
    assert np.array_equal(refused.personalised, refused.local)
    unlabelled, logits = problem_of(1, labelled=0.0)
    assert not personalise(unlabelled, ReleasedLogits(logits)).own_guess.any()
    assert personalise(problem, ReleasedLogits(logits)).own_guess.any(), "control"


@given(seed=st.integers(0, 50), scale=st.floats(-3, 3))
@settings(max_examples=2, deadline=None)
def test_a_head_never_makes_the_judged_loss_worse_than_without_it(seed: int, scale: float) -> None:
    problem, logits = problem_of(seed, groups=6)
    noise = np.random.default_rng(seed).normal(size=logits.shape)
    with_head = personalise(problem, ReleasedLogits(own=logits, head=scale * noise))
    without = personalise(problem, ReleasedLogits(own=logits))
    assert with_head.chosen_loss <= without.chosen_loss <= without.local_loss


def test_without_a_label_the_gate_stays_shut() -> None:
    problem, logits = problem_of(4, labelled=0.0)
    outcome = personalise(problem, ReleasedLogits(own=logits, head=-3 * logits))
    assert (outcome.personalised.argmax(axis=1) == logits.argmax(axis=1)).all()


def test_the_local_model_does_not_look_at_the_federated_one() -> None:
    problem, logits = problem_of(2)
    one, other = (personalise(problem, ReleasedLogits(sign * logits)) for sign in (1, -1))
    assert np.array_equal(one.local, other.local)


def test_neighbours_help_where_cases_hang_together() -> None:
    problem, _ = problem_of(3, groups=30, labelled=0.4)
    truth = small_country(3, groups=30, labelled=1.0).case_type
    alone = HomeProblem(**{**vars(problem), "edges": problem.edges[:, :0], "weights": problem.weights[:0]})
    nothing = np.zeros((len(truth), CLASSES))
    unseen = problem.labels < 0
    share = {
        name: (personalise(which, ReleasedLogits(nothing)).local.argmax(axis=1) == truth)[unseen].mean()
        for name, which in (("linked", problem), ("alone", alone))
    }
    assert share["linked"] >= share["alone"]


def test_a_country_without_labels_takes_the_federated_model_as_it_is() -> None:
    problem, logits = problem_of(4, labelled=0.0)
    outcome = personalise(problem, ReleasedLogits(logits))
    assert outcome.chosen_loss == outcome.local_loss
    assert outcome.personalised.shape == logits.shape
    assert (outcome.personalised.argmax(axis=1) == logits.argmax(axis=1)).all()


def test_predictions_are_whole_and_finite() -> None:
    records = small_country(5)
    networks = build_networks(ARCHITECTURE, ARCHITECTURE.initial_parameters(1))
    persons = build_person_graph(records)
    cases = predict_case_types(records, persons, networks=networks)
    assert np.isfinite(log_softmax(cases.outcome.personalised, axis=1)).all()
    links = predict_links(records, persons, module=networks.get(Task.LINKS, Stage.ENCODER), examples_per_person=1)
    assert all(np.isfinite(scores).all() for scores in links.scores.values())
    assert links.outcome.chosen_area >= links.outcome.local_area


@pytest.mark.parametrize("task", ["cases", "links"])
def test_predictions_are_the_same_twice(task: str) -> None:
    records = small_country(6)
    networks = build_networks(ARCHITECTURE, ARCHITECTURE.initial_parameters(1))
    answers = []
    for _ in range(2):
        persons = build_person_graph(records)
        if task == "cases":
            predicted = predict_case_types(records, persons, networks=networks)
            answers.append(predicted.outcome.personalised)
        else:
            scored = predict_links(
                records, persons, module=networks.get(Task.LINKS, Stage.ENCODER), examples_per_person=1
            )
            answers.append(scored.scores["personalised"])
    assert np.array_equal(answers[0], answers[1])
