"""kill -9 of the runner, the SuperLink and a node in mid-round: the run goes on, at the same round."""

import os
import signal
import time
from collections.abc import Callable

import pytest
from benchmarks.local_federation import LocalFederation, wait_until

from safeborders.kit.canonical import sha256_hex
from safeborders.models.domain.countries import Country
from safeborders.server.registry.records import ReplyState, RunState

pytestmark = pytest.mark.e2e
RUN = "killed"


def _kill(federation: LocalFederation, name: str) -> None:
    process = federation.processes[name]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def _latest(federation: LocalFederation) -> int:
    return federation.registry.get_latest_model(RUN).round


def _strike(federation: LocalFederation, name: str, *, revive: Callable[[], None]) -> float:
    """Kill ``name`` in mid-round, revive it, and return the seconds until the next round was saved."""
    at = _latest(federation)
    federation.wait_for_round(RUN, at + 1, seconds=30)
    time.sleep(0.1)  # the next round has been asked and is being answered
    _kill(federation, name)
    struck_at = _latest(federation)
    killed_at = time.monotonic()
    revive()
    federation.wait_for_round(RUN, struck_at + 1, seconds=45)
    return time.monotonic() - killed_at


@pytest.mark.slow  # tests/e2e/test_demonstration.py kills node, runner and SuperLink by default
def test_a_run_survives_the_kill_of_each_process(federation: LocalFederation) -> None:
    rounds = 16
    federation.start_run(RUN, rounds=rounds)

    seconds = {
        "runner": _strike(federation, "runner", revive=federation.start_runner),
        "it": _strike(federation, "it", revive=lambda: federation.start_node(Country.IT)),
        "superlink": _strike(federation, "superlink", revive=federation.start_superlink),
        "edge": _strike(federation, "edge", revive=federation.start_edge),
    }

    wait_until(
        lambda: federation.registry.get_run(RUN).state is RunState.COMPLETED, seconds=60, what="the run did not end"
    )
    records = federation.registry.list_rounds(RUN)
    assert [record.round for record in records] == list(range(1, rounds + 1))
    assert {reply.state for record in records for reply in record.replies} == {ReplyState.ACCEPTED}
    model = federation.registry.get_latest_model(RUN)
    assert sha256_hex(model.parameters) == model.sha256
    assert max(seconds.values()) < 45, seconds
