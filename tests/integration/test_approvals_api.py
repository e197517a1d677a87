"""The approval inbox over an encrypted database and a real server: approvers alone, recorded, then answered."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from safeborders.node.access.callers import Role
from safeborders.node.consent.inbox import ConsentRule, Inbox
from safeborders.node.routes.recorded_acts import ActRoute
from safeborders.node.storage.access import SqlTokens
from safeborders.node.storage.audit import LOG
from safeborders.node.storage.consent_store import SqlConsentStore
from safeborders.node.storage.database import Place, Store, open_store
from sbtest.consent_requests import NOW, REQUEST
from sbtest.node_app import node_app
from sbtest.web import client_of

KEY = "ab" * 32
DECISION = {"verdict": "approve", "reason": "looked at it", "manifest_sha256": "a" * 64}
OPERATIONS = [("get", "/v1/approvals"), ("get", "/v1/approvals/run-1"), ("post", "/v1/approvals/run-1/decision")]


@dataclass
class Desk:
    app: FastAPI
    client: httpx.Client
    store: Store
    inbox: Inbox

    def headers(self, name: str = "Maria Papadopoulou", *, role: Role = Role.APPROVER) -> dict[str, str]:
        secret = SqlTokens(self.store.engine).create_token(name, role=role, now=NOW)
        return {"Authorization": f"Bearer {secret}"}

    def decide(self, headers: dict[str, str], run: str = "run-1", **changes: Any) -> httpx.Response:
        return self.client.post(f"/v1/approvals/{run}/decision", headers=headers, json={**DECISION, **changes})

    def events(self) -> list[dict[str, Any]]:
        with self.store.engine.connect() as connection:
            return [json.loads(entry.content) for entry in LOG.entries(connection) if entry.content is not None]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty database that each test copies, because migrations take longer than a test."""
    path = tmp_path_factory.mktemp("node") / "template_test.db"
    opened = open_store(Place(path=path, key_hex=KEY))
    opened.upgrade()
    opened.close()
    return path


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copy(template, tmp_path / "desk_test.db")
    store = open_store(Place(path=tmp_path / "desk_test.db", key_hex=KEY))
    inbox = Inbox(SqlConsentStore(store.engine), rule=ConsentRule(persons=2), clock=lambda: NOW)
    inbox.ask(REQUEST)
    app = node_app(store.engine, clock=lambda: NOW)
    with client_of(app) as client:
        yield Desk(app, client, store, inbox)
    store.close()


def ask(desk: Desk, operation: tuple[str, str], headers: dict[str, str]) -> httpx.Response:
    method, path = operation
    return desk.client.request(method, path, headers=headers, json=DECISION if method == "post" else None)


def test_an_approver_sees_what_a_run_asks_and_two_approve_it(desk: Desk) -> None:
    maria, nikos = desk.headers(), desk.headers("Nikos Georgiou")
    (item,) = desk.client.get("/v1/approvals/run-1", headers=maria).json()["items"]
    assert (item["epsilon"], item["clause"], item["state"], item["purpose"]) == (3.0, "updates", "pending", "P1")
    assert "hidden under masks" in item["leaves"][0]
    assert desk.decide(maria).json() == {"run": "run-1", "state": "pending"}
    assert desk.decide(nikos).json() == {"run": "run-1", "state": "approved"}
    (item,) = desk.client.get("/v1/approvals", headers=maria).json()["items"]
    assert [one["person"] for one in item["decisions"]] == ["Maria Papadopoulou", "Nikos Georgiou"]


def test_the_second_approval_is_another_persons_also_under_a_new_token(desk: Desk) -> None:
    first = desk.headers()
    assert desk.decide(first).status_code == 200
    for again in (first, desk.headers("PAPADOPOULOU, María")):
        answer = desk.decide(again)
        assert (answer.status_code, answer.json()["code"]) == (409, "approval.same_person")
    assert desk.inbox.list_runs()[0].state.value == "pending"


