import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safeborders.node.graph.ranking import keyed_ranks
from safeborders.node.learning.attribution import Attributions, bound_contributions, count_moved_examples

tables = st.lists(st.sets(st.integers(0, 12), min_size=1, max_size=4), min_size=0, max_size=20)


def build(rows: list[set[int]]) -> tuple[Attributions, np.ndarray]:
    pairs = [(example, person) for example, row in enumerate(rows) for person in sorted(row)]
    examples, persons = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    ranks = keyed_ranks((str(row) for row in range(len(rows))), key=b"test")
    return Attributions.of_pairs(examples, persons, count=len(rows)), ranks


@given(rows=tables, limit=st.integers(1, 3))
def test_no_person_has_more_examples_than_the_limit(rows: list[set[int]], limit: int) -> None:
    attributions, ranks = build(rows)
    kept = bound_contributions(attributions, limit=limit, ranks=ranks)
    assert attributions.examples_per_person(kept).max(initial=0) <= limit


@given(rows=tables, limit=st.integers(1, 3))
def test_nothing_is_dropped_without_need(rows: list[set[int]], limit: int) -> None:
    attributions, ranks = build(rows)
    kept = bound_contributions(attributions, limit=limit, ranks=ranks)
    per_person = attributions.examples_per_person(kept)
    for example in np.flatnonzero(~kept):
        assert per_person[attributions.of(int(example))].max() == limit


@given(rows=tables, seed=st.integers(0, 99))
@settings(max_examples=40)
def test_the_order_of_examples_does_not_decide(rows: list[set[int]], seed: int) -> None:
    attributions, ranks = build(rows)
    kept = bound_contributions(attributions, limit=1, ranks=ranks)
    order = np.random.default_rng(seed).permutation(len(rows))
    shuffled, _ = build([rows[index] for index in order])
    assert np.array_equal(bound_contributions(shuffled, limit=1, ranks=ranks[order]), kept[order])


def test_an_example_about_nobody_never_stays() -> None:
    nobody = Attributions.of_pairs(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), count=2)
    assert not bound_contributions(nobody, limit=1, ranks=np.arange(2, dtype=np.uint64)).any()


def test_a_limit_below_one_is_refused() -> None:
    attributions, ranks = build([{1}])
    with pytest.raises(ValueError, match="limit"):
        bound_contributions(attributions, limit=0, ranks=ranks)


def test_the_audit_sees_that_a_deleted_person_lets_another_example_in() -> None:
    attributions = Attributions.of_pairs(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 2]), count=2)
    moved = count_moved_examples(attributions, limit=1, ranks=np.array([1, 2], dtype=np.uint64))
    assert moved.tolist() == [1, 0, 0]  # without person 0 the first example goes, person 1 is free, the second enters


def test_the_audit_is_silent_where_examples_share_nobody() -> None:
    attributions, ranks = build([{0, 1}, {2}, {3, 4}])
    assert not count_moved_examples(attributions, limit=1, ranks=ranks).any()
