"""The supervisor: in order, again when dead, never orphaned."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from safeborders.kit.errors import Unavailable
from safeborders.kit.processes import start_child
from safeborders.kit.supervisor import Child, Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def until(holds: Callable[[], bool], *, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_a_dead_child_is_started_again_and_all_end_at_the_stop() -> None:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        started.append(start_child(SLEEP))
        return started[-1]

    stop = threading.Event()

    def kill_the_first_then_stop() -> None:
        until(lambda: len(started) == 1)
        started[0].kill()
        until(lambda: len(started) == 2)
        stop.set()

    killer = threading.Thread(target=kill_the_first_then_stop)
    killer.start()
    Supervisor([Child(name="sleeper", start=start)]).run(stop)
    killer.join()
    assert all(not psutil.pid_exists(child.pid) or child.poll() is not None for child in started)


def test_a_child_that_does_not_come_up_stops_those_before_it() -> None:
    first = start_child(SLEEP)
    children = [
        Child(name="first", start=lambda: first),
        Child(name="second", start=lambda: start_child([sys.executable, "-c", "exit(3)"]), is_ready=lambda: False),
    ]
    with pytest.raises(Unavailable, match="second did not come up"):
        Supervisor(children).run(threading.Event())
    assert first.poll() is not None


GRANDCHILD = """
import sys
from safeborders.kit.processes import start_child
start_child([sys.executable, "-c", "import time; time.sleep(60)"]).wait()
"""
PARENT = f"""
import sys, threading
from safeborders.kit.processes import start_child
from safeborders.kit.supervisor import Child, Supervisor
start = lambda: start_child([sys.executable, "-c", {GRANDCHILD!r}])
Supervisor([Child(name="tree", start=start)]).run(threading.Event())
"""
PLAIN_PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open(sys.argv[1], "w").write(str(child.pid))
child.wait()
"""


@contextmanager
def killed_at_last(command: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Start a program and kill it at the end of the block, whether or not the block raised."""
    with subprocess.Popen(command) as process:
        try:
            yield process
        finally:
            process.kill()


def test_children_and_grandchildren_end_when_the_parent_is_killed() -> None:
    family: list[psutil.Process] = []
    with killed_at_last([sys.executable, "-c", PARENT]) as parent:

        def has_grandchild() -> bool:
            family[:] = psutil.Process(parent.pid).children(recursive=True)
            return len(family) == 2

        until(has_grandchild)
    until(lambda: not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family))


def test_the_control_a_plain_child_survives_its_parent(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    with killed_at_last([sys.executable, "-c", PLAIN_PARENT, str(note)]):
        until(lambda: note.exists() and note.read_text() != "")
        orphan = psutil.Process(int(note.read_text()))
    assert orphan.is_running()
    orphan.kill()
