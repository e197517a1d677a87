"""Hypotheses of roles through the node's API, on every database: who sees them, what a person decides, what follows."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.governance import Purpose
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.roles import OFFENDING_ROLES
from safeborders.models.domain.statuses import DataSubjectCategory as Is
from safeborders.node.access.callers import Role
from safeborders.node.learning.outcomes import Outcomes, Reason, RoleHypothesis
from safeborders.node.storage.access import SqlLookupJournal, SqlTokens
from safeborders.node.storage.audit import LOG
from safeborders.node.storage.base import plain_table
from safeborders.node.storage.database import Store
from safeborders.node.storage.entities import EntityRow
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.node.storage.learning_tables import RoleDecisionRow
from safeborders.node.storage.lifecycle_dates import read_snapshot_mark
from safeborders.node.storage.resolution_tables import PersonRecordRow
from safeborders.node.storage.tables import LabelRow
from sbtest.legal import NOW, add_entity, add_link, add_person, add_report, add_status
from sbtest.node_app import node_app
from sbtest.web import client_of

CASE, REFERENCE = "case", "GR-2026-0007"
PATH = f"/v1/cases/{CASE}/role-hypotheses"
REASONS = (Reason("on record in a scene of transport of this case", 1.2), Reason("drives nothing", -0.3))
SURE = {"transporter": 0.93, "recruiter": 0.07}


@pytest.fixture
def records(store: Store) -> Store:
    """A case with two suspects: Petros, about whom the model has a hypothesis, and Anna, whose part is stated."""
    add_report(store)
    add_entity(store, EntityKind.CASE, CASE, ref=REFERENCE)
    for name in ("petros", "anna"):
        add_person(store, name, name=f"{name.title()} Kanaris")
        add_status(store, name, Is.SUSPECT, case_id=CASE)
    add_link(store, RelationKind.PARTY_TO, ("petros", CASE))
    add_link(store, RelationKind.PARTY_TO, ("anna", CASE), role="recruiter")
    suggest(store, "petros", "anna")
    return store


def suggest(store: Store, *persons: str, **probabilities: float) -> None:
    """Put what a run leaves behind in place of what there was."""
    roles = [RoleHypothesis(person, CASE, probabilities or SURE, REASONS) for person in persons]
    learning(store).replace_outcomes(Outcomes(roles=roles), run="run", model_sha256="ab" * 32)


def learning(store: Store) -> SqlLearningStore:
    return SqlLearningStore(store.engine, clock=lambda: NOW)


@pytest.fixture
def client(records: Store) -> Iterator[httpx.Client]:
    with client_of(node_app(records.engine, clock=lambda: NOW)) as client:
        client.headers.update(headers(records))
        yield client


def headers(
    store: Store, role: Role = Role.INVESTIGATOR, *, purpose: str = "P2", case: str = REFERENCE
) -> dict[str, str]:
    secret = SqlTokens(store.engine).create_token(f"{role}-{purpose}-{case}", role=role, now=NOW)
    return {"Authorization": f"Bearer {secret}", "X-Purpose": purpose, "X-Case": case}


def shown(client: httpx.Client) -> dict[str, tuple[list[str], str | None]]:
    """Return the recorded roles and the suggested one of each suspect."""
    items = client.get(PATH).raise_for_status().json()["items"]
    return {
        one["person"]["id"]: (one["recorded_roles"], one["hypothesis"] and one["hypothesis"]["role"]) for one in items
    }


def decide(client: httpx.Client, decision: str, *, person: str = "petros", role: str = "transporter") -> httpx.Response:
    body = {"role": role, "decision": decision, "note": "seen at the wheel"}
    return client.post(f"{PATH}/{person}", json=body)


def stated(store: Store) -> dict[str, str]:
    """Return the roles that the next training learns from."""
    records = learning(store).load_records()
    people = records.suspects
    return {
        records.ids["person"][person]: OFFENDING_ROLES[role]
        for person, role in zip(people.person, people.role, strict=True)
        if role >= 0
    }


def test_a_hypothesis_comes_with_reasons_and_a_stated_part_as_the_fact(client: httpx.Client, records: Store) -> None:
    answer = client.get(PATH)
    petros, anna = sorted(answer.json()["items"], key=lambda one: str(one["hypothesis"]), reverse=True)
    assert (anna["person"]["id"], anna["recorded_roles"], anna["hypothesis"]) == ("anna", ["recruiter"], None)
    assert (petros["person"]["id"], petros["recorded_roles"]) == ("petros", [])
    assert petros["hypothesis"] == {
        "role": "transporter",
        "band": "strong",
        "reasons_for": [REASONS[0].text],
        "reasons_against": [REASONS[1].text],
        "model_sha256": "ab" * 32,
        "statement_kind": "assessment",
        "notice": "lead, not proof",
    }
    assert "Hypotheses, not findings" in answer.json()["notice"]
    assert "0.93" not in answer.text
    assert "Kanaris" not in answer.text  # an investigator sees pseudonyms
    looked = SqlLookupJournal(records.engine).list_lookups()[-1]
    assert (looked.operation, set(looked.object_ids)) == ("list_role_hypotheses", {CASE, "petros", "anna"})


def test_only_investigators_of_the_very_case_see_and_decide(client: httpx.Client, records: Store) -> None:
    for changed, status in (
        (headers(records, case="GR-2026-0008"), 404),
        (headers(records, Role.ANALYST, purpose="P1"), 403),
        (headers(records, Role.LEAD_INVESTIGATOR), 200),  # the control
    ):
        assert client.get(PATH, headers=changed).status_code == status
        body = {"role": "transporter", "decision": "refused", "note": "no ground"}
        assert client.post(f"{PATH}/petros", json=body, headers=changed).status_code == status
    assert client.get("/v1/cases/petros/role-hypotheses").status_code == 404


def test_a_confirmed_part_is_the_humans_label_with_who_and_when(client: httpx.Client, records: Store) -> None:
    assert (shown(client)["petros"], stated(records)) == (([], "transporter"), {"anna": "recruiter"})
    assert decide(client, "confirmed").status_code == 200
    assert shown(client)["petros"] == (["transporter"], None)
    assert stated(records) == {"anna": "recruiter", "petros": "transporter"}
    with records.session() as session:
        (row,) = session.scalars(select(RoleDecisionRow))
        assert (row.person_id, row.case_id, row.role, row.confirmed) == ("petros", CASE, "transporter", True)
        assert (row.decided_at, row.note, row.model_sha256) == (NOW, "seen at the wheel", "ab" * 32)
    event = last_decision(records)
    assert event["outcome"] == "confirmed"
    assert event["objects"] == [CASE, "petros"]
    assert event["case_reference"] == REFERENCE
    assert event["facts"] == {"model": "ab" * 32, "role": "transporter"}
    assert event["actor"] == row.decided_by
    assert "wheel" not in str(event)
    looked = SqlLookupJournal(records.engine).list_lookups()[-2]  # before the last look
    assert (looked.operation, looked.object_ids, looked.reason) == (
        "role.decide",
        (CASE, "petros"),
        "seen at the wheel",
    )


def last_decision(store: Store) -> dict[str, Any]:
    """Return the audit log's newest row about a decision on a role."""
    with store.transaction() as connection:
        rows: list[dict[str, Any]] = [json.loads(entry.content) for entry in LOG.entries(connection) if entry.content]
    return [row for row in rows if row["action"] == "role.decide"][-1]


