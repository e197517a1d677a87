"""One-run canary audit of the product's engine: the lower bound stays below the claim, sabotaged builds break it.

A bound at 95 % is above the truth by chance once in twenty runs, but the truth of orthogonal canaries under Gaussian
noise is far below a claim that holds for delta = 1e-5: the bounds seen are about half of it.
"""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from safeborders.privacy.accountant import epsilon
from safeborders.privacy.dpsgd.bookkeeping import BookKeepingModule
from safeborders.privacy.dpsgd.canary_audit import CanaryAudit, epsilon_lower_bound
from safeborders.privacy.dpsgd.noise import discrete_gaussian
from safeborders.privacy.dpsgd.private_training import PrivateStep, calibrated, privatised_sum

pytestmark = pytest.mark.audit

CANARIES = 600
DELTA = 1e-5


def strongest(attempt: Callable[[], float], *, tries: int = 4) -> float:
    """Return the best of several lower bounds: a sabotaged build is caught with a probability below one each time."""
    return max(attempt() for _ in range(tries))


def make_audit(target: float, *, rate: float, steps: int, guesses: int = 100) -> tuple[CanaryAudit, float]:
    """Return an audit of a run that is sold as costing ``target``, and what the accountant claims for it."""
    step = PrivateStep(rate, 1.0, 1.0, expected_batch_size=100, bits=20)
    noise = calibrated(step, dimension=2 * CANARIES, steps=steps, target_epsilon=target, delta=DELTA)
    step = PrivateStep(rate, noise, 1.0, expected_batch_size=100, bits=20)
    claim = epsilon([step.event(dimension=2 * CANARIES, steps=steps)], delta=DELTA)
    return CanaryAudit(CANARIES, guesses, steps, step, delta=DELTA, confidence=0.95), claim


@pytest.mark.parametrize("target", [1.0, 2.0, 4.0])
@pytest.mark.parametrize(("rate", "steps"), [(1.0, 2), (0.5, 6)])
def test_the_lower_bound_is_below_the_claim(target: float, rate: float, steps: int) -> None:
    audit, claim = make_audit(target, rate=rate, steps=steps)
    assert claim == pytest.approx(target, abs=0.02)
    result = audit.run()
    print(f"epsilon {claim:.2f}, q {rate}: at least {result.epsilon_at_least:.2f} ({result.right}/{result.guesses})")  # noqa: T201  # evidence
    assert result.epsilon_at_least < claim


def test_the_audit_sees_something_where_there_is_something_to_see() -> None:
    audit, _ = make_audit(8.0, rate=1.0, steps=1)
    assert strongest(lambda: audit.run().epsilon_at_least) > 0.5


def without_noise(module: BookKeepingModule, step: PrivateStep) -> NDArray[np.int64]:
    return module.clipped_integers(clip_norm=step.max_grad_norm, grid=2**step.bits)


def with_four_times_the_clip(module: BookKeepingModule, step: PrivateStep) -> NDArray[np.int64]:
    """Clips at 4 C, adds noise for C."""
    loose = PrivateStep(**{**vars(step), "max_grad_norm": 4 * step.max_grad_norm, "noise_multiplier": 1e-3})
    return 4 * privatised_sum(module, step=loose) + noise_alone(step, length=module.dimension)


def noise_alone(step: PrivateStep, *, length: int) -> NDArray[np.int64]:
    return discrete_gaussian(length, deviation=int(step.noise_multiplier * 2**step.bits))


class ReusedNoise:
    """Draws its noise once."""

    def __init__(self) -> None:
        self._noise: NDArray[np.int64] | None = None

    def __call__(self, module: BookKeepingModule, step: PrivateStep) -> NDArray[np.int64]:
        if self._noise is None:
            self._noise = noise_alone(step, length=module.dimension)
        return without_noise(module, step) + self._noise


def everybody(count: int, _rate: float) -> NDArray[np.int64]:
    return np.arange(count)


def test_control_noise_that_is_off_is_caught() -> None:
    audit, claim = make_audit(1.0, rate=0.5, steps=4)
    assert strongest(lambda: audit.run(release=without_noise).epsilon_at_least) > claim


def test_control_a_wrong_clip_is_caught() -> None:
    audit, claim = make_audit(1.0, rate=1.0, steps=2)
    assert strongest(lambda: audit.run(release=with_four_times_the_clip).epsilon_at_least) > claim


def test_control_a_wrong_sampling_rate_is_caught() -> None:
    audit, claim = make_audit(1.0, rate=0.2, steps=6)
    assert strongest(lambda: audit.run(sample=everybody).epsilon_at_least) > claim


def test_control_reused_noise_is_caught() -> None:
    audit, claim = make_audit(1.0, rate=0.5, steps=8)
    assert strongest(lambda: audit.run(release=ReusedNoise()).epsilon_at_least) > claim


def test_control_the_bound_itself_is_as_strong_as_arithmetic_says() -> None:
    assert epsilon_lower_bound(50, guesses=100, canaries=1000, delta=0, doubt=0.05) == 0
    # 100 of 100 right refute every p with p**100 <= 0.05, that is epsilon = log(p / (1 - p)).
    p = 0.05 ** (1 / 100)
    bound = epsilon_lower_bound(100, guesses=100, canaries=1000, delta=0, doubt=0.05)
    assert bound == pytest.approx(np.log(p / (1 - p)), abs=1e-6)
