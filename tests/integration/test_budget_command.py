"""The budget command on a real node: what was spent, what is left and for how long, and what a plan would cost."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.errors import SettingsError
from safeborders.kit.signing import create_signing_key
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.manifest import Aggregation, RunManifest, draft_manifest
from safeborders.models.protocol.plan import RunPlan
from safeborders.node import bootstrap
from safeborders.node.bootstrap import build_ledger
from safeborders.node.commands.budget import show_budget
from safeborders.node.commands.identity import initialise
from safeborders.node.opening import open_node_store
from safeborders.server.planning import RunRequest, build_plan
from sbtest.ledger import make_charge

PROFILE = """\
country: gr
federation: test
state: gr
coordinator_url: https://127.0.0.1:9
database: {key_file: secrets/gr.key}
privacy: {epsilon_cap: 4, delta_cap: 1.0e-5, rounds_cap: 40, floor: 2}
"""


@pytest.fixture
def node(tmp_path: Path) -> Path:
    profile = tmp_path / "node.yaml"
    profile.write_text(PROFILE, encoding="utf-8")
    initialise(profile)
    return profile


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    request = RunRequest(epsilon=3.0, rounds=20, floor=2, deadline_seconds=60)
    built = build_plan("test", countries=(Country.GR, Country.IT), request=request)
    path = tmp_path / "plan.json"
    path.write_text(built.model_dump_json(), encoding="utf-8")
    return path


def charge_once(profile: Path) -> None:
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    build_ledger(settings, store).reserve(make_charge())
    store.close()


def test_a_plan_is_priced_before_it_runs_and_again_after_a_charge(
    node: Path, plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    show_budget(node, plan=plan, as_json=True)
    before = json.loads(capsys.readouterr().out)
    assert before["epsilon_spent"] == 0
    assert before["epsilon_left"] == before["epsilon_cap"] == 4
    assert before["rounds_left"] is None  # nothing ran: nothing to project from
    assert before["plan"]["fits"]
    assert 2.8 < before["plan"]["epsilon_run"] == before["plan"]["epsilon_total"] <= 3.0
    assert before["plan"]["epsilon_by_countries"]["2"] > before["plan"]["epsilon_run"]
    assert before["plan"]["epsilon_sum_by_colluders"]["0"] < before["plan"]["epsilon_run"]
    assert before["plan"]["epsilon_sum_by_colluders"]["2"] is None

    charge_once(node)
    show_budget(node, plan=plan, as_json=True)
    after = json.loads(capsys.readouterr().out)
    assert after["epsilon_spent"] > 0
    assert after["rounds_left"] > 0
    assert after["plan"]["epsilon_total"] > after["plan"]["epsilon_run"]


def test_people_read_it_within_eighty_columns(node: Path, plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    charge_once(node)
    capsys.readouterr()
    show_budget(node, plan=plan, as_json=False)
    shown = capsys.readouterr().out
    for words in (
        "spent",
        "rounds like the last one",
        "The plan alone",
        "3 countries",
        "colluding",
        "fits under the cap",
    ):
        assert words in shown
    assert max(len(line) for line in shown.splitlines()) <= 80


def test_the_manifest_that_the_coordinator_hands_out_is_priced_as_it_is(
    node: Path, plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = RunManifest(
        plan=RunPlan.model_validate_json(plan.read_bytes()),
        aggregation=Aggregation.SECURE,
        agreement_sha256="a" * 64,
        bundle_sha256="b" * 64,
        initial_model_sha256="c" * 64,
        valid_from=datetime(2026, 1, 1, tzinfo=UTC),
        valid_until=datetime(2026, 1, 9, tzinfo=UTC),
    )
    handed_out = plan.with_name("manifest.json")
    handed_out.write_bytes(draft_manifest(manifest, key=create_signing_key(plan.with_name("key.pem"))))
    capsys.readouterr()
    show_budget(node, plan=plan, as_json=True)
    bare = capsys.readouterr().out
    show_budget(node, plan=handed_out, as_json=True)
    assert capsys.readouterr().out == bare
    assert json.loads(bare)["plan"]["epsilon_run"] > 2.8


def test_what_is_left_is_left_under_the_lower_of_two_caps_at_the_countrys_own_delta(
    node: Path, plan: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    node.write_text(PROFILE.replace("1.0e-5", "1.0e-7"), encoding="utf-8")
    capsys.readouterr()
    shown = []
    for agreed in ((), (2.0,)):  # the control: an agreement that sets no cap
        monkeypatch.setattr(bootstrap, "agreed_caps", lambda _standing, _country, agreed=agreed: agreed)
        show_budget(node, plan=plan, as_json=True)
        shown.append(json.loads(capsys.readouterr().out))
    assert [one["epsilon_cap"] for one in shown] == [one["epsilon_left"] for one in shown] == [4.0, 2.0]
    assert [one["plan"]["fits"] for one in shown] == [True, False]  # as the ledger itself would say
    assert {one["delta"] for one in shown} == {1e-7}
    assert shown[0]["plan"]["epsilon_run"] > 3.0  # asked for at a hundred times the delta


def test_what_is_no_plan_is_one_sentence(node: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        show_budget(node, plan=tmp_path / "absent.json", as_json=True)
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    with pytest.raises(SettingsError, match="not a run's manifest or plan"):
        show_budget(node, plan=tmp_path / "other.json", as_json=True)
