"""``safeborders audit privacy`` on a real node: a released model, a signed file, a ledger that stays as it was."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.canonical import sha256_hex
from safeborders.kit.clock import system_clock
from safeborders.kit.signing import create_signing_key, load_signing_key, public_key_hex
from safeborders.models.defaults import ARCHITECTURE, MODEL_SEED
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.payloads import Order, build_order
from safeborders.models.protocol.plan import RunPlan
from safeborders.models.protocol.vectors import model_to_bytes
from safeborders.node.bootstrap import build_cabinet, build_ledger
from safeborders.node.commands.identity import initialise
from safeborders.node.commands.privacy_audit import audit_privacy, list_kept_evidence
from safeborders.node.ingest.country_import import import_country
from safeborders.node.learning.released import NoReleasedModel
from safeborders.node.learning.trainer import NodeTrainer
from safeborders.node.opening import open_node_store
from safeborders.node.storage.audit import LOG
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.node.storage.ledger_store import SqlActivationStore
from safeborders.privacy.accountant import epsilon
from safeborders.privacy.activations import Activation
from safeborders.privacy.agreement.evidence import (
    PAYLOAD_TYPE,
    EvidenceRefused,
    countries_with_evidence,
    seal_evidence,
    verify_evidence,
)
from safeborders.sandbox.world.creation import write_world
from safeborders.sandbox.world.sizes import Size
from safeborders.server.planning import RunRequest, build_plan
from sbtest.agreements import PaperFederation
from sbtest.ledger import make_charge

PROFILE = """\
country: gr
federation: test
state: gr
coordinator_url: https://127.0.0.1:9
database: {key_file: secrets/gr.key}
privacy: {epsilon_cap: 40, delta_cap: 1.0e-5, rounds_cap: 40, floor: 2}
"""
MODEL = ARCHITECTURE.initial_parameters(MODEL_SEED)
MODEL_SHA256 = sha256_hex(model_to_bytes(MODEL))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the profile of a node with a small country and a model that it was told to use."""
    folder = tmp_path_factory.mktemp("audited")
    profile = folder / "node.yaml"
    profile.write_text(PROFILE, encoding="utf-8")
    initialise(profile)
    write_world(Size({Country.GR: 60}), seed=5, out=folder / "world", progress=lambda _done, _total: None)
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    import_country(
        store, folder / "world/gr", country=Country.GR, now=system_clock, progress=lambda _done, _total: None
    )
    build_ledger(settings, store).reserve(make_charge())
    papers = PaperFederation(
        countries=("gr", "it", "ro"),
        federation="test",
        now=system_clock(),
        node_keys={"gr": load_signing_key(settings.places.signing_key)},
    )
    build_cabinet(store).trust_first_roster(papers.roster, fingerprint=papers.fingerprint, now=system_clock())
    plan = make_plan()
    NodeTrainer(SqlLearningStore(store.engine), released=settings.places.released).activate(plan, MODEL)
    SqlActivationStore(store.engine).add(
        Activation(sequence=1, run=plan.run, model_sha256=MODEL_SHA256, at=datetime.now(UTC))
    )
    store.close()
    return profile


def make_plan() -> RunPlan:
    """Return the plan of the run that made the model, at another delta than the ledger's."""
    request = RunRequest(epsilon=7.5, rounds=5, floor=2, deadline_seconds=60)
    built = build_plan("test", countries=(Country.GR, Country.IT), request=request)
    return built.model_copy(update={"run": "spring", "delta": 6e-6})


def actions_of(profile: Path) -> list[str]:
    """Return what the node's audit log tells."""
    store = open_node_store(load_settings(profile, NodeSettings))
    with store.engine.connect() as connection:
        rows = [json.loads(entry.content or "{}") for entry in LOG.entries(connection)]
    store.close()
    return [row["action"] for row in rows]


def ledger_rows(profile: Path) -> list[object]:
    """Return everything in the ledger."""
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    rows = list(build_ledger(settings, store).list_entries())
    store.close()
    return list(rows)


def spent_at(profile: Path, delta: float) -> tuple[float, float]:
    """Return the cost of everything in the ledger at ``delta`` and at the ledger's own."""
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    ledger = build_ledger(settings, store)
    spent = epsilon(ledger.spent_events(), delta=delta), ledger.spent_epsilon()
    store.close()
    return spent


