"""A test that did not run is named; in continuous integration it fails the run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sbtest.house.sources import ROOT

PLANTED = """
import pytest

@pytest.mark.skip(reason={reason!r})
def test_left_out(): ...

@pytest.mark.slow
def test_slow(): ...

def test_runs(): ...
"""
SETTINGS = '[pytest]\nmarkers = slow: minutes\naddopts = -m "not slow" -p no:cacheprovider\n'


def run_planted(folder: Path, *, reason: str, ci: bool) -> tuple[int, str]:
    clone = folder / "clone"
    clone.mkdir(exist_ok=True)
    shutil.copy(ROOT / "tests" / "conftest.py", clone / "conftest.py")
    (clone / "test_planted.py").write_text(PLANTED.format(reason=reason), encoding="utf-8")
    (clone / "pytest.ini").write_text(SETTINGS, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | ({"CI": "true"} if ci else {})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=clone, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_outside_ci_the_run_passes_and_names_what_it_left_out(tmp_path: Path) -> None:
    code, shown = run_planted(tmp_path, reason="no PostgreSQL here", ci=False)
    assert code == 0
    assert "no PostgreSQL here:\n  test_planted.py::test_left_out" in shown
    assert "1 marked slow were left to `make slow`" in shown


@pytest.mark.parametrize(
    ("reason", "shared", "code"),
    [
        ("no PostgreSQL here", False, 1),
        ("shared data absent: records.csv", False, 0),
        ("shared data absent: records.csv", True, 1),
    ],
)
def test_in_ci_only_data_that_are_truly_absent_excuse(tmp_path: Path, reason: str, shared: bool, code: int) -> None:
    if shared:
        (tmp_path / "shared").mkdir()
    assert run_planted(tmp_path, reason=reason, ci=True)[0] == code
