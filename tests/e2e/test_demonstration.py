"""The demonstration, struck by kill -9 in mid-round: a table comes out, no canary does, nobody is charged twice."""

import base64
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import httpx
import psutil
import pytest
from cryptography import x509

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.canonical import sha256_hex
from safeborders.models.domain.countries import DEMONSTRATION
from safeborders.node.bootstrap import build_ledger
from safeborders.node.opening import open_node_store
from safeborders.privacy.ledger import EntryState
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.storage.opening import open_registry_database
from sbtest.canary_search import find_words
from sbtest.signing_power import find_signing_power

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

WIRETAP = Path(__file__).resolve().parents[1] / "support" / "wiretap"
COMMAND = (sys.executable, "-m", "safeborders.kit", "demo", "run", "--preset", "tiny")
ROUNDS = 6  # four blows, one in each round, and some to spare: a round may end between a look and a blow
VICTIMS = (("learner", "node.gr"), ("federation.runner",), ("flower-superlink",), ("learner", "node.ro"))
COUNTRIES = {"ro", "bg", "gr", "it", "pl", "pt", "be", "fi", "wb"}
SCORES = ("local", "federated", "personalised")


NAMESPACE = Path(__file__).resolve().parents[1] / "support" / "namespace.sh"


@contextmanager
def demonstration(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None, within: tuple[str, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """Start the demonstration; whatever the test finds, nothing of it runs on afterwards."""
    with (folder / "out.txt").open("wb") as output:
        demo = subprocess.Popen(
            [*within, *COMMAND, "--folder", str(folder / "demo"), *arguments],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "COLUMNS": "80", **(environment or {})},
        )
    try:
        yield demo
    finally:
        for process in processes_of(folder):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        demo.kill()
        demo.wait()


def in_a_world_of_its_own(count: Path) -> tuple[str, ...]:
    """Return the words that run a command where every packet that leaves the machine is counted and goes nowhere."""
    if os.geteuid() != 0 or not all(shutil.which(tool) for tool in ("unshare", "ip")):
        pytest.skip("network namespaces need root, util-linux and iproute2")
    return ("unshare", "--net", "bash", str(NAMESPACE), str(count))


def processes_of(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(str(folder) in part for part in command):
            found.append(process)
    return found


def rounds_done(folder: Path) -> int:
    """Return how many rounds the coordinator's database holds; it is read beside the programs, as it is."""
    registry = folder / "demo/coordinator/coordinator.db"
    if not registry.exists():
        return 0
    with closing(sqlite3.connect(f"file:{registry}?mode=ro", uri=True, timeout=30)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        return int(connection.execute("SELECT count(*) FROM round").fetchone()[0]) if "round" in tables else 0


def wait_for_rounds(demo: subprocess.Popen[bytes], folder: Path, *, number: int) -> None:
    until(lambda: demo.poll() is not None or rounds_done(folder) >= number, seconds=400)
    assert demo.poll() is None, (folder / "out.txt").read_text()


def strike(folder: Path, *words: str) -> None:
    """Kill the one process whose command line holds all ``words``."""
    commands = {one: " ".join(one.info["cmdline"]) for one in processes_of(folder)}
    (victim,) = [one for one, command in commands.items() if all(word in command for word in words)]
    victim.kill()


def until(holds: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def struck(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a whole demonstration whose learners, runner and SuperLink were killed in mid-round."""
    folder = tmp_path_factory.mktemp("struck")
    tap = folder / "tap"
    tap.mkdir()
    environment = {"SBTEST_WIRETAP": str(tap), "PYTHONPATH": str(WIRETAP)}
    arguments = ("--rounds", str(ROUNDS), "--json", str(folder / "result.json"))
    alone = in_a_world_of_its_own(folder / "packets")
    with demonstration(folder, *arguments, environment=environment, within=alone) as demo:
        for blow, victim in enumerate(VICTIMS, start=1):
            wait_for_rounds(demo, folder, number=blow)
            strike(folder, *victim)
        assert demo.wait(280) == 0, (folder / "out.txt").read_text()
        until(lambda: not processes_of(folder), seconds=30)
    return folder


def test_nine_countries_train_together_and_no_canary_leaves(struck: Path) -> None:
    assert (struck / "packets").read_text().split() == ["0"]  # no telemetry, no update check, no name looked up
    result = json.loads((struck / "result.json").read_text())
    assert set(result["countries"]) == COUNTRIES
    assert result["rounds"] == ROUNDS
    for row in result["countries"].values():
        assert all(0 <= row[name] <= 1 for name in SCORES)
        assert 0 < row["epsilon_sum"] < row["epsilon_local"] <= 8
        assert row["bytes_sent"] > 0
    assert all(len(line) <= 80 for line in (struck / "out.txt").read_text().splitlines()[-25:])

    captured = b"\n".join(file.read_bytes() for file in (struck / "tap").iterdir())
    canaries = (struck / "demo/world/ground_truth/canaries.txt").read_text(encoding="utf-8").splitlines()
    assert len(canaries) >= 1000
    imported = b"".join(file.read_bytes() for file in (struck / "demo/world").rglob("*") if file.is_file())
    assert find_words(canaries, imported) == set(canaries)
    assert find_words(canaries, captured) == set()
    # The control: the wiretap reads inside TLS, down to the headers that countries signed.
    assert captured.count(b'"kind":"update"') >= ROUNDS * len(COUNTRIES)


def test_only_the_authority_can_sign(struck: Path) -> None:
    authority = [
        x509.load_pem_x509_certificate((struck / "demo/authority" / f"{name}.pem").read_bytes())
        for name in ("root", "issuing")
    ]
    assert find_signing_power(struck / "demo/coordinator", authorities=authority) == []
    assert len(find_signing_power(struck / "demo/authority", authorities=authority)) == 3  # the control: all its keys


def test_killed_at_every_part_the_run_ends_whole_and_nobody_is_charged_twice(struck: Path) -> None:
    for name, deaths in (("node.gr", 1), ("node.ro", 1), ("coordinator", 2)):  # every blow hit
        assert (struck / f"demo/logs/{name}.log").read_text().count("child_died") >= deaths
    settings = load_settings(struck / "demo/coordinator.yaml", CoordinatorSettings)
    engine = open_registry_database(settings.registry_url)
    registry = SqlRegistry(engine)
    (run,) = [view.plan.run for view in registry.list_runs()]
    records = registry.list_rounds(run)
    assert [record.round for record in records] == list(range(1, ROUNDS + 1))
    models = registry.list_models(run)
    assert [model.round for model in models] == list(range(ROUNDS + 1))
    assert all(later.parent_sha256 == earlier.sha256 for earlier, later in pairwise(models))
    latest = registry.get_latest_model(run)
    assert sha256_hex(latest.parameters) == latest.sha256
    engine.dispose()

    for country in DEMONSTRATION:
        node = load_settings(struck / f"demo/node.{country}.yaml", NodeSettings)
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
        assert accepted
        assert accepted <= set(charged)
        store.close()


@pytest.mark.slow
def test_nine_countries_train_a_relational_head_over_the_wire(tmp_path: Path) -> None:
    arguments = ("--model", "relational", "--rounds", "2", "--json", str(tmp_path / "result.json"))
    with demonstration(tmp_path, *arguments) as demo:
        assert demo.wait(580) == 0, (tmp_path / "out.txt").read_text()
    result = json.loads((tmp_path / "result.json").read_text())
    assert set(result["countries"]) == COUNTRIES
    assert all(0 < row["epsilon_local"] <= 8 for row in result["countries"].values())
    assert "typology.head" in (tmp_path / "demo/logs/plan.log").read_text()
    manifest = json.loads((tmp_path / "demo/agreement/manifest.json").read_text())
    signed = json.loads(base64.b64decode(manifest["payload"]))
    networks = [(task["task"], task["stage"]) for task in signed["plan"]["tasks"]]
    assert networks == [
        ("typology", "encoder"),
        ("typology", "head"),
        ("links", "encoder"),
        ("roles", "encoder"),
    ]


def test_the_control_a_single_connection_outwards_is_counted(tmp_path: Path) -> None:
    code = "import socket; s = socket.socket(); s.settimeout(0.2); s.connect_ex(('198.51.100.7', 80))"  # RFC 5737
    subprocess.run([*in_a_world_of_its_own(tmp_path / "packets"), sys.executable, "-c", code], check=True)
    assert int((tmp_path / "packets").read_text()) > 0


def importing(folder: Path) -> list[psutil.Process]:
    return [one for one in processes_of(folder) if {"import", "apply"} <= set(one.info["cmdline"])]


def is_running(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def test_no_process_is_left_when_the_demonstration_is_killed(tmp_path: Path) -> None:
    with demonstration(tmp_path) as demo:
        until(lambda: any(one.children() for one in importing(tmp_path)), seconds=180)  # a parser of its own beside it
        family = psutil.Process(demo.pid).children(recursive=True)
        demo.kill()
        demo.wait(60)
        until(lambda: not any(map(is_running, family)) and not processes_of(tmp_path), seconds=30)
    assert len(family) >= 2


def test_a_killed_child_ends_the_demonstration_with_a_sentence_and_no_orphan(tmp_path: Path) -> None:
    with demonstration(tmp_path) as demo:
        until(lambda: len(importing(tmp_path)) >= 2, seconds=180)
        importing(tmp_path)[0].kill()
        assert demo.wait(90) == 2
        until(lambda: not processes_of(tmp_path), seconds=30)
    last = (tmp_path / "out.txt").read_text().strip().splitlines()[-1]
    assert last.startswith("safeborders: The step 'import ")


@pytest.mark.slow  # by default: killed while it imports; children's children in tests/unit/kit/test_supervisor.py
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_when_all_programs_are_up(tmp_path: Path, blow: signal.Signals) -> None:
    with demonstration(tmp_path) as demo:
        until(lambda: len(processes_of(tmp_path)) > 12, seconds=180)  # itself, the coordinator's parts, some nodes
        demo.send_signal(blow)
        demo.wait(60)
        until(lambda: not processes_of(tmp_path), seconds=30)


@pytest.mark.slow  # by default: a killed import, above; the sentence in tests/unit/sandbox/test_demo_parts.py
def test_a_killed_node_ends_the_demonstration_with_a_sentence_and_no_orphan(tmp_path: Path) -> None:
    def find_node() -> list[psutil.Process]:
        return [one for one in processes_of(tmp_path) if {"node", "run"} <= set(one.info["cmdline"])]

    with demonstration(tmp_path) as demo:
        until(lambda: len(find_node()) >= 3, seconds=180)
        find_node()[1].kill()
        assert demo.wait(90) == 2
        until(lambda: not processes_of(tmp_path), seconds=30)
    last = (tmp_path / "out.txt").read_text().strip().splitlines()[-1]
    assert last.startswith("safeborders: The program 'node ")


@pytest.mark.slow  # by default: the run above, page and APIs in tests/integration, a head in test_rooted_rounds
def test_kept_running_it_serves_page_and_apis_until_ctrl_c(tmp_path: Path) -> None:
    with demonstration(tmp_path, "--rounds", "1", "--keep", "--model", "relational") as demo:
        until(lambda: "Ctrl-C stops everything" in (tmp_path / "out.txt").read_text(), seconds=240)
        text = (tmp_path / "out.txt").read_text()
        page = re.search(r"page: (http://\S+)", text)
        api = re.search(r"API of gr: (http://\S+)", text)
        assert page is not None
        assert api is not None
        assert "SafeBorders" in httpx.get(page[1], trust_env=False, follow_redirects=True, timeout=30).text
        assert httpx.get(f"{api[1]}readyz", trust_env=False, timeout=30).status_code == 200
        assert httpx.post(f"{api[1]}v1/search", json={"query": "a"}, trust_env=False, timeout=30).status_code == 401
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 130
        until(lambda: not processes_of(tmp_path), seconds=30)
