"""A supervisory authority at a node (LED article 25): it reads, verifies and proves the log, and opens no record."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from safeborders.kit.transparency.checkpoint import parse_checkpoint
from safeborders.kit.transparency.errors import ExportRefused
from safeborders.kit.transparency.export import check_export
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.statuses import DataSubjectCategory as Is
from safeborders.node.access.callers import Role
from safeborders.node.storage.access import SqlTokens
from safeborders.node.storage.audit import SqlAuditLog
from safeborders.node.storage.database import Store
from sbtest.consent_requests import NOW
from sbtest.legal import add_person, add_report
from sbtest.node_app import LOG, node_app, sign_log
from sbtest.web import client_of

CANARY = "Zephyrina Quillfeather"
INSPECTION = "HDPA-2026/17"
PATHS = tuple(f"/v1/audit/{name}" for name in ("rows", "verification", "checkpoint", "rows/1/proof", "export"))
RECORDS = [
    ("post", "/v1/search"),
    ("get", "/v1/entities/person"),
    ("get", "/v1/entities/person/neighbourhood"),
    ("get", "/v1/suggested-links"),
]


@dataclass
class Office:
    """A node whose investigator has looked a person up, and whoever asks it."""

    app: FastAPI
    client: httpx.Client
    store: Store

    def headers(self, role: Role = Role.AUDITOR, **more: str) -> dict[str, str]:
        tokens, name = SqlTokens(self.store.engine), f"holder {role} {len(more)} {id(more)}"
        secret = tokens.create_token(name, role=role, now=NOW)
        return {"Authorization": f"Bearer {secret}", "X-Case": INSPECTION, **more}

    def rows(self) -> list[dict[str, Any]]:
        found = self.client.get("/v1/audit/rows", headers=self.headers())
        assert found.status_code == 200, found.text
        return [row["record"] for row in found.json()["items"]]


@pytest.fixture
def office(sqlcipher: Store) -> Iterator[Office]:
    add_report(sqlcipher)
    add_person(sqlcipher, "person", Is.SUSPECT, name=CANARY)
    app = node_app(sqlcipher.engine, clock=lambda: NOW)
    with client_of(app) as client:
        office = Office(app, client, sqlcipher)
        looking = office.headers(Role.LEAD_INVESTIGATOR, **{"X-Purpose": "P2", "X-Case": "GR-2026-0001"})
        found = client.post("/v1/search", headers=looking, json={"query": CANARY})
        assert CANARY in found.text  # control: the investigator sees the name that no row of the log may hold
        sign_log(sqlcipher.engine)
        yield office


def test_an_auditor_sees_who_looked_at_whom_when_and_for_which_case(office: Office) -> None:
    looked = office.rows()[0]
    assert (looked["operation"], looked["action"], looked["case_reference"], looked["purpose"]) == (
        "consultation",
        "lookup.search",
        "GR-2026-0001",
        "P2",
    )
    assert looked["objects"] == ["person"]
    assert looked["at"].startswith(f"{NOW:%Y-%m-%dT%H:%M}")


def test_an_auditor_verifies_and_proves_without_believing_the_node(office: Office) -> None:
    headers = office.headers()
    verdict = office.client.get("/v1/audit/verification", headers=headers).json()
    assert (verdict["is_whole"], verdict["first_bad"], verdict["witnesses"]) == (True, None, 0)
    note = office.client.get("/v1/audit/checkpoint", headers=headers).text
    assert parse_checkpoint(note, log_key=LOG.log_key, witness_keys={}).origin == LOG.origin
    for path, rows in (("/v1/audit/export", 1), ("/v1/audit/rows/1/proof", 1)):
        lines = office.client.get(path, headers=headers).text.splitlines()
        assert check_export(lines, log_key=LOG.log_key).rows == rows
    with pytest.raises(ExportRefused):  # control: one letter of a row
        check_export([line.replace("lookup.search", "lookup.sEarch") for line in lines], log_key=LOG.log_key)
    with pytest.raises(ExportRefused):  # control: another log's key
        check_export(lines, log_key="0" * 64)


def test_an_edited_row_is_named_to_the_auditor(office: Office) -> None:
    with office.store.transaction() as connection:
        connection.execute(text("UPDATE audit_record SET content = replace(content, 'GR-2026-0001', 'GR-2026-0002')"))
    verdict = office.client.get("/v1/audit/verification", headers=office.headers()).json()
    assert (verdict["is_whole"], verdict["first_bad"]) == (False, 1)


def test_no_answer_to_an_auditor_holds_content(office: Office) -> None:
    headers = office.headers()
    said = "".join(office.client.get(path, headers=headers).text for path in PATHS)
    for word in CANARY.split():
        assert word.lower() not in said.lower()
    assert "GR-2026-0001" in said  # control: something was said


@pytest.mark.parametrize("purpose", ["P1", "P2", "P3", "P4", "P5"])
def test_an_auditor_opens_no_record_and_decides_nothing(office: Office, purpose: str) -> None:
    headers = office.headers(Role.AUDITOR, **{"X-Purpose": purpose})
    for method, path in RECORDS:
        body = {"query": CANARY} if method == "post" else None
        answer = office.client.request(method, path, headers=headers, json=body)
        assert answer.status_code == 403, path
        assert CANARY not in answer.text
    assert office.client.get("/v1/approvals", headers=headers).status_code == 403


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.AUDITOR])
def test_nobody_else_reads_the_log_of_others(office: Office, role: Role) -> None:
    headers = office.headers(role, **{"X-Purpose": "P2"})
    for path in PATHS:
        answer = office.client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "access.role_refused")
        assert "GR-2026-0001" not in answer.text
    assert office.rows()  # control: an auditor does


def test_each_look_names_its_inspection_and_is_a_row_before_the_answer(office: Office) -> None:
    headers = office.headers()
    for path in PATHS:
        assert office.client.get(path, headers=headers).status_code == 200
        bare = {name: value for name, value in headers.items() if name != "X-Case"}
        assert office.client.get(path, headers=bare).status_code == 400
        assert office.client.get(path, headers={"X-Case": INSPECTION}).status_code == 401
    told = [(row["action"], row["case_reference"]) for row in office.rows()[1:]]
    names = ("list_rows", "verify", "get_checkpoint", "prove", "export")
    assert told == [(f"audit.{name}", INSPECTION) for name in names]


def test_without_a_record_there_is_no_answer(office: Office) -> None:
    headers = office.headers()
    with office.store.transaction() as connection:
        connection.execute(
            text("CREATE TRIGGER full BEFORE INSERT ON audit_leaf BEGIN SELECT RAISE(ABORT, 'disk'); END")
        )
    for path in PATHS:
        answer = office.client.get(path, headers=headers)
        assert answer.status_code == 503, path
        assert "GR-2026-0001" not in answer.text


def test_these_are_all_ways_to_the_log(office: Office) -> None:
    """A new route is added to PATHS, and so to every test above."""
    ours = {path: set(item) for path, item in office.app.openapi()["paths"].items() if path.startswith("/v1/audit")}
    assert ours == {path.replace("/1/", "/{number}/"): {"get"} for path in PATHS}


def test_rows_are_picked_and_come_in_pages(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safeborders.node.routes.audits.MOST_ROWS", 2)
    log = SqlAuditLog(office.store.engine)
    for number in range(3):
        log.record(AuditEvent(Operation.CONTROL, action="test", actor="test", facts={"n": number}), at=NOW)
    headers = office.headers()
    page = office.client.get("/v1/audit/rows", headers=headers, params={"operation": "control"}).json()
    assert [row["record"]["facts"]["n"] for row in page["items"]] == [0, 1]
    rest = office.client.get("/v1/audit/rows", headers=headers, params={"operation": "control", "after": page["next"]})
    assert [row["record"]["facts"]["n"] for row in rest.json()["items"]] == [2]
    assert rest.json()["next"] is None
    other = office.client.get("/v1/audit/rows", headers=headers, params={"case": "GR-2026-0001"}).json()
    assert [row["number"] for row in other["items"]] == [1]
    assert office.client.get("/v1/audit/rows", headers=headers, params={"since": "2030-01-01"}).json()["items"] == []


def test_a_row_that_is_not_there_is_one_sentence(office: Office) -> None:
    answer = office.client.get("/v1/audit/rows/99/proof", headers=office.headers())
    assert (answer.status_code, answer.json()["code"]) == (404, "audit.no_such_row")


def test_before_the_first_checkpoint_rows_are_listed_and_not_proved(sqlcipher: Store) -> None:
    SqlAuditLog(sqlcipher.engine).record(AuditEvent(Operation.CONTROL, action="test", actor="test"), at=NOW)
    app = node_app(sqlcipher.engine, clock=lambda: NOW)
    with client_of(app) as client:
        office = Office(app, client, sqlcipher)
        assert len(office.rows()) == 1
        for path in ("/v1/audit/export", "/v1/audit/checkpoint"):
            assert "no checkpoint yet" in json.dumps(client.get(path, headers=office.headers()).json())
