"""The tests M-01 to M-14 of the specification (domain.md 3.5), each with a control that is allowed."""

import dataclasses
import json
from base64 import b64decode, b64encode
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from safeborders.kit.envelopes import EnvelopeRefused
from safeborders.models.domain.governance import Handling
from safeborders.models.domain.materials import COORDINATOR, Material, Untransferable
from safeborders.models.domain.statuses import DataSubjectCategory
from safeborders.models.protocol.roster import KeyRole
from safeborders.privacy.agreement.conditions import PrivacyUnit
from safeborders.privacy.agreement.decisions import Decision, Point, Reason
from safeborders.privacy.agreement.engine import PolicyEngine
from safeborders.privacy.agreement.errors import (
    AgreementRolledBack,
    SignaturesMissing,
    TermsUnreadable,
    TransferRefused,
)
from safeborders.privacy.agreement.facts import Facts
from safeborders.privacy.agreement.points import (
    check_filter_export,
    check_round_start,
    check_send,
    check_training_message,
)
from safeborders.privacy.agreement.retention import Copy, purge_overdue
from safeborders.privacy.agreement.signing import verify
from safeborders.privacy.agreement.source import parse_source
from safeborders.privacy.agreement.standing import examine
from safeborders.privacy.agreement.termination import Ground, Termination, declare
from safeborders.privacy.agreement.terms import Agreement, Grant
from sbtest.agreements import EXAMPLE, NINE, TODAY, InMemoryJournal, PaperFederation, example_source, terms_for

TERMS = parse_source(EXAMPLE.read_text(encoding="utf-8"))
FEDERATION = PaperFederation()
UPDATE = Facts(
    point=Point.SEND,
    named_agreement=TERMS.sha256(),
    consented_agreement=TERMS.sha256(),
    is_roster_fresh=True,
    unit=PrivacyUnit.PERSON,
    epsilon_total=Decimal("7.99"),
    delta=Decimal("0.00001"),
    is_clipped=True,
    is_masked=True,
    cohort=6,
)
FILTER = Facts(
    point=Point.FILTER_EXPORT,
    categories=frozenset({DataSubjectCategory.SUSPECT}),
    protected=frozenset(),
    handling=Handling.H0,
    kept=timedelta(days=30),
    queries_today=200,
)


def engine_for(own: str = "gr", *, content: bytes | None = None, now: datetime = TODAY) -> PolicyEngine:
    """Return an engine whose agreement is examined afresh from ``content``."""
    keys = {name: member.agreement for name, member in FEDERATION.members().items()}
    kept = FEDERATION.sign(TERMS) if content is None else content
    return PolicyEngine(own, standing=lambda: examine(kept, keys=keys), journal=InMemoryJournal(), clock=lambda: now)


def send(engine: PolicyEngine, *, purpose: str = "P1", facts: Facts = UPDATE) -> Decision:
    return check_send(engine, purpose=purpose, facts=facts)


def altered(content: bytes) -> bytes:
    """Return the envelope with a tenfold epsilon, canonical and under the old signatures."""
    document = json.loads(content)
    payload = b64decode(document["payload"]).replace(b'"epsilon_max_total":"8"', b'"epsilon_max_total":"80"')
    document["payload"] = b64encode(payload).decode()
    return json.dumps(document).encode()


def test_M_01_an_agreement_unsigned_expired_altered_or_ended_lets_nothing_out() -> None:
    signed = FEDERATION.sign(TERMS)
    assert send(engine_for()).is_allowed  # the control
    assert send(engine_for(content=FEDERATION.sign(TERMS, signers=()))).reason is Reason.NOT_SIGNED
    assert send(engine_for(content=altered(signed))).reason is Reason.NOT_SIGNED
    assert send(engine_for(content=signed[:-9])).reason is Reason.UNREADABLE
    last = datetime(2028, 11, 30, 23, 59, tzinfo=UTC)
    assert send(engine_for(now=last)).is_allowed
    assert send(engine_for(now=last + timedelta(minutes=1))).reason is Reason.EXPIRED
    first = datetime(2026, 12, 1, tzinfo=UTC)
    assert send(engine_for(now=first)).is_allowed
    assert send(engine_for(now=first - timedelta(seconds=1))).reason is Reason.NOT_YET_IN_FORCE
    ended = PaperFederation(keys=FEDERATION.keys, node_keys=FEDERATION.node_keys).make_cabinet(TERMS)
    engine = PolicyEngine("gr", standing=ended.standing, journal=InMemoryJournal(), clock=lambda: TODAY)
    assert send(engine).is_allowed
    ended.end(declared(Ground.BREACH), now=TODAY)
    assert send(engine).reason is Reason.TERMINATED


