"""The command that plans a run; apart, because the accountant takes a second to import."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import yaml
from rich.console import Console

from safeborders.kit.errors import SettingsError
from safeborders.kit.files import load_bytes
from safeborders.models.defaults import CATALOGUE
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.manifest import Aggregation
from safeborders.models.protocol.plan import Task
from safeborders.privacy.pricing import network_lines, price_networks
from safeborders.server.commands.coordinator import load_coordinator
from safeborders.server.commands.manifest import write_manifest
from safeborders.server.planning import RunRequest, build_plan
from safeborders.server.registry.roster import RosterState
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.storage.opening import open_registry_database

_console = Console(highlight=False)


def plan_run(profile: Path, *, request: RunRequest, aggregation: str, sizes: Path | None, out: Path) -> None:
    """Plan a run among the enrolled countries and write its manifest, which countries have to sign."""
    settings = load_coordinator(profile)
    if aggregation not in {Aggregation.SECURE, Aggregation.PLAIN}:
        raise SettingsError("The aggregation must be secure or plain: correct --aggregation.")
    engine = open_registry_database(settings.registry_url)
    countries = [entry.country for entry in SqlRoster(engine).list_roster() if entry.state is RosterState.ENROLLED]
    engine.dispose()
    if len(countries) < request.floor:
        raise SettingsError("Fewer countries are enrolled than the floor asks for: admit more or lower --floor.")
    plan = build_plan(settings.federation, countries=countries, request=replace(request, sizes=_load_sizes(sizes)))
    write_manifest(settings, plan, aggregation=Aggregation(aggregation), out=out)
    for line in network_lines(price_networks(plan, CATALOGUE.get(plan))):
        _console.print(line, soft_wrap=True)
    _console.print(f"The manifest is in {out}", soft_wrap=True)
    _console.print("each country prices it:  safeborders node budget --plan")
    _console.print("two of them sign it:     safeborders node agreement countersign")
    _console.print(f"then:                    safeborders coordinator start {out}", soft_wrap=True)
    _console.print("The run's name:")
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
