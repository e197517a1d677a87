"""A run over Flower's own messages without a network: what is counted, what is not, and what a restart changes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from benchmarks.local_federation import SMALL
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flwr.app import ArrayRecord, ConfigRecord, RecordDict
from structlog.testing import capture_logs

from safeborders.kit.errors import SettingsError, Unavailable
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.messages import Kind, SignedMessage
from safeborders.models.protocol.payloads import Order, parse_order
from safeborders.models.protocol.refusals import Refusal
from safeborders.models.protocol.vectors import update_to_bytes
from safeborders.server.federation.gathering import Pace
from safeborders.server.federation.round_sums import TooFewCountries
from safeborders.server.federation.strategy import entry_bound
from safeborders.server.registry.records import ModelVersion, ReplyState, RoundRecord, RunState
from sbtest.registry import InMemoryRegistry
from sbtest.rehearsal import COUNTRIES, RUN, Rehearsal, misbehaving, update_of

HONEST = (Country.IT, Country.PL)
Misdeed = Callable[[Rehearsal, SignedMessage], object]


def test_every_round_is_saved_with_the_replies_of_all_countries() -> None:
    rehearsal = Rehearsal(rounds=3)

    model = rehearsal.lead()

    assert (model.round, rehearsal.registry.states[RUN]) == (3, RunState.COMPLETED)
    assert [record.round for record in rehearsal.registry.rounds[RUN]] == [1, 2, 3]
    for number in (1, 2, 3):
        assert {reply.state for reply in rehearsal.replies(number).values()} == {ReplyState.ACCEPTED}
    lineage = rehearsal.registry.models[RUN]
    assert [model.parent_sha256 for model in lineage[1:]] == [model.sha256 for model in lineage[:-1]]


def test_every_country_gets_the_final_model_once_and_the_receipt_ends_the_run() -> None:
    rehearsal = Rehearsal(rounds=1)

    model = rehearsal.lead()

    handed_out = [order for order in rehearsal.grid.sent if order.header.kind is Kind.ACTIVATE]
    assert [order.header.country for order in handed_out] == list(COUNTRIES)
    assert all(parse_order(order.payload) == Order(rehearsal.plan, model.parameters) for order in handed_out)
    assert {order.header.base_model_sha256 for order in handed_out} == {model.sha256}


def test_sequences_rise_for_every_country_over_rounds_and_restarts() -> None:
    rehearsal = Rehearsal(rounds=2)
    rehearsal.lead()
    before = [order.header.sequence for order in rehearsal.grid.sent]
    rehearsal.registry.set_run_state(RUN, RunState.RUNNING, now=datetime.now(UTC))  # killed before it noted the end

    rehearsal.lead()

    after = [order.header.sequence for order in rehearsal.grid.sent[len(before) :]]
    assert sorted(before) == before
    assert min(after) > max(before)


def test_a_completed_run_is_not_led_again() -> None:
    rehearsal = Rehearsal(rounds=2)
    model = rehearsal.lead()
    sent = len(rehearsal.grid.sent)
    assert rehearsal.lead() == model
    assert len(rehearsal.grid.sent) == sent
    assert rehearsal.registry.get_run_state(RUN) is RunState.COMPLETED


def _wrong_signature(rehearsal: Rehearsal, order: SignedMessage) -> object:
    return rehearsal.reply(order, payload=_good(order), key=Ed25519PrivateKey.generate())


def _claims_other_country(rehearsal: Rehearsal, order: SignedMessage) -> object:
    return rehearsal.honest(order, country=Country.IT)


def _signed_by_other_country(rehearsal: Rehearsal, order: SignedMessage) -> object:
    return rehearsal.reply(order, payload=_good(order), key=rehearsal.keys[Country.IT])


def _other_round(rehearsal: Rehearsal, order: SignedMessage) -> object:
    return rehearsal.honest(order, round=order.header.round + 1)


def _other_run(rehearsal: Rehearsal, order: SignedMessage) -> object:
    return rehearsal.honest(order, run="another")


def _other_federation(rehearsal: Rehearsal, order: SignedMessage) -> object:
    return rehearsal.honest(order, federation="another")


def _other_plan(rehearsal: Rehearsal, order: SignedMessage) -> object:
    return rehearsal.honest(order, plan_sha256="0" * 64)


def _other_base_model(rehearsal: Rehearsal, order: SignedMessage) -> object:
    return rehearsal.honest(order, base_model_sha256="0" * 64)


def _other_sequence(rehearsal: Rehearsal, order: SignedMessage) -> object:
    return rehearsal.honest(order, sequence=order.header.sequence - 1)


def _other_kind(rehearsal: Rehearsal, order: SignedMessage) -> object:
    return rehearsal.honest(order, kind=Kind.RECEIPT)


def _too_short(rehearsal: Rehearsal, order: SignedMessage) -> object:
    return rehearsal.reply(order, payload=_good(order)[:-8])


def _floats_with_nan(rehearsal: Rehearsal, order: SignedMessage) -> object:
    numbers = np.full(SMALL.update_length, np.nan, dtype="<f8")  # as int64 each is far beyond the bound
    return rehearsal.reply(order, payload=numbers.tobytes())


def _too_large(rehearsal: Rehearsal, order: SignedMessage) -> object:
    update = update_of(order.header.country, order.header.round)
    update[3] = entry_bound(rehearsal.plan, order.header.country) + 1
    return rehearsal.reply(order, payload=update_to_bytes(update))


def _swapped_payload(rehearsal: Rehearsal, order: SignedMessage) -> object:
    honest = rehearsal.honest(order)
    return SignedMessage(header=honest.header, signature=honest.signature, payload=honest.payload[::-1])


def _no_record(_: Rehearsal, __: SignedMessage) -> object:
    return RecordDict({})


def _wrong_types(_: Rehearsal, __: SignedMessage) -> object:
    return RecordDict({"safeborders": ConfigRecord({"header": "text", "signature": 1, "payload": [b"x"]})})


def _an_array_instead(_: Rehearsal, __: SignedMessage) -> object:
    return RecordDict({"safeborders": ArrayRecord([np.array([np.nan])])})


def _good(order: SignedMessage) -> bytes:
    return update_to_bytes(update_of(order.header.country, order.header.round))


@pytest.mark.parametrize(
    ("misdeed", "code"),
    [
        (_wrong_signature, "federation.message_refused"),
        (_signed_by_other_country, "federation.message_refused"),
        (_swapped_payload, "federation.message_refused"),
        (_too_short, "federation.message_refused"),
        (_floats_with_nan, "federation.message_refused"),
        (_too_large, "federation.message_refused"),
        (_no_record, "federation.message_refused"),
        (_wrong_types, "federation.message_refused"),
        (_an_array_instead, "federation.message_refused"),
        (_claims_other_country, "federation.unexpected_header"),
        (_other_round, "federation.unexpected_header"),
        (_other_run, "federation.unexpected_header"),
        (_other_federation, "federation.unexpected_header"),
        (_other_plan, "federation.unexpected_header"),
        (_other_base_model, "federation.unexpected_header"),
        (_other_sequence, "federation.unexpected_header"),
        (_other_kind, "federation.unexpected_header"),
    ],
)
def test_a_bad_reply_is_not_counted_and_the_others_are(misdeed: Misdeed, code: str) -> None:
    rehearsal, control = Rehearsal(rounds=1), Rehearsal(rounds=1)
    misbehaving(rehearsal, Country.GR, lambda order: misdeed(rehearsal, order))
    misbehaving(control, Country.GR, lambda _: Refusal.DENIED)

    model = rehearsal.lead()

    replies = rehearsal.replies(1)
    assert (replies[Country.GR].state, replies[Country.GR].code) == (ReplyState.REJECTED, code)
    assert {replies[country].state for country in HONEST} == {ReplyState.ACCEPTED}
    assert model.sha256 == control.lead().sha256  # exactly as if the country had said no


def test_the_largest_honest_entry_is_counted() -> None:
    rehearsal = Rehearsal(rounds=1)
    update = np.full(SMALL.update_length, entry_bound(rehearsal.plan, Country.GR))
    misbehaving(rehearsal, Country.GR, lambda order: rehearsal.reply(order, payload=update_to_bytes(update)))

    rehearsal.lead()

    assert rehearsal.replies(1)[Country.GR].state is ReplyState.ACCEPTED


def test_an_old_reply_sent_again_in_the_next_round_is_refused() -> None:
    rehearsal = Rehearsal(rounds=2)
    first: list[SignedMessage] = []

    def replaying(order: SignedMessage) -> SignedMessage:
        if not first:
            first.append(rehearsal.honest(order))
        return first[0]

    misbehaving(rehearsal, Country.GR, replaying)

    rehearsal.lead()

    assert rehearsal.replies(1)[Country.GR].state is ReplyState.ACCEPTED  # control: the first time it counts
    assert rehearsal.replies(2)[Country.GR].state is ReplyState.REJECTED


def test_a_sequence_that_the_registry_has_seen_is_a_replay() -> None:
    rehearsal = Rehearsal(rounds=1)
    rehearsal.registry.sequences[Country.GR] = 2**53 - 1

    rehearsal.lead()

    assert rehearsal.replies(1)[Country.GR].code == "federation.replayed"
    assert rehearsal.replies(1)[Country.IT].state is ReplyState.ACCEPTED


@pytest.mark.parametrize("refusal", [refusal for refusal in Refusal if not refusal.may_pass])
def test_a_refusal_is_recorded_with_its_code_and_ends_the_waiting(refusal: Refusal) -> None:
    rehearsal = Rehearsal(rounds=1, deadline_seconds=30.0)
    misbehaving(rehearsal, Country.GR, lambda _: refusal)

    rehearsal.lead()

    reply = rehearsal.replies(1)[Country.GR]
    assert (reply.state, reply.code) == (ReplyState.REFUSED, f"refused.{refusal.name.lower()}")


@pytest.mark.parametrize("passing", [Refusal.PENDING_APPROVAL, Refusal.INTERNAL, Refusal.UNAVAILABLE, 5])
def test_a_country_that_cannot_answer_yet_is_asked_again(passing: int) -> None:
    rehearsal = Rehearsal(rounds=1, deadline_seconds=30.0, pace=Pace(ask_again_seconds=0.01, patience=1))
    asked: list[int] = []

    def later(order: SignedMessage) -> object:
        asked.append(order.header.sequence)
        return passing if len(asked) < 3 else rehearsal.honest(order)

    misbehaving(rehearsal, Country.GR, later)

    rehearsal.lead()

    assert len(asked) == 3
    assert rehearsal.replies(1)[Country.GR].state is ReplyState.ACCEPTED


def test_a_silent_country_is_missing_and_the_round_goes_on_without_it() -> None:
    rehearsal = Rehearsal(rounds=1)
    misbehaving(rehearsal, Country.GR, lambda _: None)

    rehearsal.lead()

    reply = rehearsal.replies(1)[Country.GR]
    assert (reply.state, reply.code) == (ReplyState.MISSING, "federation.deadline_passed")


def test_a_late_reply_is_refused_and_changes_nothing() -> None:
    rehearsal, control = Rehearsal(rounds=3), Rehearsal(rounds=3)

    def late(order: SignedMessage) -> object:
        if order.header.round == 2:
            message, first = rehearsal.grid.held_back[0]
            rehearsal.grid.release(message, rehearsal.honest(first))
        return None

    misbehaving(rehearsal, Country.GR, late)
    misbehaving(control, Country.GR, lambda _: None)

    with capture_logs() as logs:
        model = rehearsal.lead()

    assert {rehearsal.replies(number)[Country.GR].state for number in (1, 2, 3)} == {ReplyState.MISSING}
    (noticed,) = (line for line in logs if line["event"] == "late_reply_refused")
    assert (noticed["country"], noticed["round"], noticed["code"]) == ("gr", 1, "federation.late")
    assert model.sha256 == control.lead().sha256


def test_a_second_answer_to_a_second_asking_is_counted_once() -> None:
    rehearsal, control = Rehearsal(rounds=1), Rehearsal(rounds=1)
    rehearsal.pace = Pace(ask_again_seconds=0.01, patience=1)

    def both_at_once(order: SignedMessage) -> object:
        if not rehearsal.grid.held_back:
            return None
        message, first = rehearsal.grid.held_back[0]
        rehearsal.grid.release(message, rehearsal.honest(first))
        return rehearsal.honest(order)

    misbehaving(rehearsal, Country.GR, both_at_once)

    assert rehearsal.lead().sha256 == control.lead().sha256


def test_below_the_floor_no_model_is_made_and_the_run_can_be_resumed() -> None:
    rehearsal = Rehearsal(rounds=1, floor=3)
    misbehaving(rehearsal, Country.GR, lambda _: Refusal.BUDGET_EXHAUSTED)

    with pytest.raises(TooFewCountries):
        rehearsal.lead()

    assert rehearsal.registry.states[RUN] is RunState.FAILED
    assert rehearsal.registry.get_latest_model(RUN).round == 0
    rehearsal.answers.clear()
    rehearsal.build_grid()
    assert rehearsal.lead().round == 1  # control: with the country back it goes on


def test_a_coordinator_killed_in_mid_run_ends_with_the_same_bytes() -> None:
    straight = Rehearsal(rounds=4)
    broken = Rehearsal(rounds=4)

    def dies_in_round_three(order: SignedMessage) -> object:
        if order.header.round == 3:
            raise KeyboardInterrupt
        return broken.honest(order)

    misbehaving(broken, Country.PL, dies_in_round_three)
    with pytest.raises(KeyboardInterrupt):
        broken.lead()
    assert broken.registry.get_latest_model(RUN).round == 2
    broken.answers.clear()
    broken.build_grid()

    resumed, uninterrupted = broken.lead(), straight.lead()

    assert min(order.header.round for order in broken.grid.sent) == 3
    assert resumed == replace(uninterrupted)
    assert resumed.optimiser_state == uninterrupted.optimiser_state


def test_a_country_that_is_not_registered_is_missing_and_nothing_breaks() -> None:
    rehearsal = Rehearsal(rounds=1)
    del rehearsal.grid.node_ids[Country.GR.value]

    rehearsal.lead()

    assert rehearsal.replies(1)[Country.GR].state is ReplyState.MISSING


def test_a_plan_for_another_architecture_is_refused_before_anything_is_sent() -> None:
    rehearsal = Rehearsal(rounds=1)
    rehearsal.registry.plans[RUN] = rehearsal.plan.model_copy(update={"architecture_sha256": "0" * 64})

    with pytest.raises(SettingsError):
        rehearsal.lead()

    assert rehearsal.registry.get_run_state(RUN) is RunState.FAILED  # or it would be opened again for ever
    assert rehearsal.grid.sent == []


class _CannotNote(InMemoryRegistry):
    def set_run_state(self, run: str, state: RunState, *, now: datetime) -> None:
        if state is RunState.FAILED:
            raise Unavailable("The database is away.")
        super().set_run_state(run, state, now=now)


def test_a_failure_that_cannot_be_stored_keeps_its_reason() -> None:
    rehearsal = Rehearsal(registry=_CannotNote())
    for country in COUNTRIES:
        misbehaving(rehearsal, country, lambda _order: None)

    with pytest.raises(TooFewCountries):
        rehearsal.lead()


class _AwayAtSaving(InMemoryRegistry):
    def save_round(self, record: RoundRecord, *, model: ModelVersion) -> None:
        raise Unavailable("The database is away.")


def test_what_passes_by_itself_leaves_the_run_open() -> None:
    rehearsal = Rehearsal(registry=_AwayAtSaving())

    with pytest.raises(Unavailable):
        rehearsal.lead()

    assert rehearsal.registry.get_run_state(RUN) is RunState.RUNNING
