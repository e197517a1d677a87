import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from safeborders.node.learning.link_scores import FOLDS, LinkProblem, personalise_links
from safeborders.node.learning.scores import area_under_curve


def problem_of(seed: int, count: int = 200) -> tuple[LinkProblem, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    inputs = random.normal(size=(count, 3)) + 0.4 * labels[:, None]
    problem = LinkProblem(
        inputs=inputs,
        predictors=random.normal(size=(count, 2)),
        labels=labels,
        folds=np.arange(count) % FOLDS,
        judged=np.ones(count, dtype=np.bool_),
    )
    return problem, np.stack([-labels, labels], axis=1) * 2.0


@given(seed=st.integers(0, 50), usefulness=st.floats(-2, 2))
@settings(max_examples=15, deadline=None)
def test_the_chosen_scorer_is_never_worse_than_the_local_one_on_held_out_pairs(seed: int, usefulness: float) -> None:
    problem, logits = problem_of(seed)
    outcome = personalise_links(problem, usefulness * logits)
    assert outcome.chosen_area >= outcome.local_area


def test_a_useful_federated_scorer_is_taken_and_a_misleading_one_is_not() -> None:
    problem, logits = problem_of(1)
    assert personalise_links(problem, logits).personalised.federated
    noise = np.random.default_rng(0).normal(scale=50.0, size=logits.shape)
    assert not personalise_links(problem, noise).personalised.federated


def test_no_known_pair_at_all_is_survived() -> None:
    problem, logits = problem_of(1, count=0)
    outcome = personalise_links(problem, logits)
    assert outcome.local_area == 0.5
    assert outcome.personalised.federated
    assert outcome.local.scores(np.ones((2, 3)), np.ones((2, 2)), federated=np.ones((2, 2))).tolist() == [0.0, 0.0]


def test_the_area_counts_ties_half_and_needs_both_kinds() -> None:
    assert area_under_curve(np.array([1.0, 0.0]), np.array([1, 0])) == 1.0
    assert area_under_curve(np.array([1.0, 1.0]), np.array([1, 0])) == 0.5
    assert area_under_curve(np.array([0.0, 1.0, 2.0]), np.array([1, 0, 0])) == 0.0
    assert np.isnan(area_under_curve(np.array([1.0]), np.array([1])))
