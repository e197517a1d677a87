"""Neighbour coins: fair, independent, fresh, bounded, and about nobody but their own list."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binomtest, chisquare

from safeborders.models.graph.csr import CuratedGraph, build_relation
from safeborders.privacy.dpsgd.rooted_sampling import NOBODY, KeptLinks, NeighbourRule, RootedSampler, combine, gather
from safeborders.privacy.dpsgd.sampling import random_words, secret_heads
from safeborders.privacy.errors import UnsoundExamples

CHANCE = 1e-6


def complete_graph(count: int) -> CuratedGraph:
    pairs = np.array([(a, b) for a in range(count) for b in range(a)])
    ranks = np.arange(len(pairs)).astype(np.uint64)
    attributes = np.arange(len(pairs), dtype=np.float32)[:, None]
    return CuratedGraph({"all": build_relation(pairs, attributes, count=count, limit=count - 1, ranks=ranks)})


def sampler(
    graph: CuratedGraph, *, rate: float = 0.5, keep: float = 0.5, most: int = 99, hops: int = 1
) -> RootedSampler:
    rule = NeighbourRule("all", (keep,) * hops, (most,) * hops)
    return RootedSampler(graph, np.arange(graph.count), rules=[rule], sampling_rate=rate)


@pytest.mark.parametrize("probability", [0.5, 0.3, 1 / 64, 2.0**-20, 1 - 2.0**-17])
def test_heads_are_as_frequent_as_they_should_be(probability: float) -> None:
    count = 2_000_000
    heads = int(secret_heads(count, probability=probability).sum())
    assert binomtest(heads, count, probability).pvalue > CHANCE


def test_a_coin_reads_beyond_its_first_16_bits() -> None:
    # Half of 2**-16 is nothing to a coin of 16 bits: it would never, or twice as often, be true.
    heads = int(secret_heads(24_000_000, probability=2.0**-17).sum())
    assert binomtest(heads, 24_000_000, 2.0**-17).pvalue > CHANCE
    assert binomtest(2 * heads, 24_000_000, 2.0**-17).pvalue < CHANCE  # control


def test_every_pair_of_links_is_kept_independently() -> None:
    graph = complete_graph(4)
    patterns = np.zeros(2**6, dtype=np.int64)
    for _ in range(3000):
        batch = sampler(graph).draw()
        kept = {int(root): row for root, row in zip(batch.roots, batch.first["all"].persons, strict=True)}
        if {0, 1} <= kept.keys():
            bits = [person in kept[root] for root, others in ((0, (1, 2, 3)), (1, (0, 2, 3))) for person in others]
            patterns[int(np.dot(bits, 1 << np.arange(6)))] += 1
    assert chisquare(patterns).pvalue > CHANCE


def test_lists_hold_links_that_exist_and_are_truncated_evenly() -> None:
    graph = complete_graph(6)
    relation = graph.relations["all"]
    kept = np.zeros(6, dtype=np.int64)
    for _ in range(2000):
        batch = sampler(graph, rate=1.0, keep=1.0, most=2).draw()
        lists = batch.first["all"]
        assert (lists.persons != NOBODY).all()
        assert np.array_equal(relation.targets[lists.links], lists.persons)
        kept += np.bincount(lists.persons[batch.roots == 0][0], minlength=6)
    assert kept[0] == 0
    assert chisquare(kept[1:]).pvalue > CHANCE


def test_free_places_stand_at_the_end_and_add_nothing() -> None:
    batch = sampler(complete_graph(5), keep=0.4, most=4).draw()
    lists = batch.first["all"].persons
    assert (np.diff((lists == NOBODY).astype(int), axis=1) >= 0).all()
    rows = gather(np.ones((5, 3), dtype=np.float32), lists)
    assert np.array_equal(rows.sum(2), 3.0 * (lists != NOBODY))


def test_a_second_hop_hangs_on_the_first() -> None:
    batch = sampler(complete_graph(5), rate=1.0, hops=2).draw()
    first, second = batch.first["all"].persons, batch.second["all", "all"].persons
    assert second.shape == (*first.shape, 99)
    assert (second[first == NOBODY] == NOBODY).all()
    parents = np.broadcast_to(first[..., None], second.shape)
    assert (second[second != NOBODY] != parents[second != NOBODY]).all()  # nobody is linked to itself


def test_an_empty_draw_is_a_draw_with_lists_of_no_rows() -> None:
    batch = sampler(complete_graph(3), rate=2.0**-40, hops=2).draw()
    assert batch.roots.shape == (0,)
    assert batch.first["all"].persons.shape == (0, 99)
    assert batch.second["all", "all"].persons.shape == (0, 99, 99)


def test_the_order_of_the_roots_is_random() -> None:
    firsts = [int(sampler(complete_graph(4), rate=1.0).draw().roots[0]) for _ in range(2000)]
    assert chisquare(np.bincount(firsts, minlength=4)).pvalue > CHANCE


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safeborders.privacy.dpsgd.rooted_sampling._BLOCK", 3)
    counts = [(sampler(complete_graph(8), rate=1.0).draw().first["all"].persons != NOBODY).sum() for _ in range(300)]
    assert binomtest(int(np.sum(counts)), 300 * 56, 0.5).pvalue > CHANCE


def test_names_of_paths_differ() -> None:
    left, right = np.divmod(np.arange(250_000), 500)
    assert len(np.unique(combine(left, right))) == 250_000


def test_impossible_requests_are_refused() -> None:
    graph = complete_graph(3)
    rule = NeighbourRule("all", (0.5,), (2,))
    with pytest.raises(UnsoundExamples):
        RootedSampler(graph, np.array([0, 0]), rules=[rule], sampling_rate=0.5)
    with pytest.raises(UnsoundExamples):
        RootedSampler(graph, np.array([3]), rules=[rule], sampling_rate=0.5)
    with pytest.raises(ValueError, match="sampling_rate"):
        RootedSampler(graph, np.array([0]), rules=[rule], sampling_rate=0.0)
    for wrong in ([rule, rule], [NeighbourRule("other", (0.5,), (2,))]):
        with pytest.raises(ValueError, match="rules"):
            RootedSampler(graph, np.array([0]), rules=wrong, sampling_rate=0.5)
    for keep, most in (((), ()), ((0.5,), (0,)), ((0.5, 0.5), (1,)), ((1.5,), (1,))):
        with pytest.raises(ValueError, match="keep"):
            NeighbourRule("all", keep, most)


def lists_of(graph: CuratedGraph) -> KeptLinks:
    return sampler(graph, rate=1.0, keep=1.0).draw().first["all"]


def test_a_small_graph_kept_whole_is_the_graph() -> None:
    persons: NDArray[np.int64] = lists_of(complete_graph(4)).persons
    assert sorted(persons[persons != NOBODY].tolist()) == sorted([0, 1, 2, 3] * 3)


def test_long_draws_use_a_new_key_each_time() -> None:
    assert not np.array_equal(random_words(1000), random_words(1000))
