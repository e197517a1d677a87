"""The engine: one way to say yes, and for each condition a reason to say no, as a property over all of them."""

import dataclasses
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.signing import public_key_hex
from safeborders.models.domain.governance import Handling
from safeborders.models.domain.materials import COORDINATOR, Material, ProtectedGroup, Untransferable
from safeborders.models.domain.statuses import DataSubjectCategory
from safeborders.models.protocol.roster import MemberKeys, RosterRefused, sign_roster
from safeborders.privacy.agreement.cabinet import Cabinet, PaperKind
from safeborders.privacy.agreement.conditions import PrivacyUnit
from safeborders.privacy.agreement.decisions import Decision, Point, Reason
from safeborders.privacy.agreement.engine import PolicyEngine
from safeborders.privacy.agreement.errors import AgreementAbsent, TransferRefused
from safeborders.privacy.agreement.facts import Facts
from safeborders.privacy.agreement.points import (
    check_api_export,
    check_filter_export,
    check_hit_disclosure,
    check_model_order,
    check_release,
    check_round_start,
    check_send,
    check_start,
    check_training_message,
)
from safeborders.privacy.agreement.signing import draft, sign
from safeborders.privacy.agreement.standing import Standing, examine
from safeborders.privacy.agreement.terms import Agreement
from safeborders.privacy.agreement.ways import find_closing_party
from sbtest.agreements import NINE, TODAY, InMemoryJournal, InMemoryPapers, PaperFederation, example_source, terms_for

FEDERATION = PaperFederation()


def all_grants() -> list[dict[str, Any]]:
    """Return the example's grants and one each of evaluation and synthetic records."""
    grants: list[dict[str, Any]] = example_source()["grants"]
    dp = {"epsilon_max_total": "1", "delta_max": "0.00001", "clip_required": False}
    way = {"from": "gr", "to": "it", "purposes": ["P4"]}
    grants.append({"clause": "figures", "material": "M6", **way, "conditions": {"dp": dp, "min_count": 10}})
    grants.append({"clause": "made-up", "material": "M7", **way, "conditions": {"dp": dp}})
    return grants


TERMS = terms_for(NINE, grants=all_grants())
GOOD = Facts(
    point=Point.API_EXPORT,
    run="run-1",
    named_agreement=TERMS.sha256(),
    consented_agreement=TERMS.sha256(),
    is_roster_fresh=True,
    unit=PrivacyUnit.PERSON,
    epsilon_total=Decimal(1),
    delta=Decimal("0.00001"),
    is_clipped=True,
    is_masked=True,
    cohort=6,
    has_evidence=True,
    smallest_count=10,
    categories=frozenset({DataSubjectCategory.SUSPECT, DataSubjectCategory.CONVICTED}),
    protected=frozenset(),
    handling=Handling.H0,
    kept=timedelta(hours=24),
    queries_today=200,
    is_confirmed=True,
)
WAYS: dict[Material, tuple[str, str, str]] = {
    Material.MODEL: (COORDINATOR, "gr", "P1"),
    Material.UPDATE: ("gr", COORDINATOR, "P1"),
    Material.AGGREGATE: ("gr", COORDINATOR, "P5"),
    Material.FILTER: ("gr", "it", "P3"),
    Material.HIT: ("gr", "it", "P3"),
    Material.EVALUATION: ("gr", "it", "P4"),
    Material.SYNTHETIC: ("gr", "it", "P4"),
}
WITH_NOISE = {Material.UPDATE, Material.AGGREGATE, Material.EVALUATION, Material.SYNTHETIC}
NO: dict[str, tuple[Any, Reason, set[Material]]] = {
    "unit": (PrivacyUnit.CASE, Reason.UNIT_DIFFERS, WITH_NOISE),
    "epsilon_total": (Decimal(9), Reason.EPSILON_EXCEEDED, WITH_NOISE),
    "delta": (None, Reason.DELTA_EXCEEDED, WITH_NOISE),
    "is_clipped": (False, Reason.NOT_CLIPPED, {Material.UPDATE, Material.AGGREGATE}),
    "is_masked": (False, Reason.NOT_MASKED, {Material.UPDATE}),
    "cohort": (5, Reason.COHORT_TOO_SMALL, {Material.UPDATE}),
    "has_evidence": (False, Reason.EVIDENCE_MISSING, {Material.MODEL}),
    "smallest_count": (9, Reason.COUNT_TOO_SMALL, {Material.AGGREGATE, Material.EVALUATION}),
    "categories": (frozenset({DataSubjectCategory.WITNESS}), Reason.CATEGORY_NOT_ALLOWED, {Material.FILTER}),
    "protected": (frozenset({ProtectedGroup.MINOR}), Reason.PROTECTED_GROUP, {Material.FILTER}),
    "handling": (Handling.H1, Reason.HANDLING_CODE, {Material.FILTER, Material.HIT}),
    "kept": (timedelta(days=800), Reason.KEPT_TOO_LONG, set(WAYS) - WITH_NOISE | {Material.UPDATE}),
    "queries_today": (201, Reason.QUERIES_EXCEEDED, {Material.FILTER}),
    "is_confirmed": (False, Reason.NOT_CONFIRMED, {Material.HIT}),
    "origin": ("ro", Reason.ONWARD_TRANSFER, set(Material)),
}


