"""The operator's commands on a real node: what is printed fits 80 columns, what is decided counts."""

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.errors import NotFound, SettingsError
from safeborders.models.defaults import ARCHITECTURE
from safeborders.node import bootstrap
from safeborders.node.access import accounts
from safeborders.node.approving import build_inbox, profile_limits
from safeborders.node.bootstrap import build_ledger
from safeborders.node.commands import approvals, outbox
from safeborders.node.commands.identity import prepare_node
from safeborders.node.consent.errors import SamePerson
from safeborders.node.opening import open_node_store
from safeborders.privacy.errors import ReleaseRefused
from safeborders.privacy.events import events_to_json
from sbtest.consent_requests import REQUEST
from sbtest.house.sources import ROOT
from sbtest.ledger import make_charge, make_event

WHY = "looked at it"
APPROVAL = {
    "purposes": ["P1"],
    "tasks": ["links"],
    "epsilon_per_run": 4.0,
    "valid_until": date(2027, 1, 1),
    "agreement_sha256": "b" * 64,
}


def write_profile(folder: Path, **changes: Any) -> Path:
    profile = {
        "country": "gr",
        "federation": "demo",
        "state": "state",
        "coordinator_url": "https://coordinator.example",
        "database": {"key_file": "gr.key"},
        "privacy": {"epsilon_cap": 10.0, "delta_cap": 1e-5, "rounds_cap": 50, "floor": 2},
        **changes,
    }
    path = folder / "node.yaml"
    path.write_text(yaml.safe_dump(profile), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the profile of a node in production that holds every update, with one run that asks and one round."""
    path = write_profile(tmp_path_factory.mktemp("commands"), hold_releases=True)
    settings = load_settings(path, NodeSettings)
    prepare_node(settings)
    store = open_node_store(settings)
    request = REQUEST.model_copy(update={"events": events_to_json((make_event(noise=8.0, steps=10),))})
    build_inbox(settings, store).ask(request)
    build_inbox(settings, store).ask(request.model_copy(update={"manifest_sha256": "e" * 64, "run": "run-2"}))
    ledger = build_ledger(settings, store)
    event = make_event(noise=8.0)
    events = tuple(replace(event, task=part.name, dimension=part.update_length) for part in ARCHITECTURE.tasks)
    reservation = ledger.reserve(replace(make_charge(), events=events))
    ledger.store(reservation, payload=bytes(8 * ARCHITECTURE.update_length))
    ledger.reserve(replace(make_charge(round_number=2), events=events))
    store.close()
    return path


@pytest.fixture
def as_login(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a test work under another login; the machine that runs it has one."""

    def become(login: str) -> None:
        monkeypatch.setattr(approvals, "current_login", lambda: login)

    return become


def test_list_and_show_fit_80_columns_and_name_what_matters(
    node: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    approvals.list_runs(node, as_json=False)
    approvals.show_run(node, run="run-2", as_json=False)
    outbox.list_rounds(node, as_json=False)
    outbox.show_round(node, place=("run-1", 1), as_json=False, out=None)
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    for part in ("pending", "waits for you: 2 different", "left after it", "held", "typology.0.weight", "reserved"):
        assert part in shown


def test_machines_read_json(node: Path, capsys: pytest.CaptureFixture[str]) -> None:
    approvals.list_runs(node, as_json=True)
    approvals.show_run(node, run="run-2", as_json=True)
    outbox.list_rounds(node, as_json=True)
    outbox.show_round(node, place=("run-1", 1), as_json=True, out=None)
    runs, shown, rounds, item = map(json.loads, capsys.readouterr().out.splitlines())
    assert {one["run"] for one in runs["runs"]} == {"run-1", "run-2"}
    assert shown["manifests"][0]["epsilon_spent"] > 0
    assert [(one["round"], one["state"], one["is_held"]) for one in rounds["rounds"]] == [
        (1, "stored", True),
        (2, "reserved", False),
    ]
    assert (item["is_masked"], item["size"], len(item["tensors"])) == (False, 8 * ARCHITECTURE.update_length, 9)


def test_a_run_that_the_agreement_pays_no_longer_for_does_not_fit(
    node: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = []
    for agreed in ((), (0.5,)):  # the control: the country's own cap alone
        monkeypatch.setattr(bootstrap, "agreed_caps", lambda _standing, _country, agreed=agreed: agreed)
        approvals.show_run(node, run="run-2", as_json=True)
        manifest = json.loads(capsys.readouterr().out)["manifests"][0]
        fits.append((manifest["epsilon_cap"], manifest["fits"]))
    assert fits == [(10.0, True), (0.5, False)]


def test_two_logins_approve_and_one_login_under_two_names_does_not(
    node: Path, capsys: pytest.CaptureFixture[str], as_login: Any
) -> None:
    def approve(name: str) -> None:
        said = {"verdict": "approve", "name": name, "reason": WHY, "manifest": ""}
        approvals.decide(node, run="run-1", said=said)

    as_login("mpapa")
    approve("Maria Papadopoulou")
    for name in ("Maria Papadopoulou", "Nikos Georgiou"):
        with pytest.raises(SamePerson):
            approve(name)
    as_login("nikos")
    approve("Nikos Georgiou")
    assert capsys.readouterr().out.splitlines() == [
        "run-1 is pending: another person must approve it too.",
        "run-1 is approved.",
    ]
    said = {"verdict": "withdraw", "name": "Nikos", "reason": WHY, "manifest": ""}
    approvals.decide(node, run="run-1", said=said)
    said_back = capsys.readouterr().out.splitlines()
    assert said_back == ["run-1 is withdrawn.", "Nothing more leaves for it from now on; what has left stays charged."]


def test_the_login_is_the_kernels_and_no_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    before = accounts.current_login()
    for name in ("USER", "LOGNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "somebody-else")
    assert accounts.current_login() == before != "somebody-else"


def test_a_standing_approval_is_added_listed_and_withdrawn(
    node: Path, capsys: pytest.CaptureFixture[str], as_login: Any
) -> None:
    file = ROOT / "configs" / "profiles" / "standing.example.yaml"
    as_login("mpapa")
    approvals.add_standing(node, file=file, name="Maria Papadopoulou", reason=WHY)
    assert "another person must add it too" in capsys.readouterr().out
    as_login("nikos")
    approvals.add_standing(node, file=file, name="Nikos Georgiou", reason=WHY)
    approvals.list_standing(node, as_json=True)
    added, listed = capsys.readouterr().out.splitlines()
    assert "is approved." in added
    (one,) = json.loads(listed)["standing"]
    assert (one["state"], one["limits"]["aggregations"], one["epsilon_used"]) == ("approved", ["secure"], 0)
    approvals.withdraw_standing(node, number=one["number"][:12], name="Nikos Georgiou", reason=WHY)
    approvals.list_standing(node, as_json=False)
    shown = capsys.readouterr().out
    assert "withdrawn" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("text", ["purposes: [P9]", "[", "purposes: !!python/object:os.system"])
def test_a_file_without_limits_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "limits.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match="epsilon_per_run"):
        approvals.load_limits(tmp_path / "limits.yaml")


def test_a_held_update_is_written_byte_for_byte_and_released(
    node: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outbox.show_round(node, place=("run-1", 1), as_json=False, out=tmp_path / "payload")
    assert (tmp_path / "payload").read_bytes() == bytes(8 * ARCHITECTURE.update_length)
    outbox.release_round(node, place=("run-1", 1), name="Maria Papadopoulou", reason=WHY)
    outbox.list_rounds(node, as_json=False)
    shown = capsys.readouterr().out
    assert f"Released: {8 * ARCHITECTURE.update_length} bytes" in shown
    assert " stored " in shown


def test_what_is_not_stored_has_no_bytes_and_cannot_be_released(node: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        outbox.show_round(node, place=("run-1", 2), as_json=False, out=tmp_path / "payload")
    for place in (("run-1", 2), ("run-1", 3), ("run-9", 1)):
        with pytest.raises(NotFound):
            outbox.release_round(node, place=place, name="Maria", reason=WHY)


def test_other_bytes_than_the_ledger_paid_for_are_shown_to_nobody(tmp_path: Path) -> None:
    path = write_profile(tmp_path)
    settings = load_settings(path, NodeSettings)
    prepare_node(settings)
    store = open_node_store(settings)
    ledger = build_ledger(settings, store)
    ledger.store(ledger.reserve(make_charge(noise=8.0)), payload=bytes(8 * ARCHITECTURE.update_length))
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER outbox_no_update")
        connection.exec_driver_sql("UPDATE outbox SET payload = zeroblob(9)")
    store.close()
    with pytest.raises(ReleaseRefused):
        outbox.show_round(path, place=("run-1", 1), as_json=False, out=None)


def test_the_profiles_approval_counts_in_a_demonstration_only(tmp_path: Path) -> None:
    limits = {
        environment: profile_limits(
            load_settings(write_profile(tmp_path, environment=environment, standing_approval=APPROVAL), NodeSettings)
        )
        for environment in ("demonstration", "production")
    }
    assert limits["production"] is None
    assert limits["demonstration"] is not None
    assert limits["demonstration"].agreement_sha256 == "b" * 64
    silent = load_settings(write_profile(tmp_path, standing_approval=APPROVAL), NodeSettings)
    assert profile_limits(silent) is None  # production, unless something else is said
    unbound = {name: value for name, value in APPROVAL.items() if name != "agreement_sha256"}
    demonstration = write_profile(tmp_path, environment="demonstration", standing_approval=unbound)
    assert profile_limits(load_settings(demonstration, NodeSettings)) is None
