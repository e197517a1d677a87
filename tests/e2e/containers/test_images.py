"""Both images are built and run: one side each, locked, and a country joins the coordinator across containers."""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sbtest.containers import Host, build_images, find_engine, size_in_bytes
from sbtest.house.sources import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(1800)]

PYTHON = "/opt/safeborders/bin/python"
PROFILES = ROOT / "docker" / "profiles"
NETWORK, COORDINATOR_ADDRESS = "sbtest-federation", "10.89.77.2"
LARGEST_BYTES = {"safeborders-coordinator": 800_000_000, "safeborders-node": 2_000_000_000}
ASK_THE_PAGE = """
import json, urllib.request
request = urllib.request.Request("http://127.0.0.1:8801/v1/nodes")
print(json.dumps(json.load(urllib.request.urlopen(request, timeout=5))["items"]))
"""
TAKE_A_STEP = """
import json, os, time
from pathlib import Path
import numpy as np
import torch
from safeborders.privacy.dpsgd.bookkeeping import BookKeepingModule
from safeborders.privacy.dpsgd.private_training import PrivateStep, private_pass

def written():
    folders = [os.walk(place) for place in ("/tmp", "/var/lib/safeborders", "/dev/shm", "/run")]
    files = [Path(folder, name) for walk in folders for folder, _, names in walk for name in names]
    return sorted(str(file) for file in files if file.lstat().st_mtime >= started)

def distance(wanted):
    return float(np.abs(wanted.sum(axis=0) - summed).max())

started = time.time() - 1
rows = np.random.default_rng(1).normal(size=(300, 6)).astype(np.float32)
labels = np.arange(300) % 2
layer = torch.nn.Linear(6, 2)
for parameter in layer.parameters():
    torch.nn.init.zeros_(parameter)
step = PrivateStep(sampling_rate=1.0, noise_multiplier=0.01, max_grad_norm=1.0, expected_batch_size=300)
summed = private_pass(BookKeepingModule(layer), rows, labels=labels, step=step) / 2.0**step.bits
slopes = 0.5 - np.eye(2)[labels]
gradients = np.hstack([np.einsum("no,ni->noi", slopes, rows).reshape(300, 12), slopes])
norms = np.linalg.norm(gradients, axis=1, keepdims=True)
found = {"clipped": distance(gradients / np.maximum(norms, 1)), "unclipped": distance(gradients), "written": written()}
Path("/tmp/control").touch()
print(json.dumps({**found, "control": written()}))
"""


@pytest.fixture(scope="module")
def engine() -> list[str]:
    """Build both images and return the engine's command."""
    found = find_engine()
    if found is None:
        pytest.skip("neither Docker nor podman with runc is here: apt-get install podman runc debootstrap")
    base = os.environ.get("BASE") or ("debootstrap" if shutil.which("debootstrap", path="/usr/sbin:/sbin") else "")
    build_images(ROOT, python=sys.executable, base=base or "python:3.11-slim-bookworm")
    return found


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder by which files are handed over, and keys are given."""
    folder = tmp_path_factory.mktemp("post")
    folder.chmod(0o777)  # the containers' user writes there
    for name in ("gr.key", "authority.passphrase"):
        key = folder / name
        key.write_text(secrets.token_hex(32), encoding="utf-8")
        key.chmod(0o400)
        os.chown(key, 10001, 10001)
    return folder


@pytest.fixture(scope="module")
def coordinator(engine: list[str], post: Path) -> Iterator[Host]:
    """Yield the coordinator's host."""
    subprocess.run(
        [*engine, "network", "create", "--internal", "--subnet=10.89.77.0/24", NETWORK], check=True, capture_output=True
    )
    host = Host(
        engine=engine,
        name="sbtest-coordinator",
        image="safeborders-coordinator",
        mounts=(f"{PROFILES / 'coordinator.yaml'}:/etc/safeborders/coordinator.yaml:ro", f"{post}:/post"),
        address=(f"--network={NETWORK}", f"--ip={COORDINATOR_ADDRESS}"),
    )
    yield host
    host.remove()
    subprocess.run([*engine, "network", "rm", "--force", NETWORK], check=False, capture_output=True)


@pytest.fixture(scope="module")
def authority(engine: list[str], post: Path) -> Iterator[Host]:
    """Yield the authority's host, which has no network at all."""
    mounts = (
        f"{PROFILES / 'authority.yaml'}:/etc/safeborders/authority.yaml:ro",
        f"{post}:/post",
        f"{post / 'authority.passphrase'}:/run/secrets/authority_passphrase:ro",
    )
    host = Host(
        engine=engine,
        name="sbtest-authority",
        image="safeborders-coordinator",
        mounts=mounts,
        always=("--network=none",),
    )
    yield host
    host.remove()


@pytest.fixture(scope="module")
def node(engine: list[str], post: Path, coordinator: Host) -> Iterator[Host]:
    """Yield a country's host, which is removed before the network that it shares with the coordinator."""
    mounts = (
        f"{PROFILES / 'node-gr.yaml'}:/etc/safeborders/node.yaml:ro",
        f"{post}:/post",
        f"{post / 'gr.key'}:/run/secrets/gr_database_key:ro",
    )
    host = Host(
        engine=engine,
        name="sbtest-node-gr",
        image="safeborders-node",
        mounts=mounts,
        address=(f"--network={NETWORK}", f"--add-host=coordinator:{COORDINATOR_ADDRESS}"),
    )
    assert coordinator.name != host.name
    yield host
    host.remove()