@pytest.mark.parametrize("missing", [*NINE, COORDINATOR])
def test_M_02_one_party_missing_is_no_agreement(missing: str) -> None:
    others = [name for name in TERMS.party_names if name != missing]
    content = FEDERATION.sign(TERMS, signers=others)
    keys = {name: member.agreement for name, member in FEDERATION.members().items()}
    with pytest.raises(SignaturesMissing, match=missing):
        verify(content, keys=keys)
    assert send(engine_for(content=content)).reason is Reason.NOT_SIGNED
    assert verify(FEDERATION.sign(TERMS), keys=keys) == TERMS  # the control


def test_M_03_node_and_coordinator_must_mean_the_same_version() -> None:
    other = dataclasses.replace(UPDATE, named_agreement="0" * 64)
    assert send(engine_for(), facts=other).reason is Reason.AGREEMENT_MISMATCH
    assert send(engine_for(), facts=dataclasses.replace(UPDATE, named_agreement=None)).reason is (
        Reason.AGREEMENT_MISMATCH
    )
    coordinator = engine_for(COORDINATOR)
    assert check_round_start(coordinator, "gr", purpose="P1", facts=other).reason is Reason.AGREEMENT_MISMATCH
    assert check_round_start(coordinator, "gr", purpose="P1", facts=UPDATE).is_allowed


def test_M_04_raw_records_cannot_be_granted_named_or_sent() -> None:
    good = {
        "clause": "raw", "material": "M7", "from": "*", "to": "coordinator", "purposes": ["P1"],
        "conditions": {"dp": {"epsilon_max_total": "1", "delta_max": "0.1"}},
    }  # fmt: skip
    assert Grant.model_validate_json(json.dumps(good)).material is Material.SYNTHETIC  # the control
    with pytest.raises(ValidationError):
        Grant.model_validate_json(json.dumps({**good, "material": "M8"}))
    with pytest.raises(ValidationError):
        Grant.model_validate({**good, "material": Untransferable.RAW_RECORDS})
    assert "M8" not in set(Material)
    document = example_source()
    document["grants"].append({**good, "material": "M8"})
    with pytest.raises(TermsUnreadable, match=r"grants\.5\.material"):
        parse_source(json.dumps(document, default=str))
    for own, recipient in (("gr", "it"), ("gr", COORDINATOR)):
        decision = engine_for(own).check(
            Untransferable.RAW_RECORDS, sender=own, recipient=recipient, purpose="P1", facts=UPDATE
        )
        assert (decision.reason, decision.is_allowed) == (Reason.RAW_RECORDS, False)
        with pytest.raises(TransferRefused):
            decision.enforce()


def test_M_05_a_cohort_below_the_floor_sends_nothing() -> None:
    grants = example_source()["grants"]
    grants[0]["conditions"]["secagg"]["min_cohort"] = 5
    engine = FEDERATION.make_engine("gr", terms := terms_for(NINE, grants=grants))
    named = dataclasses.replace(UPDATE, named_agreement=terms.sha256(), consented_agreement=terms.sha256())
    for cohort in (4, None):
        facts = dataclasses.replace(named, cohort=cohort)
        assert send(engine, facts=facts).reason is Reason.COHORT_TOO_SMALL
    assert send(engine, facts=dataclasses.replace(named, cohort=5)).is_allowed


def test_M_06_epsilon_beyond_the_bound_stops_a_run_in_its_middle() -> None:
    engine = engine_for()
    spent = [Decimal("2.7") * number for number in range(1, 5)]
    answers = [send(engine, facts=dataclasses.replace(UPDATE, epsilon_total=one)).reason for one in spent]
    assert answers == [Reason.PERMITTED, Reason.PERMITTED, Reason.EPSILON_EXCEEDED, Reason.EPSILON_EXCEEDED]
    assert send(engine, facts=dataclasses.replace(UPDATE, epsilon_total=Decimal(8))).is_allowed  # the bound itself
    for unknown in (None, Decimal("NaN"), Decimal("Infinity")):
        facts = dataclasses.replace(UPDATE, epsilon_total=unknown)
        assert send(engine, facts=facts).reason is Reason.EPSILON_EXCEEDED
    facts = dataclasses.replace(UPDATE, delta=Decimal("0.000011"))
    assert send(engine, facts=facts).reason is Reason.DELTA_EXCEEDED


def test_M_07_a_third_country_gets_no_match_filter_without_an_instrument() -> None:
    grants = example_source()["grants"]
    for grant in grants[3:]:
        grant["from"] = grant["to"] = "*"
    strict = FEDERATION.make_engine("gr", terms_for(NINE, grants=grants))
    decision = check_filter_export(strict, "wb-al", purpose="P3", facts=FILTER)
    assert (decision.reason, decision.clause) == (Reason.THIRD_COUNTRY, "third_countries.wb-al")
    assert check_filter_export(strict, "it", purpose="P3", facts=FILTER).is_allowed
    instrument = {"treaty_ref": "treaty", "assessment_ref": "assessment"}
    recorded = {"wb-al": {"instrument": instrument, "profile": "third_country_strict"}}
    open_ = FEDERATION.make_engine("gr", terms_for(NINE, grants=grants, third_countries=recorded))
    assert check_filter_export(open_, "wb-al", purpose="P3", facts=FILTER).is_allowed


