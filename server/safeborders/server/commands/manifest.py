"""What the commands about a run's manifest do; apart, because the accountant takes a second to import."""

from datetime import timedelta
from pathlib import Path

from rich.console import Console

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.errors import Conflict, SafeBordersError, SettingsError
from safeborders.kit.files import load_bytes, write_atomically
from safeborders.kit.signing import load_signing_key
from safeborders.models.defaults import BUNDLE_SHA256
from safeborders.models.protocol.aggregation import SMALLEST_FLOOR
from safeborders.models.protocol.manifest import Aggregation, RunManifest, draft_manifest, verify_manifest
from safeborders.models.protocol.plan import RunPlan
from safeborders.models.protocol.roster import KeyRole
from safeborders.server.commands.agreement import build_cabinet, build_run_gate
from safeborders.server.commands.coordinator import load_coordinator
from safeborders.server.planning import initial_model
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.storage.opening import open_registry_database

_console = Console(highlight=False)
_GOOD_FOR = timedelta(days=14)


def write_manifest(settings: CoordinatorSettings, plan: RunPlan, *, aggregation: Aggregation, out: Path) -> None:
    """Write the manifest of ``plan`` under the agreement that is kept, signed by the coordinator.

    Raises:
        SettingsError: If masks could not hide a country among so few.
    """
    if aggregation is Aggregation.SECURE and plan.floor < SMALLEST_FLOOR:
        raise SettingsError(
            f"Secure aggregation needs a floor of at least {SMALLEST_FLOOR}: raise --floor, or say --aggregation plain."
        )
    now = system_clock().replace(microsecond=0)
    manifest = RunManifest(
        plan=plan,
        aggregation=aggregation,
        agreement_sha256=build_cabinet(settings).agreement().sha256(),
        bundle_sha256=BUNDLE_SHA256,
        initial_model_sha256=initial_model(plan).sha256,
        valid_from=now - timedelta(minutes=5),  # clocks differ
        valid_until=now + _GOOD_FOR,
    )
    write_atomically(out, draft_manifest(manifest, key=load_signing_key(settings.places.signing_key)), mode=0o644)


def start_run(profile: Path, *, manifest: Path) -> None:
    """Start the run of a manifest that two countries have signed; nothing is started if the agreement refuses."""
    settings = load_coordinator(profile)
    content, cabinet = load_bytes(manifest), build_cabinet(settings)
    plan = verify_manifest(content, keys=cabinet.roster().keys(KeyRole.NODE), now=system_clock()).plan
    if plan.federation != settings.federation:
        raise SettingsError("The manifest is of another federation: name the right file.")
    engine = open_registry_database(settings.registry_url)
    places = settings.places
    places.manifests.mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = places.manifests / f"{plan.run}.json"
    if kept.exists():
        raise Conflict("The run was started before: resume it, or plan another.")
    write_atomically(kept, content)
    try:
        build_run_gate(settings, roster=SqlRoster(engine)).check_round(plan)
    except SafeBordersError:
        kept.unlink()
        raise
    SqlRegistry(engine).start_run(plan, initial=initial_model(plan), now=system_clock())
    engine.dispose()
    _console.print(plan.run)
