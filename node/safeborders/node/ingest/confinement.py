"""Takes from this process what parsing does not need: the network, writing, memory, time, life after its parent.

It runs before the first byte of a foreign file is read, and cannot be taken back.
"""

import ctypes
import os
import platform
import resource
import signal
import socket
import struct
import sys
from dataclasses import dataclass

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_SECCOMP_MODE_FILTER = 2
_CLONE_NEWUSER = 0x10000000  # linux/sched.h
_CLONE_NEWNET = 0x40000000
_OPEN_FILES = 32
# linux/audit.h; then the numbers of socket, socketpair, connect, execve, io_uring_setup
_CALLS = {
    "x86_64": (0xC000003E, (41, 53, 42, 59, 322, 425)),
    "aarch64": (0xC00000B7, (198, 199, 203, 221, 281, 425)),
}


@dataclass(frozen=True)
class Limits:
    """What the process may use."""

    memory_bytes: int
    processor_seconds: int


def confine(limits: Limits, *, parent: int) -> str:
    """Confine this process for the rest of its life.

    Args:
        limits: What it may use from now on.
        parent: The process that it must not outlive.

    Returns:
        What keeps it from the network: ``namespace``, ``filter``, ``loopback`` (there is no network here at all), or
        ``nothing``; the parent decides whether that is enough.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump would hold records in the clear
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.processor_seconds, limits.processor_seconds))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    if sys.platform != "linux":
        return "nothing"
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before it could be bound
        os._exit(1)
    network = _leave_network(libc)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    return network


def _leave_network(libc: ctypes.CDLL) -> str:
    alone = libc.unshare(_CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0
    filtered = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 and _refuse_sockets(libc)
    if alone:
        return "namespace"
    if filtered:
        return "filter"
    return "loopback" if {name for _, name in socket.if_nameindex()} <= {"lo"} else "nothing"


def _refuse_sockets(libc: ctypes.CDLL) -> bool:
    """Let the kernel answer EPERM to calls that make sockets or run programs; return whether it agreed.

    A classic BPF program: another architecture's calls end the process, the listed numbers fail, all else passes.
    """
    if platform.machine() not in _CALLS:
        return False
    architecture, numbers = _CALLS[platform.machine()]
    load, equal, answer = 0x20, 0x15, 0x06
    steps = [(load, 0, 0, 4), (equal, 1, 0, architecture), (answer, 0, 0, 0x80000000), (load, 0, 0, 0)]
    steps += [(equal, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    steps += [(answer, 0, 0, 0x7FFF0000), (answer, 0, 0, 0x00050001)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(program)))
    return bool(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header, 0, 0) == 0)
