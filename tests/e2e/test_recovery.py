"""kill -9 of a node, of the runner and of the SuperLink in mid-round: the run ends, nobody is charged twice."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import psutil
import pytest
from rich.console import Console
from rich.progress import Progress

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.canonical import sha256_hex
from safeborders.models.domain.countries import Country
from safeborders.node.bootstrap import build_ledger
from safeborders.node.opening import open_node_store
from safeborders.privacy.ledger import EntryState
from safeborders.sandbox.demo.agreement import Documents, agree, start_covered_run
from safeborders.sandbox.demo.enrolment import enrol_countries
from safeborders.sandbox.demo.layout import Layout, approve_under, prepare_folder, write_profiles, write_sizes
from safeborders.sandbox.demo.programs import Programs
from safeborders.sandbox.demo.watching import Watcher
from safeborders.sandbox.world.creation import create_world
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.storage.opening import open_registry_database

pytestmark = pytest.mark.e2e

COUNTRIES = (Country.RO, Country.GR, Country.FI)
ROUNDS = 10  # four blows, two rounds apart, and two rounds to spare


@pytest.fixture
def federation(tmp_path: Path) -> Iterator[tuple[Layout, Programs]]:
    layout, programs = prepare_folder(tmp_path / "demo", countries=COUNTRIES), Programs()
    try:
        write_profiles(layout, epsilon=8.0, with_api=False)
        create_world(preset="tiny", seed=3, out=layout.world)
        enrol_countries(layout, programs)
        approve_under(layout, agree(layout, programs))
        for country in COUNTRIES:
            arguments = [
                "node",
                "import",
                "apply",
                "-q",
                "-p",
                str(layout.node_profile(country)),
                str(layout.world / country),
            ]
            programs.finish(f"import {country}", arguments, log=layout.log(f"import.{country}"))
        programs.start(
            "coordinator", ["coordinator", "run", "-p", str(layout.coordinator_profile)], log=layout.log("c")
        )
        for country in COUNTRIES:
            arguments = ["node", "run", "-p", str(layout.node_profile(country))]
            programs.start(f"node {country}", arguments, log=layout.log(f"node.{country}"))
        Watcher(layout, programs, progress=Progress(console=Console(quiet=True))).wait_until_started()
        yield layout, programs
    finally:
        programs.stop()


def plan(layout: Layout, programs: Programs) -> str:
    arguments = ["coordinator", "plan", "-p", str(layout.coordinator_profile), "--rounds", str(ROUNDS)]
    arguments += ["--deadline", "60", "--sizes", str(write_sizes(layout, "tiny"))]
    arguments += ["--out", str(Documents(layout.folder / "agreement").manifest)]
    programs.finish("plan", arguments, log=layout.log("plan"))
    return start_covered_run(layout, programs)


def rounds_done(layout: Layout, run: str) -> int:
    answer = httpx.get(f"http://127.0.0.1:{layout.page_port}/v1/runs/{run}", timeout=5, trust_env=False)
    return int(answer.json()["rounds_done"])


def state(layout: Layout, run: str) -> str:
    answer = httpx.get(f"http://127.0.0.1:{layout.page_port}/v1/runs/{run}", timeout=5, trust_env=False)
    return str(answer.json()["state"])


def kill(layout: Layout, *words: str) -> None:
    """Kill the one process of this federation whose command line holds all ``words``."""
    found = [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if all(any(word in part for part in process.info["cmdline"] or []) for word in (str(layout.folder), *words))
    ]
    assert len(found) == 1, (words, found)
    os.kill(found[0], signal.SIGKILL)


def until(holds: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def wait_for_rounds(layout: Layout, run: str, *, more: int) -> None:
    wanted = rounds_done(layout, run) + more
    until(lambda: rounds_done(layout, run) >= wanted, seconds=90)


def test_the_run_ends_whole_and_nobody_is_charged_twice(federation: tuple[Layout, Programs]) -> None:
    layout, programs = federation
    run = plan(layout, programs)
    for victim in (("learner", "node.gr"), ("federation.runner",), ("flower-superlink",), ("learner", "node.ro")):
        wait_for_rounds(layout, run, more=2)
        kill(layout, *victim)
    until(lambda: state(layout, run) == "completed", seconds=150)

    settings = load_settings(layout.coordinator_profile, CoordinatorSettings)
    engine = open_registry_database(settings.registry_url)
    registry = SqlRegistry(engine)
    records = registry.list_rounds(run)
    assert [record.round for record in records] == list(range(1, ROUNDS + 1))
    models = registry.list_models(run)
    assert [model.round for model in models] == list(range(ROUNDS + 1))
    assert all(later.parent_sha256 == earlier.sha256 for earlier, later in pairwise(models))
    latest = registry.get_latest_model(run)
    assert sha256_hex(latest.parameters) == latest.sha256
    engine.dispose()

    for country in COUNTRIES:
        node = load_settings(layout.node_profile(country), NodeSettings)
        store = open_node_store(node)
        entries = build_ledger(node, store).list_entries()
        charged = Counter(entry.charge.round for entry in entries if entry.state is EntryState.RESERVED)
        released = {entry.charge.round for entry in entries if entry.state is EntryState.RELEASED}
        assert max(charged.values()) == 1
        assert released <= set(charged)
        accepted = {
            record.round
            for record in records
            for reply in record.replies
            if reply.country is country and reply.state == "accepted"
        }
        assert accepted <= set(charged)
        store.close()
