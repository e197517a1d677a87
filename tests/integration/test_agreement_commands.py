"""From keys to a started run by the commands that people type: three countries, one coordinator, one agreement."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.kit.errors import Conflict, SettingsError
from safeborders.models.protocol.manifest import ManifestRefused
from safeborders.models.protocol.roster import RosterRefused
from safeborders.privacy.agreement.errors import AgreementAbsent, SignaturesMissing, TransferRefused
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.storage.opening import open_registry_database
from sbtest.agreements import terms_for, unmasked_grants
from sbtest.commands import refused, safeborders
from sbtest.enrolling import Post

COUNTRIES = ("gr", "it", "ro")
PLAIN = ("--rounds", "2", "--floor", "2", "--aggregation", "plain")  # masked rounds need six countries


@dataclass
class Town:
    """Profiles and documents of one federation in a folder."""

    folder: Path

    def __post_init__(self) -> None:
        self.centre = self.folder / "coordinator.yaml"
        self.centre.write_text(
            "federation: town\nstate: coordinator\nedge: {host: 127.0.0.1, port: 9, names: [127.0.0.1]}\n"
            "superlink_port: 10\npage_port: 11\n",
            encoding="utf-8",
        )
        for country in COUNTRIES:
            self.profile(country).write_text(
                f"country: {country}\nfederation: town\nstate: {country}\ncoordinator_url: https://127.0.0.1:9\n"
                f"database: {{key_file: {country}.key}}\n"
                "privacy: {epsilon_cap: 8, delta_cap: 1.0e-5, rounds_cap: 40, floor: 2}\n",
                encoding="utf-8",
            )
        self.roster, self.agreement = self.folder / "roster.json", self.folder / "agreement.json"
        self.source, self.manifest = self.folder / "agreement.yaml", self.folder / "manifest.json"

    def profile(self, name: str) -> Path:
        return self.centre if name == "coordinator" else self.folder / f"{name}.yaml"

    def key(self, name: str) -> Path:
        return self.folder / name / "identity" / "agreement.pem"

    def side(self, name: str) -> str:
        return "coordinator" if name == "coordinator" else "node"

    def enrol(self) -> None:
        post = Post(self.folder, coordinator=self.centre, run=safeborders, federation="town")
        authority = post.seat_coordinator()
        for country in COUNTRIES:
            safeborders("node", "init", "-p", self.profile(country))
            post.enrol(country, self.profile(country), authority=authority)

    def make_roster(self) -> str:
        cards = []
        for name in (*COUNTRIES, "coordinator"):
            card = self.folder / f"{name}.card"
            safeborders(self.side(name), "agreement", "keys", "-p", self.profile(name), "--out", card)
            cards.append(card)
        safeborders("roster", "draft", "town", *cards, "--out", self.roster)
        for country in COUNTRIES:
            safeborders("roster", "sign", self.roster, "--key", self.key(country))
        return str(json.loads(safeborders("roster", "show", self.roster, "--json"))["fingerprint"])

    def make_agreement(self, **changes: object) -> None:
        today = datetime.now(UTC).date()
        grants = [grant for grant in unmasked_grants() if grant["material"] in {"M1", "M2"}]
        term = {"from": today, "to": date(2099, 1, 1)}
        terms = terms_for(COUNTRIES, federation="town", grants=grants, term=term, **changes)
        self.source.write_text(yaml.safe_dump(terms.model_dump(mode="json")), encoding="utf-8")
        safeborders("agreement", "draft", self.source, "--out", self.agreement)
        for name in (*COUNTRIES, "coordinator"):
            safeborders("agreement", "sign", self.agreement, "--key", self.key(name))

    def keep(self, fingerprint: str) -> None:
        for name in (*COUNTRIES, "coordinator"):
            base = (self.side(name), "agreement")
            safeborders(*base, "roster", "-p", self.profile(name), self.roster, "--fingerprint", fingerprint)
            safeborders(*base, "adopt", "-p", self.profile(name), self.agreement)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A federation whose parties signed and keep roster and agreement."""
    made = Town(tmp_path_factory.mktemp("town"))
    made.enrol()
    fingerprint = made.make_roster()
    made.make_agreement()
    assert "MISSING" not in safeborders("agreement", "verify", made.agreement, "--roster", made.roster)
    made.keep(fingerprint)
    return made


