"""LED 2016/680, articles 6 and 7(1), and Directive 2011/36/EU, article 8: categories, victims first, facts apart."""

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from io import StringIO

import httpx
import pytest
from sqlalchemy import select, text

from safeborders.models.defaults import ARCHITECTURE
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.statuses import DataSubjectCategory as Is
from safeborders.models.domain.statuses import Status, category_on
from safeborders.node.access.callers import Role
from safeborders.node.learning.trainer import NodeTrainer
from safeborders.node.storage import admission as sql
from safeborders.node.storage.access import SqlTokens
from safeborders.node.storage.base import Base
from safeborders.node.storage.database import Store
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.node.storage.learning_tables import CaseTypeHypothesisRow, SuggestedLinkRow
from sbtest.legal import (
    NOW,
    TODAY,
    add_entity,
    add_indicator,
    add_link,
    add_person,
    add_report,
    add_status,
    count,
    law_plan,
)
from sbtest.node_app import node_app
from sbtest.web import client_of

# Rows in the form of the St. Louis homicide network (people may be suspect, victim or witness of several events, and 41
# of its people are more than one); the data set itself is not among the shared ones.
ST_LOUIS = "person,event,role\n" + "".join(
    f"S{person},E{event},{role}\n"
    for person in range(60)
    for event, role in (
        (person % 7, "suspect" if person < 50 else "witness"),
        *(((person % 5) + 10, "victim"),) * (person < 41),
    )
)
CATEGORIES = {"suspect": Is.SUSPECT, "victim": Is.VICTIM_CONFIRMED, "witness": Is.WITNESS}


@pytest.fixture
def records(store: Store) -> Store:
    add_report(store)
    add_entity(store, EntityKind.CASE, "case")
    add_person(store, "known", Is.SUSPECT)
    add_person(store, "undecided", Is.UNKNOWN)
    add_person(store, "nobody")
    return store


@pytest.fixture
def api(records: Store) -> Iterator[httpx.Client]:
    app = node_app(records.engine, clock=lambda: NOW)
    secret = SqlTokens(records.engine).create_token("maria", role=Role.LEAD_INVESTIGATOR, now=NOW)
    with client_of(app) as client:
        client.headers.update({"Authorization": f"Bearer {secret}", "X-Purpose": "P2", "X-Case": "GR-1"})
        yield client


def learnt(store: Store, *, days: int = 0) -> tuple[str, ...]:
    clock = SqlLearningStore(store.engine, clock=lambda: NOW + timedelta(days=days))
    return clock.load_records().ids["person"]


def shared(store: Store) -> set[str]:
    with store.transaction() as connection:
        return set(connection.execute(select(sql.ENTITY.c.id).where(sql.may_enter_filter(today=TODAY))).scalars())


def test_L06_1_who_is_of_no_known_category_is_neither_learnt_from_nor_shared(records: Store) -> None:
    assert learnt(records) == ("known",)
    assert shared(records) == {"known"}
    add_status(records, "undecided", Is.CONVICTED)
    add_status(records, "nobody", Is.WITNESS)
    assert learnt(records) == ("known", "nobody", "undecided")
    assert shared(records) == {"known", "undecided"}  # a witness is learnt from and never shared


def test_L06_1_a_case_with_a_party_of_unknown_category_keeps_no_label(records: Store) -> None:
    add_link(records, RelationKind.PARTY_TO, ("known", "case"), role="recruiter")
    learning = SqlLearningStore(records.engine, clock=lambda: NOW)
    assert learning.load_records().case_type.tolist() == [2]
    add_link(records, RelationKind.PARTY_TO, ("nobody", "case"), role="witness")
    assert learning.load_records().case_type.tolist() == [-1]


def test_L06_1_a_status_that_has_ended_counts_no_more_but_a_victim_stays_one(records: Store) -> None:
    ended = {"valid_from": date(2020, 1, 1), "valid_to": TODAY}
    add_person(records, "acquitted")
    add_status(records, "acquitted", Is.SUSPECT, **ended)
    add_person(records, "freed")
    add_status(records, "freed", Is.VICTIM_PRESUMED, **ended)
    assert {"acquitted", "freed"} <= set(learnt(records))
    assert set(learnt(records, days=1)) == {"known", "freed"}


def test_L06_2_every_person_comes_with_a_category(api: httpx.Client, records: Store) -> None:
    add_person(records, "child", Is.VICTIM_PRESUMED, name="Eleni Kanari")
    badges = {person: api.get(f"/v1/entities/{person}").json()["category"] for person in ("known", "nobody", "child")}
    assert badges == {"known": "suspect", "nobody": "unknown", "child": "victim_presumed"}
    found = api.post("/v1/search", json={"query": "kanari"}).json()["items"]
    assert [one["category"] for one in found] == ["victim_presumed"]


