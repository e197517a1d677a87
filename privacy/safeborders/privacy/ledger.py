"""What a country has spent of its privacy budget: append-only, charged before anything leaves.

The life of a charge is reserved, stored, released, each a row of its own that is never changed. A crash between two of
them costs budget and never privacy: what was reserved counts as spent whether or not it left (security.md 3). A round
of a run can be reserved once; asking again for the same returns what exists and charges nothing.

Checking is fast because of a certificate: a multiset of events already proven to cost at most the cap. Every part of
it costs no more (post-processing: drop the other outputs), so a round inside a proven run needs a comparison of
counts, not a convolution.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.clock import Clock, system_clock
from safeborders.privacy.accountant import epsilon_of_multiset
from safeborders.privacy.errors import BudgetExhausted, LedgerDamaged, LostReservation, PlanChanged, ReleaseRefused
from safeborders.privacy.events import Event, merge_events


class EntryState(StrEnum):
    """What a row of the ledger says."""

    RESERVED = "reserved"  # charged; nothing exists yet that could leave
    STORED = "stored"  # the bytes that may leave lie in the outbox
    RELEASED = "released"  # they were sent at least once
    REFUSED = "refused"  # the cap said no; nothing was charged


@dataclass(frozen=True)
class Charge:
    """What one round of a run asks the budget for.

    Args:
        run: The run's identifier.
        round: Number of the round.
        plan_sha256: The plan that was priced.
        base_model_sha256: The model that the round starts from.
        events: What the round does to the country's data, at least one, as seen in the country's own message.

    Raises:
        ValueError: If ``events`` says that nothing is done, or is priced for an observer of a sum.
    """

    run: str
    round: int
    plan_sha256: str
    base_model_sha256: str
    events: tuple[Event, ...]

    def __post_init__(self) -> None:
        """Refuse what would be too cheap."""
        if not self.events or any(event.seen_in_sum(1) != event for event in self.events):
            raise ValueError("events must be what the country's own message costs, and not nothing.")


@dataclass(frozen=True)
class LedgerEntry:
    """One row. ``number`` counts from 1 without a gap; ``payload_sha256`` is empty until a payload exists."""

    number: int
    state: EntryState
    charge: Charge
    period: str
    at: datetime
    payload_sha256: str


class LedgerTransaction(Protocol):
    """One exclusive, durable step: all of it or nothing is there after a crash."""

    def list_entries(self, *, after: int) -> Sequence[LedgerEntry]:
        """Return the rows with a number above ``after``, in order."""

    def append(self, entry: LedgerEntry) -> None:
        """Add a row whose number is one above the last."""

    def add_payload(self, payload: bytes, *, run: str, round_number: int) -> None:
        """Put the bytes of a round into the outbox; a round has one payload, for ever."""

    def find_payload(self, run: str, *, round_number: int) -> bytes | None:
        """Return the bytes of a round in the outbox, or None."""


class LedgerStore(Protocol):
    """Where rows and payloads are kept; nothing in it can be changed or deleted."""

    def transaction(self) -> AbstractContextManager[LedgerTransaction]:
        """Begin an exclusive step: no other process sees or adds rows until it ends; synced to disk when it has."""


@dataclass(frozen=True)
class Reservation:
    """A charge that is in the ledger.

    Args:
        charge: What was charged.
        state: How far it has come.
        is_new: True for the one caller who may train for it.
        payload_sha256: Hash of the stored payload; empty while reserved.
    """

    charge: Charge
    state: EntryState
    is_new: bool
    payload_sha256: str = ""


@dataclass
class _Memory:
    """What this process has read of the rows so far; the store remains the truth."""

    last: int = 0
    spent: dict[Event, int] = field(default_factory=dict)
    reservations: dict[tuple[str, int], Reservation] = field(default_factory=dict)
    plans: dict[str, str] = field(default_factory=dict)
    refused: set[tuple[str, int, str]] = field(default_factory=set)


class PrivacyLedger:
    """The budget of one country for one period.

    Args:
        store: Where rows are kept.
        cap_epsilon: What the composition of everything ever reserved in the period may cost.
        delta: At which delta it is priced, in (0, 1).
        period: Name of the budget period; rows of another period do not count. A name, not a date, so that a clock
            set back cannot free budget.
        clock: For the time in the rows.
    """

    def __init__(
        self,
        store: LedgerStore,
        *,
        cap_epsilon: float,
        delta: float,
        period: str = "1",
        clock: Clock = system_clock,
    ) -> None:
        if not 0 < delta < 1:
            raise ValueError(f"delta must be in (0, 1). Got {delta}.")
        if not 0 < cap_epsilon < math.inf:  # an infinite price would fit under an infinite cap
            raise ValueError(f"cap_epsilon must be finite and > 0. Got {cap_epsilon}.")
        self._store = store
        self._cap_epsilon = cap_epsilon
        self._delta = delta
        self._period = period
        self._clock = clock
        self._memory = _Memory()
        self._certificate: dict[Event, int] = {}
        self._certified = 0.0

    def reserve(self, charge: Charge, *, horizon: Sequence[Event] = ()) -> Reservation:
        """Charge a round before anything is computed for it, or return the reservation that it already has.

        Args:
            charge: What the round does.
            horizon: What the whole run will do; when all of it fits, it is proven at once and later rounds are fast.

        Returns:
            The reservation; ``is_new`` for the one caller who may train for it.

        Raises:
            PlanChanged: If the run was priced with another plan, or the round with another plan or model.
            BudgetExhausted: If the cap would be exceeded; a refused row records it, and nothing is charged.
        """
        with self._store.transaction() as step:
            self._refresh(step)
            known = self._memory.reservations.get((charge.run, charge.round))
            self._check_same_plan(charge, known=known)
            if known is not None:
                return known
            is_affordable = self._is_affordable(charge, horizon=horizon)
            self._append(step, charge, state=EntryState.RESERVED if is_affordable else EntryState.REFUSED)
        # The transaction is durable from here on, and only now may anybody act on it.
        if not is_affordable:
            raise BudgetExhausted(
                "This round would exceed the country's privacy budget: raise the cap by a decision, or wait for the "
                "next budget period.",
                run=charge.run,
                round=charge.round,
            )
        return Reservation(charge=charge, state=EntryState.RESERVED, is_new=True)

    def store(self, reservation: Reservation, *, payload: bytes) -> Reservation:
        """Put the bytes that may leave for ``reservation`` into the outbox; only the caller who trained can.

        Raises:
            ReleaseRefused: If the reservation is not the caller's own new one, or already has a payload.
        """
        charge = reservation.charge
        with self._store.transaction() as step:
            self._refresh(step)
            known = self._get_reservation(charge.run, round_number=charge.round)
            if not reservation.is_new or known.charge != charge or known.state is not EntryState.RESERVED:
                raise ReleaseRefused("A second update was made for a round that has one: it was thrown away.")
            step.add_payload(payload, run=charge.run, round_number=charge.round)
            self._append(step, charge, state=EntryState.STORED, payload_sha256=sha256_hex(payload))
        return Reservation(charge=charge, state=EntryState.STORED, is_new=False, payload_sha256=sha256_hex(payload))

    def get_payload(self, run: str, *, round_number: int) -> bytes:
        """Return the bytes that may leave for a round: always the same.

        Raises:
            LostReservation: If the round was charged and the process died before its payload was stored.
            ReleaseRefused: If the round was never charged, or the outbox does not hold what the ledger says.
        """
        with self._store.transaction() as step:
            self._refresh(step)
            known = self._get_reservation(run, round_number=round_number)
            payload = step.find_payload(run, round_number=round_number)
        if known.state is EntryState.RESERVED:
            raise LostReservation(
                "This round was charged, and its update was lost in a crash: it stays spent; skip the round.",
                run=run,
                round=round_number,
            )
        if payload is None or sha256_hex(payload) != known.payload_sha256:
            raise ReleaseRefused("The outbox does not hold what the ledger paid for: restore the database.")
        return payload

    def release(self, run: str, *, round_number: int) -> None:
        """Record that a stored payload was sent; the second time changes nothing.

        Raises:
            ReleaseRefused: If there is no stored payload for the round.
        """
        with self._store.transaction() as step:
            self._refresh(step)
            known = self._get_reservation(run, round_number=round_number)
            if known.state is EntryState.RESERVED:
                raise ReleaseRefused("A round without a stored update cannot have been sent: check the connector.")
            if known.state is EntryState.STORED:
                state = EntryState.RELEASED
                self._append(step, known.charge, state=state, payload_sha256=known.payload_sha256)

    def spent_epsilon(self) -> float:
        """Return the cost of everything ever reserved in the period, at the ledger's delta."""
        with self._store.transaction() as step:
            self._refresh(step)
        return epsilon_of_multiset(self._memory.spent, delta=self._delta)

    def foresee_epsilon(self, run: str, *, horizon: Sequence[Event]) -> float:
        """Return the cost of everything ever reserved once ``run`` has done all of ``horizon``; nothing is charged."""
        with self._store.transaction() as step:
            self._refresh(step)
            whole_run = self._whole_run(run, horizon=horizon)
        return epsilon_of_multiset(whole_run, delta=self._delta)

    def find_base_model(self, run: str, *, round_number: int) -> str | None:
        """Return the hash of the model that a round was charged for, or None if it was not."""
        with self._store.transaction() as step:
            self._refresh(step)
        known = self._memory.reservations.get((run, round_number))
        return None if known is None else known.charge.base_model_sha256

    @property
    def delta(self) -> float:
        """The delta at which everything is priced."""
        return self._delta

    @property
    def cap_epsilon(self) -> float:
        """What everything reserved in the period may cost."""
        return self._cap_epsilon

    def bound_epsilon(self) -> float:
        """Return an upper bound on ``spent_epsilon``: what was last proven to fit, or the exact cost.

        It is cheap after a reservation, and at most the cap unless the cap was lowered below what is spent.
        """
        with self._store.transaction() as step:
            self._refresh(step)
            spent = self._memory.spent
            if _is_within(spent, self._certificate):
                return self._certified
        return epsilon_of_multiset(spent, delta=self._delta)

    def spent_events(self) -> tuple[Event, ...]:
        """Return everything ever reserved in the period, for previews of what more would cost."""
        with self._store.transaction() as step:
            self._refresh(step)
        return tuple(event.times(steps) for event, steps in self._memory.spent.items())

    def find_latest_round(self) -> tuple[Event, ...]:
        """Return what the last reserved round did, or nothing if there was none."""
        rows = [row for row in self.list_entries() if row.state is EntryState.RESERVED]
        return rows[-1].charge.events if rows else ()

    def list_entries(self) -> Sequence[LedgerEntry]:
        """Return all rows of all periods, for the operator and the supervisory authority."""
        with self._store.transaction() as step:
            return step.list_entries(after=0)

    def _refresh(self, step: LedgerTransaction) -> None:
        for entry in step.list_entries(after=self._memory.last):
            self._read(entry)

    def _read(self, entry: LedgerEntry) -> None:
        """Take one row into memory, and refuse a history that this code cannot have written."""
        memory, charge = self._memory, entry.charge
        place = (charge.run, charge.round)
        if entry.number != memory.last + 1 or not _may_follow(entry, known=memory.reservations.get(place)):
            raise LedgerDamaged("The privacy ledger has a gap or an impossible row: restore the database.")
        memory.last = entry.number
        if entry.state is EntryState.REFUSED:
            memory.refused.add((*place, charge.plan_sha256))
            return
        if entry.state is EntryState.RESERVED:
            memory.plans.setdefault(charge.run, charge.plan_sha256)
            if entry.period == self._period:
                memory.spent = _sum(memory.spent, merge_events(charge.events))
        reservation = Reservation(charge=charge, state=entry.state, is_new=False, payload_sha256=entry.payload_sha256)
        memory.reservations[place] = reservation

    def _append(self, step: LedgerTransaction, charge: Charge, *, state: EntryState, payload_sha256: str = "") -> None:
        if state is EntryState.REFUSED and (charge.run, charge.round, charge.plan_sha256) in self._memory.refused:
            return  # asking again and again must not fill the disk
        entry = LedgerEntry(
            number=self._memory.last + 1,
            state=state,
            charge=charge,
            period=self._period,
            at=self._clock(),
            payload_sha256=payload_sha256,
        )
        # Memory learns of the row by reading it back in a later step, when it is known to be durable.
        step.append(entry)

    def _check_same_plan(self, charge: Charge, *, known: Reservation | None) -> None:
        plan = self._memory.plans.get(charge.run, charge.plan_sha256)
        model = charge.base_model_sha256 if known is None else known.charge.base_model_sha256
        events = charge.events if known is None else known.charge.events
        if (plan, model, events) != (charge.plan_sha256, charge.base_model_sha256, charge.events):
            raise PlanChanged(
                "This run was priced with another plan or model: start a new run.", run=charge.run, round=charge.round
            )

    def _is_affordable(self, charge: Charge, *, horizon: Sequence[Event]) -> bool:
        needed = _sum(self._memory.spent, merge_events(charge.events))
        if _is_within(needed, self._certificate):
            return True
        for wish in (self._whole_run(charge.run, horizon=horizon), needed):
            if not _is_within(needed, wish):
                continue
            cost = epsilon_of_multiset(wish, delta=self._delta)
            if cost <= self._cap_epsilon:
                self._certificate, self._certified = wish, cost
                return True
        return False

    def _whole_run(self, run: str, *, horizon: Sequence[Event]) -> dict[Event, int]:
        """Return what will be spent when ``run`` has done all of ``horizon``; its rounds so far are part of that."""
        others = dict(self._memory.spent)
        for (owner, _), reservation in self._memory.reservations.items():
            if owner == run:
                others = _sum(others, merge_events(reservation.charge.events), sign=-1)
        return _sum({event: steps for event, steps in others.items() if steps > 0}, merge_events(horizon))

    def _get_reservation(self, run: str, *, round_number: int) -> Reservation:
        known = self._memory.reservations.get((run, round_number))
        if known is None:
            raise ReleaseRefused("Nothing was charged for this round: nothing may leave for it.")
        return known


_BEFORE: Mapping[EntryState, EntryState] = {
    EntryState.STORED: EntryState.RESERVED,
    EntryState.RELEASED: EntryState.STORED,
}


def _may_follow(entry: LedgerEntry, *, known: Reservation | None) -> bool:
    """Tell whether this code can have written ``entry`` for a round of which it had written ``known``."""
    if bool(entry.payload_sha256) is not (entry.state in {EntryState.STORED, EntryState.RELEASED}):
        return False
    if known is None:
        return entry.state in {EntryState.RESERVED, EntryState.REFUSED}
    is_same_payload = entry.state is not EntryState.RELEASED or entry.payload_sha256 == known.payload_sha256
    return _BEFORE.get(entry.state) is known.state and entry.charge == known.charge and is_same_payload


def _sum(left: Mapping[Event, int], right: Mapping[Event, int], *, sign: int = 1) -> dict[Event, int]:
    total = dict(left)
    for event, steps in right.items():
        total[event] = total.get(event, 0) + sign * steps
    return total


def _is_within(part: Mapping[Event, int], whole: Mapping[Event, int]) -> bool:
    return all(steps <= whole.get(event, 0) for event, steps in part.items())
