"""Decisions taken together: clusters, contradictions, and what a rule may accept."""

from dataclasses import replace
from datetime import date
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from safeborders.models.domain.entities import DatePrecision, Sex
from safeborders.node.resolution.clusters import Clusters, canonical_of, contradictions
from safeborders.node.resolution.decisions import only_unguarded, unite
from safeborders.node.resolution.profiles import Name, Profile, Register
from safeborders.node.resolution.scoring import Candidate

PAIRS = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from("abcdefgh")).filter(lambda p: p[0] != p[1]))
ADULT = Profile(
    id="a", names=(Name.of("Ana Pop"),), born=date(1980, 1, 2), precision=DatePrecision.DAY, sex=Sex.FEMALE,
    guarded=False,
)  # fmt: skip


def candidate(first: str, second: str, score: float) -> Candidate:
    return Candidate(first=first, second=second, score=score, reasons=())


@given(PAIRS)
def test_the_order_of_decisions_changes_nothing(pairs: list[tuple[str, str]]) -> None:
    shuffled = sorted(pairs, key=lambda pair: pair[::-1], reverse=True)
    assert canonical_of(pairs) == canonical_of(shuffled)


@given(PAIRS)
def test_each_record_stands_for_the_smallest_of_its_person(pairs: list[tuple[str, str]]) -> None:
    persons = canonical_of(pairs)
    assert all(persons[first] == persons[second] for first, second in pairs)
    assert all(person == min(record for record in persons if persons[record] == person) for person in persons.values())


def test_a_contradiction_is_found_and_a_consistent_world_has_none() -> None:
    assert contradictions([("a", "b"), ("b", "c")], [("a", "c")]) == [("a", "c")]
    assert contradictions([("a", "b"), ("b", "c")], [("a", "d")]) == []


def test_united_persons_never_hold_two_records_that_exclude_each_other() -> None:
    unsure = replace(ADULT, id="b", born=date(1980, 1, 1), precision=DatePrecision.YEAR)
    other = replace(ADULT, id="c", born=date(1980, 9, 30))
    register = Register([ADULT, unsure, other])
    for order in permutations([candidate("a", "b", 0.9), candidate("b", "c", 0.9)]):
        accepted = unite(register, order, score_from=0.7, same=(), different=())
        assert accepted == [order[0]]  # both would make a and c one person, born on two days


def test_united_persons_respect_what_a_human_told_apart() -> None:
    register = Register([replace(ADULT, id=record) for record in "abc"])
    candidates = [candidate("a", "b", 0.9), candidate("b", "c", 0.8)]

    assert len(unite(register, candidates, score_from=0.7, same=(), different=())) == 2
    assert unite(register, candidates, score_from=0.7, same=(), different=[("a", "c")]) == candidates[:1]
    assert unite(register, candidates, score_from=0.85, same=(), different=()) == candidates[:1]


def test_a_rule_touches_no_person_with_a_guarded_record() -> None:
    child = replace(ADULT, id="c", guarded=True)
    register = Register([ADULT, replace(ADULT, id="b"), child, replace(ADULT, id="d"), replace(ADULT, id="e")])
    candidates = [candidate("a", "b", 0.99), candidate("b", "c", 0.98), candidate("d", "e", 0.97)]

    assert only_unguarded(register, candidates, same=()) == candidates[2:]
    assert only_unguarded(register, candidates[2:], same=[("c", "d")]) == []


def test_a_cluster_is_found_from_each_of_its_records() -> None:
    clusters = Clusters([("b", "a"), ("c", "b")])
    assert {clusters.find(record) for record in "abc"} == {"a"}
    assert clusters.find("z") == "z"
    assert clusters.members() == {"a": ["a", "b", "c"]}
