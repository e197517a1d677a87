"""Crashes at every step of a round: what was spent is never less than what left the country.

The machine drives the real ledger over a store whose transactions survive; the process that uses it dies at any point
between two of them. Beside it a careless ledger that charges after sending is driven by the same machine: it must be
caught, or the machine proves nothing.
"""

from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from safeborders.privacy.accountant import epsilon_of_multiset
from safeborders.privacy.errors import BudgetExhausted, LostReservation
from safeborders.privacy.events import Event, merge_events
from safeborders.privacy.ledger import Charge, EntryState, PrivacyLedger, Reservation
from sbtest.ledger import InMemoryLedgerStore, make_charge, make_event

pytestmark = pytest.mark.audit

CAP = 2.0
DELTA = 1e-5
STEPS = ("charge", "train", "store", "send", "record")


@cache
def price(spent: frozenset[tuple[Event, int]]) -> float:
    return epsilon_of_multiset(dict(spent), delta=DELTA)


class Wire:
    """What the rest of the world has seen: per round, the different payloads that were sent."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, int], set[bytes]] = {}
        self.trained = 0

    def train(self) -> bytes:
        self.trained += 1
        return f"noise {self.trained}".encode()

    def send(self, charge: Charge, payload: bytes) -> None:
        self.seen.setdefault((charge.run, charge.round), set()).add(payload)


class CarefulCountry:
    """The protocol of security.md 3, able to die before any of its steps."""

    def __init__(self, store: InMemoryLedgerStore) -> None:
        self.store = store
        self.restart()

    def restart(self) -> None:
        self.ledger = PrivacyLedger(self.store, cap_epsilon=CAP, delta=DELTA)

    def answer(self, charge: Charge, wire: Wire, dies_before: str) -> None:
        if dies_before == "charge":
            return
        reservation = self.ledger.reserve(charge, horizon=(make_event(steps=4),))
        if reservation.is_new and not self._train(reservation, wire, dies_before):
            return
        payload = self.ledger.get_payload(charge.run, round_number=charge.round)
        if dies_before in {"train", "store", "send"}:
            return
        wire.send(charge, payload)
        if dies_before != "record":
            self.ledger.release(charge.run, round_number=charge.round)

    def _train(self, reservation: Reservation, wire: Wire, dies_before: str) -> bool:
        if dies_before == "train":
            return False
        payload = wire.train()
        if dies_before == "store":
            return False
        self.ledger.store(reservation, payload=payload)
        return True


class CarelessCountry(CarefulCountry):
    """Trains and sends first and charges when it is told that the update arrived."""

    def answer(self, charge: Charge, wire: Wire, dies_before: str) -> None:
        if dies_before in {"charge", "train", "store", "send"}:
            return
        payload = wire.train()
        wire.send(charge, payload)
        if dies_before != "record":
            reservation = self.ledger.reserve(charge)
            if reservation.is_new:
                self.ledger.store(reservation, payload=payload)


def make_machine(country_of: Callable[[InMemoryLedgerStore], CarefulCountry]) -> type[RuleBasedStateMachine]:
    class Rounds(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.store = InMemoryLedgerStore()
            self.country = country_of(self.store)
            self.wire = Wire()

        @rule(run=st.sampled_from(["a", "b", "c"]), number=st.integers(1, 4), dies_before=st.sampled_from([*STEPS, ""]))
        def asked(self, run: str, number: int, dies_before: str) -> None:
            charge = make_charge(run, number, noise=4.0 if run == "a" else 9.0)
            try:
                self.country.answer(charge, self.wire, dies_before)
            except (BudgetExhausted, LostReservation):
                return
            if dies_before:
                self.country.restart()

        @rule()
        def restarted(self) -> None:
            self.country.restart()

        @invariant()
        def every_round_that_left_was_charged_once_and_left_as_one_payload(self) -> None:
            reserved = [entry.charge for entry in self.store.entries if entry.state is EntryState.RESERVED]
            places = [(charge.run, charge.round) for charge in reserved]
            assert len(places) == len(set(places))
            assert set(self.wire.seen) <= set(places)
            assert all(len(payloads) == 1 for payloads in self.wire.seen.values())

        @invariant()
        def what_was_reserved_costs_at_most_the_cap(self) -> None:
            reserved = [entry.charge for entry in self.store.entries if entry.state is EntryState.RESERVED]
            spent = merge_events(event for charge in reserved for event in charge.events)
            assert price(frozenset(spent.items())) <= CAP

    return Rounds


CAMPAIGN = settings(max_examples=25, stateful_step_count=25, deadline=None)
HUNT = settings(CAMPAIGN, phases=[Phase.generate], report_multiple_bugs=False)


def test_no_crash_makes_the_ledger_count_less_than_what_left() -> None:
    run_state_machine_as_test(make_machine(CarefulCountry), settings=CAMPAIGN)


def test_control_a_ledger_that_charges_after_sending_is_caught() -> None:
    with pytest.raises(AssertionError):
        run_state_machine_as_test(make_machine(CarelessCountry), settings=HUNT)
