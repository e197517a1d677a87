"""The operator's commands for retention and data subjects, on a real encrypted database."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.canonical import sha256_hex
from safeborders.kit.errors import SafeBordersError, SettingsError
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.statuses import DataSubjectCategory as Is
from safeborders.models.protocol.vectors import model_to_bytes
from safeborders.node import nightly
from safeborders.node.cli import app
from safeborders.node.learning.released import keep_released
from safeborders.node.opening import open_node_store
from safeborders.node.storage.ledger_store import SqlActivationStore
from safeborders.node.supervision import children_of
from safeborders.privacy.activations import Activation
from sbtest.legal import POLICY_FILE, add_entity, add_link, add_person, add_report
from sbtest.plans import ARCHITECTURE, make_plan

PROFILE = """\
country: gr
federation: test
state: gr
coordinator_url: https://127.0.0.1:8443
database: {{key_file: secrets/gr.key}}
privacy: {{epsilon_cap: 8, delta_cap: 1.0e-5, rounds_cap: 40, floor: 2}}
retention_policy: {policy}
"""
ASKED = ("--case", "DSR-1/2026", "--reason", "asked for it in writing")


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    """The profile of a node that holds one suspect with one phone, and a person of whom nobody decided."""
    path = tmp_path / "node.yaml"
    path.write_text(PROFILE.format(policy=POLICY_FILE), encoding="utf-8")
    assert node(path, "init").exit_code == 0
    store = open_node_store(load_settings(path, NodeSettings))
    add_report(store)
    add_person(store, "nikos", Is.SUSPECT, name="Nikos Petrakis")
    add_entity(store, EntityKind.PHONE, "phone")
    add_link(store, RelationKind.USES, ("nikos", "phone"))
    add_person(store, "stranger", recorded_at=datetime(2020, 1, 1, tzinfo=UTC))
    store.close()
    return path


def node(profile: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--profile", str(profile)], env={"COLUMNS": "80"})


def assert_refused(result: Result, sentence: str) -> None:
    assert isinstance(result.exception, SafeBordersError), result.output
    assert sentence in result.exception.message


def test_the_job_erases_once_and_says_what(profile: Path) -> None:
    assert json.loads(node(profile, "retention", "run", "--json").output)["erased"] == {"person": 1}
    assert "erased nothing" in node(profile, "retention", "run").output
    (entry,) = json.loads(node(profile, "retention", "erased", "--json").output)["erasures"]
    assert (entry["kind"], entry["rule"]) == ("person", "gr policy 1: unknown, normal")
    assert "Nothing with this identifier" in node(profile, "retention", "erased", "nikos").output
    assert "gr policy 1" in node(profile, "retention", "erased", "stranger").output


def test_a_day_to_come_is_refused_outside_a_demonstration(profile: Path) -> None:
    assert_refused(node(profile, "retention", "run", "--as-of", "2199-01-01"), "is to come")
    profile.write_text(f"{profile.read_text(encoding='utf-8')}environment: demonstration\n", encoding="utf-8")
    assert node(profile, "retention", "run", "--as-of", "2199-01-01").exit_code == 0


def test_a_person_is_shown_restricted_corrected_released_and_erased(profile: Path, tmp_path: Path) -> None:
    shown = node(profile, "subject", "show", "P-nikos", *ASKED).output
    assert "Nikos Petrakis" in shown
    assert max(map(len, shown.splitlines())) <= 80
    out = tmp_path / "answer.json"
    assert node(profile, "subject", "show", "P-nikos", *ASKED, "--json", "--out", str(out)).exit_code == 0
    assert (out.stat().st_mode & 0o777, json.loads(out.read_text(encoding="utf-8"))["id"]) == (0o600, "nikos")
    assert "3 rows are restricted" in node(profile, "subject", "restrict", "nikos", *ASKED).output
    assert "restricted already" in node(profile, "subject", "restrict", "nikos", *ASKED).output
    assert "Corrected: name" in node(profile, "subject", "rectify", "nikos", *ASKED, "--set", "name=A B").output
    assert "lifted" in node(profile, "subject", "release", "nikos", *ASKED).output
    assert "on record" in node(profile, "subject", "review", "nikos", *ASKED).output
    assert_refused(node(profile, "subject", "erase", "nikos", *ASKED), "Nothing was erased")
    assert "1 person, 1 phone" in node(profile, "subject", "erase", "nikos", *ASKED, "--yes").output
    assert_refused(node(profile, "subject", "show", "nikos", *ASKED), "There is no such person")
    assert "No notice is open" in node(profile, "subject", "notices").output


def test_a_providers_permission_is_on_record(profile: Path) -> None:
    allowed = ("--provider", "Interpol", *ASKED)
    assert "on record" in node(profile, "handling", "release", "nikos", *allowed).output
    assert_refused(node(profile, "handling", "release", "nothing", *allowed), "No record has this identifier")


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (f"retention_policy: {POLICY_FILE}\n", "", "names no 'retention_policy'"),
        ("country: gr", "country: ro", "name that of ro"),
        (str(POLICY_FILE), "nowhere.yaml", "cannot be read"),
    ],
)
def test_a_node_does_not_start_without_its_countrys_policy(profile: Path, old: str, new: str, sentence: str) -> None:
    profile.write_text(profile.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert_refused(node(profile, "retention", "run"), sentence)


def test_only_a_demonstration_runs_without_a_policy_and_without_its_nights(profile: Path) -> None:
    def names(text: str) -> list[str]:
        profile.write_text(text, encoding="utf-8")
        settings = load_settings(profile, NodeSettings)
        return [child.name for child in children_of(settings, profile=profile)]

    whole = profile.read_text(encoding="utf-8")
    assert names(whole) == ["learner", "nightly"]
    without = whole.replace(f"retention_policy: {POLICY_FILE}\n", "environment: demonstration\n")
    assert names(without) == ["learner"]
    assert node(profile, "retention", "run").exit_code == 0


def test_the_nightly_process_catches_up_and_waits_for_the_night(profile: Path) -> None:
    now, settings = datetime(2026, 11, 2, 9, 0, tzinfo=UTC), load_settings(profile, NodeSettings)
    model = put_into_use(settings)
    nightly.run_once(settings, now=now)
    assert not model.exists()  # E9: this node has no agreement under which it could keep one
    assert len(json.loads(node(profile, "retention", "erased", "--json").output)["erasures"]) == 1
    assert nightly.seconds_until_next(now) == 16.5 * 3600
    assert nightly.seconds_until_next(now.replace(hour=1, minute=0)) == 1800
    assert nightly.seconds_until_next(now.replace(hour=1, minute=30)) == 24 * 3600


def put_into_use(settings: NodeSettings) -> Path:
    """Keep a model as if a run had ended; return the file of its weights."""
    model = ARCHITECTURE.initial_parameters(7)
    name = sha256_hex(model_to_bytes(model))
    keep_released(settings.places.released, make_plan(), model=model)
    store = open_node_store(settings)
    SqlActivationStore(store.engine).add(Activation(1, "run-1", name, datetime(2026, 11, 1, tzinfo=UTC)))
    store.close()
    return settings.places.released / f"{name}.model"


def test_a_held_database_is_tried_again_soon(profile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stop:
        def __init__(self) -> None:
            self.waits: list[float] = []

        def is_set(self) -> bool:
            return bool(self.waits)

        def wait(self, seconds: float) -> None:
            self.waits.append(seconds)

    def refuse(_settings: NodeSettings, *, now: datetime) -> None:
        raise SettingsError(f"held since {now}")

    stop = Stop()
    monkeypatch.setattr(nightly, "run_once", refuse)
    nightly.run_nights(load_settings(profile, NodeSettings), stop)  # type: ignore[arg-type]  # what it uses of an event
    assert stop.waits == [900.0]
