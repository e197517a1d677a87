"""A run whose updates are masked: what is summed, who is left out, what a restart repeats, what is never learnt."""

import numpy as np
import pytest
from numpy.typing import NDArray

from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.models.protocol.aggregation import parse_upload
from safeborders.models.protocol.messages import Kind, SignedMessage
from safeborders.models.protocol.refusals import Refusal
from safeborders.server.federation.round_sums import MaskedSum, RoundSum, RoundVoid, TooFewCountries
from safeborders.server.registry.records import ReplyState, RunState
from sbtest.masked_rehearsal import RUN, MaskedRehearsal, plain_sum
from sbtest.rehearsal import update_of


@pytest.fixture(name="sums")
def _sums(monkeypatch: pytest.MonkeyPatch) -> list[RoundSum]:
    """Return every sum that the coordinator opens."""
    opened: list[RoundSum] = []
    play = MaskedSum.play

    def noted(self: MaskedSum) -> RoundSum:
        opened.append(play(self))
        return opened[-1]

    monkeypatch.setattr(MaskedSum, "play", noted)
    return opened


def test_each_round_opens_the_sum_over_all_and_the_run_ends(sums: list[RoundSum]) -> None:
    rehearsal = MaskedRehearsal(rounds=2)
    assert rehearsal.lead().round == 2
    for number, opened in enumerate(sums, start=1):
        assert (opened.total == plain_sum(set(DEMONSTRATION), round_number=number)).all()
    assert rehearsal.kinds_for(Country.GR, 2) == [Kind.KEYS, Kind.TRAIN, Kind.SURVIVORS, Kind.OPENING]
    assert {reply.state for reply in rehearsal.registry.rounds[RUN][0].replies} == {ReplyState.ACCEPTED}


def test_no_payload_that_arrives_is_an_update(sums: list[RoundSum]) -> None:
    seen: dict[Country, NDArray[np.uint32]] = {}
    rehearsal = MaskedRehearsal(rounds=1)

    def watch(country: Country, order: SignedMessage) -> object:
        reply = rehearsal.honest(order)
        if order.header.kind is Kind.TRAIN:
            seen[country] = np.frombuffer(parse_upload(reply.payload)[1], dtype="<u4")
        return reply

    rehearsal.react = watch
    rehearsal.lead()
    for country, vector in seen.items():
        update = update_of(country, 1)
        assert (vector.view(np.int32) != update).mean() > 0.9
        assert np.abs(vector.view(np.int32).astype(np.int64)).max() > 2**24  # control: plain ones stay below 2**16


@pytest.mark.parametrize("silent_at", [Kind.KEYS, Kind.TRAIN])
def test_countries_that_fall_silent_early_are_left_out(sums: list[RoundSum], silent_at: Kind) -> None:
    gone = {Country.PL, Country.PT}
    rehearsal = MaskedRehearsal(rounds=1)
    rehearsal.react = lambda country, order: (
        None if country in gone and order.header.kind is silent_at else rehearsal.honest(order)
    )
    rehearsal.lead()
    assert sums[0].countries == frozenset(set(DEMONSTRATION) - gone)
    assert (sums[0].total == plain_sum(set(DEMONSTRATION) - gone, round_number=1)).all()
    states = {reply.country: reply.state for reply in rehearsal.registry.rounds[RUN][0].replies}
    assert {states[country] for country in gone} == {ReplyState.MISSING}


@pytest.mark.parametrize("silent_at", [Kind.KEYS, Kind.TRAIN])
def test_below_the_floor_the_round_is_not_opened(sums: list[RoundSum], silent_at: Kind) -> None:
    gone = set(DEMONSTRATION[:4])
    rehearsal = MaskedRehearsal(rounds=1)
    rehearsal.react = lambda country, order: (
        None if country in gone and order.header.kind is silent_at else rehearsal.honest(order)
    )
    with pytest.raises(TooFewCountries):
        rehearsal.lead()
    assert sums == []
    assert rehearsal.registry.states[RUN] is RunState.FAILED


@pytest.mark.parametrize("silent_at", [Kind.SURVIVORS, Kind.OPENING])
def test_a_country_that_withdraws_late_voids_the_round_and_its_return_ends_it(
    sums: list[RoundSum], silent_at: Kind
) -> None:
    rehearsal = MaskedRehearsal(rounds=1)
    rehearsal.react = lambda country, order: (
        Refusal.PENDING_APPROVAL
        if country is Country.FI and order.header.kind is silent_at
        else rehearsal.honest(order)
    )
    with pytest.raises(RoundVoid):
        rehearsal.lead()
    assert sums == []

    rehearsal.react = None
    rehearsal.build_grid()
    assert rehearsal.lead().round == 1
    assert (sums[0].total == plain_sum(set(DEMONSTRATION), round_number=1)).all()


@pytest.mark.parametrize("killed_at", [Kind.TRAIN, Kind.SURVIVORS, Kind.OPENING])
def test_a_killed_coordinator_ends_the_same_round_with_the_same_countries(
    sums: list[RoundSum], killed_at: Kind
) -> None:
    rehearsal = MaskedRehearsal(rounds=1)
    gone = Country.PL

    def die(country: Country, order: SignedMessage) -> object:
        if order.header.kind is killed_at and country is Country.WB:
            raise KeyboardInterrupt
        return None if country is gone and order.header.kind is Kind.KEYS else rehearsal.honest(order)

    rehearsal.react = die
    with pytest.raises(KeyboardInterrupt):
        rehearsal.lead()

    rehearsal.react = None  # Poland is back, and does not change the round that was begun without it
    rehearsal.build_grid()
    rehearsal.lead()
    assert sums[0].countries == frozenset(set(DEMONSTRATION) - {gone})
    assert (sums[0].total == plain_sum(set(DEMONSTRATION) - {gone}, round_number=1)).all()


def test_a_country_that_sends_anothers_message_is_not_counted(sums: list[RoundSum]) -> None:
    rehearsal = MaskedRehearsal(rounds=1)

    def borrow(country: Country, order: SignedMessage) -> object:
        reply = rehearsal.honest(order)
        if country is Country.FI and order.header.kind is Kind.KEYS:
            other = order.model_copy(update={"header": order.header.model_copy(update={"country": Country.GR})})
            stolen = rehearsal.honest(other).payload
            return rehearsal.reply_with(order, payload=stolen)
        return reply

    rehearsal.react = borrow
    rehearsal.lead()
    assert sums[0].countries == frozenset(set(DEMONSTRATION) - {Country.FI})
