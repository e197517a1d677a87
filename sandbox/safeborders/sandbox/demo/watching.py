"""Looks at the coordinator's page, as its team would, until the run is done."""

import time
from collections.abc import Callable
from typing import Any

import httpx
from rich.progress import Progress

from safeborders.kit.errors import Unavailable
from safeborders.sandbox.demo.layout import Layout
from safeborders.sandbox.demo.programs import Programs

_POLL_SECONDS = 0.3
_START_SECONDS = 120.0
_ROUND_SECONDS = 90.0
_SERVE_SECONDS = 180.0


def wait_until_started(layout: Layout, programs: Programs, progress: Progress) -> None:
    """Wait until the coordinator has heard of all nine countries."""
    task = progress.add_task("ten programs", total=1 + len(layout.countries))

    def heard_of() -> bool:
        nodes = _get(layout, "/v1/nodes")
        seen = 0 if nodes is None else 1 + sum(row["seen_at"] is not None for row in nodes["items"])
        progress.update(task, completed=seen)
        return seen == 1 + len(layout.countries)

    _wait(heard_of, programs=programs, seconds=_START_SECONDS, what="all countries to connect")


def follow_run(layout: Layout, programs: Programs, progress: Progress, *, run: str) -> list[dict[str, Any]]:
    """Show the rounds as they end and return their records."""
    task = progress.add_task("rounds", total=None)
    rounds: list[dict[str, Any]] = []

    def has_news() -> bool:
        answer, view = _get(layout, f"/v1/runs/{run}/rounds"), _get(layout, f"/v1/runs/{run}")
        if answer is None or view is None:
            return False
        is_new = len(answer["items"]) > len(rounds)
        rounds[:] = answer["items"]
        progress.update(task, total=view["rounds"], completed=len(rounds))
        return is_new or view["state"] == "completed"

    while not (rounds and len(rounds) == progress.tasks[task].total):
        _wait(has_news, programs=programs, seconds=_ROUND_SECONDS, what="the next round")
    return rounds


def wait_until_served(layout: Layout, programs: Programs, progress: Progress, *, run: str) -> None:
    """Wait until every node has made its own model of the released one."""
    task = progress.add_task("models at the nodes", total=len(layout.countries))

    def all_served() -> bool:
        done = sum(layout.evaluation(country, run=run).exists() for country in layout.countries)
        progress.update(task, completed=done)
        return done == len(layout.countries)

    _wait(all_served, programs=programs, seconds=_SERVE_SECONDS, what="the nodes' own models")


def _get(layout: Layout, path: str) -> dict[str, Any] | None:
    try:
        answer = httpx.get(f"http://127.0.0.1:{layout.page_port}{path}", timeout=5, trust_env=False)
        return answer.json() if answer.status_code == httpx.codes.OK else None
    except httpx.TransportError:
        return None


def _wait(holds: Callable[[], bool], *, programs: Programs, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        programs.check()
        if time.monotonic() > deadline:
            raise Unavailable(f"The demonstration waited {seconds:.0f} s for {what}: the logs folder says why.")
        time.sleep(_POLL_SECONDS)
