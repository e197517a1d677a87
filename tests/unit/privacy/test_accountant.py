"""Epsilon: equal to independent accountants and closed forms, never below them, monotone in everything."""

import math
import tracemalloc
import warnings

import numpy as np
import pytest
from dp_accounting.pld.privacy_loss_distribution import from_gaussian_mechanism
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from opacus.accountants import GaussianAccountant, PRVAccountant
from scipy.optimize import brentq
from scipy.stats import binom, norm

from safeborders.privacy.accountant import epsilon, epsilon_across, epsilon_sum, register_price
from safeborders.privacy.events import AttributedGaussian, Event
from safeborders.privacy.relational import MetricRelease, RootedGaussian, StatisticRelease
from sbtest.ledger import make_event

DELTA = 1e-5


def exact(*, noise: float, rate: float, steps: int, share: int = 1) -> AttributedGaussian:
    """An event whose rounding costs nothing that the comparison could see."""
    return AttributedGaussian("typology", rate, noise, share, grid=2**30, dimension=1, steps=steps)


def gaussian_epsilon(noise: float, *, delta: float) -> float:
    """Balle and Wang (2018), Theorem 8: the exact trade-off of one Gaussian mechanism."""

    def excess(value: float) -> float:
        shift = value * noise
        return float(norm.cdf(0.5 / noise - shift) - math.exp(value) * norm.cdf(-0.5 / noise - shift)) - delta

    return float(brentq(excess, 0, 200))


