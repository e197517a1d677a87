"""Curated relations keep their bounds, in memory and from files, and refuse what breaks them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from safeborders.models.graph.csr import (
    CuratedGraph,
    CuratedRelation,
    UnsoundGraph,
    build_relation,
    load_graph,
    save_graph,
)


def relation_of(pairs: NDArray[np.int64], *, count: int, limit: int, seed: int = 0) -> CuratedRelation:
    generator = np.random.default_rng(seed)
    attributes = np.arange(len(pairs), dtype=np.float32)[:, None]
    ranks = generator.integers(0, 2**63, len(pairs)).astype(np.uint64)
    return build_relation(pairs, attributes, count=count, limit=limit, ranks=ranks)


def by_hand(pairs: NDArray[np.int64], ranks: NDArray[np.uint64], *, limit: int) -> set[tuple[int, int]]:
    """Mutual top-K, written as slowly as it is said."""
    best: dict[int, list[int]] = {}
    for number in np.argsort(ranks, kind="stable"):
        for person in pairs[number]:
            best.setdefault(int(person), []).append(int(number))
    kept = [number for number, pair in enumerate(pairs) if all(number in best[int(person)][:limit] for person in pair)]
    return {(int(a), int(b)) for number in kept for a, b in (pairs[number], pairs[number][::-1])}


@given(seed=st.integers(0, 2**32), count=st.integers(2, 20), limit=st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_the_mutual_lowest_ranks_are_kept_with_their_attributes(seed: int, count: int, limit: int) -> None:
    generator = np.random.default_rng(seed)
    pairs = np.unique(np.sort(generator.integers(0, count, (3 * count, 2)), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    ranks = generator.integers(0, 2**63, len(pairs)).astype(np.uint64)
    attributes = np.arange(len(pairs), dtype=np.float32)[:, None]
    built = build_relation(pairs, attributes, count=count, limit=limit, ranks=ranks)
    sources = np.repeat(np.arange(count), np.diff(built.starts))
    assert set(zip(sources.tolist(), built.targets.tolist(), strict=True)) == by_hand(pairs, ranks, limit=limit)
    for source, target, number in zip(sources, built.targets, built.attributes[:, 0], strict=True):
        assert set(pairs[int(number)].tolist()) == {int(source), int(target)}


def test_a_graph_comes_back_from_files_mapped_and_unchanged(tmp_path: Path) -> None:
    pairs = np.array([[0, 1], [1, 2], [0, 3]])
    graph = CuratedGraph(
        {"phone": relation_of(pairs, count=4, limit=2), "case": relation_of(pairs[:1], count=4, limit=1)}
    )
    save_graph(tmp_path / "graph", graph)
    back = load_graph(tmp_path / "graph")
    assert list(back.relations) == ["phone", "case"]
    for name, relation in back.relations.items():
        assert isinstance(relation.targets, np.memmap)
        assert relation.limit == graph.relations[name].limit
        for part in ("starts", "targets", "attributes"):
            assert np.array_equal(getattr(relation, part), getattr(graph.relations[name], part))


def test_files_that_were_changed_are_refused(tmp_path: Path) -> None:
    save_graph(tmp_path / "graph", CuratedGraph({"phone": relation_of(np.array([[0, 1], [2, 3]]), count=4, limit=1)}))
    np.save(tmp_path / "graph" / "0.targets.npy", np.array([1, 0, 1, 2], dtype=np.int32))
    with pytest.raises(UnsoundGraph):
        load_graph(tmp_path / "graph")


@pytest.mark.parametrize(
    ("starts", "targets", "saying"),
    [
        ([0, 1, 2], [1, 0, 0], "rows"),
        ([0, 2, 2], [1, 1], "twice"),
        ([0, 1, 1], [1], "one direction"),
        ([0, 1, 1], [0], "own start"),
        ([0, 1, 2], [1, 7], "nobody"),
        ([0, 2, 3, 4], [1, 2, 0, 0], "more links"),
    ],
)
def test_a_relation_that_breaks_its_promise_is_refused(starts: list[int], targets: list[int], saying: str) -> None:
    with pytest.raises(UnsoundGraph, match=saying):
        CuratedRelation(
            np.array(starts, dtype=np.int64),
            np.array(targets, dtype=np.int32),
            np.zeros((len(targets), 0), dtype=np.float32),
            limit=1 if saying == "more links" else 2,
        )


def test_relations_about_different_people_are_no_graph() -> None:
    pairs = np.array([[0, 1]])
    with pytest.raises(UnsoundGraph, match="same persons"):
        CuratedGraph({"a": relation_of(pairs, count=2, limit=1), "b": relation_of(pairs, count=3, limit=1)})
