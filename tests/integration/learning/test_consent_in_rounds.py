"""People decide between any two messages of a round: nothing is answered without them, nothing after they withdrew."""

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safeborders.models.protocol.messages import Kind
from safeborders.models.protocol.refusals import Refusal
from safeborders.node.access.errors import EventNotRecorded
from safeborders.node.consent.entries import Verdict
from safeborders.node.consent.errors import ApprovalRefused, ReleaseHeld
from safeborders.node.consent.inbox import ConsentRule
from safeborders.node.consent.standing import State
from safeborders.node.learning.policy import ApprovalPending
from safeborders.node.learning.recording import RecordedAnswers, RecordedTrainer, recorder_of
from safeborders.node.learning.refusals import refusal_of
from safeborders.node.outbox.reading import Outbox
from safeborders.node.storage.aggregation import SqlSessionStore
from safeborders.node.storage.agreement_store import SqlDecisionJournal
from safeborders.node.storage.audit import LOG, SqlAuditLog
from safeborders.node.storage.consent_store import SqlConsentStore, SqlEnvelopeStore
from safeborders.node.storage.database import Place, Store, open_store
from safeborders.node.storage.ledger_store import SqlActivationStore, SqlLedgerStore
from safeborders.privacy.aggregation.errors import Contradiction
from safeborders.privacy.ledger import EntryState
from sbtest.consent import MARIA, NIKOS
from sbtest.ledger import InMemoryLedgerStore
from sbtest.masked_country import Others, masked_node, order
from sbtest.plans import CATALOGUE, make_plan
from sbtest.rounds import NOW, Node, NoiseTrainer, make_message