def test_the_audit_signs_evidence_without_figures_and_leaves_the_ledger_alone(
    node: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ledger_rows(node)
    assert before
    out = tmp_path / "evidence.json"
    capsys.readouterr()
    audit_privacy(node, out=out, reviewer="Data protection officer", as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert ledger_rows(node) == before
    assert shown["kept"]
    assert actions_of(node)[-2:] == ["privacy.audit", "evidence.sign"]  # the records were read: it is recorded first
    list_kept_evidence(node, as_json=True)
    (kept,) = json.loads(capsys.readouterr().out)
    assert (kept["run"], kept["model_sha256"], kept["complete"]) == ("spring", MODEL_SHA256, True)
    list_kept_evidence(node, as_json=False)
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()][:2] == ["run", "signed"]
    assert shown["complete"], [row for row in shown["attacks"] if not row["passed"]]
    assert {row["attack"] for row in shown["attacks"]} == {"delete_one", "canaries", "membership", "inversion"}
    assert len(shown["attacks"]) == 12  # all three tasks

    key = load_signing_key(load_settings(node, NodeSettings).places.signing_key)
    keys = {"gr": public_key_hex(key)}
    evidence = verify_evidence(out.read_bytes(), keys=keys)
    assert evidence.model_sha256 == shown["model_sha256"] == MODEL_SHA256
    assert evidence.is_complete
    assert evidence.covers(make_plan())
    assert 0 < evidence.epsilon_run <= 8
    spent, at_its_own = spent_at(node, evidence.delta)
    assert evidence.epsilon_spent == spent > at_its_own  # at the delta that the file names, and no other
    assert "figures" not in evidence.model_dump_json()

    def counted(*files: bytes, model: str = MODEL_SHA256) -> frozenset[Country]:
        return countries_with_evidence(files, model_sha256=model, plan_sha256=evidence.plan_sha256, keys=keys)

    assert counted(out.read_bytes()) == {Country.GR}
    assert counted(b"{}", out.read_bytes()) == {Country.GR}

    # Controls: another key, another model, no reviewer, one attack missing, one failed, another kind of document.
    stranger = create_signing_key(tmp_path / "stranger.pem")
    with pytest.raises(EvidenceRefused, match="not signed"):
        verify_evidence(seal_evidence(evidence, key=stranger), keys=keys)
    assert not counted(out.read_bytes(), model="0" * 64)
    unreviewed = seal_evidence(evidence.model_copy(update={"reviewer": " "}), key=key)
    assert not counted(unreviewed)
    assert not counted(out.read_bytes(), unreviewed)
    partial = tuple(verdict for verdict in evidence.attacks if verdict.attack != "membership")
    assert not evidence.model_copy(update={"attacks": partial}).is_complete
    failed = (*evidence.attacks[1:], evidence.attacks[0].model_copy(update={"passed": False}))
    assert not evidence.model_copy(update={"attacks": failed}).is_complete
    other_kind = out.read_bytes().replace(PAYLOAD_TYPE.encode(), b"application/vnd.safeborders.mta+json")
    with pytest.raises(EvidenceRefused, match="no evidence"):
        verify_evidence(other_kind, keys=keys)


def test_people_read_it_within_eighty_columns(node: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Of a candidate that is in no use yet; what nobody reviewed is not kept, for it speaks neither for nor against."""
    candidate = tmp_path / "candidate"
    candidate.write_bytes(build_order(Order(make_plan(), model_to_bytes(MODEL))))
    capsys.readouterr()
    audit_privacy(node, out=tmp_path / "e.json", reviewer="", candidate=candidate, as_json=False)
    shown = capsys.readouterr().out
    assert actions_of(node)[-1] == "privacy.audit"
    assert "nobody reviewed it" in shown
    table = shown.split("Signed, without the figures")[0]
    assert max(len(line) for line in table.splitlines()) <= 80
    assert "_" not in table  # words, not names of fields
    assert {"typology", "links", "roles"} <= {line.strip() for line in table.splitlines()}


def test_what_is_no_candidate_is_not_attacked(node: Path, tmp_path: Path) -> None:
    candidate = tmp_path / "candidate"
    strange = make_plan().model_copy(update={"architecture_sha256": "0" * 64})
    torn = np.full_like(MODEL, np.nan)
    for content in (
        b"",
        b"{}",
        build_order(Order(make_plan(), model_to_bytes(MODEL)[:-4])),
        build_order(Order(make_plan(), model_to_bytes(torn))),
        build_order(Order(strange, model_to_bytes(MODEL))),
    ):
        candidate.write_bytes(content)
        with pytest.raises(NoReleasedModel):
            audit_privacy(node, out=tmp_path / "e.json", reviewer="x", candidate=candidate, as_json=True)


def test_without_the_model_there_is_nothing_to_audit(node: Path, tmp_path: Path) -> None:
    kept = load_settings(node, NodeSettings).places.released / f"{MODEL_SHA256}.model"
    content = kept.read_bytes()
    kept.write_bytes(content[:-4] + b"\0\0\0\0" if content[-4:] != b"\0\0\0\0" else content[:-4] + b"\0\0\x80?")
    try:
        with pytest.raises(NoReleasedModel, match="altered"):
            audit_privacy(node, out=tmp_path / "e.json", reviewer="x", as_json=True)
    finally:
        kept.write_bytes(content)
