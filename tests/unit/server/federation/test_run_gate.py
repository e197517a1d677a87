"""E4 and E5: the coordinator starts no round and hands out no model that the agreement does not cover."""

import dataclasses
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from benchmarks.local_federation import SMALL
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.errors import SafeBordersError
from safeborders.kit.signing import public_key_hex
from safeborders.models.architecture import Catalogue
from safeborders.models.domain.countries import Country
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.freshness import check_timestamp
from safeborders.models.protocol.manifest import Aggregation, ManifestRefused, read_manifest
from safeborders.models.protocol.messages import EMPTY_SHA256, Header, Kind
from safeborders.models.protocol.papers import parse_papers
from safeborders.models.protocol.plan import RunPlan
from safeborders.models.protocol.roster import RosterRefused
from safeborders.privacy.agreement.cabinet import Cabinet
from safeborders.privacy.agreement.decisions import Point, Reason
from safeborders.privacy.agreement.engine import PolicyEngine
from safeborders.privacy.agreement.errors import TransferRefused
from safeborders.privacy.agreement.release import Release
from safeborders.privacy.agreement.termination import Ground, Termination, declare
from safeborders.privacy.agreement.terms import Agreement
from safeborders.server.federation.gate import AgreementRunGate
from safeborders.server.registry.records import RunState
from sbtest.agreements import InMemoryJournal, PaperFederation, terms_for, unmasked_grants
from sbtest.plans import CATALOGUE, make_plan
from sbtest.rehearsal import RUN, Rehearsal
from sbtest.rounds import AGREEMENT, NOW, PAPERS

PLAN = make_plan()
RELEASE = Release(model_sha256="5" * 64, plan=PLAN, countries=frozenset(PLAN.participants), least=1)


def order_of(plan: RunPlan, *, round_number: int) -> Header:
    return Header(
        kind=Kind.TRAIN,
        federation=plan.federation,
        run=plan.run,
        round=round_number,
        country=plan.participants[0],
        sequence=1,
        plan_sha256=plan.sha256(),
        base_model_sha256="5" * 64,
        payload_sha256=EMPTY_SHA256,
    )


ORDER = order_of(PLAN, round_number=1)


@dataclasses.dataclass
class Centre:
    """A coordinator's gate with its parts at hand."""

    folder: Path
    plan: RunPlan = PLAN
    terms: Agreement = AGREEMENT

    def __post_init__(self) -> None:
        self.now = NOW
        self.cabinet: Cabinet = PAPERS.make_cabinet(self.terms)
        self.journal = InMemoryJournal()
        self.known = {Country(name): PAPERS.members()[name].node for name in PAPERS.countries}
        self.write()

    def write(self, *, signed: RunPlan | None = None, **changes: Any) -> None:
        """Keep a manifest of the plan, or of the plan that was ``signed`` in its place."""
        fields = {"agreement_sha256": self.terms.sha256(), **changes}
        content = PAPERS.make_manifest(signed or self.plan, **fields)
        (self.folder / f"{self.plan.run}.json").write_bytes(content)

    @property
    def gate(self) -> AgreementRunGate:
        engine = PolicyEngine(COORDINATOR, standing=self.cabinet.standing, journal=self.journal, clock=lambda: self.now)
        return AgreementRunGate(
            self.cabinet,
            engine=engine,
            manifests=self.folder,
            signing=(PAPERS.node_keys[COORDINATOR], lambda: self.now),
            known=(self.known, CATALOGUE),
        )