def test_a_refused_part_is_out_of_sight_and_teaches_nothing(client: httpx.Client, records: Store) -> None:
    assert decide(client, "refused").status_code == 200
    assert shown(client)["petros"] == ([], None)
    assert stated(records) == {"anna": "recruiter"}
    suggest(records, "petros")  # the next run finds the same
    assert shown(client)["petros"] == ([], None)
    suggest(records, "petros", harbourer=0.8, recruiter=0.2)  # and one after that something else
    assert shown(client)["petros"] == ([], "harbourer")


def test_a_decision_may_be_taken_back_and_running_training_hears_of_it(client: httpx.Client, records: Store) -> None:
    def mark() -> int:
        with records.transaction() as connection:
            return read_snapshot_mark(connection)

    decide(client, "confirmed")
    before = mark()
    suggest(records)  # the hypothesis is gone with the next run; the decision is not
    assert decide(client, "refused").status_code == 200
    assert (stated(records), shown(client)["petros"]) == ({"anna": "recruiter"}, ([], None))
    assert mark() != before


def test_there_is_nothing_to_decide_where_there_is_no_hypothesis(client: httpx.Client, records: Store) -> None:
    assert decide(client, "confirmed", person="anna").status_code == 404  # a fact is never overridden
    assert decide(client, "confirmed", person="nobody").status_code == 404
    assert decide(client, "confirmed", role="recruiter").status_code == 409  # another hypothesis than the one shown
    assert decide(client, "confirmed", role="victim").status_code == 422
    assert stated(records) == {"anna": "recruiter"}
    assert decide(client, "confirmed").status_code == 200  # the control


