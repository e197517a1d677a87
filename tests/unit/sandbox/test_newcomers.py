"""The benchmark's authorities that join late hold their own actors alone, and no link that is hidden from them."""

from dataclasses import replace

import numpy as np
from benchmarks.link_prediction.newcomers import Newcomer, among, draw_newcomers
from benchmarks.link_prediction.worlds import HiddenWorld

from safeborders.models.domain.countries import Country
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.graph.records import PERSON, Records
from safeborders.node.learning.hiding import Hidden, pairs_of
from sbtest.linked_country import linked_country
from sbtest.small_country import make_relation

ACTORS = 30


def country(*, unrecorded: int) -> HiddenWorld:
    """Return a country whose eighty members are linked at random, with pairs that belong together off record."""
    random, records = np.random.default_rng(3), linked_country(1)
    members = records.count(PERSON) - 1
    codes = random.permutation(np.unique(np.sort(random.integers(0, members, (300, 2)), axis=1), axis=0))
    pairs = codes[codes[:, 0] != codes[:, 1]]
    linked = make_relation("ASSOCIATE", (PERSON, PERSON), [(int(a), int(b)) for a, b in pairs[unrecorded:]])
    others = tuple(one for one in records.relations if one.kind != "ASSOCIATE")
    records = replace(records, relations=(*others, linked))
    ties, none = build_person_graph(records).ties, np.zeros((0, 2), dtype=np.int64)
    return HiddenWorld(Country("gr"), records, Hidden(ties, pairs[:unrecorded], none, none))


def codes_of(pairs: np.ndarray) -> set[tuple[int, int]]:
    return {(int(a), int(b)) for a, b in np.sort(pairs, axis=1)}


def drawn(world: HiddenWorld) -> list[Newcomer]:
    return list(draw_newcomers(world, actors=ACTORS, networks=3, seed=5))


def test_a_newcomer_has_its_actors_and_none_of_the_hidden_links() -> None:
    world = country(unrecorded=0)
    found = drawn(world)
    assert len(found) == 3
    for one in found:
        assert one.records.count(PERSON) == ACTORS
        ties = build_person_graph(one.records).ties
        assert len(one.hidden.positives) >= 2
        assert codes_of(ties.pairs) == codes_of(one.hidden.observed.pairs)
        assert not codes_of(one.hidden.positives) & codes_of(ties.pairs)
        names = one.records.ids[PERSON]
        whole = {name: number for number, name in enumerate(world.records.ids[PERSON])}
        there = codes_of(build_person_graph(world.records).ties.pairs)
        assert all(
            tuple(sorted((whole[names[a]], whole[names[b]]))) in there for a, b in codes_of(one.hidden.positives)
        )


def test_what_its_actors_share_stays_and_what_others_share_goes() -> None:
    world = country(unrecorded=0)
    chosen = np.arange(10, 40)
    part, whole = (
        build_person_graph(one).bridges["shared_phone"] for one in (among(world.records, chosen), world.records)
    )
    assert part.nnz > 0
    assert np.array_equal(part.toarray(), whole.toarray()[chosen])


def test_who_belongs_together_off_record_is_no_negative() -> None:
    world = country(unrecorded=80)

    def known(one: Newcomer, records: Records) -> set[tuple[int, int]]:
        place = {name: number for number, name in enumerate(one.records.ids[PERSON])}
        names = records.ids[PERSON]
        ends = [(place.get(names[a], -1), place.get(names[b], -1)) for a, b in world.hidden.positives]
        return codes_of(np.array([pair for pair in ends if min(pair) >= 0]).reshape(-1, 2))

    def negatives(one: Newcomer) -> set[tuple[int, int]]:
        return codes_of(np.concatenate([one.hidden.strangers, one.hidden.near]))

    for one in drawn(world):
        assert known(one, world.records)
        assert not negatives(one) & known(one, world.records)
    forgetful = replace(world, hidden=replace(world.hidden, positives=pairs_of(np.zeros(0, dtype=np.int64), 1)))
    assert any(negatives(one) & known(one, world.records) for one in drawn(forgetful)), "control"


def test_a_country_without_so_large_a_network_yields_none() -> None:
    assert list(draw_newcomers(country(unrecorded=0), actors=200, networks=3, seed=5)) == []
