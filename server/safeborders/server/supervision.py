"""One command runs the coordinator: SuperLink, public edge, runner and page, each its own process."""

import subprocess
import sys
from pathlib import Path

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.kit.logs import get_log, set_up_logs
from safeborders.kit.processes import check_port_is_free, start_child
from safeborders.kit.supervisor import Child, Supervisor, answers_on, stop_on_signals
from safeborders.models.defaults import CATALOGUE
from safeborders.server.admission import EdgeWatch, refresh_passes
from safeborders.server.commands.coordinator import load_coordinator
from safeborders.server.enrolment import get_kit
from safeborders.server.federation.edge import EdgeConfig, start_edge
from safeborders.server.federation.link import Link, quiet_environment
from safeborders.server.federation.reconciliation import Reconciliation
from safeborders.server.federation.runner import PaperPlaces, RunnerConfig, start_runner
from safeborders.server.federation.superlink import start_superlink
from safeborders.server.registry.roster import Roster, RosterState
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.storage.opening import open_registry_database

_log = get_log("coordinator")


def run_coordinator(profile: Path) -> None:
    """Run the coordinator of ``profile`` until SIGTERM or Ctrl-C.

    Raises:
        SettingsError: If something in the profile or the state folder cannot be used; nothing is started then.
        Unavailable: If a part does not come up; the others are stopped then.
    """
    set_up_logs()
    settings = load_coordinator(profile)
    check_before_start(settings)
    engine = open_registry_database(settings.registry_url)
    roster, link = SqlRoster(engine), link_of(settings)
    refresh_passes(settings, roster=roster)
    reconciliation = Reconciliation(link, roster=roster, registry=SqlRegistry(engine))
    edge = EdgeWatch(settings, roster=roster)
    with stop_on_signals() as stop:
        _log.info("coordinator_starts", port=settings.edge.port)
        Supervisor(children_of(settings, roster=roster, profile=profile.resolve())).run(
            stop, watch=lambda: [*reconciliation.look(), *edge.look()]
        )
    engine.dispose()


def check_before_start(settings: CoordinatorSettings) -> None:
    """Refuse to start half: the certificate, database and ports are looked at first."""
    get_kit(settings)
    open_registry_database(settings.registry_url).dispose()
    check_port_is_free(settings.edge.port, host=settings.edge.host)
    for port in (settings.superlink_port, settings.page_port):
        check_port_is_free(port)


def link_of(settings: CoordinatorSettings) -> Link:
    """Return where this coordinator's SuperLink is."""
    return Link(folder=settings.places.superlink, port=settings.superlink_port)


def children_of(settings: CoordinatorSettings, *, roster: Roster, profile: Path) -> list[Child]:
    """Return the processes of the coordinator in the order in which they start."""
    link, places = link_of(settings), settings.places
    edge = EdgeConfig(
        link=link,
        host=settings.edge.host,
        port=settings.edge.port,
        authority=places.authority,
        certificate=places.certificate,
        key=places.tls_key,
        passes=places.passes,
    )

    def start_page() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "safeborders.server.page", str(profile)]
        return start_child(command, log=places.logs / "page.log", environment=quiet_environment(link.folder))

    return [
        Child(name="superlink", start=lambda: start_superlink(link), is_ready=answers_on(link.port)),
        Child(name="edge", start=lambda: start_edge(edge), is_ready=answers_on(edge.port, host=edge.host)),
        Child(name="page", start=start_page, is_ready=answers_on(settings.page_port)),
        Child(name="runner", start=lambda: start_runner(runner_config(settings, roster=roster))),
    ]


def runner_config(settings: CoordinatorSettings, *, roster: Roster) -> RunnerConfig:
    """Return what the runner needs, with the roster as it is now."""
    enrolled = {entry.country: entry.identity for entry in roster.list_roster() if entry.state is RosterState.ENROLLED}
    return RunnerConfig(
        link=link_of(settings),
        registry_url=settings.registry_url,
        signing_key=settings.places.signing_key,
        roster={country: identity.signing_key for country, identity in enrolled.items()},
        flower_keys={country: identity.flower_key for country, identity in enrolled.items()},
        catalogue=CATALOGUE,
        papers=PaperPlaces(
            folder=settings.places.papers,
            manifests=settings.places.manifests,
            decisions=settings.places.decisions,
        ),
    )