def test_a_covered_round_is_asked_about_for_each_country_and_recorded(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    centre.gate.check_round(PLAN)
    assert [(one.point, one.sender, one.recipient, one.is_allowed) for one in centre.journal.decisions] == [
        way
        for name in PAPERS.countries
        for way in ((Point.ROUND_START, name, COORDINATOR, True), (Point.RELEASE, COORDINATOR, name, True))
    ]
    centre.gate.check_release(PLAN, release=RELEASE)
    assert len(centre.journal.decisions) == 9


def evidence_required() -> Agreement:
    grants = [grant for grant in unmasked_grants() if grant["material"] in {"M1", "M2"}]
    grants[1]["conditions"]["anonymity_evidence"] = "required"
    term = {"from": date(2026, 1, 1), "to": date(2030, 12, 31)}
    return terms_for(PAPERS.countries, federation="demo", grants=grants, term=term)


def test_a_model_without_its_evidence_is_not_released(tmp_path: Path) -> None:
    centre = Centre(tmp_path, terms=evidence_required())
    with pytest.raises(TransferRefused):
        centre.gate.check_release(PLAN, release=RELEASE)
    assert centre.journal.decisions[-1].reason is Reason.EVIDENCE_MISSING


def _ended(centre: Centre) -> None:
    termination = Termination(
        agreement_sha256=AGREEMENT.sha256(), by="it", ground=Ground.BREACH, notified_on=NOW.date()
    )
    centre.cabinet.end(declare(termination, key=PAPERS.keys["it"]), now=NOW)


def _another_key(centre: Centre) -> None:
    centre.known[Country.GR] = public_key_hex(Ed25519PrivateKey.generate())


def _no_manifest(centre: Centre) -> None:
    (centre.folder / f"{PLAN.run}.json").unlink()


def _late(centre: Centre) -> None:
    centre.now = NOW + timedelta(days=91)


WRONG: dict[str, tuple[Callable[[Centre], object], type[SafeBordersError]]] = {
    "no manifest": (_no_manifest, ManifestRefused),
    "one country signed": (lambda centre: centre.write(signers=("gr",)), ManifestRefused),
    "of another plan": (lambda centre: centre.write(signed=make_plan(rounds=11)), ManifestRefused),
    "another agreement": (lambda centre: centre.write(agreement_sha256="0" * 64), TransferRefused),
    "the agreement ended": (_ended, TransferRefused),
    "the registry holds another key": (_another_key, RosterRefused),
    "a participant was revoked": (lambda centre: centre.known.pop(Country.IT), RosterRefused),
    "the roster expired": (_late, RosterRefused),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_uncovered_round_does_not_start(tmp_path: Path, name: str) -> None:
    spoil, error = WRONG[name]
    centre = Centre(tmp_path)
    centre.gate.check_round(PLAN)  # the control
    spoil(centre)
    with pytest.raises(error):
        centre.gate.check_round(PLAN)
    with pytest.raises(error):
        centre.gate.check_candidate(PLAN)
    with pytest.raises(error):
        centre.gate.check_release(PLAN, release=RELEASE)


def test_orders_bring_the_manifest_and_a_timestamp_of_this_hour(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    gate = centre.gate
    first = parse_papers(gate.papers_of(ORDER))
    assert read_manifest(first.manifest.encode()).plan == PLAN
    centre.now = NOW + timedelta(minutes=59)
    assert gate.papers_of(ORDER) == first.to_bytes()
    centre.now = NOW + timedelta(minutes=61)
    later = parse_papers(gate.papers_of(ORDER))
    versions = [
        check_timestamp(one.timestamp.encode(), roster=PAPERS.roster, last_version=0, now=centre.now)
        for one in (first, later)
    ]
    assert versions[0] < versions[1]


def test_a_run_whose_agreement_ends_rests_at_its_next_round(tmp_path: Path) -> None:
    """Two rounds are played; then a country ends the agreement, and the third does not begin."""
    rehearsal = Rehearsal(rounds=4)
    paper = PaperFederation(
        countries=("gr", "it", "pl"),
        federation="bench",
        now=NOW,
        node_keys={country.value: key for country, key in rehearsal.keys.items()}
        | {COORDINATOR: rehearsal.coordinator},
    )
    grants = [grant for grant in unmasked_grants() if grant["material"] in {"M1", "M2"}]
    grants[0]["conditions"]["dp"]["epsilon_max_total"] = "100"
    term = {"from": date(2026, 1, 1), "to": date(2030, 12, 31)}
    terms = terms_for(paper.countries, federation="bench", grants=grants, term=term)
    cabinet, journal = paper.make_cabinet(terms), InMemoryJournal()
    (tmp_path / f"{RUN}.json").write_bytes(paper.make_manifest(rehearsal.plan, agreement_sha256=terms.sha256()))
    gate = AgreementRunGate(
        cabinet,
        engine=PolicyEngine(COORDINATOR, standing=cabinet.standing, journal=journal, clock=lambda: NOW),
        manifests=tmp_path,
        signing=(rehearsal.coordinator, lambda: NOW),
        known=({country: public_key_hex(key) for country, key in rehearsal.keys.items()}, Catalogue((SMALL,))),
    )

    def answer(order: object) -> object:
        if order.header.round == 2 and order.header.country is Country.IT:  # type: ignore[attr-defined]  # a SignedMessage
            termination = Termination(
                agreement_sha256=terms.sha256(), by="it", ground=Ground.BREACH, notified_on=NOW.date()
            )
            cabinet.end(declare(termination, key=paper.keys["it"]), now=NOW)
        return rehearsal.honest(order)  # type: ignore[arg-type]  # a SignedMessage

    rehearsal.answers = dict.fromkeys((Country.GR, Country.IT, Country.PL), answer)
    rehearsal.build_grid()
    with pytest.raises(TransferRefused):
        rehearsal.lead(gate=gate)
    assert len(rehearsal.registry.rounds[RUN]) == 2
    assert rehearsal.registry.get_run_state(RUN) is RunState.FAILED
    assert {order.header.round for order in rehearsal.grid.sent if order.header.kind is Kind.TRAIN} == {1, 2}
    echoes = parse_papers(gate.papers_of(order_of(rehearsal.plan, round_number=3))).echoes
    assert len(echoes) == 3  # of round 2, kept for the order that never came


def test_masks_are_bound_to_the_manifest_the_roster_and_its_keys(tmp_path: Path) -> None:
    centre = Centre(tmp_path)
    assert centre.gate.masks_of(PLAN) is None  # the manifest names no masks
    centre.write(aggregation=Aggregation.SECURE)
    masks = centre.gate.masks_of(PLAN)
    assert masks is not None
    assert masks.manifest.aggregation is Aggregation.SECURE
    assert masks.manifest.plan == PLAN
    assert masks.roster_sha256 == centre.cabinet.roster().sha256
    assert masks.keys == {country: centre.known[country] for country in PLAN.participants}
    with pytest.raises(ManifestRefused):
        centre.gate.masks_of(PLAN.model_copy(update={"deadline_seconds": 7.0}))
