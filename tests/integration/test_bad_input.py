"""What an operator can get wrong is answered by one clear sentence and exit code 2; nothing is half done."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from safeborders.kit.processes import find_free_ports

COORDINATOR = """\
federation: test
state: coordinator
edge: {{host: 127.0.0.1, port: {0}, names: [127.0.0.1]}}
superlink_port: {1}
page_port: {2}
"""
NODE = """\
country: gr
federation: test
state: gr
coordinator_url: https://127.0.0.1:{0}
database: {{key_file: secrets/gr.key}}
privacy: {{epsilon_cap: 8, delta_cap: 1.0e-5, rounds_cap: 40, floor: 2}}
"""


def safeborders(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "safeborders.kit", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def assert_one_sentence(done: subprocess.CompletedProcess[str], *, saying: str) -> None:
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    lines = done.stderr.strip().splitlines()
    assert lines[-1].startswith("safeborders: ")
    assert saying in lines[-1]


@pytest.fixture
def coordinator(tmp_path: Path) -> Path:
    profile = tmp_path / "coordinator.yaml"
    profile.write_text(COORDINATOR.format(*find_free_ports(3)), encoding="utf-8")
    assert safeborders("coordinator", "init", "-p", str(profile)).returncode == 0
    return profile


@pytest.fixture
def node(tmp_path: Path) -> Path:
    profile = tmp_path / "node.yaml"
    profile.write_text(NODE.format(*find_free_ports(1)), encoding="utf-8")
    return profile


def test_a_port_in_use_stops_the_start_before_anything_runs(coordinator: Path) -> None:
    port = int(coordinator.read_text(encoding="utf-8").split("superlink_port: ")[1].split()[0])
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        done = safeborders("coordinator", "run", "-p", str(coordinator))
    assert_one_sentence(done, saying=f"Port {port} on 127.0.0.1 is in use")
    assert not (coordinator.parent / "coordinator" / "superlink").exists()


def test_a_missing_signing_key_stops_the_start(coordinator: Path) -> None:
    (coordinator.parent / "coordinator" / "identity" / "signing.pem").unlink()
    done = safeborders("coordinator", "run", "-p", str(coordinator))
    assert_one_sentence(done, saying="run safeborders coordinator init first")


def test_an_unknown_key_in_a_profile_is_named(coordinator: Path) -> None:
    coordinator.write_text(coordinator.read_text(encoding="utf-8") + "colour: blue\n", encoding="utf-8")
    done = safeborders("coordinator", "run", "-p", str(coordinator))
    assert_one_sentence(done, saying="the key 'colour' is unknown")


def test_init_twice_overwrites_nothing(node: Path) -> None:
    assert safeborders("node", "init", "-p", str(node)).returncode == 0
    key = (node.parent / "gr" / "identity" / "signing.pem").read_bytes()
    assert_one_sentence(safeborders("node", "init", "-p", str(node)), saying="has keys already")
    assert (node.parent / "gr" / "identity" / "signing.pem").read_bytes() == key


def test_a_node_that_has_not_joined_does_not_start(node: Path) -> None:
    safeborders("node", "init", "-p", str(node))
    assert_one_sentence(safeborders("node", "run", "-p", str(node)), saying="run safeborders node join")


@pytest.mark.parametrize("command", ["budget", "import list"])
def test_an_unreadable_or_wrong_database_key_is_one_sentence(node: Path, command: str) -> None:
    arguments = ["node", *command.split(), "-p", str(node)]
    safeborders("node", "init", "-p", str(node))
    key_file = node.parent / "secrets" / "gr.key"
    key_file.write_text("0" * 64, encoding="utf-8")
    assert_one_sentence(safeborders(*arguments), saying="does not open with this key")
    key_file.write_text("not a key", encoding="utf-8")
    assert_one_sentence(safeborders(*arguments), saying="64 hexadecimal digits")
    key_file.unlink()
    assert_one_sentence(safeborders(*arguments), saying="cannot be read")


_ALONE = ("--floor", "1", "--aggregation", "plain")


def test_a_request_with_another_fingerprint_admits_nobody(coordinator: Path, node: Path, tmp_path: Path) -> None:
    safeborders("node", "init", "-p", str(node))
    request, out = tmp_path / "gr.request.json", tmp_path / "admissions"
    assert safeborders("node", "enrol", "-p", str(node), "--out", str(request)).returncode == 0
    digits = "-".join(["0000"] * 8)
    arguments = ["coordinator", "admit", "-p", str(coordinator), str(request), "--fingerprint", digits]
    assert_one_sentence(safeborders(*arguments, "--out", str(out)), saying="call the other side")
    assert not out.exists()


def test_a_run_below_the_floor_is_not_planned(coordinator: Path) -> None:
    done = safeborders("coordinator", "plan", "-p", str(coordinator), "--out", str(coordinator.with_suffix(".json")))
    assert_one_sentence(done, saying="Fewer countries are enrolled than the floor")


def test_a_refused_init_may_be_repeated(node: Path) -> None:
    key_file = node.parent / "secrets" / "gr.key"
    key_file.parent.mkdir()
    key_file.write_text("not a key", encoding="utf-8")
    key_file.chmod(0o600)
    assert_one_sentence(safeborders("node", "init", "-p", str(node)), saying="64 hexadecimal digits")
    key_file.unlink()
    assert safeborders("node", "init", "-p", str(node)).returncode == 0


def test_one_refused_request_admits_nobody(coordinator: Path, node: Path, tmp_path: Path) -> None:
    safeborders("node", "init", "-p", str(node))
    request, out = tmp_path / "gr.request.json", tmp_path / "admissions"
    printed = safeborders("node", "enrol", "-p", str(node), "--out", str(request)).stdout
    digits = printed.split()[-1]
    foreign = tmp_path / "foreign.yaml"
    text = node.read_text(encoding="utf-8").replace("federation: test", "federation: other")
    foreign.write_text(text.replace("country: gr", "country: it").replace("state: gr", "state: it"), encoding="utf-8")
    safeborders("node", "init", "-p", str(foreign))
    second = tmp_path / "it.request.json"
    other = safeborders("node", "enrol", "-p", str(foreign), "--out", str(second)).stdout.split()[-1]
    both = ["coordinator", "admit", "-p", str(coordinator), str(request), "--fingerprint", digits]
    both += [str(second), "--fingerprint", other, "--out", str(out)]
    assert_one_sentence(safeborders(*both), saying="another federation")
    assert not out.exists()
    assert_one_sentence(
        safeborders("coordinator", "plan", "-p", str(coordinator), *_ALONE, "--out", str(out)),
        saying="Fewer countries are enrolled",
    )


@pytest.mark.parametrize(
    "bad", [("--rounds", "0"), ("--rounds", "100000"), ("--deadline", "-5"), ("--deadline", "nan")]
)
def test_a_plan_out_of_range_is_one_sentence(
    coordinator: Path, node: Path, tmp_path: Path, bad: tuple[str, str]
) -> None:
    safeborders("node", "init", "-p", str(node))
    request, out = tmp_path / "gr.request.json", tmp_path / "admissions"
    digits = safeborders("node", "enrol", "-p", str(node), "--out", str(request)).stdout.split()[-1]
    admit = ["coordinator", "admit", "-p", str(coordinator), str(request), "--fingerprint", digits, "--out", str(out)]
    assert safeborders(*admit).returncode == 0
    plan = [
        "coordinator",
        "plan",
        "-p",
        str(coordinator),
        "--floor",
        "1",
        "--aggregation",
        "plain",
        "--out",
        str(tmp_path / "manifest.json"),
    ]
    assert_one_sentence(safeborders(*plan, *bad), saying="out of range")


def test_a_place_that_cannot_be_written_is_one_sentence(node: Path, tmp_path: Path) -> None:
    safeborders("node", "init", "-p", str(node))
    done = safeborders("node", "enrol", "-p", str(node), "--out", str(tmp_path / "absent" / "request.json"))
    assert_one_sentence(done, saying="name another place")


def test_a_token_has_a_holder_and_an_end(node: Path) -> None:
    safeborders("node", "init", "-p", str(node))
    assert_one_sentence(safeborders("node", "token", "-p", str(node), " "), saying="the name of its holder")
    assert safeborders("node", "token", "-p", str(node), "A. Papadopoulou").stdout.split()[-1].startswith("sbn_")
    assert_one_sentence(safeborders("node", "token", "-p", str(node), "A. Papadopoulou"), saying="revoke it first")
    assert safeborders("node", "revoke-token", "-p", str(node), "A. Papadopoulou").returncode == 0
    assert safeborders("node", "token", "-p", str(node), "A. Papadopoulou").returncode == 0


def test_help_explains_the_arguments() -> None:
    assert "The coordinator's answer." in safeborders("node", "join", "--help").stdout
