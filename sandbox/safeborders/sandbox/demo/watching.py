"""Looks at the coordinator's page, as its team would, until the run is done."""

import json
import time
from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import Any

from rich.progress import Progress

from safeborders.kit.errors import Unavailable
from safeborders.sandbox.demo.layout import Layout
from safeborders.sandbox.demo.programs import Programs

_POLL_SECONDS = 0.5
_START_SECONDS = 120.0
_ROUND_SECONDS = 180.0
_SERVE_SECONDS = 180.0


class Watcher:
    """Shows what the coordinator's page says until a run is done.

    Args:
        layout: Of the demonstration.
        programs: Looked at while waiting: if one fails, waiting is in vain.
        progress: Where the bars are.
    """

    def __init__(self, layout: Layout, programs: Programs, *, progress: Progress) -> None:
        self._layout = layout
        self._programs = programs
        self._progress = progress

    def wait_until_started(self) -> None:
        """Wait until the coordinator has heard of all countries."""
        everyone = 1 + len(self._layout.countries)
        task = self._progress.add_task("ten programs", total=everyone)

        def heard_of() -> bool:
            nodes = _get(self._layout, "/v1/nodes")
            seen = 0 if nodes is None else 1 + sum(row["seen_at"] is not None for row in nodes["items"])
            self._progress.update(task, completed=seen)
            return seen == everyone

        self._wait(heard_of, seconds=_START_SECONDS, what="all countries to connect")

    def follow_run(self, run: str) -> list[dict[str, Any]]:
        """Show the rounds as they end and return their records."""
        task = self._progress.add_task("rounds", total=None)

        def has_news() -> bool:
            view = _get(self._layout, f"/v1/runs/{run}")
            if view is None:
                return False
            is_new = bool(view["rounds_done"] > self._progress.tasks[task].completed) or view["state"] == "completed"
            self._progress.update(task, total=view["rounds"], completed=view["rounds_done"])
            return is_new

        while self._progress.tasks[task].completed != self._progress.tasks[task].total:
            self._wait(has_news, seconds=_ROUND_SECONDS, what="the next round")
        rounds = _get(self._layout, f"/v1/runs/{run}/rounds")
        if rounds is None:
            raise Unavailable("The coordinator's page does not show the rounds: its log in the state folder says why.")
        return list(rounds["items"])

    def wait_until_served(self, run: str) -> None:
        """Wait until every node has made its own model of the released one."""
        countries = self._layout.countries
        task = self._progress.add_task("models at the nodes", total=len(countries))

        def all_served() -> bool:
            done = sum(self._layout.evaluation(country, run=run).exists() for country in countries)
            self._progress.update(task, completed=done)
            return done == len(countries)

        self._wait(all_served, seconds=_SERVE_SECONDS, what="the nodes' own models")

    def _wait(self, holds: Callable[[], bool], *, seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            self._programs.check()
            if time.monotonic() > deadline:
                raise Unavailable(f"The demonstration waited {seconds:.0f} s for {what}: the logs folder says why.")
            time.sleep(_POLL_SECONDS)


def _get(layout: Layout, path: str) -> dict[str, Any] | None:
    """Return what the page says, None while it does not; without a client of TLS, which costs more than the answer."""
    with closing(HTTPConnection("127.0.0.1", layout.page_port, timeout=5)) as page:
        try:
            page.request("GET", path)
            answer = page.getresponse()
            return dict(json.loads(answer.read())) if answer.status == HTTPStatus.OK else None
        except (OSError, HTTPException):
            return None
