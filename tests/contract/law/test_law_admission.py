"""What may be learnt from and what may be shared: one rule in SQL, one in plain Python, and both say the same."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import ColumnElement, delete, insert, select

from safeborders.models.domain.entities import DatePrecision, EntityKind
from safeborders.models.domain.governance import Handling, Purpose, Sensitivity
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.statuses import DataSubjectCategory as Is
from safeborders.models.domain.statuses import Status, category_on
from safeborders.node.lifecycle.admission import (
    Governed,
    identifier_may_enter_filter,
    link_may_enter_filter,
    may_be_learnt_from,
    person_may_enter_filter,
)
from safeborders.node.storage import admission as sql
from safeborders.node.storage.base import plain_table
from safeborders.node.storage.database import Store
from safeborders.node.storage.entities import EntityRow, PersonRow, PhoneRow
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.node.storage.lifecycle_tables import HandlingReleaseRow
from safeborders.node.storage.tables import LinkRow, PersonStatusRow
from sbtest.casebook import envelope
from sbtest.legal import ADULT_BORN, EVERY_PURPOSE, NOW, TODAY, add_entity, add_link, add_person, add_report

YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
OPEN = Governed(
    restricted=False,
    train_ok=True,
    share_ok=True,
    handling=Handling.H0,
    sensitivity=Sensitivity.NORMAL,
    purposes=~Purpose(0),
    review_due=TODAY,
    retain_until=TODAY,
)
SUSPECT = replace(OPEN, category=Is.SUSPECT, birth=ADULT_BORN, birth_precision=DatePrecision.DAY)
EVERY = Purpose.TYPOLOGY | Purpose.NETWORK


@dataclass(frozen=True)
class Person:
    """A person with statuses, as both sides see it."""

    row: Governed
    statuses: tuple[Status, ...]


_days = st.sampled_from([YESTERDAY, TODAY, TOMORROW, date(2040, 1, 1)])
_any_rows = st.builds(
    Governed,
    restricted=st.sampled_from([False, False, True]),
    train_ok=st.sampled_from([True, True, False]),
    share_ok=st.sampled_from([True, True, False]),
    handling=st.sampled_from([Handling.H0, Handling.H0, *Handling]),
    sensitivity=st.sampled_from([Sensitivity.NORMAL, Sensitivity.NORMAL, *Sensitivity]),
    purposes=st.integers(1, EVERY_PURPOSE).map(Purpose),
    review_due=_days,
    retain_until=_days,
    is_released=st.booleans(),
)
_rows = st.one_of(st.just(OPEN), _any_rows)  # half of them open, so that one reason alone decides often enough
_statuses = st.builds(
    Status,
    category=st.sampled_from([Is.SUSPECT, Is.CONVICTED, *Is]),
    valid_from=st.sampled_from([None, None, YESTERDAY, TOMORROW]),
    valid_to=st.sampled_from([None, None, YESTERDAY, TOMORROW]),
)
_births = st.sampled_from([None, ADULT_BORN, ADULT_BORN, date(2008, 1, 1), date(2008, 11, 2), date(2015, 6, 1)])
_precisions = st.sampled_from([None, *DatePrecision])


@st.composite
def _persons(draw: st.DrawFn) -> Person:
    statuses = tuple(draw(st.lists(_statuses, max_size=3, unique_by=lambda status: status.category)))
    row = replace(
        draw(_rows),
        category=category_on(statuses, day=TODAY),
        birth=draw(_births),
        birth_precision=draw(_precisions),
    )
    return Person(row=row, statuses=statuses)


@dataclass(frozen=True)
class Scene:
    """Persons and telephones, and who uses which."""

    persons: list[Person]
    phones: list[Governed]
    uses: dict[tuple[int, int], Governed]


@st.composite
def _scenes(draw: st.DrawFn) -> Scene:
    persons = draw(st.lists(_persons(), min_size=10, max_size=16))
    phones = draw(st.lists(_rows, min_size=4, max_size=8))
    ends = st.tuples(st.integers(0, len(persons) - 1), st.integers(0, len(phones) - 1))
    return Scene(persons=persons, phones=phones, uses=draw(st.dictionaries(ends, _rows, max_size=10)))


def columns(row: Governed) -> dict[str, object]:
    """Return the envelope of a row as the database holds it."""
    names = ("restricted", "train_ok", "share_ok", "handling", "sensitivity", "review_due", "retain_until")
    return envelope(purposes=int(row.purposes), **{name: getattr(row, name) for name in names})


def write(store: Store, scene: Scene) -> None:
    """Put a scene in place of whatever the database holds."""
    released: list[str] = []
    with store.transaction() as connection:
        connection.execute(delete(HandlingReleaseRow))
        connection.execute(delete(plain_table(EntityRow)))
        for number, person in enumerate(scene.persons):
            name = f"person-{number}"
            own = {"id": name, "kind": EntityKind.PERSON, "import_key": name}
            connection.execute(insert(plain_table(EntityRow)), [{**own, **columns(person.row)}])
            born = {"birth_date": person.row.birth, "birth_precision": person.row.birth_precision}
            connection.execute(insert(plain_table(PersonRow)), [{"id": name, "pseudonym": name, **born}])
            released += [name] if person.row.is_released else []
            said = {"person_id": name, "decided_by": "police", "report_id": "r", "source_grade": "A",
                    "info_grade": 1, "recorded_at": NOW}  # fmt: skip
            for status in person.statuses:
                period = {"valid_from": status.valid_from, "valid_to": status.valid_to}
                row = {"id": f"{name}-{status.category}", "category": status.category, **said, **period}
                connection.execute(insert(plain_table(PersonStatusRow)), [row])
        for number, phone in enumerate(scene.phones):
            name = f"phone-{number}"
            own = {"id": name, "kind": EntityKind.PHONE, "import_key": name}
            connection.execute(insert(plain_table(EntityRow)), [{**own, **columns(phone)}])
            connection.execute(insert(plain_table(PhoneRow)), [{"id": name, "number": "+30"}])
            released += [name] if phone.is_released else []
        for (person_number, phone_number), use in scene.uses.items():
            ends = {"source": f"person-{person_number}", "source_kind": EntityKind.PERSON,
                    "target": f"phone-{phone_number}", "target_kind": EntityKind.PHONE}  # fmt: skip
            name = f"use-{person_number}-{phone_number}"
            row = {"id": name, "kind": RelationKind.USES, **ends, **columns(use)}
            connection.execute(insert(plain_table(LinkRow)), [row])
            released += [name] if use.is_released else []
        for name in released:
            row = {"row_id": name, "row_table": "entity", "provider": "p", "reference": "r", "released_at": NOW}
            connection.execute(insert(plain_table(HandlingReleaseRow)), [row])


@pytest.fixture
def reported(store: Store) -> Store:
    add_report(store)
    return store


def chosen(store: Store, condition: ColumnElement[bool]) -> set[str]:
    with store.transaction() as connection:
        return set(connection.execute(select(sql.ENTITY.c.id).where(condition)).scalars())


def holders(scene: Scene, phone: int) -> list[tuple[Governed, Governed]]:
    return [(use, scene.persons[person].row) for (person, used), use in scene.uses.items() if used == phone]


def expected_in_filter(scene: Scene) -> set[str]:
    persons = {
        f"person-{number}"
        for number, person in enumerate(scene.persons)
        if person_may_enter_filter(person.row, today=TODAY)
    }
    return persons | {
        f"phone-{number}"
        for number, phone in enumerate(scene.phones)
        if identifier_may_enter_filter(phone, holders(scene, number), today=TODAY)
    }


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scene=_scenes(), purposes=st.sampled_from([EVERY, Purpose.TYPOLOGY, Purpose.NETWORK, Purpose(0)]))
def test_L04_L06_L09_both_rules_choose_the_same_rows(reported: Store, scene: Scene, purposes: Purpose) -> None:
    store = reported
    write(store, scene)
    rows: Mapping[str, Governed] = {
        **{f"person-{number}": person.row for number, person in enumerate(scene.persons)},
        **{f"phone-{number}": phone for number, phone in enumerate(scene.phones)},
    }
    learnt = sql.entity_may_be_learnt_from(sql.ENTITY, purposes=purposes, today=TODAY)
    assert chosen(store, learnt) == {
        name for name, row in rows.items() if may_be_learnt_from(row, purposes=purposes, today=TODAY)
    }
    assert chosen(store, sql.may_enter_filter(today=TODAY)) == expected_in_filter(scene)


WITHHELD: dict[str, dict[str, object]] = {
    "restricted": {"restricted": True},
    "not for training": {"train_ok": False},
    "review overdue": {"review_due": YESTERDAY},
    "retention over": {"retain_until": YESTERDAY},
    "handling H2": {"handling": Handling.H2},
    "another purpose": {"purposes": Purpose.STATISTICS},
    "unknown category": {"category": Is.UNKNOWN},
}


@pytest.mark.parametrize("reason", WITHHELD)
def test_L04_L05_L06_L09_L16_each_reason_alone_keeps_a_row_out_of_training(reason: str) -> None:
    assert may_be_learnt_from(SUSPECT, purposes=EVERY, today=TODAY)
    assert not may_be_learnt_from(replace(SUSPECT, **WITHHELD[reason]), purposes=EVERY, today=TODAY)  # type: ignore[arg-type]  # one field each


@pytest.mark.parametrize(
    ("share_ok", "handling", "category"), list(product([True, False], list(Handling), [*Is, None]))
)
def test_L09_1_truth_table_of_the_filter(share_ok: bool, handling: Handling, category: Is | None) -> None:
    row = replace(SUSPECT, share_ok=share_ok, handling=handling, category=category)
    is_shared = share_ok and handling is Handling.H0 and category in {Is.SUSPECT, Is.CONVICTED}
    assert person_may_enter_filter(row, today=TODAY) == is_shared
    released = replace(row, is_released=True)  # the provider allowed it: the handling code stands in nobody's way
    assert person_may_enter_filter(released, today=TODAY) == (share_ok and category in {Is.SUSPECT, Is.CONVICTED})


@pytest.mark.parametrize("sensitivity", list(Sensitivity))
@pytest.mark.parametrize(
    ("birth", "precision", "is_adult"),
    [
        (date(2008, 11, 2), DatePrecision.DAY, True),  # eighteen today
        (date(2008, 11, 3), DatePrecision.DAY, False),
        (date(2008, 10, 1), DatePrecision.MONTH, True),
        (date(2008, 11, 1), DatePrecision.MONTH, False),
        (date(2007, 1, 1), DatePrecision.YEAR, True),
        (date(2008, 1, 1), DatePrecision.YEAR, False),
        (date(2008, 1, 1), None, False),
        (None, None, False),  # who may be a child is treated as one
    ],
)
def test_L09_1_minors_and_sensitive_rows_never_enter_a_filter(
    sensitivity: Sensitivity, birth: date | None, precision: DatePrecision | None, is_adult: bool
) -> None:
    row = replace(SUSPECT, sensitivity=sensitivity, birth=birth, birth_precision=precision)
    assert person_may_enter_filter(row, today=TODAY) == (is_adult and sensitivity is Sensitivity.NORMAL)


def test_L09_1_an_identifier_enters_only_for_those_who_may_be_shared() -> None:
    victim = replace(SUSPECT, category=Is.VICTIM_PRESUMED)
    assert identifier_may_enter_filter(OPEN, [(OPEN, SUSPECT)], today=TODAY)
    assert not identifier_may_enter_filter(OPEN, [], today=TODAY)
    assert not identifier_may_enter_filter(OPEN, [(OPEN, SUSPECT), (OPEN, victim)], today=TODAY)
    hidden = replace(OPEN, handling=Handling.H2)
    assert not identifier_may_enter_filter(OPEN, [(hidden, SUSPECT)], today=TODAY)
    assert not identifier_may_enter_filter(OPEN, [(OPEN, SUSPECT), (hidden, victim)], today=TODAY)
    assert not link_may_enter_filter(hidden, today=TODAY)


@pytest.fixture
def shared(store: Store) -> Store:
    """A suspect and the suspect's phone, which may both be shared."""
    add_report(store)
    add_person(store, "suspect", Is.SUSPECT)
    add_entity(store, EntityKind.PHONE, "phone")
    add_link(store, RelationKind.USES, ("suspect", "phone"))
    return store


def test_L09_1_a_row_of_handling_h2_is_in_no_filter_until_its_provider_releases_it(shared: Store) -> None:
    condition = sql.may_enter_filter(today=TODAY)
    assert chosen(shared, condition) == {"suspect", "phone"}
    with shared.session() as session:
        session.get_one(PersonRow, "suspect").handling = Handling.H2
    assert chosen(shared, condition) == set()  # the phone is nothing but the suspect's
    with shared.session() as session:
        session.add(
            HandlingReleaseRow(
                row_id="suspect", row_table="entity", provider="Interpol", reference="R-1", released_at=NOW
            )
        )
    assert chosen(shared, condition) == {"suspect", "phone"}


def test_L09_1_the_control_without_the_handling_rule_lets_it_through(shared: Store) -> None:
    with shared.session() as session:
        session.get_one(PersonRow, "suspect").handling = Handling.H2
    without = sql.ENTITY.c.share_ok.is_(True)
    assert "suspect" in chosen(shared, without)
    records = SqlLearningStore(shared.engine, clock=lambda: NOW).load_records()
    assert records.ids["person"] == ()
