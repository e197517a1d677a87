"""Calibration: enough noise, and not a thousandth more."""

from collections.abc import Sequence

import pytest

from safeborders.privacy.accountant import epsilon
from safeborders.privacy.calibration import noise_multiplier_for
from safeborders.privacy.events import Event
from sbtest.ledger import make_event

DELTA = 1e-5


def run_with(noise: float) -> Sequence[Event]:
    return [make_event(noise=noise, steps=30), make_event(noise=3 * noise, steps=30)]


@pytest.mark.parametrize("target", [0.5, 2.0, 8.0])
def test_the_answer_is_enough_and_a_thousandth_less_is_not(target: float) -> None:
    noise = noise_multiplier_for(run_with, target_epsilon=target, delta=DELTA)
    assert epsilon(run_with(noise), delta=DELTA) <= target
    assert epsilon(run_with(noise - 0.001), delta=DELTA) > target


def test_an_impossible_target_is_refused() -> None:
    for target in (0.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="target_epsilon must be finite"):
            noise_multiplier_for(run_with, target_epsilon=target, delta=DELTA)
    with pytest.raises(ValueError, match="reachable"):
        noise_multiplier_for(run_with, target_epsilon=1e-9, delta=1e-12)


def test_a_guess_whose_price_is_infinite_is_left_behind() -> None:
    def one_step(noise: float) -> Sequence[Event]:
        return [make_event(noise=noise / 1000)]  # the first guesses hide next to nothing

    noise = noise_multiplier_for(one_step, target_epsilon=8.0, delta=DELTA)
    assert epsilon(one_step(noise), delta=DELTA) <= 8.0 < epsilon(one_step(noise - 0.001), delta=DELTA)
