"""Geometry of the charts: pure functions from numbers to coordinates, drawn by a template as inline SVG.

A chart is drawn on the server because the page runs no script; every chart has its table beside it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 56, 16, 16, 44
_TICKS = 5
_MOST_ROUND_TICKS = 10
_ROUND_STEPS = (1, 2, 5, 10, 20, 50, 100)  # a plan has at most 1000 rounds


@dataclass(frozen=True)
class Tick:
    """A labelled position on an axis."""

    position: float
    label: str


@dataclass(frozen=True)
class Line:
    """One drawn series; ``style`` is a small number that the style sheet maps to a colour and a dash pattern."""

    name: str
    style: int
    points: tuple[tuple[float, float], ...]

    @property
    def path(self) -> str:
        """The ``points`` attribute of an SVG polyline."""
        return " ".join(f"{x:.1f},{y:.1f}" for x, y in self.points)


@dataclass(frozen=True)
class LineChart:
    """A chart of values by round."""

    key: str
    title: str
    unit: str
    summary: str
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class NamedValues:
    """One series to draw; values that are not finite are left out of the line."""

    name: str
    rounds: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def finite(self) -> list[tuple[int, float]]:
        """The points that can be drawn."""
        return [(x, y) for x, y in zip(self.rounds, self.values, strict=True) if math.isfinite(y)]


def build_line_chart(key: str, series: Sequence[NamedValues], *, title: str, unit: str) -> LineChart | None:
    """Return the chart of ``series``, or None when there is nothing to draw."""
    drawn = [(one, one.finite) for one in series]
    everything = [point for _, points in drawn for point in points]
    if not everything:
        return None
    last = max(x for x, _ in everything)
    x_ticks = _round_ticks(last)
    y_ticks = nice_ticks(min(y for _, y in everything), max(y for _, y in everything))
    low, high = y_ticks[0], y_ticks[-1]
    lines = tuple(
        Line(name=one.name, style=index, points=tuple((_x(x, last=last), _y(y, low=low, high=high)) for x, y in points))
        for index, (one, points) in enumerate(drawn)
    )
    return LineChart(
        key=key,
        title=title,
        unit=unit,
        summary=". ".join(_summary(one.name, points) for one, points in drawn if points) + ".",
        lines=lines,
        x_ticks=tuple(Tick(_x(x, last=last), str(x)) for x in x_ticks),
        y_ticks=tuple(Tick(_y(y, low=low, high=high), _label(y, step=y_ticks[1] - y_ticks[0])) for y in y_ticks),
    )


def nice_ticks(low: float, high: float) -> list[float]:
    """Return about five round numbers that enclose ``low`` and ``high`` (steps of 1, 2 or 5 times a power of ten)."""
    span = (high - low) or abs(high) or 1.0
    raw = span / (_TICKS - 1)
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    last = max(last, first + 1)
    return [number * step for number in range(first, last + 1)]


def bar_width(value: float, *, full: float, width: float) -> float:
    """Return how long the bar of ``value`` is where ``full`` is as long as ``width``; a bar never leaves its frame."""
    if full <= 0:
        raise ValueError(f"full must be > 0. Got {full}.")
    return width * min(max(value / full, 0.0), 1.0)


def _round_ticks(last: int) -> list[int]:
    step = next(step for step in _ROUND_STEPS if last / step <= _MOST_ROUND_TICKS)
    return [1, *range(step, last + 1, step)] if step > 1 else list(range(1, last + 1))


def _x(number: int, *, last: int) -> float:
    inner = WIDTH - LEFT - RIGHT
    return LEFT + inner * (0.5 if last == 1 else (number - 1) / (last - 1))


def _y(value: float, *, low: float, high: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - low) / (high - low)


def _label(value: float, *, step: float) -> str:
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return f"{value + 0.0:.{digits}f}"


def _summary(name: str, points: Sequence[tuple[int, float]]) -> str:
    (first, start), (last, end) = points[0], points[-1]
    return f"{name}: {start:.3f} in round {first}, {end:.3f} in round {last}"
