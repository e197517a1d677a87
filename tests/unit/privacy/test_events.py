"""Events: what the ledger keeps comes back unchanged, and what cannot be priced cannot be made."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

from safeborders.models.architecture import Architecture, TaskArchitecture
from safeborders.models.protocol.plan import RunPlan, Task
from safeborders.privacy.errors import LedgerDamaged
from safeborders.privacy.events import (
    ROUNDING_MOMENT,
    SMALLEST_GRID_DEVIATION,
    AttributedGaussian,
    events_to_json,
    merge_events,
    noise_divergence,
    parse_events,
    register_event,
)
from safeborders.privacy.pricing import run_events
from safeborders.privacy.relational import RootedGaussian
from sbtest.ledger import make_event
from sbtest.plans import ARCHITECTURE, make_plan


def test_events_come_back_from_json_unchanged() -> None:
    events = (make_event(noise=2.05), make_event(noise=0.1 + 0.2, steps=7, persons_share=3))
    assert parse_events(events_to_json(events)) == events


@pytest.mark.parametrize(
    "document",
    [
        "", "null", "{}", "[]", '{"events":5}', '{"events":["x"]}', '{"events":[{"kind":"unknown"}]}',
        '{"events":[{"kind":"attributed_gaussian","steps":1}]}',
        *(events_to_json([make_event()]).replace('"steps":1', f'"steps":{steps}') for steps in (0, 1.5, '"2"', "null")),
    ],
)  # fmt: skip
def test_what_cannot_be_priced_is_an_error_and_never_skipped(document: str) -> None:
    with pytest.raises(LedgerDamaged):
        parse_events(document)


@pytest.mark.parametrize(
    "change",
    [
        {"sampling_rate": 0.0}, {"sampling_rate": 1.5}, {"sampling_rate": math.nan}, {"noise_multiplier": 0.0},
        {"noise_multiplier": math.inf}, {"noise_multiplier": math.nan}, {"examples_per_person": 0}, {"grid": 0},
        {"dimension": 0}, {"steps": 0}, {"honest": 0}, {"grid": 16},
    ],
)  # fmt: skip
def test_an_event_out_of_range_cannot_be_made(change: dict[str, float]) -> None:
    numbers = {"sampling_rate": 0.5, "noise_multiplier": 4.0, "examples_per_person": 1, "grid": 2**16, "dimension": 9}
    with pytest.raises(ValueError, match="must be"):
        AttributedGaussian(task="links", **{**numbers, **change})  # type: ignore[arg-type]  # parametrised


def test_merging_adds_the_steps_of_equal_mechanisms() -> None:
    merged = merge_events([make_event(steps=3), make_event(steps=4), make_event(noise=9.0)])
    assert merged == {make_event(): 7, make_event(noise=9.0): 1}


def test_a_plan_becomes_one_event_per_task_with_the_statistics_counted() -> None:
    plan = make_plan()
    events = run_events(plan, ARCHITECTURE, rounds=plan.rounds)
    assert [event.steps for event in events] == [plan.rounds] * 2
    assert [event.dimension for event in events] == [part.length + 3 for part in ARCHITECTURE.tasks]
    assert all(isinstance(event, RootedGaussian) and event.copies == 1 for event in events)


@pytest.mark.parametrize("tasks", [(Task.TYPOLOGY,), (Task.LINKS, Task.TYPOLOGY)])
def test_a_plan_for_other_tasks_cannot_be_priced(tasks: tuple[Task, ...]) -> None:
    plan: RunPlan = make_plan()
    other = Architecture(tuple(TaskArchitecture(task, (4, 2)) for task in tasks))
    with pytest.raises(ValueError, match="tasks"):
        run_events(plan, other, rounds=1)


def test_a_later_stage_registers_its_kind_once() -> None:
    @register_event
    @dataclass(frozen=True)
    class Relational(AttributedGaussian):
        kind: ClassVar[str] = "test_relational"

    event = Relational("links", 0.5, 4.0, 1, grid=2**16, dimension=9)
    assert parse_events(events_to_json([event])) == (event,)

    class Impostor(AttributedGaussian):
        kind: ClassVar[str] = "test_relational"

    with pytest.raises(ValueError, match="kind must be new"):
        register_event(Impostor)


def noise_laws(deviation: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the discrete Gaussian and the rounded continuous one on the integers up to 12 deviations."""
    values = np.arange(-int(12 * deviation), int(12 * deviation) + 1)
    discrete = np.exp(-(values**2) / (2 * deviation**2))
    far = np.abs(values)  # by symmetry in the lower tail, where differences of the cdf keep their digits
    rounded = norm.cdf(-(far - 0.5) / deviation) - norm.cdf(-(far + 0.5) / deviation)
    return discrete / discrete.sum(), rounded


@pytest.mark.parametrize("deviation", [SMALLEST_GRID_DEVIATION, 300, 1024, 5000])
def test_the_bound_on_rounded_noise_holds_where_it_can_be_summed(deviation: int) -> None:
    event = AttributedGaussian("links", 1.0, 1.0, 1, grid=deviation, dimension=1)
    discrete, rounded = noise_laws(deviation)
    chi_squared = float((rounded * (discrete / rounded - 1) ** 2).sum())  # >= KL, and free of cancellation
    assert chi_squared <= event.rounding_divergence
    assert event.rounding_divergence <= 2.5 * chi_squared  # control: the bound is not so loose that it says nothing


def renyi(first: NDArray[np.float64], second: NDArray[np.float64], *, order: float) -> float:
    """Return the Renyi divergence of two laws that differ little, without cancellation."""
    error = first / second - 1  # of mean 0 under ``second``
    moment = float((second * (np.expm1(order * np.log1p(error)) - order * error)).sum())
    return math.log1p(moment) / (order - 1)


@pytest.mark.parametrize("deviation", [SMALLEST_GRID_DEVIATION, 1024])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 1.0])
def test_renyi_divergences_of_rounded_noise_are_bounded_where_the_accountant_uses_them(
    deviation: int, share: float
) -> None:
    """The step of docs/decisions/0183 that is a calculation: orders from 2 to 1 / (16 c), both directions."""
    one = noise_divergence(deviation, coordinates=1)
    order = 2 + share * (math.sqrt(ROUNDING_MOMENT / one) / 16 - 2)
    discrete, rounded = noise_laws(deviation)
    for first, second in ((discrete, rounded), (rounded, discrete)):
        assert 0 < renyi(first, second, order=order) <= order * one


def test_control_beyond_these_orders_the_bound_is_false() -> None:
    one = noise_divergence(SMALLEST_GRID_DEVIATION, coordinates=1)
    discrete, rounded = noise_laws(SMALLEST_GRID_DEVIATION)
    order = 16 * math.sqrt(ROUNDING_MOMENT / one) / 16
    assert renyi(rounded, discrete, order=order) > order * one
