"""One suite for every database: readers of a merged person see one person, by the strictest rule of its records."""

from datetime import date
from typing import cast

import numpy as np
import pytest
from sqlalchemy import Table, update

from safeborders.kit.errors import NotFound
from safeborders.models.domain.countries import Country
from safeborders.models.domain.governance import Purpose
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.statuses import DataSubjectCategory
from safeborders.node.access.callers import Caller, Justification, Role
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.graph.records import PERSON, Records
from safeborders.node.learning.examples import build_case_examples, build_pair_examples
from safeborders.node.learning.outcomes import Outcomes, SuggestedLink
from safeborders.node.resolution_service import Resolution
from safeborders.node.storage.access_reader import SqlRecordReader
from safeborders.node.storage.database import Store
from safeborders.node.storage.entities import EntityRow
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.node.storage.resolution_reader import load_register
from sbtest import doubles
from sbtest.casebook import NOW
from sbtest.doubles import ADULT, ADULT_AGAIN, CHILD, CHILD_AGAIN, THIRD, TWIN, add_case, add_link

WHO = Justification(Caller("t", "Olga", Role.LEAD_INVESTIGATOR), Purpose.NETWORK, "case-1")
PARTY, KIN, ASSOCIATE = RelationKind.PARTY_TO, RelationKind.KIN, RelationKind.ASSOCIATE


def merge(store: Store, *pairs: tuple[str, str]) -> Resolution:
    resolution = Resolution(store, country=Country.RO, clock=lambda: NOW)
    for pair in pairs:
        resolution.accept(pair, name="Olga", note="seen in person")
    return resolution


def learnt(store: Store) -> Records:
    return SqlLearningStore(store.engine, clock=lambda: NOW).load_records()


def reader(store: Store) -> SqlRecordReader:
    return SqlRecordReader(store.engine, clock=lambda: NOW)


def restrict(store: Store, record: str, **changes: object) -> None:
    table = cast("Table", EntityRow.__table__)
    with store.transaction() as connection:
        connection.execute(update(table).where(table.c.id == record).values(**changes or {"restricted": True}))


def persons_of_case(records: Records, case: str) -> list[str]:
    relation = next(r for r in records.of_kind(PARTY) if r.source_type == PERSON)
    place = records.ids["case"].index(case)
    return sorted(records.ids[PERSON][source] for source in relation.source[relation.target == place])


def test_a_merged_person_has_one_place_and_all_links(doubled: Store) -> None:
    for case, record in (("case-1", ADULT), ("case-2", ADULT_AGAIN), ("case-3", THIRD)):
        add_case(doubled, case)
        add_link(doubled, PARTY, (record, case), role="recruiter")
    apart = learnt(doubled)
    merge(doubled, (ADULT, ADULT_AGAIN), (ADULT_AGAIN, THIRD))
    together = learnt(doubled)

    assert apart.count(PERSON) == together.count(PERSON) + 2
    assert all(persons_of_case(together, case) == [ADULT] for case in ("case-1", "case-2", "case-3"))
    assert len(together.professional) == together.count(PERSON)


def test_undoing_a_merge_restores_the_arrays_exactly(doubled: Store) -> None:
    add_case(doubled, "case-1")
    add_link(doubled, PARTY, (ADULT_AGAIN, "case-1"), role="recruiter")
    add_link(doubled, ASSOCIATE, (ADULT_AGAIN, TWIN))
    before = learnt(doubled)
    resolution = merge(doubled, (ADULT, ADULT_AGAIN))
    assert learnt(doubled).ids != before.ids
    resolution.undo((ADULT, ADULT_AGAIN), name="Olga", note="mistaken")
    after = learnt(doubled)

    assert after.ids == before.ids
    for old, new in zip(before.relations, after.relations, strict=True):
        assert all(np.array_equal(getattr(old, name), getattr(new, name)) for name in ("source", "target", "role"))


def test_a_link_between_records_of_one_person_is_no_link(doubled: Store) -> None:
    add_link(doubled, ASSOCIATE, (ADULT, ADULT_AGAIN))
    assert [len(relation) for relation in learnt(doubled).of_kind(ASSOCIATE)] == [1]
    merge(doubled, (ADULT, ADULT_AGAIN))
    assert [len(relation) for relation in learnt(doubled).of_kind(ASSOCIATE)] == []


def test_a_victim_under_any_record_is_a_victim_under_all(doubled: Store) -> None:
    add_case(doubled, "case-1")
    add_link(doubled, PARTY, (CHILD_AGAIN, "case-1"), role="recruiter")  # a suspect, until the merge

    def role() -> str:
        return str(next(r for r in learnt(doubled).of_kind(PARTY)).role[0])

    assert role() == "recruiter"
    assert reader(doubled).get_entity(CHILD_AGAIN, who=WHO).category is DataSubjectCategory.SUSPECT
    merge(doubled, (CHILD, CHILD_AGAIN))

    assert role() == "victim"
    shown = reader(doubled).get_neighbourhood(CHILD_AGAIN, hops=1, who=WHO)
    assert {one.category for one in shown.entities if one.category} == {DataSubjectCategory.VICTIM_PRESUMED}
    assert [link.role for link in shown.links] == ["victim"]


