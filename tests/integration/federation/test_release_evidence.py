"""E5 with real gates on both sides: a final model goes out for use only with the evidence that is agreed."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from safeborders.models.domain.countries import Country
from safeborders.models.domain.materials import COORDINATOR, Material
from safeborders.models.protocol.messages import Kind
from safeborders.models.protocol.refusals import Refusal
from safeborders.privacy.agreement.decisions import Point, Reason
from safeborders.privacy.agreement.errors import TransferRefused
from safeborders.privacy.agreement.evidence import ATTACKS, seal_evidence
from safeborders.privacy.agreement.terms import Agreement
from safeborders.server.registry.records import RunState
from sbtest.evidence import make_evidence, make_verdict
from sbtest.whole_federation import COUNTRIES, NOW, RUN, WholeFederation, masked_terms

REQUIRED = masked_terms(anonymity_evidence="required")
FAILED = (*map(make_verdict, ATTACKS[1:]), make_verdict(ATTACKS[0], passed=False))


@dataclasses.dataclass
class Waiting:
    """A run whose rounds are done and whose model waits for its evidence."""

    whole: WholeFederation

    @property
    def model_sha256(self) -> str:
        return self.whole.registry.get_latest_model(RUN).sha256

    def evidence(self, country: Country, *, signer: Country | None = None, **changes: Any) -> bytes:
        fields: dict[str, Any] = {"plan": self.whole.plan, "model_sha256": self.model_sha256, "at": NOW, **changes}
        key = self.whole.papers.node_keys[(signer or country).value]
        return seal_evidence(make_evidence(country, **fields), key=key)

    def released(self) -> list[Reason]:
        """Return why the newest release was allowed or refused, country by country."""
        return [
            one.reason
            for one in self.whole.journal.decisions
            if (one.point, one.material) == (Point.RELEASE, Material.MODEL)
        ]

    def activated(self) -> set[Country]:
        return {country for country, member in self.whole.members.items() if member.trainer.activated}


def played(folder: Path, *, terms: Agreement = REQUIRED) -> Waiting:
    """Play a run of one round to the point where its model would be handed out."""
    whole = WholeFederation(folder, rounds=1, terms=terms)
    with pytest.raises(TransferRefused):
        whole.lead()
    return Waiting(whole)


def test_without_evidence_the_run_rests_and_the_refusal_is_recorded(tmp_path: Path) -> None:
    waiting = played(tmp_path)
    assert waiting.whole.registry.states[RUN] is RunState.FAILED
    assert len(waiting.whole.registry.rounds[RUN]) == 1  # the rounds themselves work on working copies
    assert waiting.released()[-1] is Reason.EVIDENCE_MISSING
    refused = waiting.whole.journal.decisions[-1]
    assert (refused.is_allowed, refused.sender, refused.clause) == (False, COORDINATOR, "models")
    assert not [order for order in waiting.whole.grid.sent if order.header.kind is Kind.ACTIVATE]
    assert waiting.activated() == set()


def test_with_the_evidence_of_all_contributors_every_country_gets_and_uses_it(tmp_path: Path) -> None:
    waiting = played(tmp_path)
    for country in COUNTRIES:
        waiting.whole.cabinet.keep_evidence(waiting.evidence(country), now=NOW)
    waiting.whole.lead()
    assert waiting.whole.registry.states[RUN] is RunState.COMPLETED
    assert set(waiting.released()[-len(COUNTRIES) :]) == {Reason.PERMITTED}
    assert waiting.activated() == set(COUNTRIES)


def test_control_an_agreement_that_asks_for_none_hands_the_model_out(tmp_path: Path) -> None:
    whole = WholeFederation(tmp_path, rounds=1)
    whole.lead()
    assert Waiting(whole).activated() == set(COUNTRIES)


SPOILT: dict[str, tuple[dict[str, Any], Reason]] = {
    "of another model": ({"model_sha256": "b" * 64}, Reason.EVIDENCE_OTHER_MODEL),
    "out of date": ({"at": NOW.replace(month=3)}, Reason.EVIDENCE_STALE),
    "an attack was not withstood": ({"attacks": FAILED}, Reason.EVIDENCE_FAILED),
    "nobody reviewed it": ({"reviewer": ""}, Reason.EVIDENCE_FAILED),
}


@pytest.fixture(scope="module")
def rested(tmp_path_factory: pytest.TempPathFactory) -> Waiting:
    return played(tmp_path_factory.mktemp("rested"))


@pytest.mark.parametrize("name", SPOILT)
def test_evidence_with_one_thing_wrong_releases_nothing(rested: Waiting, name: str) -> None:
    changes, reason = SPOILT[name]
    whole = rested.whole
    whole.cabinet = whole.papers.make_cabinet(whole.terms)  # a shelf of its own for each case
    for country in COUNTRIES:
        changed = changes if country is Country.GR else {}
        whole.cabinet.keep_evidence(rested.evidence(country, **changed), now=NOW)
    with pytest.raises(TransferRefused):
        whole.lead()
    assert rested.released()[-1] is reason
    assert rested.activated() == set()


def test_a_coordinator_that_asks_for_no_evidence_is_stopped_by_every_country(tmp_path: Path) -> None:
    """Its own gate is taken away; the countries hear the order and decide by the papers that come with it."""
    waiting = played(tmp_path)
    whole = waiting.whole
    unguarded = whole.gate()
    unguarded.check_release = lambda plan, *, release: None  # type: ignore[method-assign]  # the attack
    whole.gate = lambda: unguarded  # type: ignore[method-assign]  # the attack
    whole.lead()
    assert waiting.activated() == set()
    refused = [one for member in whole.members.values() for one in member.journal.decisions if not one.is_allowed]
    assert {one.reason for one in refused} == {Reason.EVIDENCE_MISSING}
    assert len(refused) == len(COUNTRIES)


def test_a_country_whose_own_audit_failed_uses_the_model_for_nobodys_word(tmp_path: Path) -> None:
    """The coordinator leaves the unfavourable file out: it lies in the country's own cabinet."""
    waiting = played(tmp_path)
    whole = waiting.whole
    for country in COUNTRIES:
        whole.cabinet.keep_evidence(waiting.evidence(country), now=NOW)
    whole.members[Country.GR].cabinet.keep_evidence(waiting.evidence(Country.GR, attacks=FAILED), now=NOW)
    whole.lead()
    assert waiting.activated() == set(COUNTRIES) - {Country.GR}
    assert whole.members[Country.GR].journal.decisions[-1].reason is Reason.EVIDENCE_FAILED


def test_a_country_asks_for_its_own_evidence_first(tmp_path: Path) -> None:
    waiting = played(tmp_path)
    whole = waiting.whole
    for country in set(COUNTRIES) - {Country.GR}:
        whole.cabinet.keep_evidence(waiting.evidence(country), now=NOW)
    unguarded = whole.gate()
    unguarded.check_release = lambda plan, *, release: None  # type: ignore[method-assign]  # the attack
    whole.gate = lambda: unguarded  # type: ignore[method-assign]  # the attack
    heard: dict[Country, object] = {}
    whole.react = lambda country, order: heard.setdefault(country, whole.honest(order))
    whole.build_grid()
    whole.lead()
    assert heard[Country.GR] is Refusal.NO_AGREEMENT
    assert waiting.activated() == set(COUNTRIES) - {Country.GR}  # control: six of seven is what the others may ask for
