"""The ledger's arithmetic, apart from where it is kept (tests/contract/test_ledger_store.py)."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from safeborders.kit.canonical import sha256_hex
from safeborders.privacy import ledger as ledger_module
from safeborders.privacy.accountant import epsilon, epsilon_of_multiset
from safeborders.privacy.errors import BudgetExhausted, LedgerDamaged, PlanChanged, ReleaseRefused
from safeborders.privacy.events import Event
from safeborders.privacy.ledger import Charge, EntryState, LedgerEntry, PrivacyLedger, Reservation
from sbtest.ledger import InMemoryLedgerStore, make_charge, make_event

DELTA = 1e-5


@pytest.mark.parametrize("delta", [0.0, 1.0, math.nan])
def test_a_delta_out_of_range_is_refused(delta: float) -> None:
    with pytest.raises(ValueError, match="delta"):
        PrivacyLedger(InMemoryLedgerStore(), cap_epsilon=1.0, delta=delta)


@pytest.mark.parametrize("cap", [0.0, -1.0, math.nan, math.inf])
def test_a_cap_that_allows_nothing_or_nothing_known_is_refused(cap: float) -> None:
    with pytest.raises(ValueError, match="cap_epsilon"):
        PrivacyLedger(InMemoryLedgerStore(), cap_epsilon=cap, delta=DELTA)


def test_what_is_spent_is_the_composition_of_all_runs() -> None:
    ledger = PrivacyLedger(InMemoryLedgerStore(), cap_epsilon=20.0, delta=DELTA)
    for run in ("a", "b"):
        for number in range(1, 4):
            ledger.reserve(make_charge(run, number), horizon=(make_event(steps=3),))
    assert ledger.spent_epsilon() == epsilon([make_event(steps=6)], delta=DELTA)


def test_a_proven_run_is_priced_once(monkeypatch: pytest.MonkeyPatch) -> None:
    priced = 0

    def counting(*arguments: object, **options: object) -> float:
        nonlocal priced
        priced += 1
        return epsilon_of_multiset(*arguments, **options)  # type: ignore[arg-type]  # passed on as they are

    monkeypatch.setattr(ledger_module, "epsilon_of_multiset", counting)
    ledger = PrivacyLedger(InMemoryLedgerStore(), cap_epsilon=20.0, delta=DELTA)
    for number in range(1, 21):
        ledger.reserve(make_charge(round_number=number), horizon=(make_event(steps=20),))
    assert priced == 1
    ledger.reserve(make_charge(round_number=21), horizon=(make_event(steps=20),))  # more than was promised
    assert priced > 1


def test_a_horizon_that_names_less_than_the_round_proves_nothing() -> None:
    ledger = PrivacyLedger(InMemoryLedgerStore(), cap_epsilon=1.0, delta=DELTA)
    with pytest.raises(BudgetExhausted):
        ledger.reserve(make_charge(noise=0.5), horizon=(make_event(noise=100.0),))


def test_a_run_that_does_not_fit_whole_may_still_use_what_is_left() -> None:
    ledger = PrivacyLedger(InMemoryLedgerStore(), cap_epsilon=1.0, delta=DELTA)
    assert ledger.reserve(make_charge(), horizon=(make_event(steps=1000),)).is_new
    assert 0 < ledger.spent_epsilon() <= 1.0


NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
EXACTLY_TWO = epsilon([make_event(steps=2)], delta=DELTA)


def open_ledger(store: InMemoryLedgerStore | None = None, *, cap: float = 8.0, period: str = "1") -> PrivacyLedger:
    return PrivacyLedger(
        InMemoryLedgerStore() if store is None else store,
        cap_epsilon=cap,
        delta=DELTA,
        period=period,
        clock=lambda: NOW,
    )


@pytest.mark.parametrize("events", [(), (make_event().seen_in_sum(2),), (make_event(), make_event().seen_in_sum(9))])
def test_a_charge_for_nothing_or_for_an_observer_of_the_sum_cannot_be_made(events: tuple[Event, ...]) -> None:
    """Either would be cheaper than what the country's own message tells."""
    with pytest.raises(ValueError, match="events"):
        replace(make_charge(), events=events)