def test_M_08_nothing_is_passed_on() -> None:
    engine = engine_for()
    facts = dataclasses.replace(FILTER, origin="ro")
    assert check_filter_export(engine, "it", purpose="P3", facts=facts).reason is Reason.ONWARD_TRANSFER
    own = dataclasses.replace(FILTER, origin="gr")
    assert check_filter_export(engine, "it", purpose="P3", facts=own).is_allowed
    document = example_source()
    document["onward_transfer"] = {"allowed": True}
    with pytest.raises(TermsUnreadable, match=r"onward_transfer\.allowed"):
        parse_source(json.dumps(document, default=str))


def amended(terms: Agreement, **changes: object) -> Agreement:
    return terms_for(NINE, version=terms.version + 1, parent=terms.sha256(), **changes)


def test_M_09_an_amended_agreement_resets_consent() -> None:
    first = terms_for(NINE)
    second = amended(first, breach_notice_hours=12)
    engine = FEDERATION.make_engine("gr", first, second)
    old = dataclasses.replace(UPDATE, named_agreement=second.sha256(), consented_agreement=first.sha256())
    assert check_training_message(engine, purpose="P1", facts=old).reason is Reason.CONSENT_MISSING
    assert send(engine, facts=old).reason is Reason.CONSENT_MISSING
    new = dataclasses.replace(old, consented_agreement=second.sha256())
    assert send(engine, facts=new).is_allowed
    before = dataclasses.replace(old, named_agreement=first.sha256())
    assert send(FEDERATION.make_engine("gr", first), facts=before).is_allowed  # the control: consent was good before


def declared(ground: Ground, *, on: date = date(2027, 3, 1), by: str = "it", terms: Agreement = TERMS) -> bytes:
    termination = Termination(agreement_sha256=terms.sha256(), by=by, ground=ground, notified_on=on)
    return declare(termination, key=FEDERATION.keys[by])


class Shelf:
    """Copies in memory."""

    def __init__(self, *copies: Copy) -> None:
        self.copies = {copy.reference: copy for copy in copies}

    def list_copies(self) -> tuple[Copy, ...]:
        return tuple(self.copies.values())

    def purge(self, reference: str) -> None:
        self.copies.pop(reference, None)


def test_M_10_termination_purges_copies_and_refuses_the_next_round() -> None:
    cabinet, journal = FEDERATION.make_cabinet(TERMS), InMemoryJournal()
    now = [TODAY]
    engine = PolicyEngine("gr", standing=cabinet.standing, journal=journal, clock=lambda: now[0])
    evidence = dataclasses.replace(UPDATE, has_evidence=True)
    shelf = Shelf(
        Copy("model", Material.MODEL, COORDINATOR, "P1", TODAY - timedelta(days=10), evidence),
        Copy("filter", Material.FILTER, "it", "P3", TODAY - timedelta(days=10), FILTER),
        Copy("old filter", Material.FILTER, "ro", "P3", TODAY - timedelta(days=31), FILTER),
    )
    assert [one.reason for one in purge_overdue(engine, shelf, clock=lambda: now[0])] == [Reason.KEPT_TOO_LONG]
    assert set(shelf.copies) == {"model", "filter"}  # the control: in force and in time, they stay
    for _ in range(2):  # told twice, it is kept once
        cabinet.end(declared(Ground.NOTICE, on=TODAY.date()), now=TODAY)
    assert send(engine).is_allowed  # thirty days of notice
    now[0] = TODAY + timedelta(days=15)
    assert send(engine).is_allowed
    cabinet.end(declared(Ground.ADEQUACY_LOSS, on=now[0].date(), by="fi"), now=now[0])
    assert (
        check_round_start(
            PolicyEngine(COORDINATOR, standing=cabinet.standing, journal=journal, clock=lambda: now[0]),
            "gr",
            purpose="P1",
            facts=UPDATE,
        ).reason
        is Reason.TERMINATED
    )
    ended = purge_overdue(engine, shelf, clock=lambda: now[0])
    assert {(one.material, one.reason, one.point) for one in ended} == {
        (Material.MODEL, Reason.TERMINATED, Point.RETENTION),
        (Material.FILTER, Reason.TERMINATED, Point.RETENTION),
    }
    assert shelf.copies == {}


