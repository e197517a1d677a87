"""What the coordinator's commands do; it prints for people and raises for the edge of the program."""

from pathlib import Path

from rich.console import Console

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.kit.clock import system_clock
from safeborders.kit.errors import Conflict, SettingsError
from safeborders.server import enrolment
from safeborders.server.registry.records import RunState
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.storage.opening import open_registry_database

_console = Console(highlight=False)


def initialise(profile: Path) -> None:
    """Make keys and database, and show the fingerprint."""
    settings = load_settings(profile, CoordinatorSettings)
    enrolment.create_identity(settings)
    open_registry_database(settings.registry_url).dispose()
    _console.print(f"The coordinator of {settings.federation} has its keys. Next: safeborders coordinator enrol")
    _console.print("Its fingerprint, to read out to the authority:")
    _console.print(enrolment.coordinator_fingerprint(settings))


def resume_run(profile: Path, *, run: str) -> None:
    """Let a run that rests go on at the round where it stopped."""
    settings = load_coordinator(profile)
    engine = open_registry_database(settings.registry_url)
    registry = SqlRegistry(engine)
    if registry.get_run(run).state is not RunState.FAILED:
        raise Conflict("The run does not rest: nothing needs to be resumed.")
    registry.set_run_state(run, RunState.WAITING, now=system_clock())
    engine.dispose()
    _console.print(f"The run {run} goes on within seconds if the coordinator runs.")


def load_coordinator(profile: Path) -> CoordinatorSettings:
    """Return the settings of a coordinator that was initialised. Raises SettingsError."""
    settings = load_settings(profile, CoordinatorSettings)
    if not settings.places.signing_key.exists():
        raise SettingsError(f"There is no identity in {settings.places.state}: run safeborders coordinator init first.")
    return settings