def test_a_run_starts_when_two_countries_have_signed_it(town: Town) -> None:
    plan = ["coordinator", "plan", "-p", str(town.centre), *PLAIN, "--out", str(town.manifest)]
    run = safeborders(*plan).strip().splitlines()[-1]
    start = ("coordinator", "start", "-p", town.centre, town.manifest)
    assert "Fewer than two participants" in refused(ManifestRefused, *start)
    for country in ("gr", "ro"):
        printed = safeborders("node", "agreement", "countersign", "-p", town.profile(country), town.manifest)
        assert run in printed
    assert safeborders(*start).strip() == run
    assert "started before" in refused(Conflict, *start)
    registry = SqlRegistry(open_registry_database(load_settings(town.centre, CoordinatorSettings).registry_url))
    assert registry.get_plan(run).rounds == 2
    printed = safeborders("coordinator", "agreement", "decisions", "-p", town.centre, "--last", "6")
    decisions = [json.loads(line) for line in printed.splitlines()]
    assert [one["point"] for one in decisions] == ["E4", "E5"] * 3
    assert all(one["is_allowed"] for one in decisions)


def test_a_country_shows_where_it_stands_at_eighty_columns(town: Town) -> None:
    status = json.loads(safeborders("node", "agreement", "status", "-p", town.profile("gr"), "--json"))
    assert (status["member"], status["binds_today"], status["agreement"]) == (
        "enrolled",
        "yes",
        "mta-2026-001 version 1",
    )
    printed = [
        safeborders("node", "agreement", "status", "-p", town.profile("gr")),
        safeborders("node", "agreement", "decisions", "-p", town.profile("gr")),
        safeborders("roster", "show", town.roster),
        safeborders("agreement", "explain", town.agreement, "--for", "gr"),
        safeborders("agreement", "explain", town.source, "--for", "coordinator"),
        safeborders("agreement", "diff", town.source, town.agreement),
    ]
    assert all(len(line) <= 80 for text in printed for line in text.splitlines())
    assert "The two say the same." in printed[-1]
    told = json.loads(safeborders("agreement", "explain", town.agreement, "--for", "gr", "--json"))
    assert told["sends"][0]["material"] == "M2"
    assert json.loads(safeborders("node", "agreement", "decisions", "-p", town.profile("gr"), "--json")) == {
        "decisions": []
    }


