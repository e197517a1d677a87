"""Whom a role hypothesis may be about, on every database; each refusal beside a person without the reason for it."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from safeborders.models.domain.entities import DatePrecision, EntityKind
from safeborders.models.domain.governance import Handling
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.roles import OFFENDING_ROLES
from safeborders.models.domain.statuses import DataSubjectCategory as Is
from safeborders.node.storage.database import Store
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.node.storage.learning_tables import RoleDecisionRow
from safeborders.node.storage.resolution_tables import PersonRecordRow
from safeborders.node.storage.tables import LabelRow
from sbtest.legal import NOW, TODAY, add_entity, add_link, add_person, add_report, add_status

CASE, OTHER = "case", "other-case"
LATER = TODAY - timedelta(days=1)


@pytest.fixture
def records(store: Store) -> Store:
    """Two cases of 2024 with a suspect of both whom everything is known of."""
    add_report(store)
    for case in (CASE, OTHER):
        add_entity(store, EntityKind.CASE, case)
    add_suspect(store, "known")
    return store


def add_suspect(store: Store, name: str, **own: Any) -> None:
    """Write an adult with a status of suspect in the case who is a party to it; nobody stated a role."""
    add_person(store, name, **own)
    add_status(store, name, Is.SUSPECT, case_id=CASE)
    add_link(store, RelationKind.PARTY_TO, (name, CASE))


def suspects(store: Store, *, days: int = 0) -> dict[tuple[str, str], str]:
    """Return the stated role of each suspect of each case, "" without one."""
    found = SqlLearningStore(store.engine, clock=lambda: NOW + timedelta(days=days)).load_records()
    people = found.suspects
    return {
        (found.ids["person"][person], found.ids["case"][case]): OFFENDING_ROLES[role] if role >= 0 else ""
        for person, case, role in zip(people.person, people.case, people.role, strict=True)
    }


def test_a_suspect_of_a_case_is_one_in_that_case_alone(records: Store) -> None:
    add_link(records, RelationKind.PARTY_TO, ("known", OTHER))
    assert suspects(records) == {("known", CASE): ""}
    add_status(records, "known", Is.CONVICTED, case_id=OTHER)
    assert set(suspects(records)) == {("known", CASE), ("known", OTHER)}


def test_a_suspect_in_general_or_without_a_link_is_no_suspect_of_the_case(records: Store) -> None:
    add_person(records, "in-general", Is.SUSPECT)
    add_link(records, RelationKind.PARTY_TO, ("in-general", CASE))
    add_person(records, "unlinked")
    add_status(records, "unlinked", Is.SUSPECT, case_id=CASE)
    assert suspects(records) == {("known", CASE): ""}
    add_entity(records, EntityKind.EPISODE, "scene")
    add_link(records, RelationKind.HAS_EPISODE, (CASE, "scene"))
    add_link(records, RelationKind.INVOLVED_IN, ("unlinked", "scene"))
    assert set(suspects(records)) == {("known", CASE), ("unlinked", CASE)}


def test_only_an_adult_beyond_doubt_is_one(records: Store) -> None:
    births: dict[str, tuple[date | None, DatePrecision | None]] = {
        "eighteen": (date(2006, 1, 1), DatePrecision.DAY),  # on the day on which the case was opened
        "seventeen": (date(2006, 1, 2), DatePrecision.DAY),
        "year-before": (date(2005, 1, 1), DatePrecision.YEAR),
        "year-only": (date(2006, 1, 1), DatePrecision.YEAR),  # may be born in December
        "no-precision": (date(2006, 1, 1), None),
        "unknown": (None, None),
    }
    for name, (born, precision) in births.items():
        add_suspect(records, name, birth_date=born, birth_precision=precision)
    assert {person for person, _ in suspects(records)} == {"known", "eighteen", "year-before"}


def test_a_victim_in_any_case_is_nowhere_a_suspect(records: Store) -> None:
    ended = {"valid_from": date(2020, 1, 1), "valid_to": date(2021, 1, 1)}  # and for ever
    for number, category in enumerate((Is.VICTIM_PRESUMED, Is.VICTIM_CONFIRMED)):
        for case in (CASE, OTHER, None):
            name = f"{number}-{case}"
            add_suspect(records, name)
            add_status(records, name, category, case_id=case, **ended)
    assert suspects(records) == {("known", CASE): ""}


def test_nobody_of_another_category_or_linked_as_somebody_else_is_one(records: Store) -> None:
    for number, category in enumerate((Is.WITNESS, Is.INFORMANT, Is.PROFESSIONAL, Is.CONTACT, Is.UNKNOWN)):
        add_person(records, f"p{number}")
        add_status(records, f"p{number}", category, case_id=CASE)
        add_link(records, RelationKind.PARTY_TO, (f"p{number}", CASE), role="recruiter")
    for role in ("victim", "witness", "professional"):
        add_person(records, f"as-{role}")
        add_status(records, f"as-{role}", Is.SUSPECT, case_id=CASE)
        add_link(records, RelationKind.PARTY_TO, (f"as-{role}", CASE), role=role)
    assert set(suspects(records)) == {("known", CASE)}


def test_a_status_that_has_ended_makes_nobody_one(records: Store) -> None:
    add_person(records, "acquitted", Is.CONVICTED)
    add_status(records, "acquitted", Is.SUSPECT, case_id=CASE, valid_to=TODAY)
    add_link(records, RelationKind.PARTY_TO, ("acquitted", CASE))
    assert set(suspects(records)) == {("known", CASE), ("acquitted", CASE)}
    assert set(suspects(records, days=1)) == {("known", CASE)}


def test_nobody_who_may_not_be_learnt_from_is_one(records: Store) -> None:
    withheld: dict[str, dict[str, Any]] = {
        "restricted": {"restricted": True},
        "no-training": {"train_ok": False},
        "review-overdue": {"review_due": LATER},
        "retention-over": {"retain_until": LATER},
        "no-dissemination": {"handling": Handling.H2},
    }
    for reason, envelope in withheld.items():
        add_suspect(records, reason, **envelope)
        add_person(records, f"link-{reason}")
        add_status(records, f"link-{reason}", Is.SUSPECT, case_id=CASE)
        add_link(records, RelationKind.PARTY_TO, (f"link-{reason}", CASE), **envelope)
    assert set(suspects(records)) == {("known", CASE)}


def merge(store: Store, *names: str) -> None:
    with store.session() as session:
        session.add_all(PersonRecordRow(record_id=name, person_id=min(names)) for name in names)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda store: add_status(store, "again", Is.VICTIM_PRESUMED), set()),
        (lambda store: add_status(store, "again", Is.WITNESS), {("again", CASE)}),
    ],
)
def test_all_records_of_a_person_count(
    records: Store, make: Callable[[Store], None], expected: set[tuple[str, str]]
) -> None:
    add_person(records, "again")
    make(records)
    merge(records, "again", "known")
    assert set(suspects(records)) == expected


def test_a_birth_date_under_another_record_that_says_minor_counts(records: Store) -> None:
    add_person(records, "again", Is.SUSPECT, birth_date=date(2010, 1, 1))
    merge(records, "again", "known")
    assert suspects(records) == {}


def add_label(store: Store, value: str, *, person: str = "known", case: str | None = CASE) -> None:
    with store.session() as session:
        session.add(
            LabelRow(
                id=f"label-{value}-{case}", entity_id=person, case_id=case, name="role", value=value, report_id="r",
                source_grade="B", info_grade=2, recorded_at=NOW,
            )
        )  # fmt: skip


def add_decision(store: Store, role: str, *, confirmed: bool) -> None:
    with store.session() as session:
        session.add(
            RoleDecisionRow(
                id=f"decision-{role}", person_id="known", case_id=CASE, role=role, confirmed=confirmed, decided_by="t",
                decided_at=NOW, note="seen at the border", model_sha256="a" * 64,
            )
        )  # fmt: skip


def test_a_stated_role_is_the_label_of_that_case_alone(records: Store) -> None:
    add_label(records, "recruiter", case=OTHER)
    add_label(records, "exploiter", case=None)
    assert suspects(records) == {("known", CASE): ""}
    add_label(records, "transporter")
    assert suspects(records) == {("known", CASE): "transporter"}


def test_what_a_person_stated_comes_before_what_a_link_carries(records: Store) -> None:
    add_person(records, "linked")
    add_status(records, "linked", Is.SUSPECT, case_id=CASE)
    add_link(records, RelationKind.PARTY_TO, ("linked", CASE), role="harbourer")
    assert suspects(records)["linked", CASE] == "harbourer"
    add_label(records, "controller", person="linked")
    assert suspects(records)["linked", CASE] == "controller"


def test_a_confirmed_hypothesis_is_a_label_and_a_refused_one_is_none(records: Store) -> None:
    add_decision(records, "recruiter", confirmed=False)
    assert suspects(records) == {("known", CASE): ""}
    add_decision(records, "transporter", confirmed=True)
    assert suspects(records) == {("known", CASE): "transporter"}


def test_two_stated_roles_are_no_label_and_leave_no_room_for_a_hypothesis(records: Store) -> None:
    add_label(records, "recruiter")
    add_label(records, "controller")
    assert suspects(records) == {}
