"""The operator's export, on a node that was made as an operator makes it."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.errors import SettingsError
from safeborders.models.domain.countries import Country
from safeborders.node.access.errors import JustificationMissing, PurposeRefused
from safeborders.node.cli import app
from safeborders.node.commands.identity import initialise
from safeborders.node.export.errors import ReasonMissing
from safeborders.node.ingest.country_import import import_country
from safeborders.node.opening import open_node_store
from safeborders.node.storage.access import SqlLookupJournal
from sbtest.canonical import ENVELOPE, write_native

PROFILE = """
country: ro
federation: test
state: {folder}/state
coordinator_url: https://coordinator.example:8443
database: {{key_file: {folder}/db.key}}
privacy: {{epsilon_cap: 10.0, delta_cap: 1.0e-5, rounds_cap: 100, floor: 3}}
"""
PERSON = {"record": "entity", "id": "p1", "kind": "person", "properties": {"name": "Canaria Pop"}}


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("node")
    path = folder / "node.yaml"
    path.write_text(PROFILE.format(folder=folder), encoding="utf-8")
    initialise(path)
    files = folder / "files"
    files.mkdir()
    write_native(files / "a.jsonl", [PERSON], country=Country.RO, envelope=ENVELOPE)
    store = open_node_store(load_settings(path, NodeSettings))
    now = datetime(2026, 11, 24, tzinfo=UTC)
    import_country(store, files, country=Country.RO, now=lambda: now, progress=lambda _done, _total: None)
    store.close()
    return path


def run(profile: Path, out: Path, *more: str) -> str:
    """Run the command and return what it printed, or raise what it raised."""
    given = ["export", "-p", str(profile), "--out", str(out), "--case", "RO-2026-7", *more]
    result = CliRunner().invoke(app, given)
    if result.exception is not None:
        raise result.exception
    return result.output


def test_an_operator_takes_out_pseudonyms_and_it_is_in_the_journal(profile: Path, tmp_path: Path) -> None:
    said = run(profile, tmp_path / "o.ftm.json", "--purpose", "P2")
    assert "1 rows written" in re.sub(r"\s+", " ", said)
    assert all(len(line) <= 80 for line in said.splitlines())
    assert "Canaria" not in (tmp_path / "o.ftm.json").read_text()
    store = open_node_store(load_settings(profile, NodeSettings))
    *_, lookup = SqlLookupJournal(store.engine).list_lookups()
    store.close()
    assert lookup.justification.case_reference == "RO-2026-7"
    assert lookup.justification.caller.name.startswith("operator ")
    assert len(lookup.object_ids) == 1


def test_names_leave_with_a_reason(profile: Path, tmp_path: Path) -> None:
    reason = ("--identified", "--reason", "warrant 12/2026 of the court")
    said = run(profile, tmp_path / "o", "--purpose", "P2", "--format", "csv", "--json", *reason)
    assert json.loads(said) == {"out": str(tmp_path / "o"), "rows": 1, "identified": True}
    assert "Canaria Pop" in (tmp_path / "o" / "person.csv").read_text()


@pytest.mark.parametrize(
    ("more", "error"),
    [
        (("--purpose", "P2", "--identified"), ReasonMissing),
        (("--purpose", "P2", "--reason", "warrant 12/2026"), ReasonMissing),
        (("--purpose", "P5", "--identified", "--reason", "warrant 12/2026"), PurposeRefused),
        (("--purpose", "P9"), JustificationMissing),
        (("--purpose", "P2", "--case", "x"), JustificationMissing),
        (("--purpose", "P2", "--format", "xlsx"), SettingsError),
    ],
)
def test_what_is_not_justified_writes_nothing(
    profile: Path, tmp_path: Path, more: tuple[str, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        run(profile, tmp_path / "o", *more)
    assert list(tmp_path.iterdir()) == []
