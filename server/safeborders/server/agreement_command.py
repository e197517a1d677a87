"""What the coordinator's commands about roster, agreement and manifests do."""

import sys
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.errors import SettingsError
from safeborders.kit.files import load_bytes, write_atomically
from safeborders.kit.signing import create_signing_key, load_signing_key
from safeborders.models.defaults import ARCHITECTURE, BUNDLE_SHA256
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.keycard import issue_card, parse_card
from safeborders.models.protocol.manifest import Aggregation, RunManifest, draft_manifest, verify_manifest
from safeborders.models.protocol.plan import RunPlan
from safeborders.models.protocol.roster import KeyRole
from safeborders.privacy.agreement.cabinet import Cabinet
from safeborders.privacy.agreement.engine import PolicyEngine
from safeborders.server.commands import load_coordinator
from safeborders.server.federation.gate import AgreementRunGate
from safeborders.server.planning import initial_model
from safeborders.server.registry.papers import FileDecisionJournal, FolderPaperStore
from safeborders.server.registry.roster import RosterState
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.storage.opening import open_registry_database

_console = Console(highlight=False)
_GOOD_FOR = timedelta(days=14)


def write_card(profile: Path, *, out: Path) -> None:
    """Write the card of public keys and show its fingerprint."""
    settings = load_coordinator(profile)
    places = settings.places
    path = places.agreement_key
    agreement = load_signing_key(path) if path.exists() else create_signing_key(path)
    node = load_signing_key(places.signing_key)
    content = issue_card(settings.federation, COORDINATOR, agreement=agreement, node=node)
    write_atomically(out, content, mode=0o644)
    _console.print(f"Send {out} to whoever drafts the roster, and read this fingerprint out to the countries:")
    _console.print(parse_card(content).fingerprint())


def keep_roster(profile: Path, *, file: Path, fingerprint: str) -> None:
    """Keep the first roster or follow it."""
    cabinet, content, now = build_cabinet(load_coordinator(profile)), load_bytes(file), system_clock()
    if fingerprint:
        roster = cabinet.trust_first_roster(content, fingerprint=fingerprint, now=now)
    else:
        roster = cabinet.follow(content, now=now)
    _console.print(f"Roster {roster.version} of {roster.federation} is in force until {roster.expires_at:%Y-%m-%d}.")


def adopt_agreement(profile: Path, *, file: Path) -> None:
    """Keep an agreement or its next version."""
    agreement = build_cabinet(load_coordinator(profile)).adopt(load_bytes(file), now=system_clock())
    _console.print(f"{agreement.id} version {agreement.version} is kept; it counts from {agreement.term.first}.")


def end_agreement(profile: Path, *, file: Path) -> None:
    """Keep a declaration."""
    cabinet = build_cabinet(load_coordinator(profile))
    termination = cabinet.end(load_bytes(file), now=system_clock())
    day = termination.ends_on(cabinet.agreement())
    _console.print(f"{termination.by} ended the agreement ({termination.ground}): no round starts from {day}.")


def show_decisions(profile: Path, *, last: int) -> None:
    """Print the newest decisions as they are kept."""
    path = load_coordinator(profile).places.decisions
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line in lines[-max(last, 1) :]:
        sys.stdout.write(line + "\n")


def write_manifest(settings: CoordinatorSettings, plan: RunPlan, *, out: Path) -> None:
    """Write the manifest of ``plan`` under the agreement that is kept, signed by the coordinator."""
    now = system_clock().replace(microsecond=0)
    manifest = RunManifest(
        plan=plan,
        aggregation=Aggregation.PLAIN,  # the only one that this version can do
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
    known = {
        entry.country: entry.identity.signing_key
        for entry in SqlRoster(engine).list_roster()
        if entry.state is RosterState.ENROLLED
    }
    places = settings.places
    places.manifests.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(places.manifests / f"{plan.run}.json", content)
    AgreementRunGate(
        cabinet,
        engine=build_engine(settings, cabinet=cabinet),
        manifests=places.manifests,
        signing=(load_signing_key(places.signing_key), system_clock),
        known=(known, ARCHITECTURE),
    ).check_round(plan)
    SqlRegistry(engine).start_run(plan, initial=initial_model(plan), now=system_clock())
    engine.dispose()
    _console.print(plan.run)


def build_cabinet(settings: CoordinatorSettings) -> Cabinet:
    """Return the papers that the coordinator keeps."""
    return Cabinet(FolderPaperStore(settings.places.papers))


def build_engine(settings: CoordinatorSettings, *, cabinet: Cabinet) -> PolicyEngine:
    """Return the engine that decides for the coordinator."""
    journal = FileDecisionJournal(settings.places.decisions)
    return PolicyEngine(COORDINATOR, standing=cabinet.standing, journal=journal, clock=system_clock)
