"""E9: what a node keeps of the federation's models goes when the agreement no longer covers it, on each database."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from safeborders.kit.canonical import sha256_hex
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.vectors import model_to_bytes
from safeborders.node.learning.released import keep_released
from safeborders.node.lifecycle.model_copies import ModelCopies, purge_models
from safeborders.node.storage.agreement_store import SqlDecisionJournal, SqlPaperStore
from safeborders.node.storage.audit import LOG
from safeborders.node.storage.database import Store
from safeborders.node.storage.ledger_store import SqlActivationStore
from safeborders.privacy.activations import Activation
from safeborders.privacy.agreement.cabinet import Cabinet
from safeborders.privacy.agreement.decisions import Point, Reason
from safeborders.privacy.agreement.engine import PolicyEngine
from safeborders.privacy.agreement.evidence import ATTACKS, seal_evidence
from safeborders.privacy.agreement.termination import Ground, Termination, declare
from sbtest.agreements import PaperFederation, terms_for, unmasked_grants
from sbtest.evidence import make_evidence, make_verdict
from sbtest.plans import ARCHITECTURE, make_plan

RECEIVED = datetime(2027, 3, 1, 12, tzinfo=UTC)
PAPERS = PaperFederation(countries=("gr", "it", "ro"), federation="demo", now=RECEIVED)
PLAN, MODEL = make_plan(), ARCHITECTURE.initial_parameters(7)
NAME = sha256_hex(model_to_bytes(MODEL))


@dataclass
class Shelf:
    """A node with one released model, put into use at RECEIVED."""

    folder: Path
    store: Store

    def __post_init__(self) -> None:
        self.now = RECEIVED
        grants = [grant for grant in unmasked_grants() if grant["material"] in {"M1", "M2"}]
        grants[1]["conditions"] = {"anonymity_evidence": "required", "retention": "P30D"}
        term = {"from": date(2026, 1, 1), "to": date(2030, 12, 31)}
        self.terms = terms_for(PAPERS.countries, federation="demo", grants=grants, term=term)
        self.cabinet = Cabinet(SqlPaperStore(self.store.engine))
        self.cabinet.trust_first_roster(PAPERS.roster, fingerprint=PAPERS.fingerprint, now=RECEIVED)
        self.cabinet.adopt(PAPERS.sign(self.terms), now=RECEIVED)
        keep_released(self.folder, PLAN, model=MODEL)
        SqlActivationStore(self.store.engine).add(Activation(1, PLAN.run, NAME, RECEIVED))

    def night(self, *, days: float) -> int:
        """Run the job so many days after the model came; return how many models it deleted."""
        self.now = RECEIVED + timedelta(days=days)
        journal = SqlDecisionJournal(self.store.engine)
        engine = PolicyEngine("gr", standing=self.cabinet.standing, journal=journal, clock=lambda: self.now)
        copies = ModelCopies(
            self.folder, store=self.store, cabinet=self.cabinet, country=Country.GR, clock=lambda: self.now
        )
        return purge_models(copies, engine=engine, clock=lambda: self.now)

    def files(self) -> int:
        return len(list(self.folder.glob(f"{NAME}.*")))

    def last_reason(self) -> Reason:
        return SqlDecisionJournal(self.store.engine).list_decisions()[-1].reason


@pytest.fixture
def shelf(store: Store, tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "released", store)


def test_a_model_is_deleted_after_its_agreed_time_and_not_before(shelf: Shelf) -> None:
    assert shelf.night(days=30) == 0
    assert (shelf.files(), shelf.last_reason()) == (2, Reason.PERMITTED)
    assert shelf.night(days=30.1) == 1
    assert (shelf.files(), shelf.last_reason()) == (0, Reason.KEPT_TOO_LONG)
    assert shelf.night(days=31) == 0
    decided = SqlDecisionJournal(shelf.store.engine).list_decisions()
    assert {one.point for one in decided} == {Point.RETENTION}
    with shelf.store.engine.connect() as connection:
        rows = [json.loads(entry.content or "{}") for entry in LOG.entries(connection)]
    assert [row["facts"] for row in rows if row["action"] == "model.purge"] == [{"model": NAME}]


def test_a_model_is_deleted_when_the_agreement_ends(shelf: Shelf) -> None:
    assert shelf.night(days=1) == 0
    ends = Termination(
        agreement_sha256=shelf.terms.sha256(), by="it", ground=Ground.BREACH, notified_on=RECEIVED.date()
    )
    shelf.cabinet.end(declare(ends, key=PAPERS.keys["it"]), now=RECEIVED)
    assert shelf.night(days=1) == 1
    assert (shelf.files(), shelf.last_reason()) == (0, Reason.TERMINATED)


def test_a_model_is_deleted_when_the_countrys_own_audit_speaks_against_it(shelf: Shelf) -> None:
    for passed, deleted in ((True, 0), (False, 1)):
        attacks = (*map(make_verdict, ATTACKS[1:]), make_verdict(ATTACKS[0], passed=passed))
        evidence = make_evidence(Country.GR, plan=PLAN, model_sha256=NAME, at=RECEIVED, attacks=attacks)
        sealed = seal_evidence(evidence, key=PAPERS.node_keys["gr"])
        for _ in range(2):  # the same again changes nothing
            shelf.cabinet.keep_evidence(sealed, now=RECEIVED)
        assert shelf.night(days=1) == deleted
    assert shelf.last_reason() is Reason.EVIDENCE_MISSING


def test_a_clock_that_is_set_back_deletes_nothing(shelf: Shelf) -> None:
    assert shelf.night(days=10) == 0
    assert shelf.night(days=2) == 0
    assert (shelf.files(), shelf.last_reason()) == (2, Reason.CLOCK_SET_BACK)
