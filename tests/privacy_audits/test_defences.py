"""Each attack test has teeth: without the defence it fails. By default test_attacks_document.py checks the list."""

import os
import subprocess
import sys

import pytest

from sbtest.attack_kinds import Attack
from sbtest.attacks import ATTACKS
from sbtest.disarmed import VARIABLE
from sbtest.house.sources import ROOT

pytestmark = [pytest.mark.audit, pytest.mark.slow]

_TESTS_FAILED = 1
_KEYS = [attack.key for attack in ATTACKS]


def run_tests(*tests: str, without: str) -> subprocess.CompletedProcess[str]:
    """Run ``tests`` in a process of their own, in which one defence is missing."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "sbtest.disarmed", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, VARIABLE: without, "PYTHONPATH": str(ROOT / "tests" / "support")}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("attack", ATTACKS, ids=_KEYS)
def test_without_its_defence_the_attack_is_noticed_by_its_tests(attack: Attack) -> None:
    for test in attack.tests:
        result = run_tests(test, without=attack.key)
        assert result.returncode == _TESTS_FAILED, result.stdout[-3000:] + result.stderr[-2000:]
        assert " failed" in result.stdout


def test_control_with_all_defences_the_same_tests_pass() -> None:
    tests = sorted({test for attack in ATTACKS for test in attack.tests})
    result = run_tests(*tests, without="")
    assert result.returncode == 0, result.stdout[-3000:]
