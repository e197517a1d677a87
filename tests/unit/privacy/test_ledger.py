"""The ledger's arithmetic, apart from where it is kept (tests/contract/test_ledger_store.py)."""

import math

import pytest

from safeborders.privacy import ledger as ledger_module
from safeborders.privacy.accountant import epsilon, epsilon_of_multiset
from safeborders.privacy.errors import BudgetExhausted
from safeborders.privacy.ledger import PrivacyLedger
from sbtest.ledger import InMemoryLedgerStore, make_charge, make_event

DELTA = 1e-5


@pytest.mark.parametrize("delta", [0.0, 1.0, math.nan])
def test_a_delta_out_of_range_is_refused(delta: float) -> None:
    with pytest.raises(ValueError, match="delta"):
        PrivacyLedger(InMemoryLedgerStore(), cap_epsilon=1.0, delta=delta)


@pytest.mark.parametrize("cap", [0.0, -1.0, math.nan])
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