def test_M_11_a_clock_that_is_set_back_revives_nothing() -> None:
    last, journal = datetime(2028, 11, 30, 23, tzinfo=UTC), InMemoryJournal()
    now = [last]
    cabinet = FEDERATION.make_cabinet(TERMS)
    engine = PolicyEngine("gr", standing=cabinet.standing, journal=journal, clock=lambda: now[0])
    assert send(engine).is_allowed
    now[0] = last - timedelta(minutes=5)  # clocks wander
    assert send(engine).is_allowed
    now[0] = last + timedelta(hours=2)
    assert send(engine).reason is Reason.EXPIRED
    now[0] = last
    assert send(engine).reason is Reason.CLOCK_SET_BACK


def test_M_12_a_purpose_that_is_not_granted_is_refused() -> None:
    for purpose in ("P3", "P4", "P5", "", "P9"):
        decision = send(engine_for(), purpose=purpose)
        assert (decision.reason, decision.clause) == (Reason.PURPOSE_NOT_GRANTED, "updates")
    assert [send(engine_for(), purpose=purpose).is_allowed for purpose in ("P1", "P2")] == [True, True]


@pytest.mark.parametrize("handling", [Handling.H1, Handling.H2, Handling.H3, None])
def test_M_13_no_row_beyond_its_handling_code_enters_a_filter(
    handling: Handling | None,
) -> None:
    facts = dataclasses.replace(FILTER, handling=handling)
    assert check_filter_export(engine_for(), "it", purpose="P3", facts=facts).reason is Reason.HANDLING_CODE
    assert check_filter_export(engine_for(), "it", purpose="P3", facts=FILTER).is_allowed
    lax = example_source()["grants"]
    lax[3]["conditions"]["handling_max"] = "H3"
    engine = FEDERATION.make_engine("gr", terms_for(NINE, grants=lax))
    decision = check_filter_export(engine, "it", purpose="P3", facts=facts)
    assert decision.is_allowed is (handling is Handling.H1)  # H2 and H3 never, whatever is signed


def test_M_14_the_order_of_keys_breaks_no_signature() -> None:
    def turned(value: object) -> object:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(one) for one in value] if isinstance(value, list) else value

    other = parse_source(json.dumps(turned(example_source()), default=str))
    assert other.canonical() == TERMS.canonical()
    keys = FEDERATION.make_cabinet().roster().keys(KeyRole.AGREEMENT)
    assert verify(FEDERATION.sign(other), keys=keys) == TERMS
    document = example_source()
    document["parties"].reverse()  # the control: the order of a list means something
    assert parse_source(json.dumps(document, default=str)).sha256() != TERMS.sha256()


def test_an_older_version_never_comes_back() -> None:
    first = terms_for(NINE)
    second = amended(first)
    cabinet = FEDERATION.make_cabinet(first, second)
    with pytest.raises(AgreementRolledBack):
        cabinet.adopt(FEDERATION.sign(first), now=TODAY)
    cabinet.adopt(FEDERATION.sign(second), now=TODAY)  # the control: the same again changes nothing
    third = amended(second)
    with pytest.raises(AgreementRolledBack):  # a version skipped, and one that succeeds another text
        FEDERATION.make_cabinet(first).adopt(FEDERATION.sign(third), now=TODAY)
    stranger = terms_for(NINE, version=2, parent="0" * 64)
    with pytest.raises(AgreementRolledBack):
        FEDERATION.make_cabinet(first).adopt(FEDERATION.sign(stranger), now=TODAY)


def test_a_signer_who_signs_for_two_does_not_count_twice() -> None:
    content = FEDERATION.sign(TERMS, signers=[name for name in TERMS.party_names if name != "pl"])
    document = json.loads(content)
    doubled = {**document, "signatures": [*document["signatures"], document["signatures"][0]]}
    assert send(engine_for(content=json.dumps(doubled).encode())).reason is Reason.UNREADABLE
    for signature in document["signatures"]:
        renamed = {**signature, "keyid": keyid_of("pl")}
        forged = {**document, "signatures": [*document["signatures"], renamed]}
        assert send(engine_for(content=json.dumps(forged).encode())).reason is Reason.NOT_SIGNED
    complete = FEDERATION.sign(TERMS)
    assert send(engine_for(content=complete)).is_allowed
    keys = dict.fromkeys(TERMS.party_names, FEDERATION.members()["gr"].agreement)
    with pytest.raises(ValueError, match="one key twice"):  # a key table that gives one key to all
        verify(complete, keys=keys)


def keyid_of(name: str) -> str:
    lone = json.loads(FEDERATION.sign(TERMS, signers=[name]))
    return str(lone["signatures"][0]["keyid"])


def test_an_agreement_in_another_envelope_is_none() -> None:
    content = FEDERATION.sign(TERMS).replace(b"mta+json", b"mta-termination+json")
    with pytest.raises(EnvelopeRefused, match="another kind"):
        verify(content, keys={})
    assert send(engine_for(content=content)).reason is Reason.UNREADABLE
