"""Attacks on the gate before a country's learning; beside each the honest order that passes."""

import dataclasses
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from safeborders.kit.canonical import sha256_hex
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.echoes import Echo, Expectation, ModelsDiffer, check_echoes
from safeborders.models.protocol.manifest import Aggregation, ManifestRefused
from safeborders.models.protocol.plan import RunPlan
from safeborders.models.protocol.refusals import Refusal
from safeborders.models.protocol.roster import RosterRefused
from safeborders.models.protocol.vectors import model_to_bytes
from safeborders.node.bootstrap import agreed_caps
from safeborders.node.learning.policy import ApprovalPending
from safeborders.node.learning.refusals import refusal_of
from safeborders.privacy.agreement.cabinet import Cabinet
from safeborders.privacy.agreement.decisions import Decision, Point, Reason
from safeborders.privacy.agreement.errors import DecisionNotRecorded, TransferRefused
from safeborders.privacy.agreement.standing import Standing
from safeborders.privacy.agreement.terms import Agreement
from safeborders.privacy.errors import BudgetExhausted, PlanChanged
from safeborders.privacy.ledger import EntryState
from sbtest.agreements import InMemoryJournal, InMemoryPapers, PaperFederation, terms_for, unmasked_grants
from sbtest.plans import ARCHITECTURE, make_plan
from sbtest.rounds import AGREEMENT, LIMITS, NOW, PAPERS, Brought, Node, make_message, manifest_for, papers_for

PLAN = make_plan()
MODEL = model_to_bytes(ARCHITECTURE.initial_parameters(7))


def answer(node: Node, papers: bytes | Brought, *, plan: RunPlan = PLAN, round_number: int = 1) -> bytes:
    return node.service.answer(make_message(plan, round_number=round_number, papers=papers)).payload


def last(node: Node) -> tuple[Point, Reason]:
    decision = node.journal.decisions[-1]
    return decision.point, decision.reason


def nothing_happened(node: Node) -> bool:
    return not node.trainer.updates and not node.ledger.list_entries()


def node_under(terms: Agreement, *, cap_epsilon: float = 20.0, consent: bool = True) -> Node:
    """Return a node that keeps ``terms`` and whose operator consented under them."""
    return Node(
        limits=LIMITS.model_copy(update={"agreement_sha256": terms.sha256()}) if consent else None,
        cabinet=PAPERS.make_cabinet(terms),
        cap_epsilon=cap_epsilon,
    )


def terms_with(**conditions: object) -> Agreement:
    """Return the agreement with other conditions for updates."""
    grants = [grant for grant in unmasked_grants() if grant["material"] in {"M1", "M2"}]
    grants[0]["conditions"].update(conditions)
    document = AGREEMENT.model_dump(mode="json")
    return terms_for(PAPERS.countries, federation="demo", grants=grants, term=document["term"])


def test_an_honest_order_is_worked_on_and_every_answer_is_recorded() -> None:
    node = Node()
    assert answer(node, papers_for(PLAN, model=MODEL))
    assert [(one.point, one.clause, one.is_allowed, one.run) for one in node.journal.decisions] == [
        (Point.TRAINING_MESSAGE, "updates", True, "run-1"),
        (Point.SEND, "updates", True, "run-1"),
    ]
    assert {one.agreement_sha256 for one in node.journal.decisions} == {AGREEMENT.sha256()}