def test_a_change_is_shown_before_it_is_signed(town: Town, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(
        town.source.read_text(encoding="utf-8").replace("breach_notice_hours: 24", "breach_notice_hours: 2")
    )
    printed = safeborders("agreement", "diff", town.source, other)
    assert printed.split() == ["breach_notice_hours", "-", "24", "+", "2", "1", "place", "differs."]
    shown = json.loads(safeborders("agreement", "diff", town.source, other, "--json"))
    assert shown == {"changes": [{"place": "breach_notice_hours", "before": "24", "after": "2"}]}


def test_what_is_not_signed_by_all_is_not_kept(town: Town, tmp_path: Path) -> None:
    unsigned = tmp_path / "unsigned.json"
    safeborders("agreement", "draft", town.source, "--out", unsigned)
    safeborders("agreement", "sign", unsigned, "--key", town.key("gr"))
    verify = ("agreement", "verify", unsigned, "--roster", town.roster)
    assert "lacks the signature of it, ro, coordinator" in refused(SignaturesMissing, *verify)
    refused(SignaturesMissing, "node", "agreement", "adopt", "-p", town.profile("it"), unsigned)


def test_wrong_arguments_are_one_sentence(town: Town, tmp_path: Path) -> None:
    text = tmp_path / "latin.yaml"
    text.write_bytes(b"id: \xff")
    out = tmp_path / "out.json"
    assert "UTF-8" in refused(SettingsError, "agreement", "draft", text, "--out", out)
    assert "cannot be read" in refused(SettingsError, "agreement", "draft", tmp_path / "absent.yaml", "--out", out)
    end = ("agreement", "terminate", town.agreement, "--key", town.key("gr"), "--out", out)
    assert "one of notice" in refused(SettingsError, *end, "--by", "gr", "--ground", "boredom")
    assert "no party" in refused(SettingsError, *end, "--by", "fi", "--ground", "notice")
    draft = ("roster", "draft", "town", "--out", out)
    cards = [town.folder / f"{name}.card" for name in (*COUNTRIES, "coordinator")]
    assert "1 to 180 days" in refused(SettingsError, *draft, *cards, "--days", "181")
    assert "two cards" in refused(SettingsError, *draft, *cards, cards[0])
    assert "another federation" in refused(SettingsError, "roster", "draft", "village", *cards, "--out", out)
    assert "kept already" in refused(
        RosterRefused, "node", "agreement", "roster", "-p", town.profile("gr"), town.roster, "--fingerprint", "0"
    )
    assert not out.exists()


def test_a_member_that_is_left_out_is_shown_as_revoked(town: Town, tmp_path: Path) -> None:
    out = tmp_path / "second.json"
    cards = [town.folder / f"{name}.card" for name in (*COUNTRIES, "coordinator")]
    new = tmp_path / "new.card"
    safeborders("node", "agreement", "keys", "-p", town.profile("gr"), "--out", new)
    printed = safeborders("roster", "draft", "town", *cards, "--out", out, "--after", town.roster)
    assert "NEW" not in printed
    assert "REVOKED" not in printed
    assert "Roster 2 of town" in printed
    assert "lacks 3" in refused(RosterRefused, "coordinator", "agreement", "roster", "-p", town.centre, out)


def test_without_an_agreement_no_run_is_planned_and_the_status_says_so(tmp_path: Path) -> None:
    (tmp_path / "lone").mkdir()
    lone = Town(tmp_path / "lone")
    lone.enrol()
    plan = ["coordinator", "plan", "-p", str(lone.centre), *PLAIN, "--out", str(lone.manifest)]
    refused(AgreementAbsent, *plan)
    assert not lone.manifest.exists()
    status = json.loads(safeborders("node", "agreement", "status", "-p", lone.profile("gr"), "--json"))
    assert (status["member"], status["roster"], status["binds_today"]) == (
        "requested",
        "none",
        "no: there is no agreement",
    )


def test_after_a_breach_nothing_starts(town: Town, tmp_path: Path) -> None:
    """Last: it ends the module's agreement."""
    out = tmp_path / "end.json"
    plan = ["coordinator", "plan", "-p", str(town.centre), *PLAIN, "--out", str(town.manifest)]
    safeborders(*plan)
    for country in ("gr", "ro"):
        safeborders("node", "agreement", "countersign", "-p", town.profile(country), town.manifest)
    safeborders(
        *("agreement", "terminate", town.agreement, "--by", "it", "--ground", "breach"),
        *("--key", town.key("it"), "--out", out),
    )
    today = f"{datetime.now(UTC).date()}"
    assert today in safeborders("coordinator", "agreement", "end", "-p", town.centre, out)
    assert today in safeborders("node", "agreement", "end", "-p", town.profile("gr"), out)
    sentence = refused(TransferRefused, "coordinator", "start", "-p", town.centre, town.manifest)
    assert "a party ended the agreement" in sentence
    assert len(list((town.folder / "coordinator" / "manifests").glob("*.json"))) <= 1  # the earlier run's alone
    status = json.loads(safeborders("node", "agreement", "status", "-p", town.profile("gr"), "--json"))
    assert status["binds_today"] == "no: a party ended the agreement"
