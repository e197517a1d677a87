"""One message, one answer: charged once, trained once, the same bytes for ever."""

import dataclasses
from contextlib import suppress
from datetime import UTC, datetime
from itertools import product

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.signing import public_key_hex
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.messages import Kind, MessageRefused, SignedMessage, parse_message
from safeborders.models.protocol.payloads import Order, build_order
from safeborders.models.protocol.plan import RunPlan, Task
from safeborders.models.protocol.vectors import model_to_bytes, parse_update
from safeborders.node.learning.policy import ApprovalPending, PolicyDenied
from safeborders.node.learning.round_service import NodeIdentity
from safeborders.privacy.errors import BudgetExhausted, LostReservation, PlanChanged, ReleaseRefused
from safeborders.privacy.ledger import EntryState
from sbtest.plans import ARCHITECTURE, make_plan, make_task
from sbtest.rounds import COUNTRY, LIMITS, NOW, Node, NoiseTrainer, make_message

PLAN = make_plan()


def states(node: Node) -> list[EntryState]:
    return [entry.state for entry in node.ledger.list_entries()]


def test_an_answer_is_signed_bound_to_its_question_and_holds_the_stored_update() -> None:
    node = Node()
    question = make_message(PLAN, sequence=41)
    reply = node.service.answer(question)
    checked = parse_message(
        reply.header_bytes, signature=reply.signature, payload=reply.payload, public_key=public_key_hex(COUNTRY)
    )
    expected = question.header.model_copy(update={"kind": Kind.UPDATE, "payload_sha256": sha256_hex(reply.payload)})
    assert checked.header == expected
    update = parse_update(reply.payload, length=ARCHITECTURE.update_length, bound=2**40)
    np.testing.assert_array_equal(update, node.trainer.updates[0])
    assert states(node) == [EntryState.RESERVED, EntryState.STORED]
    node.service.mark_released(reply)
    node.service.mark_released(reply)
    assert states(node) == [EntryState.RESERVED, EntryState.STORED, EntryState.RELEASED]


def test_the_same_round_asked_again_gets_the_same_bytes_and_costs_nothing() -> None:
    node = Node()
    first = node.service.answer(make_message(PLAN, sequence=1))
    spent = node.ledger.spent_epsilon()
    node = node.restarted()
    again = node.service.answer(make_message(PLAN, sequence=2))
    assert (again.payload, again.header.sequence) == (first.payload, 2)
    assert len(node.trainer.updates) == 1
    assert node.ledger.spent_epsilon() == spent


def test_control_a_trainer_asked_twice_gives_different_bytes() -> None:
    trainer = NoiseTrainer()
    model = ARCHITECTURE.initial_parameters(7)
    assert trainer.update(PLAN, model).tobytes() != trainer.update(PLAN, model).tobytes()


class Crash(BaseException):
    """The process is gone; nothing in it may catch this."""


class CrashingTrainer(NoiseTrainer):
    def update(self, plan: RunPlan, model: NDArray[np.float32]) -> NDArray[np.int64]:
        super().update(plan, model)
        raise Crash


def test_a_crash_while_training_loses_the_round_and_keeps_it_spent() -> None:
    node = Node(trainer=CrashingTrainer())
    with pytest.raises(Crash):
        node.service.answer(make_message(PLAN))
    node = dataclasses.replace(node.restarted(), trainer=NoiseTrainer())
    for _ in range(2):
        with pytest.raises(LostReservation):
            node.service.answer(make_message(PLAN))
    assert node.trainer.updates == []
    assert node.ledger.spent_epsilon() > 0
    assert node.service.answer(make_message(PLAN, round_number=2)).header.round == 2


class ShapelessTrainer(NoiseTrainer):
    def update(self, plan: RunPlan, model: NDArray[np.float32]) -> NDArray[np.int64]:
        return super().update(plan, model)[1:]


def test_an_update_of_another_shape_is_never_stored() -> None:
    node = Node(trainer=ShapelessTrainer())
    with pytest.raises(PolicyDenied):
        node.service.answer(make_message(PLAN))
    assert states(node) == [EntryState.RESERVED]


def test_other_bytes_than_the_stored_ones_are_never_marked_released() -> None:
    node = Node()
    reply = node.service.answer(make_message(PLAN))
    other = reply.model_copy(update={"payload": reply.payload[::-1]})
    with pytest.raises(ReleaseRefused):
        node.service.mark_released(other)
    assert EntryState.RELEASED not in states(node)


def test_a_run_keeps_its_plan_and_a_round_its_model_also_after_a_restart() -> None:
    node = Node()
    node.service.answer(make_message(PLAN))
    dearer = make_plan(tasks=(make_task(Task.TYPOLOGY, noise_multiplier=5.0), make_task(Task.LINKS)))
    other_model = model_to_bytes(ARCHITECTURE.initial_parameters(8))
    for place in (node, node.restarted()):
        for message in (make_message(dearer, round_number=2), make_message(PLAN, model=other_model)):
            with pytest.raises(PlanChanged):
                place.service.answer(message)
    assert len(node.trainer.updates) == 1


