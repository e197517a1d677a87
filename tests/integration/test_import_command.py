"""The operator's commands: plan, apply, list and undo, as a person and as a machine read them."""

import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from safeborders.kit.cli import main
from sbtest.import_files import CASE, PHONE, ROWS, changed, write

NODE = """\
country: ro
federation: test
state: ro
coordinator_url: https://127.0.0.1:9443
database: {key_file: secrets/ro.key}
privacy: {epsilon_cap: 8, delta_cap: 1.0e-5, rounds_cap: 40, floor: 2}
environment: demonstration
"""


def run(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run the command in this process, which has imported everything already."""
    out, err, code = StringIO(), StringIO(), 0
    command = ["safeborders", "node", *map(str, arguments)]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", command)
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())


def run_apart(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """Run the command as an operator does: one that stores rows, so that a process of its own is tried, too."""
    command = [sys.executable, "-m", "safeborders.kit", "node", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    profile = tmp_path_factory.mktemp("node") / "node.yaml"
    profile.write_text(NODE, encoding="utf-8")
    assert run("init", "-p", profile).returncode == 0
    return profile


def test_a_delivery_is_planned_applied_listed_and_undone(profile: Path, tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", *ROWS)
    write(tmp_path / "b.jsonl", changed(PHONE, number="+40699999999"))
    (planned, follows) = json.loads(run("import", "plan", "-p", profile, tmp_path, "--json").stdout)
    assert (planned["new"], planned["number"], follows["changed"]) == (9, None, 1)
    assert json.loads(run("import", "list", "-p", profile, "--json").stdout) == []
    applied = run_apart("import", "apply", "-q", "-p", profile, tmp_path)
    assert "a.jsonl: 8 rows imported as import" in applied.stdout
    event = json.loads(applied.stderr.splitlines()[0])  # one event for each collection, with the file's hash
    assert (event["event"], event["state"], event["sha256"]) == ("collection", "applied", planned["sha256"])
    again = run("import", "apply", "-q", "-p", profile, tmp_path)
    assert again.stdout.count("nothing to do") == 2
    runs = json.loads(run("import", "list", "-p", profile, "--json").stdout)
    assert [one["state"] for one in runs] == ["applied", "applied"]
    first, second = runs[1]["number"], runs[0]["number"]
    refused = run("import", "undo", "-p", profile, first)
    assert (refused.returncode, f"undo {second} first" in refused.stderr) == (2, True)
    for number in (second, first):
        assert run("import", "undo", "-p", profile, number).returncode == 0
    table = run("import", "list", "-p", profile).stdout
    assert table.count("undone") == 2
    assert all(len(line) <= 80 for line in table.splitlines())


def test_a_folder_goes_on_where_it_stopped(profile: Path, tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", CASE)
    bad = write(tmp_path / "b.jsonl", changed(PHONE, number=7))
    write(tmp_path / "c.jsonl", PHONE)
    stopped = run("import", "apply", "-q", "-p", profile, tmp_path)
    assert (stopped.returncode, "Nothing of b.jsonl was stored" in stopped.stderr) == (2, True)
    planned = run("import", "plan", "-q", "-p", profile, tmp_path)
    assert planned.returncode == 1
    assert "number" in planned.stdout  # the column
    assert "printable text" in planned.stdout  # how to mend it
    (rejects,) = (profile.parent / "ro" / "rejects").iterdir()
    assert str(rejects) in planned.stdout
    write(bad, PHONE)
    done = run("import", "apply", "-q", "-p", profile, tmp_path, "--json")
    assert [one["imported"] for one in json.loads(done.stdout)] == [False, True, False]


MAPPING = """\
envelope: {regime: LED, purposes: [P1], legal_basis: "test:1", source_grade: B, info_grade: 2, statement_kind: fact,
  handling: H0, sensitivity: normal, recorded_at: "2026-01-31T00:00:00+00:00", review_due: "2036-01-31",
  retain_until: "2046-01-31", restricted: false, train_ok: true, share_ok: true}
queries:
  - entities:
      one: {kind: person, keys: [id], properties: {name: {column: called}, birth_date: {column: born},
           sex: {column: s}}}
      other: {kind: person, key_literal: b, keys: [id], properties: {name: {column: called}, sex: {column: t}}}
"""


def test_a_plan_of_csv_says_that_it_would_be_refused_and_names_the_files_own_columns(
    profile: Path, tmp_path: Path
) -> None:
    (tmp_path / "m.yaml").write_text(MAPPING, encoding="utf-8")
    rows = "id,called,born,s,t\n1,Ana,2009-02-30,,\n2,Ion,2009-02-03,male,lady\n3,Zoe,2009-02-03,,\n"
    (tmp_path / "people.csv").write_text(rows, encoding="utf-8")
    options = ("-p", profile, "-f", "csv", "-m", tmp_path / "m.yaml", tmp_path / "people.csv")
    planned = run("import", "plan", "-q", *options)
    assert planned.returncode == 1
    assert "people.csv would be refused whole: 2 rejected, 4 rows good" in planned.stdout
    assert "would be imported" not in planned.stdout
    rejects = json.loads(run("import", "plan", *options, "--json").stdout)[0]["rejects"]
    # The column of the file; where several columns give one property, the property.
    assert [(one["line"], one["column"]) for one in rejects] == [(2, "born"), (3, "sex")]
    kept = run("import", "plan", "-q", "--keep-good", *options)
    assert (kept.returncode, "4 rows would be imported" in kept.stdout) == (0, True)


def test_a_place_that_is_not_there_is_named(profile: Path, tmp_path: Path) -> None:
    lost = run("import", "plan", "-p", profile, tmp_path / "lost.jsonl")
    assert (lost.returncode, "is neither a file nor a folder" in lost.stderr) == (2, True)
