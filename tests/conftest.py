"""What holds for every test: the names of those left out and why, and no skipping in continuous integration."""

import os
import signal
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import structlog

# A fresh clone has no shared data beside it; where they are beside it, their absence is no excuse.
ABSENT_DATA = "shared data absent"
pytest_plugins = ["sbtest.temporary", "sbtest.repeatable", "sbtest.stores"]  # whom others import comes first
_TARGETS = {"slow": "make slow", "benchmark": "make bench"}


class LeftOut:
    """Collects the tests that did not run, says so at the end, and fails the run where none may be left out."""

    def __init__(self, *, strict: bool, shared: Path) -> None:
        self.strict = strict
        self.shared = shared
        self.reasons: dict[str, list[str]] = defaultdict(list)
        self.deselected: dict[str, int] = defaultdict(int)

    @property
    def collected(self) -> dict[str, dict[str, Any]]:
        """What collecting left out, in words that a worker process can send."""
        return {"reasons": dict(self.reasons), "deselected": dict(self.deselected)}

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        for item in items:
            marker = next((name for name in _TARGETS if item.get_closest_marker(name)), "")
            if marker:
                self.deselected[marker] += 1

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.reasons[reason_of_skip(report)].append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.reasons[reason_of_skip(report)].append(report.nodeid)

    def excused(self, reason: str) -> bool:
        """Tell whether a skip for ``reason`` is allowed where nothing may be left out."""
        return reason.startswith(ABSENT_DATA) and not self.shared.exists()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what a worker of pytest-xdist left out: it sends the reports of tests, but not of collecting."""
        told = getattr(node, "workeroutput", {}).get("left_out", {"reasons": {}, "deselected": {}})
        for reason, names in told["reasons"].items():
            self.reasons[reason].extend(name for name in names if name not in self.reasons[reason])
        for marker, count in told["deselected"].items():  # each worker collects everything
            self.deselected[marker] = max(count, self.deselected[marker])

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["left_out"] = self.collected
            return
        inexcusable = [reason for reason in self.reasons if not self.excused(reason)]
        if self.strict and inexcusable and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for marker, count in sorted(self.deselected.items()):
            terminalreporter.write_line(f"{count} marked {marker} were left to `{_TARGETS[marker]}`.")
        if not self.reasons:
            return
        terminalreporter.section("left out", sep="-")
        for reason, names in sorted(self.reasons.items()):
            terminalreporter.write_line(f"{reason}:")
            for name in names:
                terminalreporter.write_line(f"  {name}")
        if self.strict and not all(map(self.excused, self.reasons)):
            terminalreporter.write_line("CI=true: nothing may be left out, so this run has failed.", red=True)


def reason_of_skip(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return why the test of ``report`` was skipped."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")


@pytest.fixture(autouse=True)
def _logs_as_they_come() -> None:
    """Forget how a test before set the logs up: its stream is closed, and lines would go nowhere."""
    structlog.reset_defaults()


def pytest_configure(config: pytest.Config) -> None:
    # A job in a shell's background ignores Ctrl-C, and so would every process that the tests start and stop with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    strict = os.environ.get("CI", "").lower() in {"1", "true"}
    config.pluginmanager.register(LeftOut(strict=strict, shared=config.rootpath.parent / "shared"), "left-out")
