"""From a run whose model waits to a model that may go out: the coordinator's commands about evidence."""

import copy
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.kit.canonical import sha256_hex
from safeborders.kit.cli import build_app
from safeborders.kit.errors import Conflict
from safeborders.kit.signing import load_signing_key, public_key_hex
from safeborders.models.defaults import ARCHITECTURE, CATALOGUE, MODEL_SEED
from safeborders.models.domain.countries import Country
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.payloads import parse_order
from safeborders.models.protocol.vectors import model_to_bytes
from safeborders.node.learning.released import read_candidate
from safeborders.privacy.agreement.decisions import Point
from safeborders.privacy.agreement.evidence import ATTACKS, EvidenceRefused, seal_evidence
from safeborders.server.commands.agreement import build_cabinet
from safeborders.server.planning import RunRequest, build_plan
from safeborders.server.registry.papers import FileDecisionJournal
from safeborders.server.registry.records import ModelVersion, Reply, ReplyState, RoundRecord
from safeborders.server.registry.roster import NodeIdentity
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.storage.opening import open_registry_database
from sbtest.agreements import PaperFederation, terms_for, unmasked_grants
from sbtest.evidence import make_evidence, make_verdict
from sbtest.history import make_certificate

NAMES = ("gr", "it", "ro")
COUNTRIES = tuple(map(Country, NAMES))
FIRST = model_to_bytes(ARCHITECTURE.initial_parameters(MODEL_SEED))
LAST = model_to_bytes(ARCHITECTURE.initial_parameters(MODEL_SEED) + 1)
FAILED = (*map(make_verdict, ATTACKS[1:]), make_verdict(ATTACKS[0], passed=False))


