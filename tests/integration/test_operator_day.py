"""A day of a node's operator: from an empty node to an import that is taken back, each step by its command."""

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from safeborders.kit.errors import SafeBordersError
from safeborders.node.cli import app as node
from safeborders.node.commands.audit_cli import app as audit
from safeborders.sandbox.world_cli import app as world
from sbtest.legal import POLICY_FILE

PROFILE = """\
country: gr
federation: practice
state: state
coordinator_url: https://127.0.0.1:8443
database: {{key_file: secrets/gr.key}}
privacy: {{epsilon_cap: 8, delta_cap: 1.0e-5, rounds_cap: 40, floor: 2}}
retention_policy: {policy}
"""
ASKED = ("--case", "DSR-1/2026", "--reason", "asked for it in writing")
BECAUSE = ("--reason", "seen in the passport register")
WIDTH = 80


class Operator:
    """Types commands at a terminal of 80 columns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.profile = folder / "node.yaml"
        self.profile.write_text(PROFILE.format(policy=POLICY_FILE), encoding="utf-8")

    def types(self, *arguments: object, refused: str | None = None) -> str:
        """Run a command of the node and return the screen; ``refused`` is the code with which it must be refused."""
        return _screen(self._run(node, *arguments), refused=refused)

    def reads(self, *arguments: object) -> dict[str, object]:
        """Run a command with ``--json`` and return what a machine reads."""
        read: dict[str, object] = json.loads(self._run(node, *arguments, "--json").stdout)
        return read

    def verifies(self) -> int:
        """Verify the audit log and return its number of rows."""
        result = self._run(audit, "verify", "--json")
        assert result.exit_code == 0, result.output  # anything else than a whole log is refused
        return int(json.loads(result.stdout)["size"])

    def _run(self, app: object, *arguments: object) -> Result:
        words = [*map(str, arguments), "--profile", str(self.profile)]
        return CliRunner().invoke(app, words, env={"COLUMNS": str(WIDTH)})  # type: ignore[arg-type]  # a typer app


def _screen(result: Result, *, refused: str | None) -> str:
    if refused is not None:
        assert isinstance(result.exception, SafeBordersError), result.output
        assert result.exception.code == refused
        return result.exception.message
    assert result.exception is None, result.output
    prose = [line for line in result.stdout.splitlines() if "records-00001.jsonl" not in line]  # a path may be longer
    assert max(map(len, prose), default=0) <= WIDTH, result.stdout
    return result.stdout


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    wanted = ["create", "--scale", "120", "--country", "gr", "--out", str(tmp_path / "w"), "-q"]
    made = CliRunner().invoke(world, wanted)
    assert made.exit_code == 0, made.output
    return Operator(tmp_path)


def test_an_operators_day(operator: Operator) -> None:
    files = operator.folder / "w" / "gr"
    operator.types("init")
    assert "would be imported" in operator.types("import", "plan", "-q", files)
    assert "Nothing was imported yet" in operator.types("import", "list")
    assert "Next: safeborders node resolve run" in operator.types("import", "apply", "-q", files)
    assert "nothing to do" in operator.types("import", "apply", "-q", files)
    _two_records_become_one_person(operator)
    events = operator.verifies()
    assert events == 2  # the import and the merge; looking at candidates shows nobody
    first, second = _merged_pair(operator)
    said = operator.types("subject", "show", first, *ASKED)
    assert "You stand in 2 records" in said
    assert said.count("Record P-") == 2
    assert "rows are restricted" in operator.types("subject", "restrict", second, *ASKED)
    assert operator.verifies() == events + 2
    _nobody_restricted_leaves(operator, (first, second))
    assert "restricted for a data subject" in operator.types("import", "undo", 1, refused="ingest.undo_refused")
    operator.types("subject", "release", first, *ASKED)
    assert "is undone" in operator.types("import", "undo", 1)
    assert "erased nothing" in operator.types("retention", "run")
    assert "as they were written" in _screen(operator._run(audit, "verify"), refused=None)


def test_in_earnest_nothing_is_taken_in_without_a_retention_policy(operator: Operator) -> None:
    files = operator.folder / "w" / "gr"
    operator.types("init")
    written = operator.profile.read_text(encoding="utf-8")
    operator.profile.write_text(written.replace("retention_policy:", "# "), encoding="utf-8")
    for command in ("plan", "apply"):
        assert "retention_policy" in operator.types("import", command, "-q", files, refused="settings.invalid")
    operator.profile.write_text(written, encoding="utf-8")
    assert "would be imported" in operator.types("import", "plan", "-q", files)  # the control


def test_who_was_erased_stays_erased_and_who_is_due_goes(operator: Operator) -> None:
    files = operator.folder / "w" / "gr"
    operator.types("init")
    operator.types("import", "apply", "-q", files)
    _two_records_become_one_person(operator)
    first, second = _merged_pair(operator)
    assert "2 person" in operator.types("subject", "erase", first, *ASKED, "--yes")
    assert "person erased" not in operator.types("resolve", "list", "--verdict", "same")
    for record in (first, second):
        assert "request" in operator.types("retention", "erased", record)
        operator.types("subject", "show", record, *ASKED, refused="object.not_found")
    operator.types("import", "undo", 1)
    operator.types("import", "apply", "-q", files, refused="ingest.source_refused")
    assert "rejected" in operator.types("import", "apply", "-q", "--keep-good", files)
    operator.types("subject", "show", first, *ASKED, refused="object.not_found")
    assert operator.verifies() > 0


def _two_records_become_one_person(operator: Operator) -> None:
    assert "pairs wait for a decision" in operator.types("resolve", "run")
    assert "for: " in operator.types("resolve", "list", "--limit", "2")
    listed = operator.reads("resolve", "list", "--limit", "1")["pairs"]
    assert isinstance(listed, list)
    pair = (listed[0]["first"], listed[0]["second"])
    assert "what speaks for" in operator.types("resolve", "show", *pair)
    assert "are one person from now on" in operator.types("resolve", "accept", *pair, *BECAUSE)


def _merged_pair(operator: Operator) -> tuple[str, str]:
    listed = operator.reads("resolve", "list", "--verdict", "same")["pairs"]
    assert isinstance(listed, list)
    ((first, second),) = [(one["first"], one["second"]) for one in listed]
    return first, second


def _nobody_restricted_leaves(operator: Operator, pair: tuple[str, str]) -> None:
    """Export everything for networks; the control is that the same people leave once the restriction is lifted."""

    def count(name: str) -> int:
        out = operator.folder / name
        assert "pseudonymised" in operator.types(
            "export", "--out", out, "--purpose", "P2", "--case", "GR-2026-1", "--format", "ftm"
        )
        return sum(json.loads(line)["schema"] == "Person" for line in out.read_text(encoding="utf-8").splitlines())

    restricted = count("restricted.json")
    operator.types("subject", "release", pair[0], *ASKED)
    assert count("free.json") == restricted + 2
    operator.types("subject", "restrict", pair[0], *ASKED)
