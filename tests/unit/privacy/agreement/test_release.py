"""R-ANON: a model without the evidence of every country whose records are in it is not handed out, and why."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.signing import public_key_hex
from safeborders.models.defaults import Model, task_plans
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import Task
from safeborders.privacy.agreement.decisions import Reason
from safeborders.privacy.agreement.evidence import ATTACKS, AttackVerdict, attacks_on, seal_evidence
from safeborders.privacy.agreement.release import GOOD_FOR, Release, find_evidence_flaw
from sbtest.evidence import make_evidence, make_verdict
from sbtest.plans import make_plan

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
PLAN, MODEL = make_plan(), "a" * 64
GR, IT, RO = PLAN.participants
KEYS = {country: Ed25519PrivateKey.generate() for country in PLAN.participants}
ROSTER = {country.value: public_key_hex(key) for country, key in KEYS.items()}
ALL = Release(model_sha256=MODEL, plan=PLAN, countries=frozenset(PLAN.participants), least=1)


_COMPLETE = make_evidence(GR, plan=PLAN, model_sha256=MODEL, at=NOW).attacks


def file_of(country: Country, *, signer: Country | None = None, **changes: Any) -> bytes:
    fields: dict[str, Any] = {"plan": PLAN, "model_sha256": MODEL, "at": NOW, **changes}
    return seal_evidence(make_evidence(country, **fields), key=KEYS[signer or country])


def all_with(country: Country, **changes: Any) -> list[bytes]:
    """Return complete evidence of everybody, one thing changed in that of ``country``."""
    return [file_of(one, **(changes if one is country else {})) for one in PLAN.participants]


def flaw_of(files: list[bytes], *, release: Release = ALL, now: datetime = NOW) -> Reason | None:
    return find_evidence_flaw(files, release=release, keys=ROSTER, now=now)


def test_control_complete_evidence_of_everybody_is_evidence() -> None:
    assert flaw_of(all_with(GR)) is None
    assert flaw_of([b"{}", *all_with(GR), b""]) is None  # what nobody signed counts for nobody


_FAILED = (*map(make_verdict, ATTACKS[1:]), make_verdict(ATTACKS[0], passed=False))
WRONG: dict[str, tuple[Callable[[], list[bytes]], Reason]] = {
    "none at all": (lambda: [], Reason.EVIDENCE_MISSING),
    "one country's is missing": (lambda: all_with(GR)[1:], Reason.EVIDENCE_MISSING),
    "signed by another country": (lambda: all_with(GR, signer=IT), Reason.EVIDENCE_MISSING),
    "signed by a stranger": (lambda: [_by_a_stranger(), *all_with(GR)[1:]], Reason.EVIDENCE_MISSING),
    "altered after it was signed": (lambda: [_altered(), *all_with(GR)[1:]], Reason.EVIDENCE_MISSING),
    "about another model": (lambda: all_with(GR, model_sha256="b" * 64), Reason.EVIDENCE_OTHER_MODEL),
    "about another plan": (lambda: all_with(GR, plan=make_plan(rounds=9)), Reason.EVIDENCE_OTHER_MODEL),
    "an attack was not withstood": (lambda: all_with(GR, attacks=_FAILED), Reason.EVIDENCE_FAILED),
    "an attack was not made": (lambda: all_with(GR, attacks=_FAILED[:-1]), Reason.EVIDENCE_FAILED),
    "a network was left out": (lambda: all_with(GR, attacks=_without(task="links")), Reason.EVIDENCE_MISSING),
    "an attack on one network was left out": (
        lambda: all_with(GR, attacks=_without(task="links", attack="membership")),
        Reason.EVIDENCE_MISSING,
    ),
    "nobody reviewed it": (lambda: all_with(GR, reviewer=" "), Reason.EVIDENCE_FAILED),
    "a good one beside a bad one": (lambda: [*all_with(GR), file_of(GR, attacks=_FAILED)], Reason.EVIDENCE_FAILED),
    "a bad one of who is not in it": (lambda: _of_a_bystander(), Reason.EVIDENCE_FAILED),
    "too old": (lambda: all_with(GR, at=NOW - GOOD_FOR - timedelta(minutes=1)), Reason.EVIDENCE_STALE),
    "from the future": (lambda: all_with(GR, at=NOW + timedelta(hours=1)), Reason.EVIDENCE_STALE),
}


def _without(*, task: str, attack: str = "") -> tuple[AttackVerdict, ...]:
    left = tuple(one for one in _COMPLETE if one.task != task or one.attack != (attack or one.attack))
    assert {one.attack for one in left} == set(ATTACKS)  # all kinds are still there, on the other network
    return left


def _by_a_stranger() -> bytes:
    evidence = make_evidence(GR, plan=PLAN, model_sha256=MODEL, at=NOW)
    return seal_evidence(evidence, key=Ed25519PrivateKey.generate())


def _altered() -> bytes:
    failed = file_of(GR, attacks=_FAILED)
    return failed.replace(b'"payload": "', b'"payload": "e30', 1)


def _of_a_bystander() -> list[bytes]:
    return [*all_with(GR)[:2], file_of(RO, attacks=_FAILED)]


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_evidence_is_named(name: str) -> None:
    files, reason = WRONG[name]
    assert flaw_of(files()) is reason


@pytest.mark.parametrize("model", Model)
def test_each_network_of_a_model_is_attacked_and_gradients_where_a_row_is_a_record(model: Model) -> None:
    plan = make_plan(tasks=task_plans(model, public_sizes={task: {"gr": 100} for task in Task}))
    wanted = {(attack, task.name) for task in plan.tasks for attack in ATTACKS}
    assert wanted - attacks_on(plan) == {("inversion", task.name) for task in plan.tasks if task.relations}


def test_evidence_on_the_last_day_counts() -> None:
    assert flaw_of(all_with(GR, at=NOW - GOOD_FOR)) is None


def test_who_does_not_know_whose_records_are_in_it_asks_for_as_many_as_a_round_needs() -> None:
    unknown = Release(MODEL, PLAN, countries=frozenset({GR}), least=2)
    assert flaw_of([file_of(GR)], release=unknown) is Reason.EVIDENCE_MISSING
    assert flaw_of([file_of(GR), file_of(GR, reviewer="Another")], release=unknown) is Reason.EVIDENCE_MISSING
    assert flaw_of([file_of(IT), file_of(RO)], release=unknown) is Reason.EVIDENCE_MISSING  # the own one must be there
    assert flaw_of([file_of(GR), file_of(IT)], release=unknown) is None