def test_what_costs_exactly_the_cap_fits_and_anything_more_does_not() -> None:
    assert open_ledger(cap=EXACTLY_TWO).reserve(two_steps()).is_new
    with pytest.raises(BudgetExhausted):
        open_ledger(cap=math.nextafter(EXACTLY_TWO, 0)).reserve(two_steps())


def two_steps(run: str = "run-1") -> Charge:
    return replace(make_charge(run), events=(make_event(steps=2),))


def test_a_refusal_says_for_which_round_and_is_written_once_also_over_restarts() -> None:
    store = InMemoryLedgerStore()
    for _ in range(2):
        ledger = open_ledger(store, cap=EXACTLY_TWO / 2)
        with pytest.raises(BudgetExhausted) as caught:
            ledger.reserve(two_steps())
        assert caught.value.context == {"run": "run-1", "round": 1}
    for other in (
        make_charge("run-2", noise=0.5),
        make_charge(round_number=2, noise=0.5),
        make_charge(plan="x", noise=0.5),
    ):
        with pytest.raises(BudgetExhausted):
            ledger.reserve(other)
    assert [entry.state for entry in store.entries] == [EntryState.REFUSED] * 4


def test_a_refused_round_may_be_asked_for_again_when_there_is_room() -> None:
    store = InMemoryLedgerStore()
    with pytest.raises(BudgetExhausted):
        open_ledger(store, cap=EXACTLY_TWO / 2).reserve(two_steps())
    ledger = open_ledger(store, cap=EXACTLY_TWO)
    assert ledger.reserve(two_steps()).is_new
    assert [entry.state for entry in store.entries] == [EntryState.REFUSED, EntryState.RESERVED]
    assert ledger.spent_epsilon() == EXACTLY_TWO


def test_a_row_says_what_when_and_in_which_period() -> None:
    store = InMemoryLedgerStore()
    ledger = open_ledger(store, period="2026")
    reservation = ledger.reserve(make_charge())
    assert reservation == Reservation(charge=make_charge(), state=EntryState.RESERVED, is_new=True)
    stored = ledger.store(reservation, payload=b"update")
    digest = sha256_hex(b"update")
    assert stored == Reservation(make_charge(), EntryState.STORED, is_new=False, payload_sha256=digest)
    ledger.release("run-1", round_number=1)
    assert list(store.entries) == [
        LedgerEntry(number, state, make_charge(), "2026", NOW, payload)
        for number, (state, payload) in enumerate(
            [(EntryState.RESERVED, ""), (EntryState.STORED, digest), (EntryState.RELEASED, digest)], start=1
        )
    ]
    again = ledger.reserve(make_charge())
    assert again == Reservation(make_charge(), EntryState.RELEASED, is_new=False, payload_sha256=digest)


def test_what_is_kept_in_databases_keeps_its_words_and_its_first_period() -> None:
    assert [state.value for state in EntryState] == ["reserved", "stored", "released", "refused"]
    store = InMemoryLedgerStore()
    ledger = PrivacyLedger(store, cap_epsilon=8.0, delta=DELTA)
    assert ledger.reserve(make_charge()).payload_sha256 == ""
    assert [entry.period for entry in store.entries] == ["1"]


def test_a_changed_plan_says_for_which_round() -> None:
    ledger = open_ledger()
    ledger.reserve(make_charge())
    with pytest.raises(PlanChanged) as caught:
        ledger.reserve(make_charge(round_number=2, plan="other"))
    assert caught.value.context == {"run": "run-1", "round": 2}


def test_a_round_may_start_from_another_model_than_the_round_before() -> None:
    ledger = open_ledger()
    ledger.reserve(make_charge(model="initial"))
    assert ledger.reserve(make_charge(round_number=2, model="after one round")).is_new
    assert ledger.find_base_model("run-1", round_number=2) == sha256_hex(b"after one round")
    assert ledger.find_base_model("run-1", round_number=3) is None
    assert open_ledger(ledger._store).find_base_model("run-1", round_number=1) == sha256_hex(b"initial")  # type: ignore[arg-type]  # the memory store
    assert ledger.find_base_model("run-2", round_number=1) is None