def engine_for(own: str = "gr", *agreements: Agreement, journal: InMemoryJournal | None = None) -> PolicyEngine:
    return FEDERATION.make_engine(own, *(agreements or (TERMS,)), journal=journal)


def ask(material: Material, facts: Facts = GOOD, *, engine: PolicyEngine | None = None) -> Decision:
    sender, recipient, purpose = WAYS[material]
    return (engine or ENGINE).check(material, sender=sender, recipient=recipient, purpose=purpose, facts=facts)


ENGINE = engine_for()


@pytest.mark.parametrize("material", Material)
@pytest.mark.parametrize("name", NO)
def test_each_condition_of_each_class_refuses_alone(material: Material, name: str) -> None:
    value, reason, bound = NO[name]
    assert ask(material).reason is Reason.PERMITTED  # the control
    decision = ask(material, dataclasses.replace(GOOD, **{name: value}))
    if material in bound:
        assert decision.reason is reason
        with pytest.raises(TransferRefused):
            decision.enforce()
    else:
        assert decision.is_allowed
        decision.enforce()


@pytest.mark.parametrize("material", Material)
def test_what_is_not_known_is_taken_for_no(material: Material) -> None:
    assert not ask(material, Facts(point=Point.API_EXPORT)).is_allowed


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("queries_today", Reason.QUERIES_EXCEEDED),
        ("kept", Reason.KEPT_TOO_LONG),
        ("protected", Reason.PROTECTED_GROUP),
        ("categories", Reason.CATEGORY_NOT_ALLOWED),
        ("handling", Reason.HANDLING_CODE),
    ],
)
def test_one_fact_that_is_not_known_is_enough_to_refuse_a_filter(name: str, reason: Reason) -> None:
    unknown: dict[str, Any] = {name: None}
    assert ask(Material.FILTER, dataclasses.replace(GOOD, **unknown)).reason is reason


def test_every_fact_is_unfavourable_until_somebody_knows_it() -> None:
    facts = dataclasses.asdict(Facts(point=Point.SEND))
    assert {name for name, value in facts.items() if value} == {"point"}


def test_a_way_without_a_grant_is_closed() -> None:
    for sender, recipient in (("gr", "it"), ("gr", "gr"), (COORDINATOR, COORDINATOR)):
        decision = ENGINE.check(Material.UPDATE, sender=sender, recipient=recipient, purpose="P1", facts=GOOD)
        assert (decision.reason, decision.clause) == (Reason.NOT_GRANTED, "grants")
    for sender, recipient in (("gr", "wb-rs"), ("de", "gr"), ("", "")):
        decision = ENGINE.check(Material.UPDATE, sender=sender, recipient=recipient, purpose="P1", facts=GOOD)
        assert decision.reason is Reason.NOT_A_PARTY