PLAN = make_plan()
KEY = "ab" * 32
WHY = "looked at it"
HELD = ConsentRule(persons=1, holds_releases=True)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty database that each test copies, because migrations take longer than a test."""
    path = tmp_path_factory.mktemp("node") / "template_test.db"
    opened = open_store(Place(path=path, key_hex=KEY))
    opened.upgrade()
    opened.close()
    return path


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copy(template, tmp_path / "node_test.db")
    opened = open_store(Place(path=tmp_path / "node_test.db", key_hex=KEY))
    yield opened
    opened.close()


def on_disk(store: Store) -> dict[str, Any]:
    """Return the parts of a node that outlive its process, anew from the database."""
    return {
        "ledger_store": SqlLedgerStore(store.engine),
        "activations": SqlActivationStore(store.engine),
        "journal": SqlDecisionJournal(store.engine),
        "sessions": SqlSessionStore(store.engine),
        "consents": SqlConsentStore(store.engine),
        "envelopes": SqlEnvelopeStore(store.engine),
    }


def outbox_of(node: Node, store: Store) -> Outbox:
    parts = on_disk(store)
    return Outbox(
        parts["ledger_store"],
        inbox=node.inbox,
        envelopes=parts["envelopes"],
        sessions=parts["sessions"],
        decisions=parts["journal"],
        catalogue=CATALOGUE,
    )


def records(store: Store) -> list[dict[str, Any]]:
    with store.engine.connect() as connection:
        return [json.loads(entry.content) for entry in LOG.entries(connection) if entry.content is not None]


def test_a_run_nobody_approved_is_noted_with_our_price_and_answered_with_a_number() -> None:
    node = Node(limits=None)
    with pytest.raises(ApprovalPending) as caught:
        node.service.answer(make_message(PLAN))
    assert refusal_of(caught.value) is Refusal.PENDING_APPROVAL
    (run,) = node.inbox.list_runs()
    assert (run.state, run.request.run, run.request.clause) == (State.PENDING, "run-1", "updates")
    assert 0 < run.request.epsilon < 8
    assert node.trainer.updates == []
    assert node.ledger.list_entries() == []
    node.inbox.decide("run-1", Verdict.APPROVE, person=MARIA, reason=WHY)
    assert node.service.answer(make_message(PLAN)).header.kind is Kind.UPDATE


@pytest.mark.parametrize("verdict", [Verdict.WITHDRAW, Verdict.REFUSE])
def test_after_a_withdrawal_the_next_message_gets_nothing(verdict: Verdict) -> None:
    node = Node()
    node.service.answer(make_message(PLAN))
    node.inbox.decide("run-1", verdict, person=MARIA, reason=WHY)
    for place in (node, node.restarted()):
        for message in (
            make_message(PLAN),
            make_message(PLAN, round_number=2),
            make_message(PLAN, kind=Kind.ACTIVATE, round_number=10),
        ):
            with pytest.raises(ApprovalRefused) as caught:
                place.service.answer(message)
            assert refusal_of(caught.value) is Refusal.DENIED
    assert len(node.trainer.updates) == 1
    assert node.trainer.activated == []


class WithdrawingTrainer(NoiseTrainer):
    """While it trains, somebody withdraws."""

    withdraw: Callable[[], object]

    def update(self, plan: Any, model: Any) -> Any:
        self.withdraw()
        return super().update(plan, model)


def test_a_withdrawal_while_training_keeps_the_update_here() -> None:
    trainer = WithdrawingTrainer()
    node = Node(trainer=trainer)
    trainer.withdraw = lambda: node.inbox.decide("run-1", Verdict.WITHDRAW, person=MARIA, reason=WHY)
    with pytest.raises(ApprovalRefused):
        node.service.answer(make_message(PLAN))
    assert [entry.state for entry in node.ledger.list_entries()] == [EntryState.RESERVED, EntryState.STORED]


@pytest.mark.parametrize("before", [Kind.KEYS, Kind.TRAIN, Kind.SURVIVORS, Kind.OPENING, None])
def test_a_withdrawal_before_any_step_of_a_masked_round_ends_our_part(before: Kind | None) -> None:
    node = masked_node()
    others = Others(node)

    def step(kind: Kind, content: bytes = b"") -> bytes:
        if kind is before:
            (limits,) = node.inbox.list_standings()
            if node.inbox.list_runs():
                node.inbox.decide("masked", Verdict.WITHDRAW, person=MARIA, reason=WHY)
            else:
                node.inbox.withdraw_standing(limits.sha256, person=MARIA, reason=WHY)
        return node.service.answer(order(kind, content)).payload

    def whole_round() -> bytes:
        adverts = others.adverts(step(Kind.KEYS))
        survivors = others.survivors(step(Kind.TRAIN, adverts), adverts=adverts)
        confirmations = others.confirmations(step(Kind.SURVIVORS, survivors), survivors=survivors)
        return step(Kind.OPENING, confirmations)

    if before is None:  # the control: without a withdrawal the seeds are revealed
        assert b"own_seed" in whole_round()
        return
    with pytest.raises((ApprovalRefused, ApprovalPending)):
        whole_round()


@pytest.mark.parametrize("is_masked", [False, True])
def test_an_update_is_held_shown_released_and_always_the_same_bytes(store: Store, is_masked: bool) -> None:
    make: Callable[..., Node] = masked_node if is_masked else Node
    trainer = NoiseTrainer()
    node = make(trainer=trainer, rule=HELD, **on_disk(store))
    run, content = ("masked" if is_masked else "run-1"), b""
    if is_masked:
        content = Others(node).adverts(node.service.answer(order(Kind.KEYS)).payload)

    def ask(place: Node, sequence: int = 1) -> Any:
        message = order(Kind.TRAIN, content, sequence=sequence) if is_masked else make_message(PLAN, sequence=sequence)
        return place.service.answer(message)

    for place in (node, make(trainer=trainer, rule=HELD, **on_disk(store))):
        with pytest.raises(ReleaseHeld) as caught:
            ask(place)
        assert refusal_of(caught.value) is Refusal.PENDING_APPROVAL
    item = outbox_of(node, store).get_item(run, round_number=1)
    assert (item.charged.state, item.charged.is_held, item.is_masked, item.clause) == (
        "stored",
        True,
        is_masked,
        "updates",
    )
    assert item.payload is not None
    node.inbox.release(run, payload_sha256=item.charged.payload_sha256, person=MARIA, reason=WHY)

    reply = ask(node)
    assert (reply.payload, reply.header_bytes, reply.signature) == (item.payload, *item.envelopes[0])
    node.service.mark_released(reply)
    restarted = make(trainer=trainer, rule=HELD, **on_disk(store))
    assert [ask(restarted, sequence).payload for sequence in (1, 2, 3)] == [item.payload] * 3
    assert len(trainer.updates) == 1
    shown = outbox_of(node, store).get_item(run, round_number=1)
    assert (shown.payload, shown.charged.state, shown.charged.is_held) == (item.payload, "released", False)
    assert len(shown.envelopes) == 3
    releases = [one for one in records(store) if one["action"] == "update.release"]
    assert [(one["recipients"], one["facts"]["clause"], one["facts"]["payload"]) for one in releases] == [
        (["coordinator"], "updates", item.charged.payload_sha256)
    ]


@pytest.mark.parametrize("is_masked", [False, True])
def test_control_a_node_that_forgot_its_outbox_would_noise_anew_and_is_found(store: Store, is_masked: bool) -> None:
    make: Callable[..., Node] = masked_node if is_masked else Node
    node = make(**on_disk(store))
    if not is_masked:
        forgetful = make(**{**on_disk(store), "ledger_store": InMemoryLedgerStore()})
        assert node.service.answer(make_message(PLAN)).payload != forgetful.service.answer(make_message(PLAN)).payload
        return
    content = Others(node).adverts(node.service.answer(order(Kind.KEYS)).payload)
    node.service.answer(order(Kind.TRAIN, content))
    forgetful = make(**{**on_disk(store), "ledger_store": InMemoryLedgerStore()})
    with pytest.raises(Contradiction):  # masks would not hide the difference of two noises
        forgetful.service.answer(order(Kind.TRAIN, content))


@pytest.mark.parametrize("is_masked", [False, True])
def test_the_outbox_shows_the_noised_numbers_until_the_seeds_are_forgotten(store: Store, is_masked: bool) -> None:
    make: Callable[..., Node] = masked_node if is_masked else Node
    node = make(**on_disk(store))
    run = "masked" if is_masked else "run-1"
    if is_masked:
        content = Others(node).adverts(node.service.answer(order(Kind.KEYS)).payload)
        node.service.answer(order(Kind.TRAIN, content))
    else:
        node.service.answer(make_message(PLAN))
    (update,) = node.trainer.updates
    item = outbox_of(node, store).get_item(run, round_number=1)
    names = [one.name for one in item.tensors]
    assert names[:3] == ["typology.0.weight", "typology.0.bias", "typology.statistics"]
    sizes = [int(np.prod(one.shape)) for one in item.tensors]
    parts = np.split(update, np.cumsum(sizes)[:-1])
    assert [one.norm for one in item.tensors] == [float(np.linalg.norm(part)) for part in parts]
    assert item.tensors[0].noise_norm == pytest.approx(6.0 * 2**16 * np.sqrt(24))
    if not is_masked:
        return
    SqlSessionStore(store.engine).forget("masked", before_round=2)
    blind = outbox_of(node, store).get_item(run, round_number=1)
    assert {one.norm for one in blind.tensors} == {None}
    assert (blind.payload, blind.vector_is_known) == (item.payload, False)


def test_bytes_that_were_not_looked_at_do_not_go() -> None:
    node = Node(rule=HELD)
    with pytest.raises(ReleaseHeld):
        node.service.answer(make_message(PLAN))
    node.inbox.release("run-1", payload_sha256="0" * 64, person=NIKOS, reason=WHY)
    with pytest.raises(ReleaseHeld):
        node.service.answer(make_message(PLAN))


def test_each_processing_is_in_the_audit_log_with_its_row(store: Store) -> None:
    record = recorder_of(SqlAuditLog(store.engine), clock=lambda: NOW)
    node = Node(**on_disk(store), trainer=RecordedTrainer(NoiseTrainer(), record=record))  # type: ignore[arg-type]  # the same port
    answer = RecordedAnswers(node.service.answer, record=record)
    node.service.mark_released(answer(make_message(PLAN)))
    answer(make_message(PLAN, kind=Kind.ACTIVATE, round_number=10, sequence=2))
    node.inbox.decide("run-1", Verdict.WITHDRAW, person=MARIA, reason=WHY)
    for _ in range(2):  # asked again and again, it is written once
        with pytest.raises(ApprovalRefused):
            answer(make_message(PLAN, round_number=2, sequence=3))
    told = [(one["operation"], one["action"], one["outcome"]) for one in records(store)]
    assert told == [
        ("decision", "consent.standing", "approve"),
        ("control", "consent.request", "done"),
        ("decision", "consent.run", "cover"),
        ("decision", "agreement.E2", "permitted"),
        ("combination", "training.assemble", "done"),
        ("decision", "budget.charge", "done"),
        ("decision", "agreement.E3", "permitted"),
        ("disclosure", "answer.update", "done"),
        ("disclosure", "update.release", "done"),
        ("decision", "agreement.E2", "permitted"),
        ("alteration", "model.activate", "done"),
        ("combination", "predictions.assemble", "done"),
        ("disclosure", "answer.receipt", "done"),
        ("decision", "consent.run", "withdraw"),
        ("decision", "agreement.E2", "consent_missing"),
        ("decision", "answer.train", "approval.refused"),
        ("decision", "agreement.E2", "consent_missing"),
    ]


def test_without_an_audit_log_nothing_is_read_and_nothing_leaves(store: Store) -> None:
    record = recorder_of(SqlAuditLog(store.engine), clock=lambda: NOW)
    inner = NoiseTrainer()
    node = Node(trainer=RecordedTrainer(inner, record=record))  # type: ignore[arg-type]  # the same port
    answer = RecordedAnswers(node.service.answer, record=record)
    with store.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON audit_leaf BEGIN SELECT RAISE(ABORT, 'd'); END"
        )
    with pytest.raises(EventNotRecorded):
        answer(make_message(PLAN))
    assert inner.updates == []
    assert node.ledger.list_entries() == []
