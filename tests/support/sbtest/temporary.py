"""Where tests put their files: into memory, where there is enough, as each of a thousand databases waits for the disk.

Nothing here is kept over a loss of power, which no test relies on: those of power cuts bring a disk of their own
(``sbtest.power``), and a kill loses no file. The slow tests use the disk.
"""

import os
import tempfile
from pathlib import Path

import pytest

_ROOT = "PYTEST_DEBUG_TEMPROOT"  # pytest's own name; what somebody chose stays
_MEMORY = Path("/dev/shm")  # noqa: S108  # looked at before it is used, and pytest makes a folder of its own there
_ENOUGH_BYTES = 4 * 2**30


def pytest_configure(config: pytest.Config) -> None:
    """Choose the root before anybody asks for a folder; processes of pytest-xdist inherit it."""
    if "not slow" in config.option.markexpr and is_roomy(_MEMORY):
        os.environ.setdefault(_ROOT, str(_MEMORY))


def is_roomy(folder: Path) -> bool:
    """Tell whether ``folder`` has room for the files of a whole run, and programs in it may be run."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    is_free = found.f_bavail * found.f_frsize >= _ENOUGH_BYTES and os.access(folder, os.W_OK)
    return is_free and not found.f_flag & (os.ST_NOEXEC | os.ST_RDONLY)


def make_folder(prefix: str) -> Path:
    """Return a new folder with a short path beside those of pytest; whoever asks removes it."""
    return Path(tempfile.mkdtemp(prefix=prefix, dir=os.environ.get(_ROOT)))
