"""Events: what the ledger keeps comes back unchanged, and what cannot be priced cannot be made."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from scipy.stats import norm

from safeborders.models.architecture import Architecture, TaskArchitecture
from safeborders.models.protocol.plan import RunPlan, Task
from safeborders.privacy.errors import LedgerDamaged
from safeborders.privacy.events import (
    SMALLEST_GRID_DEVIATION,
    AttributedGaussian,
    events_to_json,
    merge_events,
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
    ["", "{}", "[]", '{"events":[{"kind":"unknown"}]}', '{"events":[{"kind":"attributed_gaussian","steps":1}]}',
     events_to_json([make_event()]).replace('"steps":1', '"steps":0')],
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


def divergences(deviation: float) -> tuple[float, float]:
    """Return KL(discrete || rounded continuous) and their total variation, summed over the integers."""
    values = np.arange(-int(12 * deviation), int(12 * deviation) + 1)
    discrete = np.exp(-(values**2) / (2 * deviation**2))
    discrete /= discrete.sum()
    far = np.abs(values)  # by symmetry in the lower tail, where differences of the cdf keep their digits
    rounded = norm.cdf(-(far - 0.5) / deviation) - norm.cdf(-(far + 0.5) / deviation)
    ratio = discrete / rounded
    chi_squared = float((rounded * (ratio - 1) ** 2).sum())  # >= KL, and free of cancellation
    return chi_squared, float(np.abs(discrete - rounded).sum() / 2)


@pytest.mark.parametrize("deviation", [SMALLEST_GRID_DEVIATION, 300, 1024, 5000])
def test_the_bound_on_rounded_noise_holds_where_it_can_be_summed(deviation: int) -> None:
    event = AttributedGaussian("links", 1.0, 1.0, 1, grid=deviation, dimension=1)
    chi_squared, variation = divergences(deviation)
    assert chi_squared <= event.rounding_divergence
    assert variation <= math.sqrt(event.rounding_divergence / 2)
    assert event.rounding_divergence <= 2.5 * chi_squared  # control: the bound is not so loose that it says nothing
