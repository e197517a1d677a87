from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safeborders.models.graph.features import SPECIFICATION
from safeborders.node.graph.pairs import candidate_pairs, contains, pair_inputs
from safeborders.node.graph.persons import LINKS_PER_PERSON, build_person_graph, curated_association
from safeborders.node.graph.predictors import PREDICTORS, predictors
from safeborders.node.graph.records import Records
from safeborders.node.learning.examples import build_case_examples, build_pair_examples
from sbtest.small_country import make_relation, small_country

NAMES = [feature.name for feature in SPECIFICATION.links]


def without_person(records: Records, person: int) -> Records:
    """Delete everything recorded of a person; positions stay, so that examples can be compared."""
    kept = []
    for relation in records.relations:
        about = np.zeros(len(relation), dtype=np.bool_)
        if relation.source_type == "person":
            about |= relation.source == person
        if relation.target_type == "person":
            about |= relation.target == person
        kept.append(relation.where(~about))
    return replace(records, relations=tuple(kept))


@given(seed=st.integers(0, 200), person=st.integers(0, 19))
@settings(max_examples=30, deadline=None)
def test_inputs_of_a_pair_do_not_change_when_somebody_it_is_not_about_is_deleted(seed: int, person: int) -> None:
    records = small_country(seed, groups=4)
    examples = build_pair_examples(records, build_person_graph(records))
    about = [person in examples.examples.attributions.of(row) for row in range(len(examples.first))]
    less = build_person_graph(without_person(records, person))
    inputs = pair_inputs(less, (examples.first, examples.second)).inputs
    same = (inputs == examples.examples.inputs).all(axis=1)
    assert same[~np.array(about, dtype=np.bool_)].all()


def test_the_control_inputs_that_look_at_degrees_do_change() -> None:
    records = small_country(1, groups=4)
    first, second = curated_association(records)
    before = predictors(build_person_graph(records), (first, second))
    changed = 0
    for person in range(20):
        others = (first != person) & (second != person)
        after = predictors(build_person_graph(without_person(records, person)), (first, second))
        changed += int((after != before)[others].sum())
    assert changed > 0


@given(seed=st.integers(0, 200))
@settings(max_examples=20, deadline=None)
def test_inputs_are_the_same_in_both_orders(seed: int) -> None:
    graph = build_person_graph(small_country(seed, groups=3))
    first, second = candidate_pairs(graph)
    one, other = pair_inputs(graph, (first, second)), pair_inputs(graph, (second, first))
    assert np.array_equal(one.inputs, other.inputs)
    assert np.allclose(predictors(graph, (first, second)), predictors(graph, (second, first)))


@given(seed=st.integers(0, 200))
@settings(max_examples=20, deadline=None)
def test_a_link_between_the_two_is_not_an_input(seed: int) -> None:
    records = small_country(seed, groups=3)
    first, second = curated_association(records)
    for index in range(min(len(first), 4)):
        pair = (first[index : index + 1], second[index : index + 1])
        association = next(relation for relation in records.relations if relation.kind == "ASSOCIATE")
        kept = ~((association.source == first[index]) & (association.target == second[index]))
        relations = tuple(r.where(kept) if r is association else r for r in records.relations)
        before, after = build_person_graph(records), build_person_graph(replace(records, relations=relations))
        assert np.array_equal(pair_inputs(before, pair).inputs, pair_inputs(after, pair).inputs)
        assert np.allclose(predictors(before, pair), predictors(after, pair))


def test_each_shared_thing_is_its_own_input() -> None:
    records = small_country(1, groups=1)
    kinds = {
        "shared_phone": ("USES", "phone"),
        "shared_vehicle": ("DRIVES", "vehicle"),
        "shared_place": ("STAYS_AT", "place"),
        "shared_organisation": ("WORKS_FOR", "organisation"),
    }
    for feature, (kind, selector) in kinds.items():
        alone = replace(
            records,
            ids={**records.ids, selector: ("s0",)},
            relations=(make_relation(kind, ("person", selector), [(0, 0), (1, 0)]),),
        )
        inputs = pair_inputs(build_person_graph(alone), (np.array([0]), np.array([1]))).inputs[0]
        assert {NAMES[place] for place in np.flatnonzero(inputs)} - {"time_overlap"} == {feature}


def test_a_hub_connects_nobody() -> None:
    records = small_country(1, groups=8)
    crowd = make_relation("USES", ("person", "phone"), [(person, 0) for person in range(30)])
    graph = build_person_graph(replace(records, relations=(crowd,)))
    assert len(candidate_pairs(graph)[0]) == 0
    few = crowd.where(np.arange(30) < 5)
    assert len(candidate_pairs(build_person_graph(replace(records, relations=(few,))))[0]) == 10