WRONG_PAPERS: dict[str, Callable[[], bytes]] = {
    "none": lambda: b"",
    "one country signed": lambda: papers_for(PLAN, model=MODEL, signers=("gr",)),
    "no country signed": lambda: papers_for(PLAN, model=MODEL, signers=()),
    "of another plan": lambda: papers_for(make_plan(rounds=11), model=MODEL),
    "of another first model": lambda: papers_for(PLAN, model=b"other"),
    "a foreign bundle": lambda: papers_for(PLAN, model=MODEL, bundle_sha256="b" * 64),
    "expired": lambda: papers_for(PLAN, model=MODEL, valid_until=NOW - timedelta(seconds=1)),
    "not yet good": lambda: papers_for(PLAN, model=MODEL, valid_from=NOW + timedelta(seconds=1)),
    "promises a way that this version lacks": lambda: papers_for(PLAN, model=MODEL, aggregation=Aggregation.ROBUST),
    "promises masks among too few": lambda: papers_for(PLAN, model=MODEL, aggregation=Aggregation.SECURE),
    "by another federation": lambda: PaperFederation(countries=("gr", "it", "ro"), now=NOW).make_papers(
        PaperFederation(countries=("gr", "it", "ro"), now=NOW).make_manifest(
            PLAN, agreement_sha256=AGREEMENT.sha256(), initial_model_sha256=sha256_hex(MODEL)
        ),
        timestamp=PAPERS.make_timestamp(),
    ),
}


@pytest.mark.parametrize("name", WRONG_PAPERS)
def test_an_order_without_the_right_manifest_changes_nothing(name: str) -> None:
    node = Node()
    with pytest.raises(ManifestRefused) as refusal:
        answer(node, WRONG_PAPERS[name]())
    assert refusal_of(refusal.value) is Refusal.NO_AGREEMENT
    assert last(node) == (Point.TRAINING_MESSAGE, Reason.MANIFEST_REFUSED)
    assert nothing_happened(node)
    assert answer(node, papers_for(PLAN, model=MODEL))  # the control: the same node answers an honest order


def stamped(timestamp: bytes) -> bytes:
    manifest = PAPERS.make_manifest(PLAN, agreement_sha256=AGREEMENT.sha256(), initial_model_sha256=sha256_hex(MODEL))
    return PAPERS.make_papers(manifest, timestamp=timestamp)


def test_a_coordinator_that_holds_back_or_swaps_the_roster_gets_nothing() -> None:
    node = Node()
    second = PAPERS.make_roster(version=2)
    wrong = {
        "yesterday's": PAPERS.make_timestamp(now=NOW - timedelta(hours=25)),
        "about a newer roster": PAPERS.make_timestamp(roster=second),
        "signed with a key of its own": PaperFederation(countries=("gr", "it", "ro"), now=NOW).make_timestamp(
            roster=PAPERS.roster
        ),
    }
    for timestamp in wrong.values():
        with pytest.raises(RosterRefused) as refusal:
            answer(node, stamped(timestamp))
        assert refusal_of(refusal.value) is Refusal.NO_AGREEMENT
        assert last(node) == (Point.TRAINING_MESSAGE, Reason.ROSTER_STALE)
    assert nothing_happened(node)
    assert answer(node, stamped(PAPERS.make_timestamp()))  # the control
    older = PAPERS.make_timestamp(now=NOW - timedelta(minutes=1))
    with pytest.raises(RosterRefused, match="older than one seen"):
        answer(node.restarted(), stamped(older))


def test_a_node_whose_key_was_revoked_answers_nothing() -> None:
    node = Node()
    members = {**PAPERS.members()}
    other = PaperFederation(countries=("gr", "it", "ro")).members()
    members["gr"] = dataclasses.replace(members["gr"], node=other["gr"].node)
    second = PAPERS.make_roster(version=2, members=members)
    node.cabinet.follow(second, now=NOW)
    with pytest.raises(RosterRefused, match="revoked or not yet enrolled"):
        answer(node, stamped(PAPERS.make_timestamp(roster=second)))
    assert nothing_happened(node)


def test_an_agreement_that_the_coordinator_prefers_is_not_ours() -> None:
    node = Node()
    with pytest.raises(TransferRefused) as refusal:
        answer(node, papers_for(PLAN, model=MODEL, agreement_sha256="0" * 64))
    assert refusal_of(refusal.value) is Refusal.NO_AGREEMENT
    assert last(node) == (Point.TRAINING_MESSAGE, Reason.AGREEMENT_MISMATCH)
    assert nothing_happened(node)