def opacus_epsilon(*, noise: float, rate: float, steps: int) -> float:
    """Return Opacus' upper bound, at most 0.01 above the truth."""
    oracle = PRVAccountant()
    oracle.history = [(noise, rate, steps)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it takes logarithms of zero on purpose
        return float(oracle.get_epsilon(DELTA, eps_error=0.01))


@pytest.mark.parametrize(
    ("noise", "rate", "steps"), [(1.0, 0.1, 20), (2.05, 0.5, 30), (6.0, 0.5, 30), (5.0, 0.5, 80), (3.0, 0.02, 300)]
)
def test_poisson_sampled_gaussians_agree_with_opacus(noise: float, rate: float, steps: int) -> None:
    ours = epsilon([exact(noise=noise, rate=rate, steps=steps)], delta=DELTA)
    assert ours == pytest.approx(opacus_epsilon(noise=noise, rate=rate, steps=steps), abs=0.02)


@given(noise=st.floats(1.5, 15.0), rate=st.floats(0.02, 0.9), steps=st.integers(1, 60))
@settings(max_examples=8, deadline=None)
def test_anywhere_it_agrees_with_opacus(noise: float, rate: float, steps: int) -> None:
    ours = epsilon([exact(noise=noise, rate=rate, steps=steps)], delta=DELTA)
    assume(ours < 12)  # beyond any cap, and slow in the oracle
    assert ours == pytest.approx(opacus_epsilon(noise=noise, rate=rate, steps=steps), abs=0.02)


def test_control_the_gaussian_accountant_of_opacus_would_be_caught() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that it under-estimates, which is the point
        oracle = GaussianAccountant()
        oracle.history = [(4.98, 0.5, 80)]
        low = float(oracle.get_epsilon(DELTA))
    assert low < epsilon([exact(noise=4.98, rate=0.5, steps=80)], delta=DELTA) - 0.02


@pytest.mark.parametrize("noise", [1.6, 2.0, 5.0])
@pytest.mark.parametrize("steps", [1, 16])
def test_full_batches_equal_the_closed_form_and_are_never_below_it(noise: float, steps: int) -> None:
    ours = epsilon([exact(noise=noise, rate=1.0, steps=steps)], delta=DELTA)
    truth = gaussian_epsilon(noise / math.sqrt(steps), delta=DELTA)
    assert truth <= ours + 1e-9
    assert ours == pytest.approx(truth, abs=1e-3)


@pytest.mark.parametrize("share", [2, 4])
def test_full_batches_of_several_examples_equal_one_of_that_length(share: int) -> None:
    ours = epsilon([exact(noise=8.0, rate=1.0, steps=4, share=share)], delta=DELTA)
    assert ours == pytest.approx(gaussian_epsilon(8.0 / share / 2, delta=DELTA), abs=2e-3)


def mixture_delta(epsilons: float, *, noise: float, weights: list[float]) -> float:
    """Integrate the hockey-stick divergence of the mixture against the Gaussian, both ways, on a fine grid."""
    grid = np.linspace(-14 * noise, 14 * noise + len(weights), 400_001)
    base = norm.pdf(grid, scale=noise)
    mixed = sum(weight * norm.pdf(grid, loc=count, scale=noise) for count, weight in enumerate(weights))
    width = grid[1] - grid[0]
    above = np.maximum(mixed - math.exp(epsilons) * base, 0).sum() * width
    below = np.maximum(base - math.exp(epsilons) * mixed, 0).sum() * width
    return float(max(above, below))


def test_two_examples_of_a_person_cost_what_integration_says() -> None:
    ours = epsilon([exact(noise=2.0, rate=0.3, steps=1, share=2)], delta=1e-3)
    truth = float(brentq(lambda e: mixture_delta(e, noise=2.0, weights=[0.49, 0.42, 0.09]) - 1e-3, 0.01, 20))
    assert ours == pytest.approx(truth, abs=2e-3)
    assert ours >= truth - 1e-6


GOLDEN = [
    # (noise, rate, steps): epsilon at delta 1e-5, privacy.md 4.4 and 4.5
    ((2.82, 0.5, 80), 7.97),
    ((4.98, 0.5, 80), 3.97),
    ((16.9, 0.5, 80), 1.00),
]


@pytest.mark.parametrize(("numbers", "golden"), GOLDEN)
def test_the_figures_of_the_specification_come_out(numbers: tuple[float, float, int], golden: float) -> None:
    noise, rate, steps = numbers
    assert epsilon([exact(noise=noise, rate=rate, steps=steps)], delta=DELTA) == pytest.approx(golden, abs=0.02)


def test_the_sum_is_cheaper_the_more_countries_are_honest() -> None:
    events = [exact(noise=2.82, rate=0.5, steps=80)]
    seen = [epsilon_sum(events, honest=honest, delta=DELTA) for honest in (1, 5, 7, 8, 9)]
    assert seen[0] == epsilon(events, delta=DELTA)
    assert seen[1:] == pytest.approx([3.02, 2.48, 2.30, 2.15], abs=0.02)  # privacy.md 4.5
    for nobody in ({"honest": 0}, {"honest": 7, "countries": 0}):
        with pytest.raises(ValueError, match="must be"):
            epsilon_sum(events, delta=DELTA, **nobody)


def test_a_person_in_two_countries_pays_for_both() -> None:
    events = [exact(noise=4.98, rate=0.5, steps=80)]
    assert epsilon_across(events, countries=1, delta=DELTA) == epsilon(events, delta=DELTA)
    assert epsilon_across(events, countries=2, delta=DELTA) == pytest.approx(5.9, abs=0.05)
    assert epsilon_across(events, countries=3, delta=DELTA) == pytest.approx(7.5, abs=0.05)
    with pytest.raises(ValueError, match="countries"):
        epsilon_across(events, countries=0, delta=DELTA)


@given(
    noise=st.floats(1.5, 10),
    rate=st.floats(0.05, 0.9),
    steps=st.integers(1, 40),
    more=st.floats(1.05, 3),
)
@settings(max_examples=10, deadline=None)
def test_less_noise_more_steps_more_sampling_and_less_delta_never_cost_less(
    noise: float, rate: float, steps: int, more: float
) -> None:
    base = epsilon([make_event(noise=noise, rate=rate, steps=steps)], delta=DELTA)
    worse = [
        epsilon([make_event(noise=noise / more, rate=rate, steps=steps)], delta=DELTA),
        epsilon([make_event(noise=noise, rate=min(1.0, rate * more), steps=steps)], delta=DELTA),
        epsilon([make_event(noise=noise, rate=rate, steps=math.ceil(steps * more))], delta=DELTA),
        epsilon([make_event(noise=noise, rate=rate, steps=steps)], delta=DELTA / more),
        epsilon([make_event(noise=noise, rate=rate, steps=steps), make_event(noise=30)], delta=DELTA),
    ]
    assert min(worse) >= base - 1e-9


def test_more_examples_of_a_person_cost_more() -> None:
    costs = [epsilon([make_event(noise=8, steps=5, persons_share=share)], delta=DELTA) for share in (1, 2, 3)]
    assert costs == sorted(costs)
    assert costs[0] < costs[2]


def test_nothing_costs_nothing_and_impossible_deltas_are_refused() -> None:
    assert epsilon([], delta=DELTA) == 0
    for delta in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="delta"):
            epsilon([make_event()], delta=delta)


