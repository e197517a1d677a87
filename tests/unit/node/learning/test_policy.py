"""The country's policy: one way to say yes, and a reason for every no."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import RunPlan, Task
from safeborders.node.learning.policy import (
    LARGEST_WEIGHT,
    InstalledModel,
    PolicyDenied,
    PolicySettings,
    check_model,
    check_update,
    price_run,
)
from safeborders.privacy.accountant import epsilon
from sbtest.plans import ARCHITECTURE, CATALOGUE, FEATURES_SHA256, make_plan, make_task

SETTINGS = PolicySettings(
    country=Country.GR,
    federation="demo",
    epsilon_cap=8.0,
    delta_cap=1e-5,
    rounds_cap=50,
    floor=2,
)
INSTALLED = InstalledModel(catalogue=CATALOGUE, features_sha256=FEATURES_SHA256)


def decide(plan: RunPlan, **changes: Any) -> float:
    settings = dataclasses.replace(SETTINGS, **changes)
    return price_run(plan, settings=settings, installed=INSTALLED).epsilon


def test_a_plan_within_all_limits_is_approved_at_our_own_price() -> None:
    approved = price_run(make_plan(), settings=SETTINGS, installed=INSTALLED)
    assert approved.epsilon == epsilon(approved.events, delta=1e-5)
    assert [event.steps for event in approved.round_events()] == [1, 1]
    assert [event.steps for event in approved.events] == [10, 10]


@pytest.mark.parametrize(
    "plan",
    [
        make_plan(federation="other"),
        make_plan(participants=(Country.IT, Country.RO)),
        make_plan(participants=(Country.GR, Country.IT, Country.IT)),
        make_plan(floor=1),
        make_plan(floor=4),
        make_plan(rounds=51),
        make_plan(delta=2e-5),
        make_plan(architecture_sha256="0" * 64),
        make_plan(features_sha256="0" * 64),
        make_plan(version=1).model_copy(update={"version": 2}),
        make_plan(tasks=(make_task(Task.TYPOLOGY),)),
        make_plan(tasks=(make_task(Task.LINKS), make_task(Task.TYPOLOGY))),
        make_plan(tasks=(make_task(Task.TYPOLOGY), make_task(Task.LINKS, noise_multiplier=0.2))),
        make_plan(tasks=(make_task(Task.TYPOLOGY), make_task(Task.LINKS, noise_multiplier=float("inf")))),
        make_plan(tasks=(make_task(Task.TYPOLOGY), make_task(Task.LINKS, noise_multiplier=1e6, quantisation_bits=32))),
        make_plan(tasks=(make_task(Task.TYPOLOGY), make_task(Task.LINKS, noise_multiplier=0.5, quantisation_bits=8))),
        make_plan(tasks=(make_task(Task.TYPOLOGY), make_task(Task.LINKS, clip_norm=101.0))),
        make_plan(tasks=(make_task(Task.TYPOLOGY), make_task(Task.LINKS, noise_multiplier=1.0))),  # epsilon
    ],
)
def test_a_plan_outside_a_limit_is_denied(plan: RunPlan) -> None:
    with pytest.raises(PolicyDenied):
        decide(plan)


@given(
    noise=st.floats(0.01, 50),
    rate=st.floats(0.01, 1),
    rounds=st.integers(1, 60),
    bits=st.integers(8, 32),
    cap=st.floats(0.5, 8),
)
@settings(max_examples=25, deadline=None)
def test_whatever_the_coordinator_asks_an_approved_run_costs_at_most_the_cap(
    noise: float, rate: float, rounds: int, bits: int, cap: float
) -> None:
    tasks = tuple(
        make_task(task, noise_multiplier=noise, sampling_rate=rate, quantisation_bits=bits)
        for task in (Task.TYPOLOGY, Task.LINKS)
    )
    try:
        approved = price_run(
            make_plan(tasks=tasks, rounds=rounds),
            settings=dataclasses.replace(SETTINGS, epsilon_cap=cap),
            installed=INSTALLED,
        )
    except PolicyDenied:
        return
    assert epsilon(approved.events, delta=SETTINGS.delta_cap) <= cap


@pytest.mark.parametrize(
    ("size", "delta", "is_allowed"), [(9_999, 1e-5, True), (10_000, 1e-5, False), (10_000, 1e-6, True)]
)
def test_delta_is_small_for_as_many_persons_as_there_are(size: int, delta: float, is_allowed: bool) -> None:
    large = make_task(Task.LINKS, public_sizes={"gr": size})
    plan = make_plan(tasks=(make_task(Task.TYPOLOGY), large), delta=delta)
    if is_allowed:
        assert decide(plan) > 0
        return
    with pytest.raises(PolicyDenied, match="as many persons"):
        decide(plan)


def test_a_model_out_of_range_is_denied() -> None:
    model = np.zeros(5, dtype=np.float32)
    check_model(model)
    for wrong in (np.nan, np.inf, -2 * LARGEST_WEIGHT):
        model[2] = wrong
        with pytest.raises(PolicyDenied):
            check_model(model)


def test_an_update_of_another_shape_or_type_is_denied() -> None:
    good = np.zeros(ARCHITECTURE.update_length, dtype=np.int64)
    check_update(good, architecture=ARCHITECTURE)
    for wrong in (good[1:], good.astype(np.float64), good.reshape(1, -1)):
        with pytest.raises(PolicyDenied):
            check_update(wrong, architecture=ARCHITECTURE)  # type: ignore[arg-type]  # the wrong type is the point