@pytest.mark.parametrize("handling", Handling)
def test_no_signature_lets_a_hit_out_whose_row_forbids_it(handling: Handling) -> None:
    grants = all_grants()
    grants[4]["conditions"]["handling_max"] = "H3"
    engine = engine_for("gr", terms := terms_for(NINE, grants=grants))
    facts = dataclasses.replace(GOOD, named_agreement=terms.sha256(), handling=handling)
    assert ask(Material.HIT, facts, engine=engine).is_allowed is (handling in {Handling.H0, Handling.H1})


def test_two_parties_can_agree_too() -> None:
    terms = terms_for(("gr",), grants=all_grants()[:2])
    facts = dataclasses.replace(GOOD, named_agreement=terms.sha256(), consented_agreement=terms.sha256())
    assert ask(Material.UPDATE, facts, engine=engine_for("gr", terms)).is_allowed


def test_who_is_no_party_decides_nothing() -> None:
    assert ask(Material.UPDATE, engine=engine_for("wb-rs")).reason is Reason.NOT_A_PARTY


def test_one_of_two_grants_is_enough() -> None:
    grants = all_grants()
    narrow = {**grants[0], "clause": "narrow"}
    narrow["conditions"] = {**narrow["conditions"], "secagg": {"min_cohort": 9}}
    engine = engine_for("gr", terms := terms_for(NINE, grants=[narrow, *grants]))
    facts = dataclasses.replace(GOOD, named_agreement=terms.sha256(), consented_agreement=terms.sha256())
    assert ask(Material.UPDATE, facts, engine=engine).clause == "updates"
    small = dataclasses.replace(facts, cohort=3)
    assert (ask(Material.UPDATE, small, engine=engine).clause, ask(Material.UPDATE, small, engine=engine).reason) == (
        "narrow",
        Reason.COHORT_TOO_SMALL,
    )


@pytest.mark.parametrize(
    ("change", "material", "allowed"),
    [
        ({}, Material.UPDATE, True),
        ({"is_masked": False}, Material.UPDATE, False),
        ({"epsilon_total": None}, Material.AGGREGATE, False),
        ({}, Material.AGGREGATE, True),
        ({"is_masked": False}, Material.AGGREGATE, True),
        ({}, Material.MODEL, True),
        ({"epsilon_total": None, "is_masked": False}, Material.MODEL, True),
        ({"has_evidence": False}, Material.MODEL, False),
    ],
)
def test_the_strict_profile_adds_to_lax_grants(change: dict[str, Any], material: Material, allowed: bool) -> None:
    grants = all_grants()
    grants[0]["conditions"]["secagg"]["required"] = False
    grants[1]["conditions"]["anonymity_evidence"] = "personal_data"
    grants[2]["to"] = "coordinator"
    terms = terms_for(NINE, grants=grants)
    facts = dataclasses.replace(GOOD, named_agreement=terms.sha256(), consented_agreement=terms.sha256(), **change)
    for third, is_strict in (("wb-al", True), ("gr", False)):
        sender, recipient, purpose = (third if name == "gr" else name for name in WAYS[material])
        decision = engine_for(third, terms).check(
            material, sender=sender, recipient=recipient, purpose=purpose, facts=facts
        )
        if is_strict:
            assert decision.is_allowed is allowed
            assert allowed or (decision.reason, decision.clause) == (Reason.THIRD_COUNTRY, "third_countries.wb-al")
        elif "epsilon_total" not in change:
            assert decision.is_allowed  # the control: inside the Union the grant alone decides


def test_a_strict_party_deals_with_the_coordinator_alone() -> None:
    grants = all_grants()
    grants[2]["from"] = ["coordinator", *NINE]
    grants[2]["to"] = "*"
    terms = terms_for(NINE, grants=grants)
    facts = dataclasses.replace(GOOD, named_agreement=terms.sha256())
    for sender, recipient, reason in (
        (COORDINATOR, "wb-al", Reason.PERMITTED),
        ("wb-al", "gr", Reason.THIRD_COUNTRY),
        ("gr", "wb-al", Reason.THIRD_COUNTRY),
        ("gr", "it", Reason.PERMITTED),
    ):
        decision = engine_for(sender, terms).check(
            Material.AGGREGATE, sender=sender, recipient=recipient, purpose="P1", facts=facts
        )
        assert decision.reason is reason
        assert decision.is_allowed or decision.clause == "third_countries.wb-al"


