"""The geometry of the charts."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeborders.server.web.charts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    NamedValues,
    bar_width,
    build_line_chart,
    nice_ticks,
)

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 6))


@given(NUMBERS, NUMBERS)
def test_ticks_are_few_even_and_enclose_the_values(first: float, second: float) -> None:
    low, high = min(first, second), max(first, second)
    ticks = nice_ticks(low, high)

    assert 2 <= len(ticks) <= 8
    slack = 1e-6 * (ticks[1] - ticks[0])
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert ticks[1] - ticks[0] == pytest.approx(ticks[-1] - ticks[-2], rel=1e-6)


@given(st.lists(NUMBERS, min_size=1, max_size=40))
def test_every_point_lies_inside_the_frame(values: list[float]) -> None:
    rounds = tuple(range(1, len(values) + 1))
    chart = build_line_chart("k", [NamedValues("a", rounds, tuple(values))], title="t", unit="u")

    assert chart is not None
    for x, y in chart.lines[0].points:
        assert LEFT <= x <= WIDTH - RIGHT
        assert TOP - 1e-6 <= y <= HEIGHT - BOTTOM + 1e-6


def test_values_that_are_no_numbers_are_left_out_of_the_line() -> None:
    values = NamedValues("a", (1, 2, 3), (1.0, math.nan, 2.0))
    chart = build_line_chart("k", [values], title="t", unit="u")

    assert chart is not None
    assert len(chart.lines[0].points) == 2


def test_there_is_no_chart_without_a_point() -> None:
    assert build_line_chart("k", [NamedValues("a", (1,), (math.inf,))], title="t", unit="u") is None


@pytest.mark.parametrize("last", [1, 9, 12, 40, 1000])
def test_the_axis_of_rounds_starts_at_one_and_stays_readable(last: int) -> None:
    rounds = tuple(range(1, last + 1))
    chart = build_line_chart("k", [NamedValues("a", rounds, tuple(map(float, rounds)))], title="t", unit="u")

    assert chart is not None
    labels = [int(tick.label) for tick in chart.x_ticks]
    assert labels[0] == 1
    assert len(labels) <= 11
    assert labels[-1] <= last


@pytest.mark.parametrize(("value", "width"), [(0.0, 0.0), (4.0, 100.0), (8.0, 200.0), (99.0, 200.0), (-1.0, 0.0)])
def test_a_bar_never_leaves_its_frame(value: float, width: float) -> None:
    assert bar_width(value, full=8.0, width=200) == width


def test_a_bar_needs_a_length_to_be_compared_with() -> None:
    with pytest.raises(ValueError, match="full"):
        bar_width(1.0, full=0.0, width=200)
