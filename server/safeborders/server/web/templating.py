"""The template environment of the coordinator's pages: escapes everything, fails on an unknown variable."""

import math
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from safeborders.models.domain.countries import Country
from safeborders.server.web.charts import bar_width
from safeborders.server.web.names import COUNTRY_NAMES, PURPOSE_NAMES, TASK_NAMES

WEB = Path(__file__).parent
MISSING = "–"


def build_templates() -> Environment:
    """Return the environment with the filters that the pages use."""
    environment = Environment(
        loader=FileSystemLoader(WEB / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        country=lambda country: COUNTRY_NAMES[Country(country)],
        task=lambda task: TASK_NAMES.get(task, task),
        purpose=lambda code: PURPOSE_NAMES.get(code, code),
        clock=show_time,
        day=show_day,
        figure=show_figure,
        size=show_size,
        bar=bar_width,
    )
    return environment


def show_time(moment: datetime | None) -> str:
    """Return a UTC time for a reader, to the second."""
    return moment.strftime("%d %b %Y, %H:%M:%S") if moment else MISSING


def show_day(moment: datetime | None) -> str:
    """Return a UTC date for a reader."""
    return moment.strftime("%d %b %Y") if moment else MISSING


def show_figure(value: float | None, digits: int = 3) -> str:
    """Return a number with ``digits`` decimals; a dash for what is no number."""
    return f"{value:.{digits}f}" if value is not None and math.isfinite(value) else MISSING


def show_size(count: int) -> str:
    """Return a number of bytes in the largest unit that keeps it at or above one."""
    value, units = float(count), ["B", "kB", "MB", "GB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"