@pytest.mark.parametrize("material", Material)
def test_a_strict_party_sends_updates_and_statistics_and_receives_models_and_statistics(material: Material) -> None:
    for party, is_strict in (("wb-al", True), ("gr", False)):
        out = find_closing_party(TERMS, material, sender=party, recipient=COORDINATOR)
        back = find_closing_party(TERMS, material, sender=COORDINATOR, recipient=party)
        assert out == (party if is_strict and material not in {Material.UPDATE, Material.AGGREGATE} else None)
        assert back == (party if is_strict and material not in {Material.MODEL, Material.AGGREGATE} else None)


def test_every_point_carries_its_own_code() -> None:
    journal = InMemoryJournal()
    engine, centre = engine_for(journal=journal), engine_for(COORDINATOR, journal=journal)
    decisions = [
        check_start(engine),
        check_training_message(engine, purpose="P1", facts=GOOD),
        check_model_order(engine, purpose="P1", facts=GOOD),
        check_send(engine, purpose="P1", facts=GOOD),
        check_round_start(centre, "gr", purpose="P1", facts=GOOD),
        check_release(centre, "gr", purpose="P1", facts=GOOD),
        check_filter_export(engine, "it", purpose="P3", facts=GOOD),
        check_hit_disclosure(engine, "it", purpose="P3", facts=GOOD),
        check_api_export(engine, Material.SYNTHETIC, recipient="it", purpose="P4", facts=GOOD),
    ]
    assert [one.point for one in decisions] == ["E1", "E2", "E2", "E3", "E4", "E5", "E6", "E7", "E8"]
    assert all(one.is_allowed for one in decisions)
    assert journal.decisions == decisions
    stale = dataclasses.replace(GOOD, is_roster_fresh=False)
    for ask_ in (check_training_message, check_send):
        assert ask_(engine, purpose="P1", facts=stale).reason is Reason.ROSTER_STALE
    for ask_country in (check_round_start, check_release):
        assert ask_country(centre, "gr", purpose="P1", facts=stale).reason is Reason.ROSTER_STALE


@pytest.mark.parametrize(
    ("change", "reason", "clause"),
    [
        ({"point": Point.SEND, "is_roster_fresh": False}, Reason.ROSTER_STALE, "parties"),
        ({"named_agreement": "0" * 64}, Reason.AGREEMENT_MISMATCH, "parties"),
        ({"point": Point.SEND, "named_agreement": None}, Reason.AGREEMENT_MISMATCH, "parties"),
        ({"point": Point.SEND, "consented_agreement": None}, Reason.CONSENT_MISSING, "amendment"),
        ({"point": Point.TRAINING_MESSAGE, "consented_agreement": "0" * 64}, Reason.CONSENT_MISSING, "amendment"),
        ({"origin": "it"}, Reason.ONWARD_TRANSFER, "onward_transfer"),
        ({"is_clipped": False}, Reason.NOT_CLIPPED, "updates"),
        ({}, Reason.PERMITTED, "updates"),
    ],
)
def test_a_decision_names_the_part_of_the_agreement_that_it_rests_on(
    change: dict[str, Any], reason: Reason, clause: str
) -> None:
    decision = ask(Material.UPDATE, dataclasses.replace(GOOD, **change))
    assert (decision.reason, decision.clause) == (reason, clause)
    assert (decision.run, decision.agreement_sha256, decision.at) == ("run-1", TERMS.sha256(), TODAY)


