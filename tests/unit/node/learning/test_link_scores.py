"""The local stack of links and the prior that it may refuse."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safeborders.node.learning import link_trees
from safeborders.node.learning.link_scores import WORTH, LinkProblem, LinkScorer, personalise_links
from safeborders.node.learning.link_trees import grow_trees
from safeborders.node.learning.scores import area_under_curve


@pytest.fixture(scope="module", autouse=True)
def small_forests() -> Iterator[None]:
    """Grow ten trees where the product grows a hundred: what is tested does not depend on their number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(link_trees, "TREES", 10)
        patch.setattr(link_trees, "SEARCHED_TREES", 10)
        yield


def problem_of(seed: int, count: int = 200) -> tuple[LinkProblem, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    table = random.normal(size=(count, 5))
    table[:, :3] += 0.4 * labels[:, None]
    problem = LinkProblem(
        table=table,
        plain=np.arange(3),
        labels=labels,
        codes=np.arange(count),
        judged=np.ones(count, dtype=np.bool_),
    )
    return problem, np.stack([-labels, labels], axis=1) * 2.0


@given(seed=st.integers(0, 50), usefulness=st.floats(-2, 2))
@settings(max_examples=2, deadline=None)
def test_the_chosen_scorer_is_never_worse_than_the_local_one_on_held_out_pairs(seed: int, usefulness: float) -> None:
    problem, logits = problem_of(seed)
    outcome = personalise_links(problem, usefulness * logits)
    assert outcome.chosen_area >= outcome.local_area


def test_a_useful_federated_scorer_is_believed_and_noise_is_not() -> None:
    problem, logits = problem_of(1)
    links = int(problem.labels.sum())
    assert personalise_links(problem, logits).personalised.trust == pytest.approx(WORTH / (WORTH + links))
    noise = np.random.default_rng(0).normal(scale=50.0, size=logits.shape)
    refused = personalise_links(problem, noise)
    assert refused.personalised.trust == 0
    scores = refused.personalised.scores(problem.table, federated=noise)
    assert area_under_curve(scores, problem.labels) > 0.7


def test_with_few_links_the_prior_is_believed_unless_it_is_clearly_wrong() -> None:
    problem, logits = problem_of(5, count=40)
    random = np.random.default_rng(2)
    hint = logits * 0.1 + random.normal(scale=0.5, size=logits.shape)
    assert personalise_links(problem, hint).personalised.trust > 0.4
    assert personalise_links(problem, -logits).personalised.trust == 0


def test_the_prior_counts_less_the_more_links_there_are() -> None:
    trusts = []
    for count in (20, 80, 320):
        problem, logits = problem_of(3, count=count)
        trusts.append(personalise_links(problem, logits).personalised.trust)
    assert 1 > trusts[0] > trusts[1] > trusts[2] > 0


@pytest.mark.parametrize("count", [60, 200])
def test_a_light_regression_speaks_only_where_links_are_many(count: int) -> None:
    problem, logits = problem_of(3, count=count)
    heavy_alone = replace(problem, plain=np.arange(0))
    both, heavy = (personalise_links(one, logits).local.slopes for one in (problem, heavy_alone))
    assert np.allclose(both, heavy) is (problem.count_links() < 50)


def test_forests_count_more_only_where_they_are_clearly_better() -> None:
    problem, logits = problem_of(6, count=400)
    assert share_of_forests(personalise_links(problem, logits).local) == pytest.approx(0.5)
    random = np.random.default_rng(7)
    table = random.normal(size=problem.table.shape)
    labels = (table[:, 0] * table[:, 1] > 0).astype(np.int64)  # nothing that is linear tells
    crossed = replace(problem, table=table, labels=labels)
    assert share_of_forests(personalise_links(crossed, logits * 0).local) > 0.5


def share_of_forests(scorer: LinkScorer) -> float:
    return scorer.weight * len(scorer.trees)


def test_links_that_are_asked_in_several_turns_count_once_and_are_judged_together() -> None:
    problem, logits = problem_of(4, count=40)
    again = [np.concatenate([part] * 4) for part in (problem.table, problem.labels, problem.codes, problem.judged)]
    often = LinkProblem(again[0], problem.plain, again[1], again[2], again[3], turns=4)
    once, four = personalise_links(problem, logits), personalise_links(often, np.concatenate([logits] * 4))
    assert four.personalised.trust == once.personalised.trust
    apart = LinkProblem(again[0], problem.plain, again[1], np.arange(160), again[3], turns=4)
    learnt_by_heart = personalise_links(apart, np.concatenate([logits] * 4))
    assert learnt_by_heart.local_area > four.local_area + 0.05, "control: rows of one pair in both halves"


def test_a_country_without_a_known_pair_believes_the_federated_scorer_alone() -> None:
    problem, logits = problem_of(1, count=0)
    outcome = personalise_links(problem, logits)
    assert outcome.local_area == 0.5
    asked, federated = np.ones((2, 5)), np.array([[0.0, 1.0], [0.5, 0.0]])
    assert outcome.personalised.scores(asked, federated=federated).tolist() == [1.0, -0.5]
    assert outcome.local.scores(asked, federated=federated).tolist() == [0.0, 0.0]


def test_shares_of_trees_add_up_and_a_column_that_says_nothing_has_none() -> None:
    problem, _ = problem_of(3)
    table = np.concatenate([problem.table, np.full((len(problem.table), 1), 7.0)], axis=1)
    forests = grow_trees(table, problem.labels, turns=1, seed=1)
    assert len(forests) == 2
    for trees in forests:
        shares = trees.shares(table)
        assert shares.sum(axis=1) == pytest.approx(trees.odds(table) - trees.usual, abs=1e-6)
        assert not shares[:, -1].any()
        shuffled = shares[np.random.default_rng(0).permutation(len(shares))]
        assert np.abs(shuffled.sum(axis=1) - (trees.odds(table) - trees.usual)).max() > 0.1, "control"


def test_no_tree_grows_from_links_alone() -> None:
    assert grow_trees(np.arange(10.0).reshape(5, 2), np.ones(5, dtype=np.int64), turns=1, seed=1) == ()
    assert grow_trees(np.ones((5, 2)), np.array([0, 1, 0, 1, 0]), turns=1, seed=1) == (), "nothing to ask for"


def test_the_area_counts_ties_half_and_needs_both_kinds() -> None:
    assert area_under_curve(np.array([1.0, 0.0]), np.array([1, 0])) == 1.0
    assert area_under_curve(np.array([1.0, 1.0]), np.array([1, 0])) == 0.5
    assert area_under_curve(np.array([0.0, 1.0, 2.0]), np.array([1, 0, 0])) == 0.0
    assert np.isnan(area_under_curve(np.array([1.0]), np.array([1])))