def test_each_role_may_do_what_it_is_for_and_no_more(desk: Desk) -> None:
    for role in Role:
        headers = desk.headers(f"holder of {role}", role=role)
        codes = {ask(desk, operation, headers).status_code for operation in OPERATIONS}
        assert codes == ({200} if role is Role.APPROVER else {403}), role
        looking = {**headers, "X-Purpose": "P2", "X-Case": "GR-2026-0001"}
        if role is Role.APPROVER:
            assert desk.client.get("/v1/suggested-links", headers=looking).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer sbn_nobody"}, {"Authorization": "Basic eDp5"}])
def test_without_a_valid_token_nothing_is_shown_or_done(desk: Desk, headers: dict[str, str]) -> None:
    for operation in OPERATIONS:
        answer = ask(desk, operation, headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "access.not_authenticated")
    assert desk.inbox.list_runs()[0].entries == ()


def test_every_answer_is_in_the_audit_log_first(desk: Desk) -> None:
    headers = desk.headers()
    before = len(desk.events())
    for operation in OPERATIONS:
        assert ask(desk, operation, headers).status_code == 200
    assert desk.decide(headers, "run-9").status_code == 404
    actions = [(one["action"], one["outcome"]) for one in desk.events()[before:]]
    assert actions == [
        ("approvals.list_approvals", "answered"),
        ("approvals.get_approvals", "answered"),
        ("consent.run", "approve"),
        ("approvals.decide", "answered"),
        ("approvals.decide", "object.not_found"),
    ]


def test_without_a_record_there_is_no_answer_and_no_decision(desk: Desk) -> None:
    headers = desk.headers()
    with desk.store.transaction() as connection:
        connection.execute(
            text("CREATE TRIGGER full BEFORE INSERT ON audit_leaf BEGIN SELECT RAISE(ABORT, 'disk'); END")
        )
    for operation in OPERATIONS:
        answer = ask(desk, operation, headers)
        assert answer.status_code == 503, operation
        assert "run-1" not in answer.text
    assert desk.inbox.list_runs()[0].entries == ()


def test_a_route_that_asks_nobody_gets_no_answer_out(desk: Desk) -> None:
    async def forgetful() -> dict[str, str]:
        return {"run": "run-1"}

    desk.app.router.add_api_route("/v1/planted", forgetful, route_class_override=ActRoute)
    answer = desk.client.get("/v1/planted", headers=desk.headers())
    assert (answer.status_code, answer.json()["code"]) == (503, "access.event_not_recorded")


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"manifest_sha256": "f" * 64}, 409),
        ({"manifest_sha256": ""}, 422),
        ({"reason": "  "}, 422),
        ({"reason": "a\x1b[2J b"}, 422),
        ({"verdict": "cover"}, 422),
        ({"extra": 1}, 422),
    ],
)
def test_what_was_not_looked_at_or_has_no_reason_is_not_decided(
    desk: Desk, changes: dict[str, Any], status: int
) -> None:
    answer = desk.decide(desk.headers(), **changes)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert desk.inbox.list_runs()[0].entries == ()


def test_a_refusal_is_final(desk: Desk) -> None:
    headers = desk.headers()
    assert desk.decide(headers, verdict="refuse").json()["state"] == "refused"
    assert desk.decide(headers).status_code == 409
    assert desk.decide(headers, verdict="withdraw").status_code == 409


def test_an_unknown_run_does_not_exist(desk: Desk) -> None:
    assert desk.client.get("/v1/approvals/run-9", headers=desk.headers()).status_code == 404


def test_a_database_that_cannot_say_whose_a_token_is_lets_nobody_act(desk: Desk) -> None:
    headers = desk.headers()
    before = len(desk.events())
    with desk.store.transaction() as connection:
        connection.execute(text("ALTER TABLE api_token RENAME TO away"))
    for operation in OPERATIONS:
        assert ask(desk, operation, headers).status_code == 503
    assert len(desk.events()) == before
    assert desk.inbox.list_runs()[0].entries == ()
