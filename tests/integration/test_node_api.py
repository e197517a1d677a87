"""The node's API over an encrypted database and a real server: justified, recorded, then answered."""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import sqlcipher3
from fastapi import FastAPI
from sqlalchemy import event, select, text

from safeborders.models.domain.entities import DocumentKind, EntityKind
from safeborders.node.access.callers import Role
from safeborders.node.access.journal import Outcome
from safeborders.node.routes.context import Context
from safeborders.node.routes.recorded import RecordedRoute
from safeborders.node.services.records import MOST_HITS
from safeborders.node.storage.access import SqlLookupJournal, SqlTokens
from safeborders.node.storage.database import Store
from safeborders.node.storage.learning_tables import RoleDecisionRow
from sbtest import casebook
from sbtest.casebook import (
    CARRIER,
    CASE,
    CASE_REFERENCE,
    CHILD,
    DRIVER,
    INVISIBLE,
    NAMES,
    NOW,
    PHONE,
    TYPOLOGY_ONLY,
    UNCLE,
)
from sbtest.node_app import node_app
from sbtest.stores import KEY, copied_store
from sbtest.web import client_of

OPEN_PATHS = {"/healthz", "/readyz"}
NO_RECORD = "There is no such record, or it may not be shown for this purpose."


@dataclass
class Node:
    client: httpx.Client
    store: Store
    journal: SqlLookupJournal
    path: Path

    def headers(
        self, role: Role = Role.INVESTIGATOR, *, purpose: str = "P2", case: str = CASE_REFERENCE
    ) -> dict[str, str]:
        tokens = SqlTokens(self.store.engine)
        name = f"{role}-{purpose}-{case}-{len(self.journal.list_lookups())}-{id(object())}"
        return {
            "Authorization": f"Bearer {tokens.create_token(name, role=role, now=NOW)}",
            "X-Purpose": purpose,
            "X-Case": case,
        }


