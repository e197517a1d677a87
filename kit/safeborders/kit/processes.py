"""Child processes that never outlive their parent, and ports that are free before they are promised."""

import contextlib
import ctypes
import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import psutil

from safeborders.kit.errors import SettingsError

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_STOP_SECONDS = 8.0
_POLL_SECONDS = 0.02
_KILLED_SECONDS = 15.0  # a killed process is gone once the kernel has its memory back; a busy machine is slow


def start_child(
    command: Sequence[str],
    *,
    log: Path | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start ``command`` as a child that the kernel ends when this process ends, however it ends.

    The child leads its own process group, so that Ctrl-C reaches the parent alone, which then stops its children.

    Args:
        command: Program and arguments; no shell.
        log: File that receives its standard output and error; inherits ours when None.
        environment: Variables beside those of this process.
        folder: Its working folder.
    """
    output = log.open("ab") if log else None
    try:
        return subprocess.Popen(  # noqa: S603  # the command is ours, never a user's text
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            env={**os.environ, **(environment or {})},
            cwd=folder,
            start_new_session=True,
            preexec_fn=_die_with_parent(os.getpid()),  # only two system calls run in it
        )
    finally:
        if output:
            output.close()


def stop_children(children: Iterable[subprocess.Popen[bytes]], *, seconds: float = _STOP_SECONDS) -> None:
    """Stop ``children`` and all that they started: SIGTERM, a wait of at most ``seconds``, SIGKILL."""
    children = list(children)
    trees = [process for child in children for process in _tree(child.pid)]
    for process in trees:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    alive = _wait(children, trees, seconds=seconds)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _wait(children, alive, seconds=_KILLED_SECONDS)


def check_port_is_free(port: int, *, host: str = "127.0.0.1") -> None:
    """Refuse a port that something else listens on.

    Raises:
        SettingsError: If the port is in use, or may not be opened here at all.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise SettingsError(
                    f"Port {port} on {host} cannot be opened ({os.strerror(error.errno or 0)}): correct the profile."
                ) from error
            raise SettingsError(
                f"Port {port} on {host} is in use: stop the program that holds it, or choose another in the profile."
            ) from error


def find_free_ports(count: int) -> list[int]:
    """Return ``count`` different ports on loopback that were free a moment ago."""
    with contextlib.ExitStack() as open_until_all_are_found:
        probes = [
            open_until_all_are_found.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            for _ in range(count)
        ]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def find_free_port() -> int:
    """Return a port on loopback that was free a moment ago."""
    return find_free_ports(1)[0]


def _wait(
    children: Sequence[subprocess.Popen[bytes]], trees: list[psutil.Process], *, seconds: float
) -> list[psutil.Process]:
    """Wait for all of ``trees``, at most ``seconds``; return those that still live."""
    deadline = time.monotonic() + seconds
    while True:
        trees = [process for process in trees if _lives(process)]
        # after the look: whatever it found dead is asked for here, with its exit code; not all at once, because a
        # program's first thread may be a zombie while its others still end
        unasked = [child for child in children if child.poll() is None]
        if not (trees or unasked) or time.monotonic() > deadline:
            return trees
        time.sleep(_POLL_SECONDS)


def _lives(process: psutil.Process) -> bool:
    """Tell whether ``process`` runs; a zombie, whose parent has not asked for it yet, does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [*root.children(recursive=True), root]
    except psutil.NoSuchProcess:
        return []


def _die_with_parent(parent: int) -> Callable[[], object] | None:
    if sys.platform != "linux":  # elsewhere only the orderly stop ends a child
        return None
    libc = ctypes.CDLL("libc.so.6", use_errno=True)

    def prepare() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died between fork and prctl
            os._exit(1)

    return prepare