def test_so_does_one_about_a_way_a_purpose_or_a_material_that_is_not_granted() -> None:
    cases = (
        (Untransferable.RAW_RECORDS, ("gr", "it", "P1"), Reason.RAW_RECORDS, "prohibited"),
        (Material.UPDATE, ("gr", "it", "P1"), Reason.NOT_GRANTED, "grants"),
        (Material.UPDATE, ("gr", "gr", "P1"), Reason.NOT_GRANTED, "grants"),
        (Material.UPDATE, ("gr", COORDINATOR, "P3"), Reason.PURPOSE_NOT_GRANTED, "updates"),
        (Material.UPDATE, ("wb-rs", COORDINATOR, "P1"), Reason.NOT_A_PARTY, "parties"),
        (Material.UPDATE, ("gr", "wb-rs", "P1"), Reason.NOT_A_PARTY, "parties"),
    )
    for material, (sender, recipient, purpose), reason, clause in cases:
        decision = ENGINE.check(material, sender=sender, recipient=recipient, purpose=purpose, facts=GOOD)
        assert (decision.reason, decision.clause, decision.is_allowed) == (reason, clause, False)
    stranger = ask(Material.UPDATE, engine=engine_for("wb-rs"))
    assert (stranger.reason, stranger.clause) == (Reason.NOT_A_PARTY, "term")


@pytest.mark.parametrize(
    ("behind", "reason"),
    [(timedelta(minutes=5), Reason.PERMITTED), (timedelta(minutes=5, seconds=1), Reason.CLOCK_SET_BACK)],
)
def test_a_clock_may_fall_five_minutes_behind_its_own_journal_and_no_more(behind: timedelta, reason: Reason) -> None:
    journal, standing = InMemoryJournal(), FEDERATION.make_cabinet(TERMS).standing
    ask(Material.UPDATE, engine=engine_for(journal=journal))
    decision = ask(
        Material.UPDATE,
        engine=PolicyEngine("gr", standing=standing, journal=journal, clock=lambda: TODAY - behind),
    )
    assert decision.reason is reason
    assert decision.is_allowed or decision.clause == "term"


def test_a_refusal_tells_the_log_why_and_under_which_clause() -> None:
    with pytest.raises(TransferRefused) as caught:
        ask(Material.UPDATE, dataclasses.replace(GOOD, is_clipped=False)).enforce()
    assert caught.value.context == {"reason": "not_clipped", "clause": "updates", "run": "run-1"}


def test_a_decision_about_the_agreement_itself_names_no_parties_and_no_run() -> None:
    about = Decision(
        at=TODAY, point=Point.NODE_START, material=None, sender="", recipient="", purpose="", is_allowed=True,
        clause="term", reason=Reason.PERMITTED, agreement_sha256=TERMS.sha256(), run="",
    )  # fmt: skip
    assert check_start(engine_for()) == about
    noted = engine_for().note(Point.SEND, reason=Reason.MANIFEST_REFUSED, clause="parties", run="run-1")
    assert (noted.is_allowed, noted.run) == (False, "run-1")


def test_a_start_without_an_agreement_is_refused_and_recorded() -> None:
    journal = InMemoryJournal()
    empty = PolicyEngine("gr", standing=Cabinet(InMemoryPapers()).standing, journal=journal, clock=lambda: TODAY)
    assert check_start(empty).reason is Reason.NO_AGREEMENT
    assert [one.agreement_sha256 for one in journal.decisions] == [""]
    assert empty.look().flaw is Reason.NO_AGREEMENT
    assert empty.own == "gr"


def test_every_reason_and_point_has_words() -> None:
    assert all(reason.words for reason in Reason)
    assert len({point.words for point in Point}) == 9


def test_codes_that_stand_in_every_log_never_change() -> None:
    assert " ".join(Reason) == (
        "permitted no_agreement unreadable not_signed not_a_party not_yet_in_force expired terminated "
        "clock_set_back roster_stale not_in_roster manifest_refused models_differ agreement_mismatch "
        "consent_missing raw_records onward_transfer third_country not_granted purpose_not_granted "
        "epsilon_exceeded delta_exceeded unit_differs not_clipped not_masked cohort_too_small "
        "evidence_missing evidence_other_model evidence_stale evidence_failed count_too_small "
        "category_not_allowed protected_group handling_code kept_too_long queries_exceeded not_confirmed"
    )
    assert " ".join(Point) == "E1 E2 E3 E4 E5 E6 E7 E8 E9"