@pytest.fixture(scope="module")
def template(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a filled database that each test copies."""
    path = tmp_path_factory.mktemp("node") / "template_test.db"
    with copied_store(migrated_file, path) as store:
        casebook.fill(store)
        casebook.add_carrier(store)
    return path


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Iterator[Store]:
    with copied_store(template, tmp_path / "node_test.db") as store:
        event.listen(
            store.engine, "checkout", lambda connection, *_: connection.execute("PRAGMA busy_timeout=50").close()
        )
        yield store


@pytest.fixture
def app(store: Store) -> FastAPI:
    return node_app(store.engine, clock=lambda: NOW)


@pytest.fixture
def node(app: FastAPI, store: Store, tmp_path: Path) -> Iterator[Node]:
    with client_of(app) as client:
        yield Node(client, store, SqlLookupJournal(store.engine), tmp_path / "node_test.db")


def operations(app: FastAPI) -> list[tuple[str, str]]:
    """Return the method and a concrete path of every operation that needs a look-up."""
    concrete = {"entity": UNCLE, "case": CASE, "person": CARRIER}
    return [
        (method, re.sub(r"\{(\w+)\}", lambda found: concrete[found[1]], path))
        for path, item in app.openapi()["paths"].items()
        if path not in OPEN_PATHS and not path.startswith(("/v1/approvals", "/v1/audit"))  # each has a test of its own
        for method in item
    ]


def ask(node: Node, operation: tuple[str, str], headers: dict[str, str]) -> httpx.Response:
    method, path = operation
    decision = {"role": "transporter", "decision": "refused", "note": "was elsewhere"}
    body = decision if path.endswith(CARRIER) else {"query": "ivanov"}
    return node.client.request(method, path, headers=headers, json=body if method == "post" else None)


def find_unprotected(app: FastAPI, node: Node) -> list[tuple[str, str]]:
    """Return the operations that answer without one of token, purpose and case, or leave no record."""
    found = []
    for operation in operations(app):
        whole = node.headers()
        answers = [ask(node, operation, {}).status_code]
        for missing in whole:
            partial = {name: value for name, value in whole.items() if name != missing}
            answers.append(ask(node, operation, partial).status_code)
        before = len(node.journal.list_lookups())
        status = ask(node, operation, whole).status_code
        written = len(node.journal.list_lookups()) - before
        if answers != [401, 401, 400, 400] or (status, written) != (200, 1):
            found.append(operation)
    return found


def test_every_operation_needs_token_purpose_and_case_and_leaves_one_record(app: FastAPI, node: Node) -> None:
    assert len(operations(app)) >= 5
    assert find_unprotected(app, node) == []


def test_a_planted_operation_without_protection_is_found(app: FastAPI, node: Node) -> None:
    @app.get("/v1/planted")
    def planted() -> dict[str, str]:
        return {"name": NAMES[CHILD]}

    app.openapi_schema = None

    assert find_unprotected(app, node) == [("get", "/v1/planted")]


def test_a_route_that_declares_nothing_gets_no_answer_out(app: FastAPI, node: Node) -> None:
    async def forgetful() -> dict[str, str]:
        return {"name": NAMES[CHILD]}

    app.router.add_api_route("/v1/planted", forgetful, route_class_override=RecordedRoute)
    answer = node.client.get("/v1/planted", headers=node.headers())

    assert answer.status_code == 503
    assert NAMES[CHILD] not in answer.text


def test_the_record_says_who_when_why_what_and_which(node: Node) -> None:
    node.client.get(f"/v1/entities/{UNCLE}/neighbourhood?hops=1", headers=node.headers())

    (lookup,) = node.journal.list_lookups()
    assert lookup.at == NOW
    assert lookup.justification.caller.role is Role.INVESTIGATOR
    assert (lookup.justification.purpose_code, lookup.justification.case_reference) == ("P2", CASE_REFERENCE)
    assert (lookup.operation, lookup.outcome) == ("get_neighbourhood", Outcome.ANSWERED)
    assert set(lookup.object_ids) == {UNCLE, CASE, PHONE}


def test_a_look_up_of_something_invisible_is_recorded_too(node: Node) -> None:
    node.client.get(f"/v1/entities/{INVISIBLE[0]}", headers=node.headers())

    (lookup,) = node.journal.list_lookups()
    assert (lookup.outcome, lookup.object_ids) == (Outcome.NOT_FOUND, (INVISIBLE[0],))


@pytest.mark.parametrize(
    "statement", ["UPDATE lookup SET name = 'x'", "DELETE FROM lookup", "REPLACE INTO lookup SELECT * FROM lookup"]
)
def test_records_can_be_neither_changed_nor_removed(node: Node, statement: str) -> None:
    node.client.get(f"/v1/entities/{UNCLE}", headers=node.headers())

    with pytest.raises(Exception, match="append-only"), node.store.transaction() as connection:
        connection.execute(text(statement))

    assert len(node.journal.list_lookups()) == 1


def test_without_a_record_there_is_no_answer(app: FastAPI, node: Node) -> None:
    whole = node.headers()
    with node.store.transaction() as connection:
        connection.execute(text("CREATE TRIGGER full BEFORE INSERT ON lookup BEGIN SELECT RAISE(ABORT, 'disk'); END"))

    for operation in operations(app):
        answer = ask(node, operation, whole)
        assert (answer.status_code, answer.json()["code"]) == (503, "access.not_recorded")
        assert UNCLE not in answer.text
    with node.store.session() as session:  # and what cannot be recorded is not decided
        assert not session.scalars(select(RoleDecisionRow)).all()


def test_a_full_disk_gives_no_data_and_recovers(node: Node) -> None:
    whole = node.headers()

    def set_room(pages: int) -> None:
        node.store.engine.dispose()
        with node.store.engine.connect() as connection:
            used = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        limits.append(used + pages)

    limits: list[int] = []
    event.listen(
        node.store.engine,
        "checkout",
        lambda connection, *_: connection.execute(f"PRAGMA max_page_count={limits[-1] if limits else 1 << 30}").close(),
    )
    set_room(0)
    path = f"/v1/entities/{UNCLE}/neighbourhood?hops=2"
    statuses: list[int] = []
    while 503 not in statuses and len(statuses) < 100:  # the last page of the journal has room for some more
        statuses.append(node.client.get(path, headers=whole).status_code)
    recorded = len(node.journal.list_lookups())
    set_room(1000)
    answer = node.client.get(f"/v1/entities/{UNCLE}", headers=whole)

    assert statuses[-1] == 503
    assert recorded == statuses.count(200) == len(statuses) - 1
    assert answer.status_code == 200
    assert len(node.journal.list_lookups()) == recorded + 1


def test_a_locked_database_gives_no_data(node: Node) -> None:
    whole = node.headers()
    blocker = sqlcipher3.connect(str(node.path), isolation_level=None)
    blocker.execute(f"PRAGMA key=\"x'{KEY}'\"")
    blocker.execute("BEGIN IMMEDIATE")

    answer = node.client.get(f"/v1/entities/{UNCLE}", headers=whole)
    blocker.execute("ROLLBACK")
    blocker.close()

    assert answer.status_code == 503
    assert UNCLE not in answer.text
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize("identifier", [*INVISIBLE, "never-existed"])
def test_what_may_not_be_seen_does_not_exist(node: Node, identifier: str) -> None:
    for path in (
        f"/v1/entities/{identifier}",
        f"/v1/entities/{identifier}/neighbourhood",
        f"/v1/cases/{identifier}/suggested-links",
        f"/v1/cases/{identifier}/type-hypothesis",
        f"/v1/cases/{identifier}/role-hypotheses",
    ):
        answer = node.client.get(path, headers=node.headers(Role.LEAD_INVESTIGATOR))
        assert (answer.status_code, answer.json()["detail"]) == (404, NO_RECORD)


def test_a_row_is_seen_only_for_its_own_purpose(node: Node) -> None:
    path = f"/v1/entities/{TYPOLOGY_ONLY}"

    assert node.client.get(path, headers=node.headers()).status_code == 404
    assert node.client.get(path, headers=node.headers(Role.ANALYST, purpose="P1")).status_code == 200


def test_a_token_is_good_for_its_purposes_only(node: Node) -> None:
    answer = node.client.get(f"/v1/entities/{UNCLE}", headers=node.headers(purpose="P1"))

    assert (answer.status_code, answer.json()["code"]) == (403, "access.purpose_refused")
    assert node.journal.list_lookups() == []


def test_invisible_rows_appear_in_no_search_no_neighbourhood_and_no_suggestion(node: Node) -> None:
    whole = node.headers(Role.LEAD_INVESTIGATOR)
    answers = [node.client.post("/v1/search", json={"query": NAMES[one]}, headers=whole) for one in INVISIBLE]
    answers.append(node.client.get(f"/v1/entities/{CASE}/neighbourhood?hops=2", headers=whole))
    answers.append(node.client.get("/v1/suggested-links", headers=whole))

    for answer in answers:
        assert answer.status_code == 200
        assert not any(one in answer.text or NAMES[one] in answer.text for one in INVISIBLE)


def test_a_restricted_link_is_not_walked(node: Node) -> None:
    around = node.client.get(f"/v1/entities/{UNCLE}/neighbourhood?hops=1", headers=node.headers()).json()

    assert DRIVER not in {found["id"] for found in around["entities"]}
    assert {link["id"] for link in around["links"]} == {"l-uncle", "l-uncle-phone"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("papadopoulou", CHILD), ("ПАПАДОПУЛУ", CHILD), ("Παπαδοπουλου Ελενη", CHILD), ("Георги Иванов", UNCLE),
        ("Γκεοργκι", UNCLE), ("lukasz wojcik", DRIVER), ("2101234567", PHONE), ("gr-2026", CASE),
    ],
)  # fmt: skip
def test_search_finds_names_in_any_script_and_numbers_without_blanks(node: Node, query: str, found: str) -> None:
    answer = node.client.post("/v1/search", json={"query": query}, headers=node.headers())

    assert [hit["id"] for hit in answer.json()["items"]] == [found]


def test_search_can_be_limited_to_a_kind(node: Node) -> None:
    answer = node.client.post("/v1/search", json={"query": "ivanov", "kind": "phone"}, headers=node.headers())

    assert answer.json()["items"] == []


def test_names_are_for_identity_readers_only(node: Node) -> None:
    for path in (f"/v1/entities/{UNCLE}", f"/v1/entities/{UNCLE}/neighbourhood?hops=2", "/v1/suggested-links"):
        plain = node.client.get(path, headers=node.headers())
        reader = node.client.get(path, headers=node.headers(Role.LEAD_INVESTIGATOR))
        assert NAMES[UNCLE] not in plain.text
        assert "P-uncle" in plain.text
        assert NAMES[UNCLE] in reader.text


def test_a_victims_name_needs_the_victims_own_case_as_well(node: Node) -> None:
    path = f"/v1/entities/{CHILD}"

    other = node.client.get(path, headers=node.headers(Role.LEAD_INVESTIGATOR, case="GR-2026-9999")).json()
    own = node.client.get(path, headers=node.headers(Role.LEAD_INVESTIGATOR)).json()

    assert "name" not in other["attributes"]
    assert own["attributes"]["name"] == NAMES[CHILD]


def test_a_child_recorded_as_a_suspect_is_shown_as_the_victim_it_is(node: Node) -> None:
    around = node.client.get(f"/v1/entities/{CHILD}/neighbourhood", headers=node.headers()).json()

    child = next(found for found in around["entities"] if found["id"] == CHILD)
    assert child["category"] == "victim_presumed"
    assert [link["role"] for link in around["links"] if link["source"] == CHILD] == ["victim"]
    assert "recruiter" not in str([link for link in around["links"] if link["source"] == CHILD])


def test_suggestions_come_as_leads_with_reasons_for_and_against(node: Node) -> None:
    body = node.client.get(f"/v1/cases/{CASE}/suggested-links", headers=node.headers()).json()

    first = body["items"][0]
    assert "lead, not proof" in body["notice"].lower()
    assert first["notice"] == "lead, not proof"
    assert {first["first"]["id"], first["second"]["id"]} == {DRIVER, UNCLE}
    assert (first["band"], first["reasons_for"], first["reasons_against"]) == (
        "strong", ["Both use one phone."], ["No case in common."],
    )  # fmt: skip
    assert "0.93" not in str(body)


def test_a_type_comes_as_a_lead_with_reasons_for_and_against_and_is_recorded(node: Node) -> None:
    answer = node.client.get(f"/v1/cases/{CASE}/type-hypothesis", headers=node.headers())

    body = answer.json()
    assert (body["case"]["id"], body["case_type"], body["band"]) == (CASE, "T5", "moderate")
    assert body["reasons_for"] == ["recorded: a child begs."]
    assert body["reasons_against"] == ["this type is rare"]
    assert body["notice"] == "lead, not proof"
    assert "0.8" not in answer.text
    assert node.journal.list_lookups()
    assert node.client.get(f"/v1/cases/{UNCLE}/type-hypothesis", headers=node.headers()).status_code == 404


def test_a_crowded_neighbourhood_is_cut_and_says_so(node: Node) -> None:
    casebook.add_people(node.store, 300)

    around = node.client.get(f"/v1/entities/{PHONE}/neighbourhood", headers=node.headers()).json()

    assert around["truncated"] is True
    assert len(around["entities"]) == 200


@pytest.mark.parametrize(
    "body",
    [
        {"query": "x" * 90 + "Maria Canary", "kind": "Maria Canary"},
        {"query": "Maria Canary" * 20},
        {"query": ["Maria Canary"]},
        {"query": "aa", "Maria Canary": 1},
        {"query": "aa", "extra": "Maria Canary"},
        ["Maria Canary"],
        "Maria Canary",
    ],
)  # fmt: skip
def test_a_malformed_request_never_hears_its_own_words(node: Node, body: object) -> None:
    answer = node.client.post("/v1/search", json=body, headers=node.headers())

    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert "Canary" not in answer.text
    assert answer.json()["errors"]


@pytest.mark.parametrize("content", [b"{Maria Canary", b"\xff\xfe", b"[" * 8000, b'{"query": "a\\u0000b"}'])
def test_hostile_bodies_are_refused_or_find_nothing(node: Node, content: bytes) -> None:
    headers = {**node.headers(), "Content-Type": "application/json"}
    answer = node.client.post("/v1/search", content=content, headers=headers)

    assert answer.status_code in {200, 400, 422}
    assert "Canary" not in answer.text


def test_large_bodies_and_foreign_hosts_are_refused(node: Node) -> None:
    whole = node.headers()

    assert node.client.post("/v1/search", content=b" " * 20_000, headers=whole).status_code == 413
    assert node.client.get("/healthz", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("path", ["/healthz", f"/v1/entities/{UNCLE}", "/nowhere"])
def test_no_answer_is_stored_anywhere(node: Node, path: str) -> None:
    for headers in ({}, node.headers()):
        answer = node.client.get(path, headers=headers)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_revoked_or_invented_token_is_refused(node: Node) -> None:
    tokens = SqlTokens(node.store.engine)
    secret = tokens.create_token("maria", role=Role.INVESTIGATOR, now=NOW)
    rest = {"X-Purpose": "P2", "X-Case": CASE_REFERENCE}
    before = node.client.get(f"/v1/entities/{UNCLE}", headers={"Authorization": f"Bearer {secret}", **rest})
    tokens.revoke_token("maria", now=NOW)

    for wrong in (f"Bearer {secret}", f"Bearer {secret[:-1]}", f"Basic {secret}", "Bearer", "Bearer " + "x" * 5000):
        answer = node.client.get(f"/v1/entities/{UNCLE}", headers={"Authorization": wrong, **rest})
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert before.status_code == 200


def test_only_the_hash_of_a_token_is_kept(node: Node) -> None:
    secret = SqlTokens(node.store.engine).create_token("maria", role=Role.INVESTIGATOR, now=NOW)

    with node.store.transaction() as connection:
        rows = connection.execute(text("SELECT * FROM api_token")).all()

    assert secret.encode() not in repr(rows).encode()
    assert secret.removeprefix("sbn_") not in repr(rows)


def test_ready_says_no_when_the_database_is_gone_and_alive_says_yes(node: Node) -> None:
    assert node.client.get("/readyz").status_code == 200
    with node.store.transaction() as connection:
        connection.execute(text("ALTER TABLE lookup RENAME TO gone"))

    assert node.client.get("/readyz").status_code == 503
    assert node.client.get("/healthz").status_code == 200


def test_the_database_on_disk_is_not_readable_without_its_key(node: Node) -> None:
    node.client.get(f"/v1/entities/{UNCLE}", headers=node.headers())

    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(node.path).execute("SELECT * FROM lookup").fetchall()


def test_the_context_never_shows_what_it_holds(app: FastAPI) -> None:
    assert isinstance(app.state.context, Context)
    assert "Bearer" not in repr(app.state.context)


def test_a_database_that_cannot_say_whose_a_token_is_lets_nobody_in(node: Node) -> None:
    headers = node.headers()
    with node.store.transaction() as connection:
        connection.execute(text("ALTER TABLE api_token RENAME TO away"))

    answer = node.client.get(f"/v1/entities/{UNCLE}", headers=headers)

    assert answer.status_code == 503
    assert node.journal.list_lookups() == []


def test_a_look_up_that_fails_half_way_is_recorded_as_failed(node: Node) -> None:
    headers = node.headers()
    with node.store.transaction() as connection:
        connection.execute(text("ALTER TABLE person RENAME TO away"))

    answer = node.client.get(f"/v1/entities/{UNCLE}", headers=headers)

    assert answer.status_code == 503
    (lookup,) = node.journal.list_lookups()
    assert (lookup.outcome, lookup.object_ids) == (Outcome.FAILED, (UNCLE,))


def test_suggestions_belong_to_a_case_and_to_nothing_else(node: Node) -> None:
    answer = node.client.get(f"/v1/cases/{UNCLE}/suggested-links", headers=node.headers())

    assert (answer.status_code, answer.json()["detail"]) == (404, NO_RECORD)
    assert node.client.get(f"/v1/cases/{CASE}/suggested-links", headers=node.headers()).status_code == 200  # control


def test_a_search_shows_fifty_and_records_what_it_showed_and_no_more(node: Node) -> None:
    casebook.add_people(node.store, MOST_HITS + 10)
    answer = node.client.post("/v1/search", headers=node.headers(), json={"query": "crowd"})

    shown = [item["id"] for item in answer.json()["items"]]
    assert len(shown) == MOST_HITS
    (lookup,) = node.journal.list_lookups()
    assert list(lookup.object_ids) == shown


def test_kinds_without_a_name_or_a_number_are_not_searched(node: Node) -> None:
    for kind, found in (("episode", 0), ("person", 1)):
        answer = node.client.post("/v1/search", headers=node.headers(), json={"query": "P-uncle", "kind": kind})
        assert (answer.status_code, len(answer.json()["items"])) == (200, found)


def test_a_yes_or_no_is_shown_as_a_word(node: Node) -> None:
    with node.store.session() as session:
        for identifier, forged in (("doc-1", True), ("doc-2", False)):
            session.add(
                casebook._entity(
                    EntityKind.IDENTITY_DOCUMENT,
                    identifier,
                    document_kind=DocumentKind.PASSPORT,
                    number="X1",
                    forged=forged,
                )
            )
    for identifier, word in (("doc-1", "yes"), ("doc-2", "no")):
        shown = node.client.get(f"/v1/entities/{identifier}", headers=node.headers()).json()
        assert shown["attributes"]["forged"] == word