def can_import(host: Host, module: str) -> bool:
    return host.run("-c", f"import {module}", entrypoint=PYTHON).returncode == 0


def test_the_coordinators_image_holds_nothing_that_trains_or_reads_a_case(coordinator: Host) -> None:
    assert can_import(coordinator, "safeborders.server.federation.runner")  # the control: what is there is found
    for module in (
        "torch",
        "opacus",
        "torch_geometric",
        "sklearn",
        "sknetwork",
        "numba",
        "safeborders.node",
        "safeborders.models.gnn",
    ):
        assert not can_import(coordinator, module), module
    shown = coordinator.run("--help").stdout
    assert "coordinator" in shown
    assert " node " not in shown
    assert coordinator.run("coordinator", "--help").returncode == 0


def test_the_nodes_image_holds_no_code_of_the_coordinator(node: Host) -> None:
    assert can_import(node, "safeborders.node.learner")
    for module in ("safeborders.server", "safeborders.sandbox"):
        assert not can_import(node, module), module
    assert node.run("node", "--help").returncode == 0


@pytest.mark.parametrize("side", ["coordinator", "node"])
def test_nothing_can_be_installed_or_written_and_nobody_is_root(side: str, request: pytest.FixtureRequest) -> None:
    host: Host = request.getfixturevalue(side)
    seen = host.run(
        "-c",
        "id -u; for tool in pip uv gcc; do command -v $tool; done; touch /opt/x /etc/x /usr/x 2>&1 | grep -c Read-only;"
        "touch /var/lib/safeborders/x && echo state; grep -E '^(CapEff|NoNewPrivs)' /proc/self/status",
        entrypoint="sh",
    ).stdout.split()
    assert seen == ["10001", "3", "state", "CapEff:", "0000000000000000", "NoNewPrivs:", "1"]
    for module in ("pip", "setuptools"):
        assert not can_import(host, module)


def test_a_private_step_is_compiled_and_right_under_the_lock_and_writes_no_file(node: Host) -> None:
    done = node.run("-c", TAKE_A_STEP, entrypoint=PYTHON)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["clipped"] < 0.1  # nine deviations of the noise, and the grid
    assert found["unclipped"] > 1  # the control: the clip is part of what was compiled
    assert [found["written"], found["control"]] == [[], ["/tmp/control"]]  # noqa: S108  # in the container; numba keeps no cache


@pytest.mark.parametrize("image", sorted(LARGEST_BYTES))
def test_an_image_stays_small_enough_for_a_poor_line(engine: list[str], image: str) -> None:
    assert 100_000_000 < size_in_bytes(engine, image) < LARGEST_BYTES[image]


def read_fingerprint(shown: str) -> str:
    found = re.search(r"\b[0-9a-f]{4}(-[0-9a-f]{4}){7}\b", shown)
    assert found, shown
    return found[0]


def test_a_country_joins_across_containers_and_both_stop_cleanly(
    authority: Host, coordinator: Host, node: Host
) -> None:
    central = ("--profile", "/etc/safeborders/coordinator.yaml")
    own = ("--profile", "/etc/safeborders/node.yaml")
    away = ("--profile", "/etc/safeborders/authority.yaml")

    def said(host: Host, *arguments: str) -> str:
        done = host.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    authoritys = read_fingerprint(said(authority, "authority", "init", *away))
    coordinators = read_fingerprint(said(coordinator, "coordinator", "init", *central))
    said(coordinator, "coordinator", "enrol", *central, "--out", "/post/coordinator.request.json")
    sign = ("authority", "sign", *away, "--out", "/post/kits")
    spoken = ("--fingerprint", f"coordinator={coordinators}")
    said(authority, *sign, "/post/coordinator.request.json", *spoken)
    kits = "/post/kits"
    said(coordinator, "coordinator", "join", *central, f"{kits}/coordinator.kit.json", "--fingerprint", authoritys)
    said(node, "node", "init", *own)
    ours = read_fingerprint(said(node, "node", "enrol", *own, "--out", "/post/gr.request.json"))
    said(coordinator, "coordinator", "register", *central, "/post/gr.request.json")
    refused = authority.run(*sign, "/post/gr.request.json", "--fingerprint", f"gr={coordinators}")
    assert refused.returncode == 2  # the control: another fingerprint is answered by nobody
    said(authority, *sign, "/post/gr.request.json", "--fingerprint", f"gr={ours}")
    said(coordinator, "coordinator", "admit", *central, f"{kits}/gr.kit.json")
    said(node, "node", "join", *own, f"{kits}/gr.kit.json", "--fingerprint", authoritys)

    coordinator.start()
    assert presence_after(coordinator, "never", seconds=60) == "never", coordinator.logs()  # nobody is there yet
    node.start()
    assert presence_after(coordinator, "connected", seconds=60) == "connected", node.logs() + coordinator.logs()
    assert [node.stop(), coordinator.stop()] == [0, 0]


def presence_after(coordinator: Host, wanted: str, *, seconds: float) -> str:
    """Return how Greece stands on the coordinator's page, as soon as that is ``wanted`` or after ``seconds``."""
    deadline, presence = time.monotonic() + seconds, "no answer"
    while presence != wanted and time.monotonic() < deadline:
        asked = coordinator.execute(PYTHON, "-c", ASK_THE_PAGE)
        if asked.returncode == 0:
            presence = next(item["presence"] for item in json.loads(asked.stdout) if item["country"] == "gr")
        time.sleep(0.5)
    return presence
