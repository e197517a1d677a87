import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from safeborders.node.graph.ranking import keyed_ranks, mutual_top, pair_identifiers, positions_within

links = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda link: link[0] != link[1]), max_size=40)


def curate(rows: list[tuple[int, int]], limit: int) -> set[tuple[int, int]]:
    unique = sorted({(min(row), max(row)) for row in rows})
    first = np.array([row[0] for row in unique], dtype=np.int64)
    second = np.array([row[1] for row in unique], dtype=np.int64)
    ranks = keyed_ranks(pair_identifiers([str(a) for a in first], [str(b) for b in second]), key=b"k")
    kept = mutual_top(first, second, ranks=ranks, limit=limit)
    return {unique[index] for index in np.flatnonzero(kept)}


@given(rows=links, limit=st.integers(1, 4))
def test_nobody_keeps_more_links_than_the_limit(rows: list[tuple[int, int]], limit: int) -> None:
    ends = [end for link in curate(rows, limit) for end in link]
    assert max((ends.count(end) for end in set(ends)), default=0) <= limit


@given(rows=links, limit=st.integers(1, 4))
def test_few_links_are_all_kept(rows: list[tuple[int, int]], limit: int) -> None:
    unique = {(min(row), max(row)) for row in rows}
    ends = [end for link in unique for end in link]
    if max((ends.count(end) for end in set(ends)), default=0) <= limit:
        assert curate(rows, limit) == unique


def test_a_rank_depends_on_the_key_and_on_nothing_around_it() -> None:
    alone, among = keyed_ranks(["b"], key=b"1"), keyed_ranks(["a", "b", "c"], key=b"1")
    assert alone[0] == among[1]
    assert keyed_ranks(["b"], key=b"2")[0] != alone[0]


def test_a_pair_has_one_identifier_in_both_orders() -> None:
    assert pair_identifiers(["a"], ["b"]) == pair_identifiers(["b"], ["a"])


def test_places_count_from_zero_within_each_group() -> None:
    groups, ranks = np.array([1, 0, 1, 1]), np.array([5, 9, 3, 4], dtype=np.uint64)
    assert positions_within(groups, ranks).tolist() == [2, 0, 0, 1]
    assert positions_within(groups[:0], ranks[:0]).tolist() == []