def test_papers_without_a_roster_bind_nobody() -> None:
    papers = InMemoryPapers()
    cabinet = Cabinet(papers)
    with pytest.raises(RosterRefused, match="No roster"):
        cabinet.roster()
    with pytest.raises(AgreementAbsent):
        cabinet.agreement()
    papers.add(PaperKind.AGREEMENT, FEDERATION.sign(TERMS), at=TODAY)
    assert cabinet.standing().flaw is Reason.NOT_SIGNED
    assert cabinet.agreement() == TERMS
    with_roster = FEDERATION.make_cabinet(TERMS)
    assert with_roster.standing() is with_roster.standing()  # signatures are checked once
    with pytest.raises(RosterRefused, match="kept already"):
        with_roster.trust_first_roster(FEDERATION.roster, fingerprint=FEDERATION.fingerprint, now=TODAY)
    assert with_roster.roster_bytes() == FEDERATION.roster


def test_a_cabinet_follows_the_roster_and_remembers_old_keys() -> None:
    cabinet = FEDERATION.make_cabinet(TERMS)
    members = dict(FEDERATION.members())
    old = members.pop("pl")
    second = FEDERATION.make_roster(version=2, members=members)
    for _ in range(2):  # the same again changes nothing
        assert cabinet.follow(second, now=TODAY).version == 2
    assert cabinet.earlier_node_keys("pl") == {old.node}
    assert cabinet.standing().flaw is Reason.NOT_SIGNED  # a party that is out has not signed
    assert cabinet.standing().sha256 == ""


def test_a_party_that_rotates_its_key_signs_again() -> None:
    cabinet, new = FEDERATION.make_cabinet(TERMS), Ed25519PrivateKey.generate()
    old = FEDERATION.members()["pl"]
    members = {**FEDERATION.members(), "pl": MemberKeys(agreement=public_key_hex(new), node=old.node)}
    second = sign_roster(FEDERATION.make_roster(version=2, members=members), key=new)
    cabinet.follow(second, now=TODAY)
    assert cabinet.standing().flaw is Reason.NOT_SIGNED
    cabinet.adopt(sign(FEDERATION.sign(TERMS), key=new), now=TODAY)
    assert cabinet.standing().agreement == TERMS


def test_timestamps_only_rise() -> None:
    cabinet = FEDERATION.make_cabinet(TERMS)
    first, second = (FEDERATION.make_timestamp(now=TODAY + timedelta(minutes=number)) for number in (0, 2))
    cabinet.check_fresh(first, now=TODAY)
    cabinet.check_fresh(first, now=TODAY)
    cabinet.check_fresh(second, now=TODAY)
    with pytest.raises(RosterRefused, match="older"):
        cabinet.check_fresh(first, now=TODAY)


def test_no_agreement_is_an_obstacle_also_where_nobody_says_why() -> None:
    assert Standing(agreement=None).find_obstacle("gr", now=TODAY) is Reason.NO_AGREEMENT
    assert Standing(agreement=None, flaw=Reason.NOT_SIGNED).find_obstacle("gr", now=TODAY) is Reason.NOT_SIGNED
    assert Standing(agreement=TERMS).find_obstacle("gr", now=TODAY) is None  # control


def test_an_unsigned_draft_and_rubbish_do_not_stand() -> None:
    keys = {name: member.agreement for name, member in FEDERATION.members().items()}
    assert examine(draft(TERMS), keys=keys).flaw is Reason.NOT_SIGNED
    assert examine(b"rubbish", keys=keys).flaw is Reason.UNREADABLE
    assert examine(None, keys=keys).flaw is Reason.NO_AGREEMENT
    assert examine(FEDERATION.sign(TERMS), keys=keys).agreement == TERMS