def test_without_an_agreement_nothing_is_answered() -> None:
    node = Node(cabinet=PAPERS.make_cabinet())
    with pytest.raises(TransferRefused):
        answer(node, papers_for(PLAN, model=MODEL))
    assert last(node) == (Point.TRAINING_MESSAGE, Reason.NO_AGREEMENT)
    unknown = Node(cabinet=Cabinet(InMemoryPapers()))
    with pytest.raises(RosterRefused):
        answer(unknown, papers_for(PLAN, model=MODEL))


def test_an_amendment_waits_for_the_operator() -> None:
    terms = terms_with(retention="PT12H")
    papers = papers_for(PLAN, model=MODEL, agreement_sha256=terms.sha256())
    node = node_under(terms, consent=False)
    with pytest.raises(ApprovalPending):
        answer(node, papers)
    assert last(node) == (Point.TRAINING_MESSAGE, Reason.CONSENT_MISSING)
    assert nothing_happened(node)
    assert answer(node_under(terms), papers)  # the control: consent under this version


def test_a_cohort_below_the_agreed_floor_is_refused() -> None:
    for floor, cohort in ((2, 3), (3, 3)):
        plan = make_plan(floor=floor)
        terms = terms_with(secagg={"required": False, "min_cohort": cohort})
        node = node_under(terms)
        papers = papers_for(plan, model=MODEL, agreement_sha256=terms.sha256())
        if floor < cohort:
            with pytest.raises(TransferRefused):
                answer(node, papers, plan=plan)
            assert last(node) == (Point.TRAINING_MESSAGE, Reason.COHORT_TOO_SMALL)
            assert nothing_happened(node)
        else:
            assert answer(node, papers, plan=plan)


def test_epsilon_beyond_the_agreements_bound_stops_a_run_in_its_middle() -> None:
    """The country's own cap would allow the whole run; the agreement allows four rounds of its ten."""
    probe = Node()
    for number in range(1, 5):
        answer(probe, Brought(), round_number=number)
    four = probe.ledger.spent_epsilon()
    terms = terms_with(dp={"unit": "person", "epsilon_max_total": f"{four + 1e-6:.7f}", "delta_max": "0.00001"})
    papers = Brought(manifest_for(PLAN, model=MODEL, agreement_sha256=terms.sha256()))
    (cap,) = agreed_caps(Standing(terms), Country.GR)
    node = node_under(terms, cap_epsilon=cap)
    for number in range(1, 5):
        assert answer(node, papers, round_number=number)
    with pytest.raises(BudgetExhausted):
        answer(node, papers, round_number=5)
    assert len(node.trainer.updates) == 4
    lax = node_under(terms)  # its ledger does not know the bound: the last gate holds what was made
    with pytest.raises(TransferRefused):
        answer(lax, papers)
    assert last(lax) == (Point.SEND, Reason.EPSILON_EXCEEDED)
    assert [entry.state for entry in lax.ledger.list_entries()] == [EntryState.RESERVED, EntryState.STORED]


def test_a_decision_that_cannot_be_recorded_is_no_yes() -> None:
    class Full(InMemoryJournal):
        def record(self, decision: Decision) -> None:
            raise DecisionNotRecorded("The disk is full: make room.")

    node = Node(journal=Full())
    with pytest.raises(DecisionNotRecorded):
        answer(node, papers_for(PLAN, model=MODEL))
    assert nothing_happened(node)


def test_the_start_is_a_decision_too() -> None:
    def start(node: Node, *, key: str | None = None) -> Reason:
        return node.gate(key).check_start().reason

    assert start(Node()) is Reason.PERMITTED
    assert start(Node(), key="0" * 64) is Reason.NOT_IN_ROSTER
    assert start(Node(cabinet=Cabinet(InMemoryPapers()))) is Reason.NOT_IN_ROSTER
    assert start(Node(cabinet=PAPERS.make_cabinet())) is Reason.NO_AGREEMENT