def restrict(store: Store, person: str) -> None:
    with store.transaction() as connection:
        table = plain_table(EntityRow)
        connection.execute(update(table).where(table.c.id == person).values(restricted=True))


def keep_for_typology(store: Store, person: str) -> None:
    with store.transaction() as connection:
        table = plain_table(EntityRow)
        connection.execute(update(table).where(table.c.id == person).values(purposes=int(Purpose.TYPOLOGY)))


def merge_with_a_child(store: Store, person: str) -> None:
    add_person(store, "child", Is.VICTIM_CONFIRMED, birth_date=date(2015, 1, 1))
    with store.session() as session:
        session.add_all(PersonRecordRow(record_id=name, person_id="child") for name in ("child", person))


CHANGES: dict[str, Callable[[Store, str], None]] = {
    "victim": lambda store, person: add_status(store, person, Is.VICTIM_PRESUMED),
    "restricted": restrict,
    "other-purpose": keep_for_typology,
    "merged": merge_with_a_child,
}


def test_what_changed_since_the_run_counts_at_once(client: httpx.Client, records: Store) -> None:
    for name in CHANGES:
        add_person(records, name)
        add_status(records, name, Is.SUSPECT, case_id=CASE)
        add_link(records, RelationKind.PARTY_TO, (name, CASE))
    suggest(records, *CHANGES)
    assert {person for person, (_, role) in shown(client).items() if role} == set(CHANGES)  # the control
    for name, change in CHANGES.items():
        change(records, name)
    assert set(shown(client)) == {"petros", "anna"}
    assert [decide(client, "confirmed", person=name).status_code for name in CHANGES] == [404] * 4
    assert stated(records) == {"anna": "recruiter"}


def test_a_part_that_was_stated_since_the_run_is_the_fact(client: httpx.Client, records: Store) -> None:
    with records.session() as session:
        session.add(
            LabelRow(
                id="l", entity_id="petros", case_id=CASE, name="role", value="harbourer", report_id="r",
                source_grade="B", info_grade=2, recorded_at=NOW,
            )
        )  # fmt: skip
    assert shown(client)["petros"] == (["harbourer"], None)
    assert decide(client, "confirmed").status_code == 404


def test_a_merged_persons_hypothesis_is_found_under_each_record(client: httpx.Client, records: Store) -> None:
    add_person(records, "again", Is.SUSPECT)
    with records.session() as session:
        session.add_all(PersonRecordRow(record_id=name, person_id="again") for name in ("again", "petros"))
    assert shown(client) == {"again": ([], "transporter"), "anna": (["recruiter"], None)}
    assert decide(client, "confirmed", person="again").status_code == 200
    assert stated(records) == {"again": "transporter", "anna": "recruiter"}
