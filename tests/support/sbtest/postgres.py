"""A PostgreSQL server for one test session: its own folder, a Unix socket, no network port, gone at the end."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

_PLACES = ("/usr/local/bin", *(str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)))


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a server and yield the URL of an empty database on it; skip when there are no binaries."""
    binaries = shutil.which("initdb", path=os.pathsep.join((*_PLACES, os.environ.get("PATH", ""))))
    if binaries is None:
        pytest.skip("PostgreSQL's binaries are not installed")
    folder = Path(tempfile.mkdtemp(prefix="sbpg-"))  # short: a socket's path has at most 107 characters
    if os.geteuid() == 0:  # the server refuses to run as root
        shutil.chown(folder, "postgres", "postgres")
    try:
        # initdb may be a link; the server's other programs lie beside its target
        yield from _run_server(Path(binaries).resolve().parent, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run_server(binaries: Path, folder: Path) -> Iterator[str]:
    data = folder / "data"
    _as_postgres([str(binaries / "initdb"), "-D", str(data), "-U", "safeborders", "-A", "trust", "-E", "UTF8", "-N"])
    options = f"-c listen_addresses='' -k {folder} -c fsync=off"
    control = [str(binaries / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log")]
    _as_postgres([*control, "-o", options, "start"])
    try:
        _as_postgres([str(binaries / "createdb"), "-h", str(folder), "-U", "safeborders", "safeborders_test"])
        yield f"postgresql+psycopg://safeborders@/safeborders_test?host={folder}"
    finally:
        _as_postgres([*control, "-m", "immediate", "stop"])


def _as_postgres(command: Sequence[str]) -> None:
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    finished = subprocess.run([*user, *command], check=False, capture_output=True, text=True, cwd="/", timeout=120)
    if finished.returncode:
        raise RuntimeError(f"{Path(command[0]).name} failed: {finished.stderr or finished.stdout}")