def test_an_update_for_another_charge_than_the_reserved_one_is_thrown_away() -> None:
    ledger = open_ledger()
    reservation = ledger.reserve(make_charge())
    with pytest.raises(ReleaseRefused):
        ledger.store(replace(reservation, charge=make_charge(noise=9.0)), payload=b"other")
    with pytest.raises(ReleaseRefused):
        ledger.store(replace(reservation, is_new=False), payload=b"other")
    ledger.store(reservation, payload=b"update")  # control
    assert ledger.get_payload("run-1", round_number=1) == b"update"


def test_the_outbox_must_hold_what_was_paid_for() -> None:
    store = InMemoryLedgerStore()
    ledger = open_ledger(store)
    ledger.store(ledger.reserve(make_charge()), payload=b"update")
    for outbox in ({}, {("run-1", 1): b"another update"}):
        store.outbox = dict(outbox)
        with pytest.raises(ReleaseRefused):
            ledger.get_payload("run-1", round_number=1)


def test_what_a_run_will_have_cost_counts_its_own_rounds_once_and_charges_nothing() -> None:
    store = InMemoryLedgerStore()
    ledger = open_ledger(store)
    horizon = (make_event(steps=5),)
    other = replace(make_charge("run-2"), events=(make_event(noise=9.0, steps=2),))
    ledger.reserve(other)
    whole = epsilon([*other.events, *horizon], delta=DELTA)
    for number in range(1, 4):
        assert ledger.foresee_epsilon("run-1", horizon=horizon) == whole
        ledger.reserve(make_charge(round_number=number))
    assert len(store.entries) == 4
    assert ledger.foresee_epsilon("run-3", horizon=()) == ledger.spent_epsilon()
    assert ledger.foresee_epsilon("run-1", horizon=()) == epsilon(other.events, delta=DELTA)


def test_what_a_run_will_have_cost_keeps_what_other_runs_did_in_the_same_way() -> None:
    ledger = open_ledger()
    ledger.reserve(two_steps("run-2"))
    ledger.reserve(make_charge("run-3", noise=9.0))
    ledger.reserve(make_charge())
    whole = epsilon([make_event(steps=2 + 5), make_event(noise=9.0)], delta=DELTA)
    assert ledger.foresee_epsilon("run-1", horizon=(make_event(steps=5),)) == whole


def test_rounds_of_an_earlier_period_do_not_make_a_run_cheaper_in_this_one() -> None:
    store = InMemoryLedgerStore()
    open_ledger(store, period="2026").reserve(make_charge())
    horizon = (make_event(steps=2),)
    assert open_ledger(store, period="2027").foresee_epsilon("run-1", horizon=horizon) == EXACTLY_TWO


def test_the_bound_is_what_was_proven_and_else_the_exact_cost() -> None:
    store = InMemoryLedgerStore()
    ledger = open_ledger(store)
    assert ledger.bound_epsilon() == 0
    horizon = (make_event(steps=5),)
    ledger.reserve(make_charge(), horizon=horizon)
    assert ledger.bound_epsilon() == epsilon(horizon, delta=DELTA)
    assert ledger.spent_epsilon() == epsilon([make_event()], delta=DELTA)
    assert open_ledger(store).bound_epsilon() == ledger.spent_epsilon()  # another process has proven nothing
    open_ledger(store).reserve(make_charge("run-2", noise=9.0))
    assert (
        ledger.bound_epsilon() == ledger.spent_epsilon() == epsilon([make_event(), make_event(noise=9.0)], delta=DELTA)
    )