def test_the_rounding_of_the_grid_costs_and_never_pays() -> None:
    fine = exact(noise=2.05, rate=0.5, steps=30)
    coarse = AttributedGaussian("typology", 0.5, 2.05, 1, grid=2**12, dimension=283, steps=30)
    assert coarse.effective_noise_multiplier == pytest.approx(2.05 * 4096 / (4096 + math.sqrt(283)))
    assert epsilon([coarse], delta=DELTA) > epsilon([fine], delta=DELTA)


def integer_epsilon(*, deviation: float, move: int, steps: int, delta: float) -> float:
    """Return the exact epsilon of discrete Gaussian noise under integers that a person moves, by summing its law."""
    values = np.arange(-math.ceil(15 * deviation), math.ceil(15 * deviation) + 1)
    one = np.exp(-(values**2.0) / (2 * deviation**2))
    one /= one.sum()
    law = one
    for _ in range(steps - 1):  # the loss is linear in the noise, so only the sum of the noises counts
        law = np.convolve(law, one)
    noises = np.arange(len(law)) - len(law) // 2
    losses = move * (2 * noises + steps * move) / (2 * deviation**2)

    def excess(value: float) -> float:
        beyond = losses > value
        return float((law[beyond] * -np.expm1(value - losses[beyond])).sum()) - delta

    return float(brentq(excess, 0, 300))


@pytest.mark.parametrize(("noise", "steps"), [(1.0, 1), (0.3, 1), (0.25, 1), (0.25, 2)])
@pytest.mark.parametrize("delta", [1e-3, 1e-5])
def test_the_price_of_integer_noise_is_the_exact_one_also_far_above_any_cap(
    noise: float, steps: int, delta: float
) -> None:
    event = AttributedGaussian("typology", 1.0, noise, 1, grid=2**10, dimension=1, steps=steps)
    truth = integer_epsilon(deviation=noise * 2**10, move=2**10 + 1, steps=steps, delta=delta)
    ours = epsilon([event], delta=delta)
    assert truth <= ours <= truth + 5e-3


def test_two_runs_of_eight_cost_what_they_compose_to() -> None:
    run = AttributedGaussian("typology", 0.5, 2.82, 1, grid=2**16, dimension=300, steps=80)
    assert epsilon([run], delta=DELTA) == pytest.approx(7.97, abs=0.02)
    twice = epsilon([run, run], delta=DELTA)
    assert twice == epsilon_across([run], countries=2, delta=DELTA)
    assert twice == pytest.approx(opacus_epsilon(noise=run.effective_noise_multiplier, rate=0.5, steps=160), abs=0.02)


@pytest.mark.parametrize("coordinates", [10**8, 10**10])
def test_noise_that_is_too_coarse_to_be_priced_gives_infinity(coordinates: int) -> None:
    coarse = StatisticRelease("cells", sensitivity=1.0, deviation=256.0, coordinates=coordinates)
    assert epsilon([coarse], delta=DELTA) == math.inf


def test_control_as_coarse_noise_of_fewer_coordinates_has_a_price() -> None:
    coarse = StatisticRelease("cells", sensitivity=1.0, deviation=256.0, coordinates=10**5)
    assert epsilon([coarse], delta=DELTA) < 0.2


HOSTILE = [
    AttributedGaussian("typology", 0.5, 0.001, 1, grid=2**32, dimension=300),
    AttributedGaussian("typology", 1e-4, 0.05, 1, grid=2**32, dimension=300),
    AttributedGaussian("typology", 1.0, 0.2, 1, grid=2**32, dimension=300, steps=1000),
    RootedGaussian("typology", 0.5, 2.0, ((16, 0.5),), grid=2**32, dimension=300, steps=1000),
    MetricRelease("metric", sensitivity=1e6, deviation=256.0, coordinates=1),
    MetricRelease("metric", sensitivity=20 * 256.0, deviation=256.0, coordinates=1),  # a mean loss below the limit
]


