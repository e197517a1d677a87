"""The command that plans a run; apart, because the accountant takes a second to import."""

from collections.abc import Mapping
from pathlib import Path

import yaml
from rich.console import Console

from safeborders.kit.clock import system_clock
from safeborders.kit.errors import SettingsError
from safeborders.kit.files import load_bytes
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import Task
from safeborders.server.commands import load_coordinator
from safeborders.server.planning import RunRequest, build_plan, initial_model
from safeborders.server.registry.roster import RosterState
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.storage.opening import open_registry_database

_console = Console(highlight=False)


def plan_run(
    profile: Path, *, epsilon: float, rounds: int | None, floor: int, deadline: float, sizes: Path | None
) -> None:
    """Plan a run among the enrolled countries and record it; the runner takes it up."""
    settings = load_coordinator(profile)
    engine = open_registry_database(settings.registry_url)
    countries = [entry.country for entry in SqlRoster(engine).list_roster() if entry.state is RosterState.ENROLLED]
    if len(countries) < floor:
        raise SettingsError("Fewer countries are enrolled than the floor asks for: admit more or lower --floor.")
    request = RunRequest(
        epsilon=epsilon, rounds=rounds, floor=floor, deadline_seconds=deadline, sizes=_load_sizes(sizes)
    )
    plan = build_plan(settings.federation, countries=countries, request=request)
    SqlRegistry(engine).start_run(plan, initial=initial_model(plan), now=system_clock())
    engine.dispose()
    _console.print(plan.run)


def _load_sizes(path: Path | None) -> Mapping[Task, Mapping[str, int]]:
    if path is None:
        return {}
    try:
        document = yaml.safe_load(load_bytes(path))
        return {
            Task(task): {Country(country).value: int(size) for country, size in row.items()}
            for task, row in document.items()
        }
    except (yaml.YAMLError, ValueError, AttributeError, TypeError) as error:
        raise SettingsError(
            f"{path} must hold a size per task and country, such as typology: {{gr: 120}}: correct it."
        ) from error