def test_L06_2_a_victim_is_a_pseudonym_where_a_suspect_has_a_name(api: httpx.Client, records: Store) -> None:
    add_person(records, "child", Is.VICTIM_PRESUMED, name="Eleni Kanari")
    add_person(records, "man", Is.SUSPECT, name="Petros Kanaris")
    assert "Eleni" not in api.get("/v1/entities/child").text
    assert "Petros" in api.get("/v1/entities/man").text  # the control


def test_L06_3_a_dual_status_is_a_victim_in_display_training_and_filter(store: Store) -> None:
    add_report(store)
    rows = list(csv.DictReader(StringIO(ST_LOUIS)))
    people = sorted({row["person"] for row in rows})
    for event in sorted({row["event"] for row in rows}):
        add_entity(store, EntityKind.CASE, event)
    roles: dict[str, set[str]] = {}
    for row in rows:
        roles.setdefault(row["person"], set()).add(row["role"])
    for person in people:
        add_person(store, person, *(CATEGORIES[role] for role in sorted(roles[person])))
    for row in rows:
        role = "recruiter" if row["role"] == "suspect" else row["role"]
        add_link(store, RelationKind.PARTY_TO, (row["person"], row["event"]), role=role)
    dual = {person for person in people if len(roles[person]) > 1}
    assert len(dual) == 41
    records = SqlLearningStore(store.engine, clock=lambda: NOW).load_records()
    parties = records.of_kind("PARTY_TO")[0]
    offending = {records.ids["person"][at] for at, role in zip(parties.source, parties.role, strict=True)
                 if role == "recruiter"}  # fmt: skip
    assert offending == {person for person in people if roles[person] == {"suspect"}}
    assert not dual & offending
    assert shared(store) == offending
    for person in sorted(dual)[:3]:
        held = [Status(CATEGORIES[role]) for role in sorted(roles[person])]
        assert category_on(held, day=TODAY) is Is.VICTIM_CONFIRMED


def test_L06_3_the_control_without_the_precedence_a_victim_is_an_offender(records: Store) -> None:
    add_person(records, "child", Is.SUSPECT)  # the victim's status left out
    add_link(records, RelationKind.PARTY_TO, ("child", "case"), role="recruiter")
    loaded = SqlLearningStore(records.engine, clock=lambda: NOW).load_records()
    assert loaded.of_kind("PARTY_TO")[0].role.tolist() == ["recruiter"]
    assert "child" in shared(records)


OUTCOMES = {SuggestedLinkRow.__tablename__, CaseTypeHypothesisRow.__tablename__}


def contents(store: Store) -> dict[str, list[str]]:
    """Return every table but those that hold hypotheses, row by row."""
    with store.transaction() as connection:
        return {
            table.name: sorted(str(row) for row in connection.execute(select(table)))
            for table in Base.metadata.sorted_tables
            if table.name not in OUTCOMES
        }


@pytest.fixture
def learnable(records: Store) -> Store:
    """A few people around two cases, one of them without a label."""
    add_entity(records, EntityKind.CASE, "unlabelled", type_label=None)
    people = [add_person(records, f"person-{number}", Is.SUSPECT) for number in range(6)]
    add_entity(records, EntityKind.PHONE, "phone")
    for number, person in enumerate(people):
        add_link(records, RelationKind.PARTY_TO, (person, "case" if number < 3 else "unlabelled"), role="recruiter")
        add_link(records, RelationKind.USES, (person, "phone"))
    add_link(records, RelationKind.ASSOCIATE, (people[0], people[1]))
    add_indicator(records, "unlabelled", code="ctl.threats", value=True)
    return records


def test_L07_1_what_the_model_says_is_written_into_no_fact(learnable: Store) -> None:
    before = contents(learnable)
    NodeTrainer(SqlLearningStore(learnable.engine, clock=lambda: NOW)).activate(
        law_plan(), ARCHITECTURE.initial_parameters(1)
    )
    assert count(learnable, CaseTypeHypothesisRow) == 1  # the model did say something
    assert contents(learnable) == before


def test_L07_1_the_control_a_hypothesis_written_back_is_seen(learnable: Store) -> None:
    before = contents(learnable)
    with learnable.transaction() as connection:
        connection.execute(text("UPDATE court_case SET type_label = 'T1' WHERE id = 'unlabelled'"))
    assert contents(learnable) != before


def test_L07_1_every_answer_says_whether_it_is_a_fact_or_an_assessment(api: httpx.Client, records: Store) -> None:
    with records.session() as session:
        session.add(
            SuggestedLinkRow(
                first_id="known", second_id="undecided", score=0.9, reasons=[], run="r", model_sha256="a" * 64,
                created_at=NOW,
            )
        )  # fmt: skip
    assert api.get("/v1/entities/known").json()["statement_kind"] == "fact"
    (suggestion,) = api.get("/v1/suggested-links").json()["items"]
    assert (suggestion["statement_kind"], suggestion["notice"]) == ("assessment", "lead, not proof")
