"""One command runs a node: the learning process with its connector and, where the profile has one, the API."""

import subprocess
import sys
from pathlib import Path

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.logs import get_log, set_up_logs
from safeborders.kit.processes import check_port_is_free, start_child
from safeborders.kit.supervisor import Child, Supervisor, answers_on, stop_on_signals
from safeborders.node.enrolment import load_kit
from safeborders.node.lifecycle.policies import load_policy
from safeborders.node.opening import open_node_store

_QUIET = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "OMP_NUM_THREADS": "1",  # nine small models, not one large one: more threads only wait for each other
}
_log = get_log("node")


def run_node(profile: Path) -> None:
    """Run the node of ``profile`` until SIGTERM or Ctrl-C.

    Raises:
        SettingsError: If something in the profile or the state folder cannot be used; nothing is started then.
        Unavailable: If a part does not come up; the others are stopped then.
    """
    set_up_logs()
    settings = load_settings(profile, NodeSettings)
    check_before_start(settings)
    with stop_on_signals() as stop:
        _log.info("node_starts", country=settings.country.value)
        Supervisor(children_of(settings, profile=profile.resolve())).run(stop)


def check_before_start(settings: NodeSettings) -> None:
    """Refuse to start half: identity, kit, database key, retention policy and port are looked at first."""
    open_node_store(settings).close()
    load_kit(settings)
    load_policy(settings)
    if settings.api is not None:
        check_port_is_free(settings.api.port)


def children_of(settings: NodeSettings, *, profile: Path) -> list[Child]:
    """Return the processes of the node in the order in which they start."""

    def start(module: str) -> subprocess.Popen[bytes]:
        log = settings.places.logs / f"{module}.log"
        return start_child(
            [sys.executable, "-m", f"safeborders.node.{module}", str(profile)], log=log, environment=_QUIET
        )

    children = [Child(name="learner", start=lambda: start("learner"))]
    if not settings.is_demonstration or settings.retention_policy is not None:
        children.append(Child(name="nightly", start=lambda: start("nightly")))
    if settings.api is not None:
        children.append(Child(name="api", start=lambda: start("serve"), is_ready=answers_on(settings.api.port)))
    return children