def test_what_is_spent_and_the_last_round_can_be_looked_at() -> None:
    store = InMemoryLedgerStore()
    ledger = open_ledger(store, cap=1.0)
    assert ledger.spent_events() == ledger.find_latest_round() == ()
    ledger.reserve(make_charge(noise=20.0))
    reservation = ledger.reserve(make_charge(round_number=2, noise=30.0))
    ledger.store(reservation, payload=b"update")
    ledger.reserve(make_charge("run-2", noise=20.0))
    with pytest.raises(BudgetExhausted):
        ledger.reserve(make_charge("run-3", noise=0.5))
    assert set(ledger.spent_events()) == {make_event(noise=20.0, steps=2), make_event(noise=30.0)}
    assert set(open_ledger(store).spent_events()) == set(ledger.spent_events())  # also in another process
    assert ledger.find_latest_round() == (make_event(noise=20.0),)
    assert ledger.list_entries() == store.entries
    assert ledger.delta == DELTA


def test_two_runs_that_fit_one_by_one_and_not_together_are_not_both_granted() -> None:
    """The certificate of the first must not be taken for the second, which does other things."""
    one, other = make_charge("run-1", noise=3.0), make_charge("run-2", noise=3.5)
    both = epsilon([*one.events, *other.events], delta=DELTA)
    ledger = open_ledger(cap=both - 1e-3)
    ledger.reserve(one, horizon=one.events)
    with pytest.raises(BudgetExhausted):
        ledger.reserve(other, horizon=other.events)
    assert open_ledger(cap=both).reserve(other).is_new  # control: alone it fits


DIGEST = sha256_hex(b"update")
RESERVED, STORED, RELEASED, REFUSED = EntryState
RowFacts = tuple[int, EntryState, Charge, str]

IMPOSSIBLE: dict[str, list[RowFacts]] = {
    "a gap": [(2, RESERVED, make_charge(), "")],
    "a repeated number": [(1, RESERVED, make_charge(), ""), (1, RESERVED, make_charge("run-2"), "")],
    "stored before reserved": [(1, STORED, make_charge(), DIGEST)],
    "released before reserved": [(1, RELEASED, make_charge(), DIGEST)],
    "released before stored": [(1, RESERVED, make_charge(), ""), (2, RELEASED, make_charge(), DIGEST)],
    "reserved twice": [(1, RESERVED, make_charge(), ""), (2, RESERVED, make_charge(), "")],
    "refused after reserved": [(1, RESERVED, make_charge(), ""), (2, REFUSED, make_charge(), "")],
    "stored for another charge": [(1, RESERVED, make_charge(), ""), (2, STORED, make_charge(noise=9.0), DIGEST)],
    "stored without bytes": [(1, RESERVED, make_charge(), ""), (2, STORED, make_charge(), "")],
    "reserved with bytes": [(1, RESERVED, make_charge(), DIGEST)],
    "refused with bytes": [(1, REFUSED, make_charge(), DIGEST)],
    "released with other bytes": [
        (1, RESERVED, make_charge(), ""),
        (2, STORED, make_charge(), DIGEST),
        (3, RELEASED, make_charge(), sha256_hex(b"other")),
    ],
    "released twice": [
        (1, RESERVED, make_charge(), ""),
        (2, STORED, make_charge(), DIGEST),
        (3, RELEASED, make_charge(), DIGEST),
        (4, RELEASED, make_charge(), DIGEST),
    ],
}


def ledger_with(rows: list[RowFacts]) -> PrivacyLedger:
    store = InMemoryLedgerStore()
    store.entries = [LedgerEntry(number, state, charge, "1", NOW, digest) for number, state, charge, digest in rows]
    return open_ledger(store)


@pytest.mark.parametrize("rows", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_a_history_that_this_code_cannot_have_written_stops_everything(rows: list[RowFacts]) -> None:
    with pytest.raises(LedgerDamaged):
        ledger_with(rows).spent_epsilon()
    with pytest.raises(LedgerDamaged):
        ledger_with(rows).reserve(make_charge("run-9", noise=30.0))


def test_control_a_history_that_this_code_writes_is_read() -> None:
    rows = [
        (1, REFUSED, make_charge(), ""),
        (2, RESERVED, make_charge(), ""),
        (3, STORED, make_charge(), DIGEST),
        (4, RELEASED, make_charge(), DIGEST),
        (5, REFUSED, make_charge("run-2", noise=0.5), ""),
    ]
    assert ledger_with(rows).spent_epsilon() == epsilon([make_event()], delta=DELTA)
