"""The arithmetic between two model versions, against a straightforward calculation."""

import numpy as np
import pytest
from benchmarks.local_federation import SMALL, build_plan, initial_model

from safeborders.models.architecture import STATISTIC_SHARE, largest_loss
from safeborders.models.defaults import MOMENTUM
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import RunPlan
from safeborders.server.federation.strategy import entry_bound, next_version, sum_updates, take_step

COUNTRIES = (Country.GR, Country.IT)
LOSS_BOUND = largest_loss(SMALL.tasks[0].widths[-1])
PLAN = build_plan("one", rounds=2, countries=COUNTRIES, architecture=SMALL)
BASE = initial_model(PLAN, architecture=SMALL)
GRID = 2**16  # 2**quantisation_bits / clip_norm
EXPECTED = 0.5 * 200  # sampling_rate * public sizes


def test_a_step_moves_along_the_mean_gradient_by_public_numbers_only() -> None:
    total = np.arange(SMALL.update_length, dtype=np.int64) * 1000

    step = take_step(PLAN, SMALL, base=BASE, total=total, countries=set(COUNTRIES))

    gradient = total[: SMALL.length] / GRID / EXPECTED
    before = np.frombuffer(BASE.parameters, dtype="<f4")
    after = np.frombuffer(step.parameters, dtype="<f4")
    np.testing.assert_allclose(after, before - 0.1 * gradient, rtol=0, atol=1e-7)


def test_the_second_step_carries_the_velocity_of_the_first() -> None:
    total = np.full(SMALL.update_length, 5000, dtype=np.int64)
    first = next_version(BASE, take_step(PLAN, SMALL, base=BASE, total=total, countries=set(COUNTRIES)))

    second = take_step(PLAN, SMALL, base=first, total=total, countries=set(COUNTRIES))

    gradient = 5000 / GRID / EXPECTED
    moved = np.frombuffer(second.parameters, dtype="<f4") - np.frombuffer(first.parameters, dtype="<f4")
    np.testing.assert_allclose(moved, -0.1 * (1 + MOMENTUM) * gradient, rtol=1e-5)
    assert first.parent_sha256 == BASE.sha256


def test_fewer_countries_divide_by_fewer_examples() -> None:
    total = np.full(SMALL.update_length, 5000, dtype=np.int64)

    both = take_step(PLAN, SMALL, base=BASE, total=total, countries=set(COUNTRIES))
    one = take_step(PLAN, SMALL, base=BASE, total=total, countries={Country.GR})

    assert one.statistics[0].update_norm == pytest.approx(2 * both.statistics[0].update_norm)


def test_statistics_come_from_the_noised_coordinates() -> None:
    total = np.zeros(SMALL.update_length, dtype=np.int64)
    share = STATISTIC_SHARE * GRID
    total[SMALL.length :] = np.round([30 * share, 60 * share, 100 * share])

    (statistics,) = take_step(PLAN, SMALL, base=BASE, total=total, countries=set(COUNTRIES)).statistics

    assert statistics.loss == pytest.approx(0.3 * LOSS_BOUND, abs=1e-3)
    assert statistics.accuracy == pytest.approx(0.6, abs=1e-4)


@pytest.mark.parametrize("examples", [-50.0, 0.0, 0.2])
def test_a_noisy_count_below_one_gives_shares_within_zero_and_one(examples: float) -> None:
    total = np.zeros(SMALL.update_length, dtype=np.int64)
    total[SMALL.length :] = np.round(np.array([9.0, -9.0, examples]) * STATISTIC_SHARE * GRID)

    (statistics,) = take_step(PLAN, SMALL, base=BASE, total=total, countries=set(COUNTRIES)).statistics

    assert (statistics.loss, statistics.accuracy) == (LOSS_BOUND, 0.0)


def test_the_order_of_replies_does_not_matter() -> None:
    generator = np.random.default_rng(7)
    updates = [generator.integers(-(2**50), 2**50, 64) for _ in range(9)]

    assert np.array_equal(sum_updates(updates, length=64), sum_updates(reversed(updates), length=64))


def test_the_sum_of_the_largest_updates_of_every_country_fits_into_int64() -> None:
    countries = tuple(Country)
    plan = _huge(build_plan("huge", rounds=1, countries=countries, architecture=SMALL))

    total = sum(entry_bound(plan, country) for country in countries)

    assert total < 2**62


def _huge(plan: RunPlan) -> RunPlan:
    sizes = {country.value: 1_000_000 for country in Country}
    task = plan.tasks[0].model_copy(update={"public_sizes": sizes, "quantisation_bits": 32, "noise_multiplier": 100.0})
    return plan.model_copy(update={"tasks": (task,)})
