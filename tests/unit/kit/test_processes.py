"""Children end with their parent; ports are free before they are promised."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from safeborders.kit.errors import SettingsError
from safeborders.kit.processes import check_port_is_free, find_free_port, start_child, stop_children

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def until(holds: Callable[[], bool], *, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_stopped_children_end_and_tell_how(tmp_path: Path) -> None:
    children = [start_child(SLEEP, log=tmp_path / "log") for _ in range(2)]
    stop_children(children)
    assert [child.returncode for child in children] == [-15, -15]


def test_a_child_that_ignores_the_request_is_killed_with_its_own_children(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = start_child([sys.executable, "-c", STUBBORN], log=log)
    until(lambda: bool(log.read_text(encoding="utf-8").strip()))
    grandchild = int(log.read_text(encoding="utf-8"))
    stop_children([child], seconds=0.3)
    assert child.returncode == -9
    until(lambda: not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE)


def test_stopping_what_has_ended_is_no_error() -> None:
    child = start_child([sys.executable, "-c", "raise SystemExit(3)"])
    child.wait()
    stop_children([child])
    assert child.returncode == 3


def test_a_child_gets_the_variables_given_and_no_terminal(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "import os, sys; print(os.environ['COUNTRY'], sys.stdin.read() == '', os.getcwd())",
    ]
    child = start_child(command, log=tmp_path / "log", environment={"COUNTRY": "gr"}, folder=tmp_path)
    assert child.wait() == 0
    assert (tmp_path / "log").read_text(encoding="utf-8").split() == ["gr", "True", str(tmp_path)]


def test_a_program_that_does_not_exist_is_no_child() -> None:
    with pytest.raises(FileNotFoundError):
        start_child(["/nowhere/program"])


def test_a_port_in_use_is_refused_and_a_free_one_passes() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(SettingsError, match=f"Port {port} on 127.0.0.1 is in use"):
            check_port_is_free(port)
    check_port_is_free(find_free_port())


def test_an_address_of_another_machine_is_not_called_in_use() -> None:
    with pytest.raises(SettingsError, match="cannot be opened"):
        check_port_is_free(find_free_port(), host="192.0.2.1")  # RFC 5737: no machine has it


def test_the_childs_own_group_keeps_ctrl_c_from_it() -> None:
    child = start_child(SLEEP)
    try:
        shown = subprocess.run(["ps", "-o", "pgid=", "-p", str(child.pid)], capture_output=True, text=True, check=True)
        assert int(shown.stdout) == child.pid
    finally:
        stop_children([child])


def test_every_stopped_child_has_its_exit_code_and_leaves_no_zombie() -> None:
    children = [start_child([sys.executable, "-c", "import time; time.sleep(60)"]) for _ in range(12)]
    stop_children(children)
    assert all(child.returncode is not None for child in children)