def test_nobody_has_more_curated_links_than_allowed() -> None:
    records = small_country(1, groups=8)
    everybody = [(a, b) for a in range(30) for b in range(a)]
    crowded = replace(records, relations=(make_relation("ASSOCIATE", ("person", "person"), everybody),))
    ends = np.concatenate(curated_association(crowded))
    assert 0 < np.bincount(ends).max() <= LINKS_PER_PERSON


def test_professionals_are_in_no_pair_and_in_no_example() -> None:
    records = small_country(1)
    professional = int(np.flatnonzero(records.professional)[0])
    first, second = candidate_pairs(build_person_graph(records))
    assert professional not in first
    assert professional not in second
    assert professional not in build_case_examples(records).attributions.persons


def test_strangers_and_the_isolated_have_nothing_in_common() -> None:
    records = small_country(1)
    alone = np.array([records.count("person") - 1])
    inputs = pair_inputs(build_person_graph(records), (alone, np.array([0]))).inputs[0]
    assert {NAMES[place] for place in np.flatnonzero(inputs)} <= {"clustering"}, "what is known of one of them alone"


@given(seed=st.integers(0, 100))
@settings(max_examples=10, deadline=None)
def test_examples_do_not_depend_on_the_order_of_rows(seed: int) -> None:
    records = small_country(seed, groups=4)
    random = np.random.default_rng(seed)
    shuffled = replace(
        records,
        relations=tuple(
            replace(
                relation,
                source=relation.source[order],
                target=relation.target[order],
                since=relation.since[order],
                until=relation.until[order],
                role=relation.role[order],
            )
            for relation in records.relations
            for order in [random.permutation(len(relation))]
        ),
    )
    one = build_pair_examples(records, build_person_graph(records))
    other = build_pair_examples(shuffled, build_person_graph(shuffled))
    assert np.array_equal(one.first, other.first)
    assert np.array_equal(one.examples.inputs, other.examples.inputs)
    assert np.array_equal(one.examples.attributions.persons, other.examples.attributions.persons)


def test_a_batch_of_pairs_equals_its_singles_and_no_pair_is_no_row() -> None:
    graph = build_person_graph(small_country(2, groups=3))
    first, second = candidate_pairs(graph)
    whole = pair_inputs(graph, (first, second)).inputs
    singles = [pair_inputs(graph, (first[i : i + 1], second[i : i + 1])).inputs[0] for i in range(len(first))]
    assert np.array_equal(whole, np.stack(singles))
    assert pair_inputs(graph, (first[:0], second[:0])).inputs.shape == (0, len(NAMES))
    assert predictors(graph, (first[:0], second[:0])).shape == (0, len(PREDICTORS))


def test_negatives_are_not_linked_and_positives_are() -> None:
    records = small_country(3)
    graph = build_person_graph(records)
    pairs = build_pair_examples(records, graph)
    linked = contains(graph.associates, (pairs.first, pairs.second))
    assert np.array_equal(linked, pairs.examples.labels == 1)
    assert 0 < pairs.examples.labels.mean() < 0.5


def test_two_people_of_one_case_stand_on_a_side() -> None:
    records = small_country(1, groups=1)
    parties = make_relation(
        "PARTY_TO", ("person", "case"), [(0, 0), (1, 0), (2, 0)], ["victim", "recruiter", "exploiter"]
    )
    graph = build_person_graph(replace(records, relations=(parties,)))
    inputs = pair_inputs(graph, (np.array([0, 1]), np.array([1, 2]))).inputs
    assert inputs[0, NAMES.index("offender_and_victim")] == 1
    assert inputs[0, NAMES.index("same_side")] == 0
    assert inputs[1, NAMES.index("same_side")] == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_input_lies_between_zero_and_one(name: str) -> None:
    graph = build_person_graph(small_country(5))
    column = pair_inputs(graph, candidate_pairs(graph)).inputs[:, NAMES.index(name)]
    assert column.min() >= 0
    assert column.max() <= 1


def test_a_hotline_makes_no_contact_in_either_order() -> None:
    records = small_country(1, groups=8)
    calls = [(0, phone) for phone in range(1, 16)] + [(phone, 0) for phone in range(1, 16)]
    more = [(0, 16 + place) for place in range(4)]
    phones = tuple(f"t{place:04}" for place in range(20))
    busy = replace(
        records,
        ids={**records.ids, "phone": phones},
        relations=(
            make_relation("USES", ("person", "phone"), [(place, place) for place in range(20)]),
            make_relation("CALLED", ("phone", "phone"), calls + more),
        ),
    )
    graph = build_person_graph(busy)
    everyone = np.arange(1, 20)
    hotline = np.zeros(19, dtype=np.int64)
    assert not pair_inputs(graph, (hotline, everyone)).inputs[:, NAMES.index("called")].any()
    assert not pair_inputs(graph, (everyone, hotline)).inputs[:, NAMES.index("called")].any()
    assert not pair_inputs(graph, (everyone[:-1], everyone[1:])).inputs[:, NAMES.index("common_contact")].any()