def test_a_country_never_answers_for_two_models_in_one_round() -> None:
    node = Node()
    node.service.answer(make_message(PLAN, model=MODEL))
    other = model_to_bytes(ARCHITECTURE.initial_parameters(7) + np.float32(0.5))
    manifest = manifest_for(PLAN, model=other)  # signed by two countries, so that only the ledger can notice
    with pytest.raises(PlanChanged):
        node.service.answer(make_message(PLAN, model=other, papers=Brought(manifest)))
    assert node.service.answer(make_message(PLAN, model=MODEL)).payload  # the control


OTHER = "d" * 64
EVERYBODY = ("gr", "it", "ro")


@pytest.mark.parametrize(
    ("base", "countries"),
    [
        (OTHER, ("it", "ro")),  # the two others worked on another model than we did
        (OTHER, EVERYBODY),
        (sha256_hex(MODEL), ("gr",)),  # only our own echo: nobody else shows ours
        (sha256_hex(MODEL), ()),
    ],
)
def test_two_different_models_to_two_countries_are_noticed_in_the_next_round(
    base: str, countries: tuple[str, ...]
) -> None:
    node = Node()
    node.service.answer(make_message(PLAN, model=MODEL))
    wrong = make_message(PLAN, round_number=2, model=MODEL, papers=Brought(echoes=(base, countries)))
    with pytest.raises(ModelsDiffer) as refusal:
        node.service.answer(wrong)
    assert refusal_of(refusal.value) is Refusal.DENIED
    assert last(node) == (Point.TRAINING_MESSAGE, Reason.MODELS_DIFFER)
    assert len(node.trainer.updates) == 1
    honest = make_message(PLAN, round_number=2, model=MODEL, papers=Brought(echoes=(sha256_hex(MODEL), ("it", "ro"))))
    assert node.service.answer(honest).payload  # the control


def test_a_country_that_was_away_still_sees_that_the_others_had_one_model() -> None:
    mixed = make_message(PLAN, round_number=2, model=MODEL)
    echoes = [
        *PAPERS.make_echoes(mixed.header, base=OTHER, countries=("it",)),
        *PAPERS.make_echoes(mixed.header, base=sha256_hex(MODEL), countries=("ro",)),
    ]
    papers = PAPERS.make_papers(manifest_for(PLAN, model=MODEL), echoes=echoes)
    with pytest.raises(ModelsDiffer, match="different models"):
        Node().service.answer(make_message(PLAN, round_number=2, model=MODEL, papers=papers))
    assert Node().service.answer(mixed).payload  # the control


def test_echoes_cannot_be_made_up() -> None:
    order = make_message(PLAN, round_number=3, model=MODEL).header
    good = PAPERS.make_echoes(order, base=OTHER)
    stranger = PaperFederation(countries=EVERYBODY, now=NOW).make_echoes(order, base=OTHER)
    earlier = PAPERS.make_echoes(order.model_copy(update={"round": 2}), base=OTHER)
    other_run = PAPERS.make_echoes(order.model_copy(update={"run": "other"}), base=OTHER)
    unreadable = Echo(header="{}", signature="0" * 128)
    expected = Expectation(floor=3, own_base=None, keys={name: key.node for name, key in PAPERS.members().items()})
    check_echoes(good, order=order, expected=expected)  # the control
    forged = ((*good[:2], stranger[2]), (*good[:2], good[0]), (*good[:2], earlier[2]), (*good[:2], other_run[2]))
    for echoes in (*forged, (*good[:2], unreadable), good[:2]):
        with pytest.raises(ModelsDiffer):
            check_echoes(echoes, order=order, expected=expected)


def test_the_agreed_cap_is_the_largest_grant_for_updates() -> None:
    assert agreed_caps(Standing(AGREEMENT), Country.GR) == (8.0,)
    assert agreed_caps(Standing(None), Country.GR) == ()
    only_models = [grant for grant in unmasked_grants() if grant["material"] == "M1"]
    assert agreed_caps(Standing(terms_for(("gr", "it", "ro"), grants=only_models)), Country.GR) == ()
