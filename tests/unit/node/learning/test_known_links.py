"""Links that are hidden again: gone from every predictor, asked once each, among unlinked pairs."""

import numpy as np
import pytest
from benchmarks.link_prediction.records import records_of

from safeborders.node.graph.pairs import contains
from safeborders.node.graph.persons import PersonGraph, build_person_graph
from safeborders.node.graph.ties import Ties
from safeborders.node.graph.topology import PUBLISHED
from safeborders.node.learning.hiding import hide, hide_in_turn
from safeborders.node.learning.known_links import (
    ENOUGH,
    MOST_TURNS,
    PER_LINK,
    hide_again,
    look_at,
    plain_columns,
    table_columns,
)
from sbtest.small_country import small_country


def cells(seed: int, *, number: int = 8, size: int = 8) -> Ties:
    """Cells whose members mostly know each other, each link in two layers."""
    generator = np.random.default_rng(seed)
    cell = np.repeat(np.arange(number), size)
    chance = np.where(cell[:, None] == cell[None, :], 0.6, 0.01)
    pairs = np.argwhere(np.triu(generator.random(chance.shape) < chance, k=1)).astype(np.int64)
    return Ties(
        np.concatenate([pairs, pairs]),
        np.repeat([0, 1], len(pairs)),
        np.full(2 * len(pairs), np.nan),
        len(cell),
        kinds=2,
    )


def test_hidden_pairs_are_hidden_in_all_layers() -> None:
    hidden = hide(cells(2), np.random.default_rng(3))
    assert not set(map(tuple, hidden.positives.tolist())) & set(map(tuple, hidden.observed.pairs.tolist()))


def test_every_link_is_in_one_part_and_a_lone_link_in_none() -> None:
    ties = cells(1)
    parts = hide_in_turn(ties, np.random.default_rng(0))
    asked = np.concatenate(parts)
    assert len(asked) == len(np.unique(asked)) > 0.9 * len(np.unique(ties.codes))
    assert set(asked) <= set(ties.codes)
    assert hide_in_turn(ties.where(np.arange(len(ties.codes)) < 1), np.random.default_rng(0)) == ()


@pytest.fixture(scope="module")
def graph() -> PersonGraph:
    """Return the persons of a small country."""
    return build_person_graph(small_country(3, groups=6))


def test_a_hidden_link_is_asked_without_itself_and_without_its_part(graph: PersonGraph) -> None:
    known = hide_again(graph)
    links = known.labels == 1
    assert set(known.codes[links]) <= set(graph.ties.codes)
    assert not set(known.codes[~links]) & set(graph.ties.codes)
    first = int(np.flatnonzero(~links)[0])  # links of a part come before the pairs that they are told from
    part = known.codes[:first]
    left = graph.without(part)
    ends = part // graph.count, part % graph.count
    assert contains(graph.associates, ends).all()
    assert not contains(left.associates, ends).any()
    inputs, table = look_at(left, ends)
    assert np.array_equal(known.table[:first], table)
    assert np.array_equal(known.inputs[:first], inputs)
    assert not np.array_equal(look_at(graph, ends)[1], table), "control: what is recorded shows"


def test_a_small_network_is_cut_into_parts_anew_in_each_turn_and_a_large_one_once() -> None:
    small = build_person_graph(small_country(3, groups=6))
    known = hide_again(small)
    often = np.unique(known.codes[known.labels == 1], return_counts=True)[1]
    assert known.turns == often.max() == MOST_TURNS
    assert often.mean() > 0.8 * MOST_TURNS
    large = records_of(cells(1, number=30))
    assert len(np.unique(build_person_graph(large).ties.codes)) > ENOUGH / 2
    once = hide_again(build_person_graph(large))
    assert once.turns == np.unique(once.codes[once.labels == 1], return_counts=True)[1].max() == 1


def test_no_more_negatives_than_promised_and_a_name_for_each_column(graph: PersonGraph) -> None:
    known = hide_again(graph)
    assert 0 < (known.labels == 0).sum() <= sum(PER_LINK) * known.labels.sum()
    assert known.table.shape[1] == len(table_columns(graph))
    plain = [table_columns(graph)[place] for place in plain_columns(graph)]
    assert set(PUBLISHED) < set(plain) < set(table_columns(graph))


def test_a_country_without_links_knows_nothing() -> None:
    known = hide_again(build_person_graph(small_country(1, groups=0)))
    assert len(known.labels) == 0
    assert known.table.shape[0] == known.inputs.shape[0] == 0
