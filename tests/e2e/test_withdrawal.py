"""A run whose every update is covered by manifest, agreement, approval and ledger, and that one country can stop."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from rich.console import Console
from rich.progress import Progress
from sqlalchemy import text

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.canonical import sha256_hex
from safeborders.kit.signing import load_signing_key, public_key_hex
from safeborders.kit.transparency.identity import LogIdentity, origin_of
from safeborders.kit.transparency.keeping import verify
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.models.protocol.manifest import Aggregation, read_manifest
from safeborders.models.protocol.messages import Kind, parse_message
from safeborders.node.approving import build_inbox
from safeborders.node.commands.outbox import build_outbox
from safeborders.node.opening import open_node_store
from safeborders.node.storage.audit import LOG, SqlAuditLog
from safeborders.node.storage.database import Store
from safeborders.sandbox.demo.agreement import Documents, agree, start_covered_run
from safeborders.sandbox.demo.enrolment import enrol_countries
from safeborders.sandbox.demo.layout import Layout, approve_under, prepare_folder, write_profiles, write_sizes
from safeborders.sandbox.demo.programs import Programs
from safeborders.sandbox.demo.watching import Watcher
from safeborders.sandbox.world.creation import create_world
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.storage.opening import open_registry_database

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

COUNTRIES = DEMONSTRATION[:6]  # as many as the floor: without one of them there is no sum
LEAVING = COUNTRIES[2]
DEADLINE_SECONDS = 20


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Layout, Programs]]:
    folder = tmp_path_factory.mktemp("withdrawal") / "demo"
    layout, programs = prepare_folder(folder, countries=COUNTRIES), Programs()
    try:
        write_profiles(layout, epsilon=8.0, with_api=False)
        create_world(preset="tiny", seed=3, out=layout.world)
        enrol_countries(layout, programs)
        approve_under(layout, agree(layout, programs))
        for country in COUNTRIES:
            arguments = ["node", "import", "apply", "-q", "-p", str(layout.node_profile(country))]
            arguments.append(str(layout.world / country))
            programs.finish(f"import {country}", arguments, log=layout.log(f"import.{country}"))
        coordinator = ["coordinator", "run", "-p", str(layout.coordinator_profile)]
        programs.start("coordinator", coordinator, log=layout.log("c"))
        for country in COUNTRIES:
            arguments = ["node", "run", "-p", str(layout.node_profile(country))]
            programs.start(f"node {country}", arguments, log=layout.log(f"node.{country}"))
        Watcher(layout, programs, progress=Progress(console=Console(quiet=True))).wait_until_started()
        yield layout, programs
    finally:
        programs.stop()


def start(layout: Layout, programs: Programs, *, rounds: int) -> str:
    documents = Documents(layout.folder / "agreement")
    arguments = ["coordinator", "plan", "-p", str(layout.coordinator_profile), "--rounds", str(rounds)]
    arguments += ["--deadline", str(DEADLINE_SECONDS), "--sizes", str(write_sizes(layout, "tiny"))]
    programs.finish("plan", [*arguments, "--out", str(documents.manifest)], log=layout.log("plan"))
    return start_covered_run(layout, programs)


def shown(layout: Layout, run: str) -> dict[str, object]:
    answer = httpx.get(f"http://127.0.0.1:{layout.page_port}/v1/runs/{run}", timeout=5, trust_env=False)
    found: dict[str, object] = answer.json()
    return found


def until(holds: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def accepted_rounds(layout: Layout, run: str, country: Country) -> set[int]:
    engine = open_registry_database(load_settings(layout.coordinator_profile, CoordinatorSettings).registry_url)
    records = SqlRegistry(engine).list_rounds(run)
    engine.dispose()
    return {
        record.round
        for record in records
        for reply in record.replies
        if reply.country is country and reply.state == "accepted"
    }


def uncovered(layout: Layout, run: str, *, manifest: bytes) -> list[str]:
    """Join what left with what allowed it, in the tables of all nodes; return what is missing."""
    return [fault for country in COUNTRIES for fault in _uncovered_at(layout, run, country=country, manifest=manifest)]


def _uncovered_at(layout: Layout, run: str, *, country: Country, manifest: bytes) -> Iterator[str]:
    settings = load_settings(layout.node_profile(country), NodeSettings)
    store = open_node_store(settings)
    signed, key = read_manifest(manifest), public_key_hex(load_signing_key(settings.places.signing_key))
    outbox = build_outbox(settings, store)
    (standing,) = build_inbox(settings, store).find_run(run)
    rounds = [one for one in outbox.list_rounds() if one.run == run and one.state == "released"]
    disclosed = _disclosed_payloads(store)
    if accepted_rounds(layout, run, country) - {one.round for one in rounds}:
        yield f"{country}: the coordinator counted an update that the ledger does not know as released"
    if (standing.request.manifest_sha256, standing.request.agreement_sha256) != (
        signed.sha256(),
        signed.agreement_sha256,
    ):
        yield f"{country}: the approval is for another manifest or agreement"
    approved_at = min(entry.at for entry in standing.entries)
    for one in rounds:
        item = outbox.get_item(run, round_number=one.round)
        payload = item.payload or b""
        headers = [
            parse_message(header, signature=signature, payload=payload, public_key=key).header
            for header, signature in item.envelopes
        ]
        if not headers or {header.kind for header in headers} != {Kind.UPDATE}:
            yield f"{country} {one.round}: no signed envelope"
        if {header.plan_sha256 for header in headers} != {signed.plan.sha256()}:
            yield f"{country} {one.round}: the plan is not the manifest's"
        if item.clause != "updates" or item.is_masked is not (signed.aggregation is Aggregation.SECURE):
            yield f"{country} {one.round}: not under the clause, or not masked"
        if sha256_hex(payload) not in disclosed:
            yield f"{country} {one.round}: not in the audit log"
        if not approved_at < one.at:
            yield f"{country} {one.round}: released before anybody approved"
    store.close()


def _disclosed_payloads(store: Store) -> set[str]:
    with store.engine.connect() as connection:
        records = [json.loads(entry.content) for entry in LOG.entries(connection) if entry.content is not None]
    return {
        str(record["facts"]["payload"])
        for record in records
        if record["action"] == "update.release" and record["facts"].get("clause") == "updates"
    }


def audit_faults(layout: Layout) -> list[str]:
    found = []
    for country in COUNTRIES:
        settings = load_settings(layout.node_profile(country), NodeSettings)
        store = open_node_store(settings)
        key = public_key_hex(load_signing_key(settings.places.signing_key))
        identity = LogIdentity(origin=origin_of(settings.federation, country), log_key=key, witness_keys={})
        verdict = verify(SqlAuditLog(store.engine), identity=identity, others=[])
        if not verdict.is_whole or verdict.size < 10:
            found.append(f"{country}: {verdict}")
        store.close()
    return found


def manifest_of(layout: Layout) -> bytes:
    return Documents(layout.folder / "agreement").manifest.read_bytes()


@pytest.mark.timeout(400)
def test_control_without_a_withdrawal_the_run_completes_and_every_update_is_covered(
    federation: tuple[Layout, Programs],
) -> None:
    layout, programs = federation
    run = start(layout, programs, rounds=4)
    until(lambda: shown(layout, run)["state"] == "completed", seconds=200)
    assert accepted_rounds(layout, run, LEAVING) == {1, 2, 3, 4}
    assert uncovered(layout, run, manifest=manifest_of(layout)) == []
    assert audit_faults(layout) == []


@pytest.mark.timeout(400)
def test_one_country_withdraws_and_the_run_rests_within_a_round(federation: tuple[Layout, Programs]) -> None:
    layout, programs = federation
    run = start(layout, programs, rounds=40)
    until(lambda: int(str(shown(layout, run)["rounds_done"])) >= 2, seconds=200)
    command = ["node", "approvals", "withdraw", run, "-p", str(layout.node_profile(LEAVING))]
    programs.finish("withdraw", [*command, "--as", "Test Officer", "--reason", "a test"], log=layout.log("withdraw"))
    withdrawn_at, done = datetime.now(UTC), int(str(shown(layout, run)["rounds_done"]))
    until(lambda: shown(layout, run)["state"] == "failed", seconds=150)

    assert int(str(shown(layout, run)["rounds_done"])) <= done + 1 < 40
    assert max(accepted_rounds(layout, run, LEAVING)) <= done + 1
    settings = load_settings(layout.node_profile(LEAVING), NodeSettings)
    store = open_node_store(settings)
    with store.engine.connect() as connection:
        rows = connection.execute(text("SELECT at, state FROM ledger_entry WHERE run = :run"), {"run": run}).all()
    late = [row.state for row in rows if datetime.fromisoformat(row.at) > withdrawn_at]
    assert late in ([], ["released"])  # at most the note of what was on its way
    store.close()
    assert uncovered(layout, run, manifest=manifest_of(layout)) == []
    assert audit_faults(layout) == []


def test_control_an_update_without_its_approval_is_found(federation: tuple[Layout, Programs], tmp_path: Path) -> None:
    layout, _ = federation
    settings = load_settings(layout.node_profile(LEAVING), NodeSettings)
    store = open_node_store(settings)
    run = build_inbox(settings, store).list_runs()[-1].request.run
    store.close()
    faults = uncovered(layout, run, manifest=manifest_of(layout))  # the newer run's manifest does not cover it
    assert any("another manifest" in fault for fault in faults)
    assert any("the plan is not the manifest's" in fault for fault in faults)