def test_no_plan_and_no_number_of_runs_spends_more_than_the_cap() -> None:
    node = Node(cap_epsilon=3.0)
    answered = 0
    for run, round_number in product(range(1, 6), range(1, 11)):
        message = make_message(make_plan(run=f"run-{run}"), round_number=round_number)
        with suppress(BudgetExhausted):
            node.service.answer(message)
            answered += 1
    assert 10 <= answered == len(node.trainer.updates) < 50
    assert node.ledger.spent_epsilon() <= 3.0
    assert states(node)[-1] is EntryState.REFUSED


BROKEN = [
    make_message(PLAN, key=Ed25519PrivateKey.generate()),
    make_message(PLAN).model_copy(update={"payload": b"other"}),
    make_message(PLAN, country=Country.IT),
    make_message(PLAN, federation="other"),
    make_message(PLAN, kind=Kind.UPDATE),
    make_message(PLAN, run="run-2"),
    make_message(PLAN, plan_sha256="0" * 64),
    make_message(PLAN, base_model_sha256="0" * 64),
    make_message(PLAN, payload=b""),
    make_message(PLAN, payload=b"\xff\xff\xff\xff"),
    make_message(PLAN, payload=build_order(Order(PLAN, b"")).replace(b'"rounds":10', b'"rounds":1e1')),
    make_message(PLAN, model=b"\0" * 8),
    make_message(PLAN, model=model_to_bytes(np.full(ARCHITECTURE.length, np.nan, dtype=np.float32))),
    make_message(PLAN, round_number=0),
    make_message(PLAN, round_number=11),
]


@pytest.mark.parametrize("message", BROKEN)
def test_a_message_that_is_not_what_it_says_is_ignored_without_a_trace(message: SignedMessage) -> None:
    node = Node()
    with pytest.raises(MessageRefused):
        node.service.answer(message)
    assert (states(node), node.trainer.updates) == ([], [])


def test_a_model_out_of_range_is_denied_before_anything_is_charged() -> None:
    node = Node()
    wild = model_to_bytes(np.full(ARCHITECTURE.length, 1e6, dtype=np.float32))
    with pytest.raises(PolicyDenied):
        node.service.answer(make_message(PLAN, model=wild))
    assert states(node) == []


def test_a_plan_that_the_policy_denies_charges_nothing() -> None:
    node = Node()
    with pytest.raises(PolicyDenied):
        node.service.answer(make_message(make_plan(rounds=51)))
    assert states(node) == []


def test_an_approval_that_ends_during_a_run_ends_the_run() -> None:
    node = Node(limits=LIMITS.model_copy(update={"valid_until": NOW.date()}))
    node.service.answer(make_message(PLAN))
    node.now = datetime(2026, 5, 2, 0, 0, tzinfo=UTC)
    with pytest.raises(ApprovalPending):
        node.service.answer(make_message(PLAN, round_number=2))
    with pytest.raises(ApprovalPending):
        Node(limits=None).service.answer(make_message(PLAN))


def activation(sequence: int, *, seed: int = 7) -> SignedMessage:
    model = model_to_bytes(ARCHITECTURE.initial_parameters(seed))
    return make_message(PLAN, kind=Kind.ACTIVATE, round_number=10, sequence=sequence, model=model)


def test_an_activation_is_answered_by_a_receipt_that_says_nothing_else() -> None:
    node = Node()
    reply = node.service.answer(activation(20))
    assert (reply.header.kind, reply.payload, reply.header.sequence) == (Kind.RECEIPT, b"", 20)
    assert node.trainer.activated == [("run-1", activation(20).header.base_model_sha256)]
    node.service.mark_released(reply)
    assert states(node) == []


def test_an_activation_may_be_repeated_and_never_go_back() -> None:
    node = Node()
    node.service.answer(activation(20))
    node.service.answer(activation(30, seed=8))
    node = node.restarted()
    node.service.answer(activation(30, seed=8))
    for old in (activation(20), activation(29, seed=9), activation(30, seed=9)):
        with pytest.raises(MessageRefused):
            node.service.answer(old)
    assert len(node.trainer.activated) == 3


def test_a_key_is_never_shown() -> None:
    assert repr(NodeIdentity(key=COUNTRY, coordinator_key="00")) == "<NodeIdentity>"


class UnreadyTrainer(NoiseTrainer):
    def prepare(self, plan: RunPlan) -> None:
        raise OSError("the disk does not answer")


def test_what_fails_before_training_costs_nothing() -> None:
    node = Node(trainer=UnreadyTrainer())
    with pytest.raises(OSError, match="disk"):
        node.service.answer(make_message(PLAN))
    assert node.ledger.spent_epsilon() == 0
