"""Events of rooted training and of releases: what has no price cannot be made; every way of being seen counts."""

import math
from dataclasses import replace

import pytest

from safeborders.privacy.events import events_to_json, parse_events
from safeborders.privacy.relational import GaussianRelease, MetricRelease, RootedGaussian, StatisticRelease

ROOTED = RootedGaussian("typology", 0.5, 4.0, ((8, 0.25),), grid=2**16, dimension=9, positions=9)
RELEASE = MetricRelease("metric", sensitivity=2.0, deviation=512.0, coordinates=3)


@pytest.mark.parametrize(
    "change",
    [
        {"sampling_rate": 0.0}, {"sampling_rate": 1.01}, {"sampling_rate": math.nan}, {"noise_multiplier": math.inf},
        {"noise_multiplier": math.nan}, {"noise_multiplier": 0.003}, {"grid": 0}, {"dimension": 0}, {"positions": 0},
        {"steps": 0}, {"honest": 0}, {"copies": 0}, {"steps": 1.5}, {"relations": ((8,),)},
        {"relations": ((8, 0.5, 0.5, 0.5),)}, {"relations": ((8, 0.0),)}, {"relations": ((8, 1.1),)},
        {"relations": ((8, 0.5, 0.0),)}, {"relations": ((0, 0.5),)}, {"relations": ((1.5, 0.5),)},
        {"relations": ((8, 0.5), (8, 0.5, 0.5))},
    ],
)  # fmt: skip
def test_a_rooted_event_out_of_range_cannot_be_made(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must"):
        replace(ROOTED, **change)  # type: ignore[arg-type]  # parametrised


@pytest.mark.parametrize("keep", [1.0, 1e-9])
def test_control_the_edges_of_the_range_can_be_priced(keep: float) -> None:
    assert replace(ROOTED, relations=((1, keep),), sampling_rate=1.0, noise_multiplier=2.0**-8).relations == (
        (1, keep),
    )


@pytest.mark.parametrize(
    "change",
    [
        {"sensitivity": 0.0}, {"sensitivity": -1.0}, {"sensitivity": math.inf}, {"sensitivity": math.nan},
        {"deviation": 255.9}, {"deviation": math.inf}, {"deviation": math.nan}, {"coordinates": 0}, {"steps": 0},
        {"honest": 0},
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [MetricRelease, StatisticRelease])
def test_a_release_out_of_range_cannot_be_made(kind: type[GaussianRelease], change: dict[str, float]) -> None:
    numbers = {"name": "metric", "sensitivity": 2.0, "deviation": 256.0, "coordinates": 3}
    kind(**numbers)  # type: ignore[arg-type]  # control
    with pytest.raises(ValueError, match="must"):
        kind(**{**numbers, **change})  # type: ignore[arg-type]  # parametrised


def test_one_hop_is_seen_by_each_link_and_two_hops_by_each_path_but_the_way_back() -> None:
    two = replace(ROOTED, relations=((3, 0.5), (4, 0.25)), sampling_rate=0.5)
    assert list(two.seen_slots()) == [(3, 0.25), (4, 0.125)]
    far = replace(ROOTED, relations=((3, 0.5, 0.1), (4, 0.25, 0.2)), sampling_rate=0.5)
    assert list(far.seen_slots()) == [
        (3, 0.25), (4, 0.125),
        (3 * 2, pytest.approx(0.5 * 0.5 * 0.1)), (4 * 3, pytest.approx(0.5 * 0.5 * 0.2)),
        (3 * 4, pytest.approx(0.5 * 0.25 * 0.1)), (4 * 3, pytest.approx(0.5 * 0.25 * 0.2)),
    ]  # fmt: skip


def test_in_a_sum_noise_adds_up_and_so_does_a_person_in_several_countries() -> None:
    assert ROOTED.seen_in_sum(9).effective_noise_multiplier == pytest.approx(3 * ROOTED.effective_noise_multiplier)
    assert ROOTED.seen_in_sum(9).rounding_divergence == pytest.approx(9 * ROOTED.rounding_divergence)
    assert list(ROOTED.in_countries(2).seen_slots()) == [(16, 0.125)]
    assert ROOTED.in_countries(2).in_countries(3).copies == 6
    assert RELEASE.seen_in_sum(4).effective_noise_multiplier == 2 * RELEASE.effective_noise_multiplier == 512
    assert RELEASE.seen_in_sum(4).rounding_divergence == pytest.approx(4 * RELEASE.rounding_divergence)
    assert RELEASE.in_countries(2).effective_noise_multiplier == RELEASE.effective_noise_multiplier / 2
    assert RELEASE.times(7).steps == ROOTED.times(7).steps == 7


def test_every_kind_comes_back_from_the_ledger_unchanged() -> None:
    events = (ROOTED, RELEASE, StatisticRelease("cells", sensitivity=1.0, deviation=300.0, coordinates=2, honest=3))
    assert parse_events(events_to_json(events)) == events
