"""One command keeps several processes alive: started in order, restarted when they die, stopped together."""

import contextlib
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType

from safeborders.kit.errors import SafeBordersError, Unavailable
from safeborders.kit.logs import get_log
from safeborders.kit.processes import stop_children

_POLL_SECONDS = 0.1
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 30.0
_WATCH_SECONDS = 2.0
_STEADY_SECONDS = 60.0  # a child that lived this long starts again at the first wait

_log = get_log("supervisor")


@dataclass(frozen=True)
class Child:
    """A process to keep alive.

    Args:
        name: For logs and for the sentence when it does not come up.
        start: Starts it; called from the main thread, because Linux ends a child with the thread that started it.
        is_ready: Tells whether it answers; the next child is started only then.
        ready_seconds: How long it may take to answer.
    """

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    is_ready: Callable[[], bool] = lambda: True
    ready_seconds: float = 60.0


@dataclass
class _Running:
    child: Child
    process: subprocess.Popen[bytes]
    started_at: float
    wait_seconds: float = _FIRST_WAIT_SECONDS
    due_at: float | None = field(default=None)


class Supervisor:
    """Keep ``children`` alive until told to stop."""

    def __init__(self, children: Sequence[Child]) -> None:
        self._children = tuple(children)
        self._running: list[_Running] = []

    def run(self, stop: threading.Event, *, watch: Callable[[], Iterable[str]] = tuple) -> None:
        """Start all children in order and restart whatever dies until ``stop`` is set.

        Args:
            stop: Set from a signal or another thread.
            watch: Called every two seconds once all are up; names the children that must start afresh.

        Raises:
            Unavailable: If a child does not come up; those already up are stopped first.
        """
        try:
            for child in self._children:
                running = _Running(child=child, process=child.start(), started_at=time.monotonic())
                self._running.append(running)
                self._wait_until_ready(running, stop)
            self._keep_alive(stop, watch)
        finally:
            stop_children([running.process for running in reversed(self._running)])

    def _keep_alive(self, stop: threading.Event, watch: Callable[[], Iterable[str]]) -> None:
        watched_at = 0.0
        while not stop.is_set():
            if time.monotonic() - watched_at > _WATCH_SECONDS:
                stale = set(watch())
                stop_children([running.process for running in self._running if running.child.name in stale])
                watched_at = time.monotonic()
            for running in self._running:
                self._revive(running)
            stop.wait(_POLL_SECONDS)

    def _wait_until_ready(self, running: _Running, stop: threading.Event) -> None:
        deadline = time.monotonic() + running.child.ready_seconds
        while not stop.is_set() and not running.child.is_ready():
            if running.process.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(
                    f"The {running.child.name} did not come up: its log in the state folder says why.",
                    process=running.child.name,
                    exit_code=running.process.returncode,
                )
            stop.wait(_POLL_SECONDS)

    def _revive(self, running: _Running) -> None:
        now = time.monotonic()
        if running.process.poll() is None:
            return
        if running.due_at is None:
            steady = now - running.started_at > _STEADY_SECONDS
            wait = _FIRST_WAIT_SECONDS if steady else running.wait_seconds
            running.due_at = now + wait
            running.wait_seconds = min(2 * wait, _LONGEST_WAIT_SECONDS)
            _log.warning("child_died", process=running.child.name, exit_code=running.process.returncode, seconds=wait)
        elif now >= running.due_at:
            running.due_at = None
            try:
                running.process, running.started_at = running.child.start(), now
            except SafeBordersError as error:  # its port may still be closing; the next look tries again
                _log.warning("child_not_started", process=running.child.name, code=error.code)


@contextlib.contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM and SIGINT set; the former meaning of both returns afterwards."""
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, ask_to_stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, meaning in before.items():
            signal.signal(number, meaning)


def answers_on(port: int, *, host: str = "127.0.0.1") -> Callable[[], bool]:
    """Return a check that tells whether something listens on ``port``."""

    def is_listening() -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.settimeout(0.5)
            return probe.connect_ex((host, port)) == 0

    return is_listening
