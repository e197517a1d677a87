"""A PostgreSQL server for one test session: its own folder, a Unix socket, no network port, gone at the end.

Whoever asks gets a database of its own on the one server, because a server takes seconds to make and to start.
"""

import atexit
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import pytest

from sbtest.temporary import make_folder

_PLACES = ("/usr/local/bin", *(str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))


_numbers = count(1)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Yield the URL of an empty database, gone at the end, on this process's server; skip without binaries."""
    found = shutil.which("initdb", path=os.pathsep.join((*_PLACES, os.environ.get("PATH", ""))))
    if found is None:
        pytest.skip("PostgreSQL's binaries are not installed")
    # initdb may be a link; the server's other programs lie beside its target
    binaries = Path(found).resolve().parent
    folder = _start(binaries)
    name = f"safeborders_test_{next(_numbers)}"
    server = ["-h", str(folder), "-U", "safeborders"]
    _as_postgres([str(binaries / "createdb"), *server, name])
    try:
        yield f"postgresql+psycopg://safeborders@/{name}?host={folder}"
    finally:
        _as_postgres([str(binaries / "dropdb"), *server, "--force", name])


@cache
def _start(binaries: Path) -> Path:
    """Make and start the server, which ends with this process, and return the folder of its socket."""
    folder = make_folder("sbpg-")  # short: a socket's path has at most 107 characters
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"
    _as_postgres([str(binaries / "initdb"), "-D", str(data), "-U", "safeborders", "-A", "trust", "-E", "UTF8", "-N"])
    options = f"-c listen_addresses='' -k {folder} -c fsync=off -c shared_buffers=512MB -c max_wal_size=4GB"
    control = [str(binaries / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log")]
    _as_postgres([*control, "-o", options, "start"])
    atexit.register(_as_postgres, [*control, "-m", "immediate", "stop"])  # runs before the folder goes
    return folder


def _as_postgres(command: Sequence[str]) -> None:
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    finished = subprocess.run([*user, *command], check=False, capture_output=True, text=True, cwd="/", timeout=120)
    if finished.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed: {finished.stderr or finished.stdout}")
