"""The command finds what is installed and says refusals in one sentence."""

import importlib.metadata
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from safeborders.kit.cli import GROUP, build_app, main

COMMANDS = '''
"""A planted group."""
import os, time
import typer
from safeborders.kit.errors import Conflict
app = typer.Typer(help="Planted.")

@app.command()
def refuse() -> None:
    raise Conflict("The round is closed: wait for the next.", person="Maria")

@app.command()
def show() -> None:
    print(os.environ["FLWR_TELEMETRY_ENABLED"], os.environ["FLWR_DISABLE_UPDATE_CHECK"])

@app.command()
def wait() -> None:
    print("ready", flush=True)
    time.sleep(60)
'''


@pytest.fixture
def planted(tmp_path: Path) -> dict[str, str]:
    """Install a distribution with the group ``planted`` into a folder; return the environment that sees it."""
    (tmp_path / "planted_cli.py").write_text(COMMANDS, encoding="utf-8")
    described = tmp_path / "planted-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n", encoding="utf-8")
    (described / "entry_points.txt").write_text(f"[{GROUP}]\nplanted = planted_cli:app\n", encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(tmp_path), "FLWR_TELEMETRY_ENABLED": "1"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "safeborders.kit", *arguments]


def test_a_refusal_is_one_sentence_with_its_code_and_exit_2(planted: dict[str, str]) -> None:
    done = subprocess.run(command("planted", "refuse"), env=planted, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == "safeborders: The round is closed: wait for the next. [object.conflict]\n"


def test_flower_never_calls_home_whatever_the_environment_says(planted: dict[str, str]) -> None:
    done = subprocess.run(command("planted", "show"), env=planted, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1"]


def test_ctrl_c_ends_a_command_with_130_and_without_a_stack(planted: dict[str, str]) -> None:
    with subprocess.Popen(
        command("planted", "wait"), env=planted, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        assert running.stderr
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(10) == 130
        assert "Traceback" not in running.stderr.read()


def plant_entry(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    entry = importlib.metadata.EntryPoint(name="planted", value=value, group=GROUP)
    monkeypatch.setattr("safeborders.kit.cli.entry_points", lambda *, group: [entry])


def test_a_side_that_is_not_in_this_image_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    plant_entry(monkeypatch, "safeborders.nowhere.cli:app")
    assert build_app().registered_groups == []


def test_a_side_that_is_here_but_broken_is_not_hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken_planted_cli.py").write_text("import no_such_library\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    plant_entry(monkeypatch, "broken_planted_cli:app")
    with pytest.raises(ModuleNotFoundError, match="no_such_library"):
        build_app()


def test_help_names_the_groups_and_ends_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["safeborders", "--help"])
    for name in ("FLWR_TELEMETRY_ENABLED", "FLWR_DISABLE_UPDATE_CHECK"):
        monkeypatch.setenv(name, "1")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "coordinator" in shown
    assert "node" in shown
