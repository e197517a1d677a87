"""LED 2016/680, articles 4(1)(e) and 5: nothing is kept beyond its time, and nobody learns from what is overdue."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.governance import Sensitivity
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.statuses import DataSubjectCategory as Is
from safeborders.node.lifecycle.retention import RetentionReport, run_retention, set_dates
from safeborders.node.storage.base import plain_table
from safeborders.node.storage.database import Store
from safeborders.node.storage.entities import EntityRow, PhoneRow
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.node.storage.lifecycle_erasure import list_erasures
from safeborders.node.storage.lifecycle_tables import ErasureRow, ReviewFlagRow
from safeborders.node.storage.tables import LinkRow, PersonStatusRow
from sbtest.legal import (
    NOW,
    TODAY,
    add_entity,
    add_link,
    add_person,
    add_report,
    add_status,
    count,
    policy,
)

FAR = date(2199, 1, 1)


@pytest.fixture
def records(store: Store) -> Store:
    """A suspect, a witness, a child, somebody of whom nobody decided; phones of one and of two of them."""
    add_report(store)
    stated: dict[str, Any] = {"review_due": FAR, "retain_until": FAR}
    add_entity(store, EntityKind.CASE, "case", **stated)
    add_person(store, "suspect", Is.SUSPECT, **stated)
    add_person(store, "witness", Is.WITNESS, **stated)
    add_person(store, "child", Is.VICTIM_PRESUMED, Is.SUSPECT, sensitivity=Sensitivity.MINOR_VICTIM, **stated)
    add_person(store, "stranger", **stated)
    for person in ("suspect", "witness", "child", "stranger"):
        add_link(store, RelationKind.PARTY_TO, (person, "case"), role="witness", **stated)
    for phone, users in {"own": ("witness",), "shared": ("witness", "suspect")}.items():
        add_entity(store, EntityKind.PHONE, phone, **stated)
        for user in users:
            add_link(store, RelationKind.USES, (user, phone), **stated)
    add_link(store, RelationKind.ASSOCIATE, ("suspect", "witness"), **stated)
    return store


def dates_of(store: Store, *, table: type[EntityRow] | type[LinkRow] = EntityRow) -> dict[str, tuple[int, int]]:
    """Return days until review and erasure, by identifier."""
    with store.transaction() as connection:
        rows = connection.execute(
            select(plain_table(table).c.id, plain_table(table).c.review_due, plain_table(table).c.retain_until)
        )
        return {row[0]: ((row[1] - TODAY).days, (row[2] - TODAY).days) for row in rows}


def import_dates(store: Store, report_id: str | None = "r") -> None:
    with store.transaction() as connection:
        set_dates(connection, report_id=report_id, policy=policy())


def night(store: Store, days: int) -> RetentionReport:
    """Run the nightly job as if ``days`` days had gone by."""
    later = NOW + timedelta(days=days)
    return run_retention(store, policy=policy(), now=later, as_of=later.date())


def learnt_from(store: Store, days: int = 0) -> set[str]:
    records = SqlLearningStore(store.engine, clock=lambda: NOW + timedelta(days=days)).load_records()
    return {one for names in records.ids.values() for one in names}


def test_L05_1_dates_come_from_the_category_and_are_shorter_for_those_who_need_it(records: Store) -> None:
    import_dates(records)
    dates = dates_of(records)
    assert dates["suspect"] == (1095, 3650)
    assert dates["witness"] == (365, 1825)
    assert dates["child"] == (365, 2555)  # a victim, whatever else is recorded, and a minor
    assert dates["stranger"] == (45, 90)
    assert dates["case"] == dates["own"] == (1825, 7300)
    links = dates_of(records, table=LinkRow)
    assert links["ASSOCIATE-suspect-witness"] == (365, 1825)  # the shorter of the two
    assert links["USES-suspect-shared"] == (1095, 3650)


def test_L05_1_the_control_without_a_policy_keeps_what_the_source_stated(records: Store) -> None:
    with records.transaction() as connection:
        set_dates(connection, report_id="r", policy=None)
    assert set(dates_of(records).values()) == {((FAR - TODAY).days, (FAR - TODAY).days)}


def test_L05_1_a_date_is_never_later_than_the_source_said(records: Store) -> None:
    soon = TODAY + timedelta(days=5)
    with records.transaction() as connection:
        connection.execute(update(plain_table(EntityRow)).values(retain_until=soon, review_due=soon))
    import_dates(records)
    assert set(dates_of(records).values()) == {(5, 5)}


def test_L05_1_what_a_later_file_states_counts_in_place_of_the_earlier(records: Store) -> None:
    import_dates(records)
    soon = TODAY + timedelta(days=7)
    with records.transaction() as connection:  # what an import of the same key does
        entity = plain_table(EntityRow)
        connection.execute(update(entity).where(entity.c.id == "suspect").values(retain_until=soon, review_due=soon))
    import_dates(records)
    assert dates_of(records)["suspect"] == (7, 7)
    import_dates(records, None)
    assert dates_of(records)["suspect"] == (7, 7)


def test_L05_1_a_later_status_dates_the_person_of_an_earlier_import_anew(records: Store) -> None:
    import_dates(records)
    add_report(records, "s")
    add_status(records, "stranger", Is.SUSPECT, report_id="s")
    import_dates(records, "s")
    assert dates_of(records)["stranger"] == (1095, 3650)
    assert dates_of(records, table=LinkRow)["PARTY_TO-stranger-case"] == (1095, 3650)


def test_L05_1_dating_twice_changes_nothing(records: Store) -> None:
    import_dates(records)
    before = dates_of(records), dates_of(records, table=LinkRow)
    import_dates(records, None)
    import_dates(records)
    assert (dates_of(records), dates_of(records, table=LinkRow)) == before


def test_L05_1_as_the_clock_advances_rows_leave_training_then_the_database(records: Store) -> None:
    import_dates(records)
    assert learnt_from(records) == {"case", "suspect", "witness", "child", "own", "shared"}
    assert night(records, 0) == RetentionReport(as_of=TODAY)

    assert night(records, 91).erased == {"person": 1}  # of whom nobody decided in 90 days
    assert "witness" not in learnt_from(records, 366)
    report = night(records, 366)
    assert (report.erased, report.flagged) == ({}, 6)  # witness, child, two parties, one phone link each, the tie
    assert count(records, ReviewFlagRow) == 6

    assert night(records, 1826).erased == {"person": 1, "phone": 1}  # the witness, and the phone of nobody else
    with records.transaction() as connection:
        assert connection.execute(select(PhoneRow.id)).scalars().all() == ["shared"]
        assert connection.execute(select(PersonStatusRow.person_id)).scalars().all().count("witness") == 0
    assert learnt_from(records, 1826) == set()


def test_L05_1_the_control_without_the_job_keeps_everything(records: Store) -> None:
    import_dates(records)
    before = count(records, EntityRow)
    assert learnt_from(records, 1826) == set()  # the predicate does not wait for the job
    assert count(records, EntityRow) == before


def test_L05_1_every_erasure_has_an_entry_that_says_why_and_nothing_else(records: Store) -> None:
    import_dates(records)
    night(records, 1826)
    with records.transaction() as connection:
        entries = list_erasures(connection)
        assert {(one.kind, one.why, one.rule) for one in entries} == {
            ("person", "retention", "gr policy 1: unknown, normal"),
            ("person", "retention", "gr policy 1: witness, normal"),
            ("phone", "orphan", "nothing is left that it belonged to"),
        }
        assert len(entries) == 3
        assert [one.why for one in list_erasures(connection, identifier="witness")] == ["retention"]
        assert list_erasures(connection, identifier="suspect") == []
        stored = str(connection.execute(select(plain_table(ErasureRow))).all())
    assert not [word for word in ("witness'", "P-witness", "own'", "+30") if word in stored]


def test_L05_1_an_entry_stays(records: Store) -> None:
    import_dates(records)
    night(records, 91)
    for statement in ("DELETE FROM erasure_ledger", "UPDATE erasure_ledger SET why = 'request'"):
        with pytest.raises(DBAPIError), records.transaction() as connection:
            connection.execute(text(statement))
    assert count(records, ErasureRow) == 1


def test_L05_1_a_link_past_its_time_goes_alone(records: Store) -> None:
    import_dates(records)
    with records.transaction() as connection:
        tie = plain_table(LinkRow).c.kind == RelationKind.ASSOCIATE
        yesterday = TODAY - timedelta(days=1)
        connection.execute(update(plain_table(LinkRow)).where(tie).values(stated_retain_until=yesterday))
    assert night(records, 0).erased == {"ASSOCIATE": 1}
    with records.transaction() as connection:
        assert [one.rule for one in list_erasures(connection)] == ["the date that the source stated"]