@pytest.mark.parametrize("event", HOSTILE)
def test_a_plan_with_next_to_no_noise_costs_infinity_and_no_memory(event: Event) -> None:
    """A coordinator's plan is priced before it is refused: its grid of losses must not fill the country's memory."""
    tracemalloc.start()
    try:
        assert epsilon([make_event(), event], delta=DELTA) == math.inf
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


def test_control_a_plan_that_no_cap_allows_still_has_its_price() -> None:
    """Full batches at noise 0.3 over ten rounds: far beyond any cap, and equal to the closed form."""
    truth = gaussian_epsilon(0.3 / math.sqrt(10), delta=DELTA)
    assert epsilon([exact(noise=0.3, rate=1.0, steps=10)], delta=DELTA) == pytest.approx(truth, abs=0.02)


@pytest.mark.parametrize("event", [exact(noise=0.9, rate=0.3, steps=1, share=2), exact(noise=2.0, rate=1.0, steps=1)])
def test_the_mean_loss_of_a_step_is_never_below_the_truth(event: AttributedGaussian) -> None:
    noise, rate, share = event.effective_noise_multiplier, event.sampling_rate, event.examples_per_person
    grid = np.linspace(-14 * noise, 14 * noise + share, 400_001)
    mixed = sum(binom.pmf(count, share, rate) * norm.pdf(grid, loc=count, scale=noise) for count in range(share + 1))
    base = norm.pdf(grid, scale=noise)
    width = grid[1] - grid[0]
    truth = max(float((mixed * np.log(mixed / base)).sum() * width), float((base * np.log(base / mixed)).sum() * width))
    assert truth <= event.mean_loss * (1 + 1e-9)
    if rate == 1:
        assert event.mean_loss == pytest.approx(truth, rel=1e-6)


def test_the_mean_loss_counts_every_way_in_which_a_person_moves_a_sum() -> None:
    roots = RootedGaussian("typology", 1.0, 4.0, (), grid=2**30, dimension=1)
    assert roots.mean_loss == pytest.approx(1 / 32, rel=1e-2)
    seen = RootedGaussian("typology", 1.0, 4.0, ((3, 1.0),), grid=2**30, dimension=1)
    assert seen.mean_loss == pytest.approx((1 + 2 * 3) ** 2 / 32, rel=1e-2)
    half = RootedGaussian("typology", 0.5, 4.0, ((3, 1.0),), grid=2**30, dimension=1)
    assert half.mean_loss == pytest.approx((3.5**2 + (1 + 3 * 4) / 4) / 32, rel=1e-2)
    assert MetricRelease("metric", sensitivity=64.0, deviation=256.0, coordinates=2).mean_loss == 1 / 32


def test_a_delta_below_what_the_tails_of_a_long_run_hold_gives_infinity() -> None:
    assert epsilon([make_event(noise=40.0, steps=3)], delta=1e-18) == math.inf


def test_control_coarse_noise_costs_more_than_what_it_is_priced_as() -> None:
    coarse = AttributedGaussian("typology", 1.0, 2.0, 1, grid=2**8, dimension=10**4, steps=1)
    without = gaussian_epsilon(coarse.effective_noise_multiplier, delta=DELTA)
    assert without + 1e-3 < epsilon([coarse], delta=DELTA) < without + 1e-1


def test_a_kind_without_a_price_is_an_error_and_a_kind_has_one_price() -> None:
    class Unpriced(AttributedGaussian):
        kind = "unpriced"

    with pytest.raises(ValueError, match="registered price"):
        epsilon([Unpriced("links", 0.5, 4.0, 1, grid=2**16, dimension=3)], delta=DELTA)

    def price(event: Event, interval: float) -> object:
        raise AssertionError

    with pytest.raises(ValueError, match="one price"):
        register_price(AttributedGaussian, price=price)


def test_a_later_stage_is_priced_with_everything_else() -> None:
    class Relational(AttributedGaussian):
        kind = "test_priced_relational"

    def price(event: Event, interval: float) -> object:
        return from_gaussian_mechanism(5.0, value_discretization_interval=interval)

    register_price(Relational, price=price)
    event = Relational("links", 1.0, 4.0, 1, grid=2**30, dimension=1)
    assert epsilon([event], delta=DELTA) == pytest.approx(gaussian_epsilon(5.0, delta=DELTA), abs=1e-3)
    assert epsilon([event, make_event()], delta=DELTA) > epsilon([make_event()], delta=DELTA)