@pytest.mark.parametrize("changes", [{"restricted": True}, {"train_ok": False}, {"review_due": date(2020, 1, 1)}])
def test_what_may_not_be_learnt_under_one_record_is_learnt_under_none(
    doubled: Store, changes: dict[str, object]
) -> None:
    add_case(doubled, "case-1")
    add_link(doubled, PARTY, (ADULT_AGAIN, "case-1"), role="recruiter")
    restrict(doubled, ADULT, **changes)
    assert ADULT_AGAIN in learnt(doubled).ids[PERSON]  # the control: not merged, so learnt
    merge(doubled, (ADULT, ADULT_AGAIN))
    records = learnt(doubled)

    assert not {ADULT, ADULT_AGAIN} & set(records.ids[PERSON])
    assert records.case_type.tolist() == [-1]  # and the case keeps its place but not its label


def test_a_restricted_record_hides_the_whole_person_from_investigators(doubled: Store) -> None:
    restrict(doubled, ADULT)
    assert reader(doubled).get_entity(ADULT_AGAIN, who=WHO).id == ADULT_AGAIN  # the control
    merge(doubled, (ADULT, ADULT_AGAIN))
    with pytest.raises(NotFound):
        reader(doubled).get_entity(ADULT_AGAIN, who=WHO)
    assert [one.id for one in reader(doubled).search("Taranu", kind=None, who=WHO)] == [THIRD]


@pytest.mark.parametrize("query", ["Десислава Щерева", "Desislava Shtereva", "Shchereva", "ШТЕРЕВА"])
def test_search_finds_a_person_under_every_merged_spelling(doubled: Store, query: str) -> None:
    merge(doubled, (CHILD, CHILD_AGAIN))
    assert {one.id for one in reader(doubled).search(query, kind=None, who=WHO)} == {CHILD, CHILD_AGAIN}


def test_a_person_found_under_one_name_is_shown_with_the_records_under_another(doubled: Store) -> None:
    doubles.add_person(doubled, "alias", name="Horia Bejenaru", born=date(1980, 5, 17))
    assert [one.id for one in reader(doubled).search("Bejenaru", kind=None, who=WHO)] == ["alias"]
    merge(doubled, (ADULT, "alias"))
    hits = reader(doubled).search("Bejenaru", kind=None, who=WHO)

    assert [one.id for one in hits] == ["alias", ADULT]
    assert {one.attributes["merged_person"] for one in hits} == {ADULT}


def test_the_neighbourhood_of_one_record_is_that_of_the_person(doubled: Store) -> None:
    add_case(doubled, "case-1")
    add_link(doubled, PARTY, (ADULT_AGAIN, "case-1"), role="recruiter")

    def around() -> set[str]:
        return {one.id for one in reader(doubled).get_neighbourhood(ADULT, hops=1, who=WHO).entities}

    assert around() == {ADULT}
    merge(doubled, (ADULT, ADULT_AGAIN))
    assert around() == {ADULT, ADULT_AGAIN, "case-1"}


def test_a_suggestion_between_records_merged_since_is_shown_no_more(doubled: Store) -> None:
    suggestion = SuggestedLink(first_id=ADULT, second_id=ADULT_AGAIN, score=0.9, reasons=())
    store = SqlLearningStore(doubled.engine, clock=lambda: NOW)
    store.replace_outcomes(Outcomes(links=[suggestion], cases=[]), run="run", model_sha256="a" * 64)
    assert len(reader(doubled).list_suggestions(case=None, who=WHO)) == 1  # the control
    merge(doubled, (ADULT, ADULT_AGAIN))
    assert reader(doubled).list_suggestions(case=None, who=WHO) == []


def test_no_name_or_number_stands_in_a_representation(doubled: Store) -> None:
    with doubled.transaction() as connection:
        register = load_register(connection, today=NOW.date())
    shown = repr(register)
    assert not any(secret in shown for secret in ("taranu", "corneliu", "morii", "1980"))


@pytest.mark.parametrize("limit", [1, 2])
def test_no_true_person_is_in_more_examples_than_the_bound_allows(doubled: Store, limit: int) -> None:
    """The premise of the accountant, for persons and not for rows; the control counts rows and breaks it."""
    records_of_one = (ADULT, ADULT_AGAIN, THIRD)
    for number, record in enumerate((*records_of_one, *records_of_one)):
        add_case(doubled, f"case-{number}")
        add_link(doubled, PARTY, (record, f"case-{number}"), role="recruiter")
        add_link(doubled, ASSOCIATE, (record, f"filler-{number:02}"))

    def examples_of_the_person(store: Store) -> list[int]:
        records = learnt(store)
        pairs = build_pair_examples(records, build_person_graph(records)).examples
        counts = []
        for examples in (build_case_examples(records), pairs):
            kept = examples.curated(limit=limit)
            per_place = examples.attributions.examples_per_person(kept)
            mine = [place for place, record in enumerate(records.ids[PERSON]) if record in records_of_one]
            counts.append(sum(int(per_place[place]) for place in mine if place < len(per_place)))
        return counts

    assert max(examples_of_the_person(doubled)) > limit  # the control: three rows, three bounds
    merge(doubled, (ADULT, ADULT_AGAIN), (ADULT_AGAIN, THIRD))
    assert max(examples_of_the_person(doubled)) <= limit
