"""Previews add up like the ledger, and a projection is the largest number of rounds that fits."""

import math

import pytest

from safeborders.privacy.accountant import epsilon, epsilon_across, epsilon_sum
from safeborders.privacy.preview import exposure, preview_run, rounds_left
from safeborders.privacy.relational import MetricRelease, RootedGaussian, StatisticRelease
from sbtest.ledger import make_event

DELTA = 1e-5


def test_the_projection_is_the_last_round_that_fits() -> None:
    spent, one = (make_event(noise=6.0, steps=5),), (make_event(noise=6.0),)
    left = rounds_left(spent, one, delta=DELTA, cap_epsilon=4.0)
    assert left > 3
    assert epsilon([*spent, one[0].times(left)], delta=DELTA) <= 4.0
    assert epsilon([*spent, one[0].times(left + 1)], delta=DELTA) > 4.0


def test_nothing_is_left_when_the_cap_is_reached_and_nothing_projected_without_a_round() -> None:
    spent = (make_event(noise=2.0, steps=50),)
    assert rounds_left(spent, (make_event(),), delta=DELTA, cap_epsilon=0.5) == 0
    assert rounds_left((), (), delta=DELTA, cap_epsilon=4.0) == 0


def test_a_preview_is_spent_and_run_together() -> None:
    spent, run = (make_event(noise=6.0, steps=10),), (make_event(noise=8.0, steps=20),)
    seen = preview_run(spent, run, participants=4, delta=DELTA, cap_epsilon=3.0)
    assert seen.total == epsilon([*spent, *run], delta=DELTA)
    assert seen.run.epsilon == epsilon(run, delta=DELTA)
    assert seen.fits == (seen.total <= 3.0)
    assert not preview_run(spent, run, participants=4, delta=DELTA, cap_epsilon=seen.total - 0.01).fits


def test_exposure_knows_countries_and_colluders() -> None:
    shown = exposure((make_event(noise=6.0, steps=10),), participants=2, delta=DELTA)
    assert shown.epsilon == shown.by_countries[1] < shown.by_countries[2] < shown.by_countries[3]
    assert shown.by_colluders[0] < shown.by_colluders[1] == shown.epsilon
    assert math.isinf(shown.by_colluders[2])  # nobody honest is left
    assert exposure((), participants=3, delta=DELTA).by_countries == {1: 0.0, 2: 0.0, 3: 0.0}


def test_training_metrics_and_statistics_compose_in_one_sum() -> None:
    rooted = RootedGaussian("b", 0.5, 18.0, ((8, 0.125),), grid=2**16, dimension=300, positions=9, steps=40)
    metric = MetricRelease("hits", sensitivity=9.0 * 2**10, deviation=60.0 * 2**10, coordinates=4)
    statistic = StatisticRelease("routes", sensitivity=1.0 * 2**10, deviation=12.0 * 2**10, coordinates=20)
    alone = [epsilon([event], delta=DELTA) for event in (rooted, metric, statistic)]
    together = epsilon([rooted, metric, statistic], delta=DELTA)
    assert max(alone) < together < sum(alone)


def test_a_person_in_two_countries_of_one_sum_moves_it_twice() -> None:
    # privacy.md 4.5: sigma for 3.97 in one country costs 9.0 and 15.0 for two and three in one sum.
    event = RootedGaussian("a", 0.5, 4.98, (), grid=2**30, dimension=1, steps=80)
    seen = [epsilon_sum([event], honest=1, delta=DELTA, countries=countries) for countries in (1, 2, 3)]
    assert seen == pytest.approx([3.97, 9.0, 15.0], abs=0.4)
    assert seen[1] > epsilon_across([event], countries=2, delta=DELTA)  # composition alone would be too little
    metric = StatisticRelease("s", sensitivity=1000.0, deviation=5000.0, coordinates=1)
    assert epsilon_sum([metric], honest=1, delta=DELTA, countries=2) > epsilon_sum([metric], honest=1, delta=DELTA)