@dataclass
class Centre:
    """A coordinator whose run of one round is over; Romania took no part in it."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.profile, self.now = self.folder / "coordinator.yaml", datetime.now(UTC)
        self.profile.write_text(
            "federation: town\nstate: coordinator\nedge: {host: 127.0.0.1, port: 9, names: [127.0.0.1]}\n"
            "superlink_port: 10\npage_port: 11\n",
            encoding="utf-8",
        )
        self.run("coordinator", "init")
        self.settings = load_settings(self.profile, CoordinatorSettings)
        places = self.settings.places
        key = load_signing_key(places.signing_key)
        self.papers = PaperFederation(NAMES, federation="town", now=self.now, node_keys={COORDINATOR: key})
        terms = self._terms()
        cabinet = build_cabinet(self.settings)
        cabinet.trust_first_roster(self.papers.roster, fingerprint=self.papers.fingerprint, now=self.now)
        cabinet.adopt(self.papers.sign(terms), now=self.now)
        request = RunRequest(epsilon=8.0, rounds=1, floor=2, deadline_seconds=60)
        self.plan = build_plan("town", countries=COUNTRIES, request=request).model_copy(update={"run": "spring"})
        places.manifests.mkdir()
        manifest = self.papers.make_manifest(
            self.plan, agreement_sha256=terms.sha256(), initial_model_sha256=sha256_hex(FIRST)
        )
        (places.manifests / "spring.json").write_bytes(manifest)
        self._play()

    def move_to(self, folder: Path) -> None:
        """Go on in a copy; the profile's paths count from its own folder."""
        self.folder, self.profile = folder, folder / "coordinator.yaml"
        self.settings = load_settings(self.profile, CoordinatorSettings)

    def _terms(self) -> Any:
        grants = [grant for grant in unmasked_grants() if grant["material"] in {"M1", "M2"}]
        grants[0]["conditions"]["dp"]["epsilon_max_total"] = "100"
        grants[1]["conditions"]["anonymity_evidence"] = "required"
        term = {"from": date(2026, 1, 1), "to": date(2099, 12, 31)}
        return terms_for(NAMES, federation="town", grants=grants, term=term)

    def _play(self) -> None:
        engine = open_registry_database(self.settings.registry_url)
        roster, registry = SqlRoster(engine), SqlRegistry(engine)
        for country in COUNTRIES:
            key = public_key_hex(self.papers.node_keys[country.value])
            identity = NodeIdentity(signing_key=key, flower_key=f"flower {country}")
            certificate = make_certificate(country, starts_at=self.now)
            roster.admit(country, identity=identity, certificate=certificate, now=self.now)
        initial = ModelVersion(sha256_hex(FIRST), "", "spring", 0, FIRST, b"")
        registry.start_run(self.plan, initial=initial, now=self.now)
        self.before_the_end = not self.fails("candidate", "spring", "--out", self.folder / "early")
        states = (ReplyState.ACCEPTED, ReplyState.ACCEPTED, ReplyState.MISSING)
        replies = tuple(Reply(one, state, "", 1.0, 8) for one, state in zip(COUNTRIES, states, strict=True))
        record = RoundRecord("spring", 1, self.now, self.now, replies=replies, statistics=())
        registry.save_round(record, model=ModelVersion(sha256_hex(LAST), initial.sha256, "spring", 1, LAST, b"s"))
        engine.dispose()

    def run(self, *arguments: str | Path) -> str:
        given = [*map(str, arguments), "-p", str(self.profile)]
        result = CliRunner().invoke(build_app(), given, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return str(result.output)

    def fails(self, *arguments: str | Path) -> bool:
        try:
            self.run("coordinator", "evidence", *arguments)
        except Conflict:
            return True
        return False

    def evidence(self, country: Country, **changes: Any) -> Path:
        fields: dict[str, Any] = {"plan": self.plan, "model_sha256": sha256_hex(LAST), "at": self.now, **changes}
        path = self.folder / f"{country.value}.json"
        path.write_bytes(seal_evidence(make_evidence(country, **fields), key=self.papers.node_keys[country.value]))
        return path

    def shown(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("coordinator", "evidence", "show", "spring", "--json"))
        return found


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Centre:
    """Return the one that each test copies, because making it takes longer than a test."""
    return Centre(tmp_path_factory.mktemp("town") / "made")


@pytest.fixture
def centre(template: Centre, tmp_path: Path) -> Centre:
    shutil.copytree(template.folder, tmp_path / "town")
    copied = copy.copy(template)
    copied.move_to(tmp_path / "town")
    return copied


def test_a_candidate_goes_out_evidence_comes_in_and_the_model_may_be_handed_out(centre: Centre) -> None:
    assert not centre.before_the_end  # there is no candidate before the last round is done
    out = centre.folder / "candidate"
    said = centre.run("coordinator", "evidence", "candidate", "spring", "--out", out)
    assert "audit privacy" in said
    assert parse_order(out.read_bytes()).plan == centre.plan
    assert read_candidate(out.read_bytes(), catalogue=CATALOGUE).model_sha256 == sha256_hex(LAST)
    decided = FileDecisionJournal(centre.settings.places.decisions).list_decisions()
    assert {(one.point, one.recipient, one.is_allowed) for one in decided} == {
        (Point.RELEASE, name, True) for name in NAMES
    }
    assert centre.shown() == {
        "model_sha256": sha256_hex(LAST), "needed": ["gr", "it"], "shown": {}, "flaw": "evidence_missing",
    }  # fmt: skip
    files = [centre.evidence(country) for country in COUNTRIES[:2]]
    assert "for model" in centre.run("coordinator", "evidence", "add", *files)
    assert centre.shown()["flaw"] == ""
    page = centre.run("coordinator", "evidence", "show", "spring")
    assert "may be handed out" in page
    assert max(len(line) for line in page.splitlines()) <= 80
    told = [json.loads(line)["action"] for line in centre.run("coordinator", "audit", "list", "--json").splitlines()]
    assert {"model.candidate", "paper.adopt"} <= set(told)


def test_a_file_against_the_model_is_kept_and_decides(centre: Centre) -> None:
    good = [centre.evidence(country) for country in COUNTRIES[:2]]
    centre.run("coordinator", "evidence", "add", *good)
    said = centre.run("coordinator", "evidence", "add", centre.evidence(Country.IT, attacks=FAILED))
    assert "against model" in said
    assert centre.shown()["flaw"] == "evidence_failed"
    assert "not withstood" in centre.run("coordinator", "evidence", "show", "spring")


def test_a_file_that_its_country_did_not_sign_is_not_kept(centre: Centre) -> None:
    path = centre.evidence(Country.GR)
    forged = centre.folder / "forged.json"
    evidence = make_evidence(Country.GR, plan=centre.plan, model_sha256=sha256_hex(LAST), at=centre.now)
    forged.write_bytes(seal_evidence(evidence, key=centre.papers.node_keys["ro"]))
    with pytest.raises(EvidenceRefused):
        centre.run("coordinator", "evidence", "add", forged)
    path.write_bytes(b"{}")
    with pytest.raises(EvidenceRefused):
        centre.run("coordinator", "evidence", "add", path)
    assert centre.shown()["shown"] == {}
