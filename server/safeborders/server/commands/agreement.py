"""What the coordinator's commands about roster, agreement and manifests do."""

import sys
from datetime import datetime, timedelta
from pathlib import Path

from rich.console import Console

from safeborders.configs.agreement_keys import follow_agreement_key, open_card_key
from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.files import load_bytes, write_atomically
from safeborders.kit.signing import load_signing_key
from safeborders.models.defaults import CATALOGUE
from safeborders.models.domain.audit import AuditEvent
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.keycard import issue_card, parse_card
from safeborders.privacy.agreement.cabinet import Cabinet
from safeborders.privacy.agreement.engine import PolicyEngine
from safeborders.server.admission import refresh_passes
from safeborders.server.commands.coordinator import load_coordinator
from safeborders.server.federation.gate import AgreementRunGate
from safeborders.server.registry.audit import CoordinatorLog, Record
from safeborders.server.registry.papers import LoggedDecisionJournal, LoggedPaperStore
from safeborders.server.registry.roster import Roster as MemberList
from safeborders.server.registry.roster import RosterState
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.storage.opening import open_registry_database

_console = Console(highlight=False)
_GOOD_FOR = timedelta(days=14)


def write_card(profile: Path, *, out: Path, renew: bool) -> None:
    """Write the card of public keys and show its fingerprint."""
    settings = load_coordinator(profile)
    places = settings.places
    agreement = open_card_key(places, renew=renew)
    node = load_signing_key(places.signing_key)
    content = issue_card(settings.federation, COORDINATOR, agreement=agreement, node=node)
    write_atomically(out, content, mode=0o644)
    _console.print(f"Send {out} to whoever drafts the roster, and read this fingerprint out to the countries:")
    _console.print(parse_card(content).fingerprint())


def keep_roster(profile: Path, *, file: Path, fingerprint: str) -> None:
    """Keep the first roster or follow it."""
    settings = load_coordinator(profile)
    cabinet, content, now = build_cabinet(settings), load_bytes(file), system_clock()
    if fingerprint:
        roster = cabinet.trust_first_roster(content, fingerprint=fingerprint, now=now)
    else:
        roster = cabinet.follow(content, now=now)
    follow_agreement_key(settings.places, party=COORDINATOR, roster=roster)
    engine = open_registry_database(settings.registry_url)
    refresh_passes(settings, roster=SqlRoster(engine))  # who is not in it any more is refused from this moment on
    engine.dispose()
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


def build_cabinet(settings: CoordinatorSettings) -> Cabinet:
    """Return the papers that the coordinator keeps."""
    return Cabinet(LoggedPaperStore(settings.places.papers, record=_recorder(settings)))


def build_engine(settings: CoordinatorSettings, *, cabinet: Cabinet) -> PolicyEngine:
    """Return the engine that decides for the coordinator."""
    journal = LoggedDecisionJournal(settings.places.decisions, record=_recorder(settings))
    return PolicyEngine(COORDINATOR, standing=cabinet.standing, journal=journal, clock=system_clock)


def build_run_gate(settings: CoordinatorSettings, *, roster: MemberList) -> AgreementRunGate:
    """Return what stands before rounds and releases, by the papers and members of this moment."""
    known = {
        entry.country: entry.identity.signing_key
        for entry in roster.list_roster()
        if entry.state is RosterState.ENROLLED
    }
    cabinet = build_cabinet(settings)
    return AgreementRunGate(
        cabinet,
        engine=build_engine(settings, cabinet=cabinet),
        manifests=settings.places.manifests,
        signing=(load_signing_key(settings.places.signing_key), system_clock),
        known=(known, CATALOGUE),
    )


def _recorder(settings: CoordinatorSettings) -> Record:
    """Return what opens the database when something has to be recorded; most commands record nothing."""

    def record(event: AuditEvent, at: datetime) -> None:
        engine = open_registry_database(settings.registry_url)
        try:
            CoordinatorLog(engine).record(event, at)
        finally:
            engine.dispose()

    return record
