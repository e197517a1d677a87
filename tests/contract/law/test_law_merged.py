"""The rights of a person who stands in several records, and of one who was erased and comes back in a file."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from safeborders.kit.errors import Conflict
from safeborders.models.domain.countries import Country
from safeborders.models.domain.statuses import DataSubjectCategory as Is
from safeborders.node.ingest.errors import SourceRefused, UndoRefused
from safeborders.node.lifecycle.retention import run_retention
from safeborders.node.lifecycle.rights import Request, RightsDesk
from safeborders.node.lifecycle.subject_text import subject_text
from safeborders.node.resolution_service import Resolution
from safeborders.node.storage.database import Store
from safeborders.node.storage.entities import PersonRow
from safeborders.node.storage.erased_subjects import ErasedSubjects
from safeborders.node.storage.resolution_store import load_pairs, load_persons
from safeborders.node.storage.resolution_tables import Verdict
from safeborders.node.storage.tables import PersonIndicatorRow
from sbtest.import_files import ANA, CASE, PHONE, ROWS, STATUS, USES, apply, changed, contents, plan, undo, write
from sbtest.legal import NOW, TODAY, add_person, add_report, policy

REQUEST = Request(by="desk.anna", reference="DSR-2026/7", reason="asked for it in writing")


@pytest.fixture
def desk(store: Store) -> RightsDesk:
    """Three records of one man, put together by a person: first with second, second with third; and a stranger."""
    add_report(store)
    for name in ("one", "three", "two", "stranger"):
        add_person(store, name, Is.SUSPECT, name=f"Nikos {name.title()}akis")
    resolution = Resolution(store, country=Country.RO, clock=lambda: NOW)
    for pair in (("one", "two"), ("two", "three")):
        resolution.accept(pair, name="Olga", note="seen in person")
    return RightsDesk(store, Country.RO, clock=lambda: NOW)


def persons(store: Store) -> dict[str, PersonRow]:
    with store.session() as session:
        return {row.id: row for row in session.scalars(select(PersonRow))}


def test_L16_1_the_answer_holds_every_record_of_the_person(desk: RightsDesk) -> None:
    document = desk.show("two", request=REQUEST)
    assert [one["id"] for one in document["other_records"]] == ["one", "three"]
    text = subject_text(document)
    assert "You stand in 3 records" in text
    assert all(f"Record P-{name}" in text for name in ("one", "two", "three"))
    assert "stranger" not in json.dumps(document)
    assert "You stand in" not in subject_text(desk.show("stranger", request=REQUEST))  # the control
    assert max(map(len, text.splitlines())) <= 80


def test_L16_1_a_restriction_covers_every_record_and_is_lifted_from_all(desk: RightsDesk) -> None:
    desk.restrict("P-three", request=REQUEST)
    restricted = {name for name, row in persons(desk.store).items() if row.restricted}
    assert restricted == {"one", "two", "three"}
    desk.release("one", request=REQUEST)
    assert not any(row.restricted for row in persons(desk.store).values())
    with pytest.raises(Conflict):
        desk.release("two", request=REQUEST)


def test_L16_1_a_record_that_is_merged_later_is_restricted_the_next_night(desk: RightsDesk) -> None:
    desk.restrict("one", request=REQUEST)
    resolution = Resolution(desk.store, country=Country.RO, clock=lambda: NOW)
    resolution.accept(("one", "stranger"), name="Olga", note="seen in person")
    assert not persons(desk.store)["stranger"].restricted  # the control
    run_retention(desk.store, policy=policy(), now=NOW, as_of=TODAY)
    assert persons(desk.store)["stranger"].restricted


def test_L04_3_a_correction_reaches_every_record(desk: RightsDesk) -> None:
    desk.rectify("one", assignments=["sex=male"], dropped=["two-suspect-r"], request=REQUEST)
    sexes = {name: row.sex for name, row in persons(desk.store).items()}
    assert sexes == {"one": "male", "two": "male", "three": "male", "stranger": None}
    with pytest.raises(Conflict):
        desk.rectify("one", assignments=[], dropped=["stranger-suspect-r"], request=REQUEST)


def test_L16_1_an_erasure_takes_every_record_and_every_decision(desk: RightsDesk) -> None:
    assert desk.erase("one", request=REQUEST) == {"person": 3}
    assert set(persons(desk.store)) == {"stranger"}
    with desk.store.transaction() as connection:
        assert (load_persons(connection), load_pairs(connection, Verdict.SAME)) == ({}, [])


def test_L16_1_what_is_erased_by_its_date_leaves_the_others_one_person(desk: RightsDesk) -> None:
    with desk.store.session() as session:
        row = session.get_one(PersonRow, "two")
        row.retain_until = row.review_due = TODAY.replace(year=2020)
    run_retention(desk.store, policy=None, now=NOW, as_of=TODAY)
    with desk.store.transaction() as connection:
        assert load_persons(connection) == {"one": "one", "three": "one"}
        assert load_pairs(connection, Verdict.SAME) == [("one", "three")]


def test_L16_2_who_was_erased_on_request_does_not_come_back_by_a_file(store: Store, tmp_path: Path) -> None:
    apply(store, write(tmp_path / "a.jsonl", *ROWS))
    desk = RightsDesk(store, Country.RO, clock=lambda: NOW)
    (ana,) = persons(store)
    desk.erase(ana, request=REQUEST)
    again = write(tmp_path / "b.jsonl", *ROWS, changed({**PHONE, "id": "t2"}, number="+40612345679"))
    with pytest.raises(SourceRefused) as refused:
        apply(store, again)
    assert {(one.line, one.code) for one in refused.value.rejects if one.line == 3} == {(3, "ingest.erased_subject")}
    assert persons(store) == {}
    (report,) = plan(store, again, keep_good=True)
    codes = {reject.code for reject in report.rejects}
    assert codes == {"ingest.erased_subject"}  # her row, and each row that names her
    apply(store, again, keep_good=True)
    assert persons(store) == {}
    fresh: list[dict[str, Any]] = [{**ANA, "id": "p9"}, {**STATUS, "person": "p9", "case": None}]
    apply(store, write(tmp_path / "c.jsonl", *fresh))  # the control: new grounds have a new key
    assert len(persons(store)) == 1


def test_L16_2_who_was_erased_by_date_may_be_collected_anew(store: Store, tmp_path: Path) -> None:
    apply(store, write(tmp_path / "a.jsonl", ANA))
    run_retention(store, policy=None, now=NOW, as_of=TODAY.replace(year=2099))
    assert persons(store) == {}
    apply(store, write(tmp_path / "b.jsonl", ANA, CASE))
    assert len(persons(store)) == 1


def test_the_markers_list_nobody(store: Store, tmp_path: Path) -> None:
    apply(store, write(tmp_path / "a.jsonl", ANA))
    (ana,) = persons(store)
    with store.transaction() as connection:
        assert not ErasedSubjects(connection)
    RightsDesk(store, Country.RO, clock=lambda: NOW).erase(ana, request=REQUEST)
    with store.transaction() as connection:
        erased = ErasedSubjects(connection)
        assert ana in erased
        assert "somebody" not in erased
        assert ana not in str(vars(erased)["_markers"])


def test_L16_3_an_undoing_deletes_nothing_that_is_restricted_as_evidence(store: Store, tmp_path: Path) -> None:
    number = apply(store, write(tmp_path / "a.jsonl", *ROWS)).number
    desk = RightsDesk(store, Country.RO, clock=lambda: NOW)
    (ana,) = persons(store)
    desk.restrict(ana, request=REQUEST)
    with pytest.raises(UndoRefused):
        undo(store, number)
    assert set(persons(store)) == {ana}
    desk.release(ana, request=REQUEST)
    undo(store, number)  # the control: without the restriction it goes
    assert persons(store) == {}


def test_indicators_of_a_person_come_change_and_go_with_their_imports(store: Store, tmp_path: Path) -> None:
    own = {"record": "indicators", "person": "p1", "values": {"ctl.threats": True, "ctl.abuse": None}}
    apply(store, write(tmp_path / "a.jsonl", ANA, PHONE, USES, own))
    before = contents(store)
    second = apply(store, write(tmp_path / "b.jsonl", {**own, "values": {"ctl.threats": False, "ctl.abuse": True}}))
    assert (second.changed, second.new) == (1, 1)
    assert read(store) == {"ctl.threats": False, "ctl.abuse": True}
    undo(store, second.number)
    assert read(store) == {"ctl.threats": True}
    assert contents(store) == before
    both = {**own, "case": "c1"}
    with pytest.raises(SourceRefused):
        apply(store, write(tmp_path / "c.jsonl", CASE, both))


def read(store: Store) -> dict[str, bool | None]:
    with store.session() as session:
        return {row.code: row.value for row in session.scalars(select(PersonIndicatorRow))}
