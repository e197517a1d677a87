"""What an operator can get wrong is answered by one clear sentence and exit code 2; nothing is half done."""

import json
import socket
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from safeborders.kit.cli import main
from safeborders.kit.processes import find_free_ports
from sbtest.enrolling import Post

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


@dataclass(frozen=True)
class Done:
    """What a person sees of a command that has ended."""

    returncode: int
    stdout: str
    stderr: str


def in_a_process(*arguments: str) -> Done:
    command = [sys.executable, "-m", "safeborders.kit", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def safeborders(*arguments: str) -> Done:
    """Do what ``in_a_process`` does, a second sooner."""
    code = 0
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(StringIO()) as told,
        redirect_stderr(StringIO()) as complained,
    ):
        patch.setattr(sys, "argv", ["safeborders", *arguments])
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Done(code, told.getvalue(), complained.getvalue())


def assert_one_sentence(done: Done, *, saying: str) -> None:
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


def run_well(*arguments: str | Path) -> str:
    done = safeborders(*(str(one) for one in arguments))
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Post:
    """A coordinator that has joined, and an authority; no country yet."""
    folder = tmp_path_factory.mktemp("post")
    profile = folder / "coordinator.yaml"
    profile.write_text(COORDINATOR.format(*find_free_ports(3)), encoding="utf-8")
    made = Post(folder, coordinator=profile, run=run_well)
    made.seat_coordinator()
    return made


def test_a_port_in_use_stops_the_start_before_anything_runs(post: Post) -> None:
    port = int(post.coordinator.read_text(encoding="utf-8").split("superlink_port: ")[1].split()[0])
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        done = in_a_process("coordinator", "run", "-p", str(post.coordinator))
    assert_one_sentence(done, saying=f"Port {port} on 127.0.0.1 is in use")
    assert not (post.folder / "coordinator" / "superlink").exists()


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
    assert_one_sentence(in_a_process("node", "run", "-p", str(node)), saying="run safeborders node join")


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


def test_a_request_with_another_fingerprint_is_signed_by_nobody(post: Post, node: Path) -> None:
    run_well("node", "init", "-p", node)
    request, _ = post.ask("gr", node)
    sign = ["authority", "sign", "-p", str(post.authority), str(request), "--out", str(post.folder / "kits")]
    digits = "-".join(["0000"] * 8)
    for spoken, sentence in (
        (["--fingerprint", f"gr={digits}"], "call the other side"),
        (["--fingerprint", digits], "write --fingerprint gr="),
    ):
        assert_one_sentence(safeborders(*sign, *spoken), saying=sentence)
        assert not post.kit("gr").exists()
    assert json.loads(run_well("authority", "show", "-p", post.authority, "--json"))["rows"][-1]["who"] != "gr"


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


def test_one_refused_request_registers_nobody(post: Post, node: Path, tmp_path: Path) -> None:
    run_well("node", "init", "-p", node)
    request, _ = post.ask("gr", node)
    foreign = tmp_path / "foreign.yaml"
    text = node.read_text(encoding="utf-8").replace("federation: test", "federation: other")
    foreign.write_text(text.replace("country: gr", "country: it").replace("state: gr", "state: it"), encoding="utf-8")
    run_well("node", "init", "-p", foreign)
    second, _ = post.ask("it", foreign)
    both = ["coordinator", "register", "-p", str(post.coordinator), str(request), str(second)]
    assert_one_sentence(safeborders(*both), saying="another federation")
    plan = ["coordinator", "plan", "-p", str(post.coordinator), *_ALONE, "--out", str(tmp_path / "manifest.json")]
    assert_one_sentence(safeborders(*plan), saying="Fewer countries are enrolled")


def test_a_coordinator_without_a_certificate_does_not_start(coordinator: Path) -> None:
    assert_one_sentence(
        safeborders("coordinator", "run", "-p", str(coordinator)), saying="run safeborders coordinator enrol"
    )


@pytest.fixture(scope="module")
def admitted(post: Post, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The profile of a coordinator that has admitted Greece."""
    folder = tmp_path_factory.mktemp("admitted")
    profile = folder / "node.yaml"
    profile.write_text(NODE.format(*find_free_ports(1)), encoding="utf-8")
    run_well("node", "init", "-p", profile)
    request, digits = post.ask("gr", profile)
    run_well("coordinator", "register", "-p", post.coordinator, request)
    post.sign(request, f"gr={digits}")
    run_well("coordinator", "admit", "-p", post.coordinator, post.kit("gr"))
    return post.coordinator


@pytest.mark.parametrize(
    "bad", [("--rounds", "0"), ("--rounds", "100000"), ("--deadline", "-5"), ("--deadline", "nan")]
)
def test_a_plan_out_of_range_is_one_sentence(admitted: Path, tmp_path: Path, bad: tuple[str, str]) -> None:
    plan = ["coordinator", "plan", "-p", str(admitted), *_ALONE, "--out", str(tmp_path / "manifest.json")]
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
    assert "The authority's kit." in safeborders("node", "join", "--help").stdout
