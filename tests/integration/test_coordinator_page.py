"""The coordinator's page over its real database: what it says, what it refuses, what it never shows."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, text

from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.server.app import PAGE_POLICY, build_app
from safeborders.server.registry.records import ReplyState
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.services.epsilon import price_plan
from safeborders.server.storage.opening import open_registry_database
from sbtest.history import (
    START,
    FixedPapers,
    make_model,
    make_plan,
    make_round,
    write_contacts,
    write_roster,
    write_run,
)
from sbtest.web import client_of

NOW = START + timedelta(minutes=11)
PAGES = ("/nodes", "/runs", "/runs/run-1")


@dataclass
class Coordinator:
    client: httpx.Client
    registry: SqlRegistry
    roster: SqlRoster
    engine: Engine


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Coordinator]:
    engine = open_registry_database(f"sqlite:///{tmp_path / 'registry_test.db'}")
    registry, roster = SqlRegistry(engine), SqlRoster(engine)
    with client_of(build_app(registry, roster, papers=FixedPapers(), clock=lambda: NOW)) as client:
        yield Coordinator(client, registry, roster, engine)
    engine.dispose()


@pytest.fixture
def coordinator(empty: Coordinator) -> Coordinator:
    write_roster(empty.roster)
    write_run(empty.registry)
    write_contacts(empty.registry, now=NOW)
    return empty


def test_the_nodes_are_shown_with_state_contact_and_certificate(coordinator: Coordinator) -> None:
    page = coordinator.client.get("/nodes").text

    rows = {found[1]: found[2] for found in re.finditer(r'<span class="code">(\w+)</span>(.*?)</tr>', page, re.DOTALL)}
    assert set(rows) == {country.value.upper() for country in DEMONSTRATION}
    assert "quiet" in rows["PL"]
    assert "never seen" in rows["PT"]
    assert "expiring: 7 days or less" in rows["GR"]
    assert "requested" in rows["FI"]
    assert "revoked" in rows["WB"]


def test_the_start_is_the_list_of_nodes(empty: Coordinator) -> None:
    answer = empty.client.get("/", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (307, "/nodes")


def test_states_and_ends_are_the_same_for_people_and_for_programs(coordinator: Coordinator) -> None:
    page = coordinator.client.get("/nodes").text
    states = {one["country"]: one for one in coordinator.client.get("/v1/nodes").json()["items"]}
    papers = {one["name"]: one for one in coordinator.client.get("/v1/papers").json()["items"]}

    assert (states["gr"]["state"], states["gr"]["within_days"]) == ("expiring", 7)
    assert (states["it"]["state"], states["it"]["within_days"]) == ("enrolled", None)
    assert (states["fi"]["state"], states["fi"]["certificate_expires_at"]) == ("requested", None)
    assert states["wb"]["state"] == "revoked"
    assert papers["Certificate of the public edge"]["state"] == "good"
    assert (papers["Roster of keys"]["state"], papers["Roster of keys"]["within_days"]) == ("expiring", 30)
    assert "Roster of keys" in page
    assert "expiring: 30 days or less" in page


def test_an_empty_coordinator_says_what_to_do(empty: Coordinator) -> None:
    assert "No country has asked to join yet" in empty.client.get("/nodes").text
    assert "No run has been started yet" in empty.client.get("/runs").text


def test_a_run_without_rounds_has_a_page(coordinator: Coordinator) -> None:
    write_run(coordinator.registry, "fresh", done=0)

    page = coordinator.client.get("/runs/fresh").text

    assert "The chart appears after the first round" in page
    assert "Waiting for:" in page


def test_the_run_waits_for_those_not_heard_of_since_the_round_began(coordinator: Coordinator) -> None:
    assert coordinator.client.get("/v1/runs/run-1").json()["waiting_for"] == ["pl", "pt"]

    coordinator.registry.record_contact(Country.PL, now=NOW)

    assert coordinator.client.get("/v1/runs/run-1").json()["waiting_for"] == ["pt"]


def test_a_finished_run_waits_for_nobody(coordinator: Coordinator) -> None:
    write_run(coordinator.registry, "done", rounds=3, done=3)

    assert coordinator.client.get("/v1/runs/done").json()["waiting_for"] == []


def test_epsilon_is_that_of_the_rounds_whose_update_left_the_country(coordinator: Coordinator) -> None:
    shown = {line["country"]: line for line in coordinator.client.get("/v1/runs/run-1").json()["epsilons"]}

    assert (shown["gr"]["rounds"], shown["pl"]["rounds"], shown["ro"]["rounds"]) == (9, 8, 7)
    assert shown["it"]["rounds"] == 9  # its rejected update had left it all the same
    assert shown["ro"]["spent"] == pytest.approx(price_plan(make_plan(), 7))
    assert 0 < shown["ro"]["spent"] < shown["gr"]["spent"] < shown["gr"]["whole_run"] < shown["gr"]["cap"]


def test_the_twin_of_the_rounds_gives_what_was_saved(coordinator: Coordinator) -> None:
    items = coordinator.client.get("/v1/runs/run-1/rounds").json()["items"]

    assert [item["round"] for item in items] == list(range(1, 10))
    refused = next(reply for reply in items[2]["replies"] if reply["country"] == "pl")
    assert (refused["state"], refused["code"]) == ("refused", "privacy.budget_exhausted")
    saved = {found.task: found.loss for found in make_round("run-1", number=4).statistics}
    assert {found["task"]: found["loss"] for found in items[3]["statistics"]} == saved


def test_a_round_that_was_given_up_says_so_to_people_and_programs(coordinator: Coordinator) -> None:
    assert "given up" not in coordinator.client.get("/runs/run-1").text  # control
    void = replace(make_round("run-1", number=10), statistics=(), is_void=True)
    coordinator.registry.save_round(void, model=replace(make_model("run-1", number=9), round=10))
    page = coordinator.client.get("/runs/run-1").text
    assert page.count("<small>given up</small>") == 1
    assert "counts as spent" in page
    rounds = coordinator.client.get("/v1/runs/run-1/rounds").json()["items"]
    assert [one["round"] for one in rounds if one["is_void"]] == [10]


def test_models_are_shown_with_hash_and_lineage(coordinator: Coordinator) -> None:
    models = coordinator.client.get("/v1/runs/run-1").json()["models"]

    assert models[0]["parent_sha256"] == ""
    assert all(child["parent_sha256"] == parent["sha256"] for parent, child in pairwise(models))


@pytest.mark.parametrize("path", [*PAGES, "/v1/nodes", "/v1/runs", "/nowhere", "/static/coordinator.css", "/healthz"])
def test_every_answer_carries_the_security_headers(coordinator: Coordinator, path: str) -> None:
    headers = coordinator.client.get(path).headers

    assert headers["Content-Security-Policy"] == PAGE_POLICY
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "server" not in headers


@pytest.mark.parametrize("path", PAGES)
def test_pages_hold_no_script_no_inline_style_and_name_no_other_host(coordinator: Coordinator, path: str) -> None:
    page = coordinator.client.get(path).text

    assert not re.search(r"<script|\sstyle=|\son\w+=|https?://(?!www\.w3\.org/2000/svg)", page)


def test_another_host_name_is_refused(coordinator: Coordinator) -> None:
    assert coordinator.client.get("/nodes", headers={"Host": "evil.example"}).status_code == 400
    assert coordinator.client.get("/nodes", headers={"Host": "localhost:8443"}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_changed_through_the_page(coordinator: Coordinator, method: str) -> None:
    for path in (*PAGES, "/v1/nodes", "/v1/runs"):
        assert coordinator.client.request(method, path).status_code == 405


def test_a_large_body_is_refused(coordinator: Coordinator) -> None:
    assert coordinator.client.request("GET", "/nodes", content=b"x" * 2000).status_code == 413


def test_unknown_runs_are_a_page_for_people_and_a_problem_for_programs(coordinator: Coordinator) -> None:
    page = coordinator.client.get("/runs/none")
    problem = coordinator.client.get("/v1/runs/none")

    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such run" in page.text
    assert (problem.status_code, problem.headers["content-type"]) == (404, "application/problem+json")
    assert problem.json()["code"] == "object.not_found"


def test_ready_says_no_when_the_database_is_gone_and_alive_says_yes(coordinator: Coordinator) -> None:
    assert coordinator.client.get("/readyz").status_code == 200
    with coordinator.engine.begin() as connection:
        connection.execute(text("ALTER TABLE run RENAME TO gone"))

    answer = coordinator.client.get("/readyz")

    assert (answer.status_code, answer.json()["code"]) == (503, "service.unavailable")
    assert answer.headers["Retry-After"]
    assert coordinator.client.get("/healthz").status_code == 200


def test_hostile_text_is_escaped_wherever_it_is_shown(coordinator: Coordinator) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    following = make_round("run-1", number=10)
    replies = tuple(replace(reply, state=ReplyState.REJECTED, code=hostile) for reply in following.replies)
    model = make_model("run-1", number=10)
    coordinator.registry.save_round(replace(following, replies=replies), model=model)

    page = coordinator.client.get("/runs/run-1")
    assert page.status_code == 200
    assert hostile not in page.text
    assert "&lt;img src=x" in page.text


def test_hostile_text_in_an_address_is_not_repeated(coordinator: Coordinator) -> None:
    page = coordinator.client.get("/runs/%3Cimg%20src=x%20onerror=alert(1)%3E")
    assert page.status_code == 404
    assert "onerror" not in page.text


def test_there_are_no_pages_that_load_from_elsewhere(coordinator: Coordinator) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert coordinator.client.get(path).status_code == 404
