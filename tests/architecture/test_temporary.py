"""Files of tests lie in memory where there is enough of it."""

import os
from pathlib import Path

from sbtest.temporary import is_roomy


def test_folders_of_tests_lie_where_the_run_chose(tmp_path: Path) -> None:
    chosen = os.environ.get("PYTEST_DEBUG_TEMPROOT")
    assert chosen is not None or not is_roomy(Path("/dev/shm"))  # noqa: S108  # only looked at
    assert chosen is None or tmp_path.is_relative_to(Path(chosen).resolve())


def test_a_folder_that_is_absent_or_without_room_is_not_chosen(tmp_path: Path) -> None:
    assert not is_roomy(tmp_path / "absent")
    assert not is_roomy(Path("/proc"))  # a file system that keeps nothing
