"""The relational head: a deletion moves the class sum by no more than what is priced."""

import numpy as np
import pytest
from numpy.typing import NDArray

from safeborders.models.gnn.relational import MessageRule, bounded_rows, relational_rows, touched_rows
from safeborders.models.graph.csr import CuratedGraph, CuratedRelation, build_relation
from safeborders.privacy.dpsgd.class_sums import class_sum

CLASSES = 3


def random_relation(seed: int, *, people: int, limit: int, hub: bool = False) -> CuratedRelation:
    generator = np.random.default_rng(seed)
    pairs = np.argwhere(np.triu(generator.random((people, people)) < 0.25, k=1))
    if hub:
        pairs = np.array([(0, other) for other in range(1, people)])
    attributes = np.abs(generator.normal(size=(len(pairs), 2))).astype(np.float32)
    ranks = generator.permutation(len(pairs)).astype(np.uint64)
    return build_relation(pairs.astype(np.int64), attributes, count=people, limit=limit, ranks=ranks)


def without(relation: CuratedRelation, person: int) -> CuratedRelation:
    """Delete a person's links; the others' stay (the claim is about curated graphs)."""
    owners = np.repeat(np.arange(relation.count), np.diff(relation.starts))
    kept = (owners != person) & (relation.targets != person)
    return CuratedRelation(
        starts=np.concatenate([[0], np.cumsum(np.bincount(owners[kept], minlength=relation.count))]).astype(np.int64),
        targets=relation.targets[kept],
        attributes=relation.attributes[kept],
        limit=relation.limit,
    )


def summed(
    graph: CuratedGraph, features: NDArray[np.float64], labels: NDArray[np.int64], gone: int
) -> NDArray[np.float64]:
    members = np.arange(graph.count) != gone
    rules = {name: MessageRule(age_column=0, attribute_share=0.2) for name in graph.relations}
    rows = relational_rows(graph, features, members=members, rules=rules)
    return class_sum(rows[members], labels[members], classes=CLASSES)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("relations", [1, 2])
def test_deleting_anybody_moves_the_sum_by_at_most_the_price(seed: int, relations: int) -> None:
    people = 14
    graph = CuratedGraph(
        {str(r): random_relation(seed + 100 * r, people=people, limit=4, hub=seed % 3 == 0) for r in range(relations)}
    )
    generator = np.random.default_rng(seed)
    features, labels = generator.normal(size=(people, 3)), generator.integers(0, CLASSES, people)
    whole = summed(graph, features, labels, gone=-1)
    for person in range(people):
        rest = CuratedGraph({name: without(one, person) for name, one in graph.relations.items()})
        assert np.linalg.norm(whole - summed(rest, features, labels, gone=person)) <= touched_rows(graph)


def test_control_rows_divided_by_the_degree_move_more_than_a_price_without_neighbours() -> None:
    """Stage A's price, one row per person, does not cover a head over neighbours."""
    people = 9
    relation = random_relation(0, people=people, limit=8, hub=True)
    graph = CuratedGraph({"linked": relation})
    features, labels = np.ones((people, 1)), np.array([1, *[0] * (people - 1)])
    whole = summed(graph, features, labels, gone=-1)
    moved = np.linalg.norm(whole - summed(CuratedGraph({"linked": without(relation, 0)}), features, labels, gone=0))
    assert 1.5 < moved <= touched_rows(graph)


def test_old_links_speak_softly_and_silent_members_not_at_all() -> None:
    pairs, nothing = np.array([[0, 1], [0, 2]]), np.array([[0.0], [20.0]], dtype=np.float32)
    relation = build_relation(pairs, nothing, count=3, limit=2, ranks=np.arange(2, dtype=np.uint64))
    graph, rule = CuratedGraph({"linked": relation}), {"linked": MessageRule(age_column=0, half_life_years=2.0)}
    features = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    row = relational_rows(graph, features, members=np.ones(3, dtype=bool), rules=rule)[0]
    assert row[0] > 900 * row[1] > 0
    alone = relational_rows(graph, features, members=np.array([True, False, False]), rules=rule)[0]
    assert not alone.any()


def test_drawing_back_never_grows_a_distance() -> None:
    generator = np.random.default_rng(1)
    first, second = 3 * generator.normal(size=(500, 4)), 3 * generator.normal(size=(500, 4))
    before = np.linalg.norm(first - second, axis=1)
    assert (np.linalg.norm(bounded_rows(first) - bounded_rows(second), axis=1) <= before + 1e-12).all()
