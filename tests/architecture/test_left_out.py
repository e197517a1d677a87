"""A test that did not run is named; in continuous integration it fails the run, with one process or with several."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sbtest.house.sources import ROOT

ONE_TEST = """
import pytest

@pytest.mark.skip(reason={reason!r})
def test_left_out(): ...

@pytest.mark.slow
def test_slow(): ...

def test_runs(): ...
"""
WHOLE_FILE = """
import pytest

pytest.skip({reason!r}, allow_module_level=True)

def test_left_out(): ...
"""
RUNS = "def test_runs(): ...\n"
SETTINGS = '[pytest]\nmarkers = slow: minutes\naddopts = -m "not slow" -p no:cacheprovider\n'
WORKERS = pytest.mark.parametrize("workers", [0, 2])  # of pytest-xdist, whose workers collect and skip for themselves


def run_planted(folder: Path, planted: str, *, ci: bool, workers: int = 0) -> tuple[int, str]:
    clone = folder / "clone"
    (clone / "sbtest").mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "tests" / "conftest.py", clone / "conftest.py")
    for plugin in ("temporary", "repeatable", "stores"):  # nothing of them is needed, and imports take long
        (clone / "sbtest" / f"{plugin}.py").write_text("", encoding="utf-8")
    (clone / "test_planted.py").write_text(planted, encoding="utf-8")
    (clone / "test_runs.py").write_text(RUNS, encoding="utf-8")
    (clone / "pytest.ini").write_text(SETTINGS, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | ({"CI": "true"} if ci else {})
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # a planted run imports nothing that it does not need
    command = [sys.executable, "-m", "pytest", "-q", "-p", "xdist.plugin", "-n", str(workers)]
    done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@WORKERS
def test_outside_ci_the_run_passes_and_names_what_it_left_out(tmp_path: Path, workers: int) -> None:
    code, shown = run_planted(tmp_path, ONE_TEST.format(reason="no PostgreSQL here"), ci=False, workers=workers)
    assert code == 0
    assert "no PostgreSQL here:\n  test_planted.py::test_left_out\n" in shown
    assert "1 marked slow were left to `make slow`" in shown
    assert shown.splitlines()[-1].startswith("2 passed, 1 skipped")


@WORKERS
def test_a_file_that_leaves_itself_out_is_named_and_fails_the_run_in_ci(tmp_path: Path, workers: int) -> None:
    planted = WHOLE_FILE.format(reason="no Chromium here")
    code, shown = run_planted(tmp_path, planted, ci=False, workers=workers)
    assert (code, "no Chromium here:\n  test_planted.py\n" in shown) == (0, True)
    assert run_planted(tmp_path, planted, ci=True, workers=workers)[0] == 1
    assert run_planted(tmp_path, RUNS, ci=True, workers=workers)[0] == 0  # the control


@pytest.mark.parametrize(
    ("reason", "shared", "workers", "code"),
    [
        ("no PostgreSQL here", False, 0, 1),
        ("no PostgreSQL here", False, 2, 1),
        ("shared data absent: records.csv", False, 0, 0),
        ("shared data absent: records.csv", True, 0, 1),
        ("shared data absent: records.csv", True, 2, 1),
    ],
)
def test_in_ci_only_data_that_are_truly_absent_excuse(
    tmp_path: Path, *, reason: str, shared: bool, workers: int, code: int
) -> None:
    if shared:
        (tmp_path / "shared").mkdir()
    assert run_planted(tmp_path, ONE_TEST.format(reason=reason), ci=True, workers=workers)[0] == code
