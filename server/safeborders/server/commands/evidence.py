"""What the commands about evidence do: a model goes out to be attacked, and what countries sign about it comes in."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.errors import Conflict
from safeborders.kit.files import load_bytes, write_atomically
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.materials import COORDINATOR, Material
from safeborders.models.protocol.payloads import Order, build_order
from safeborders.models.protocol.plan import RunPlan
from safeborders.models.protocol.roster import KeyRole
from safeborders.privacy.agreement.conditions import Evidence
from safeborders.privacy.agreement.evidence import AnonymityEvidence, read_evidence
from safeborders.privacy.agreement.release import Release, find_evidence_flaw
from safeborders.privacy.agreement.terms import Agreement
from safeborders.server.commands.agreement import build_cabinet, build_run_gate
from safeborders.server.commands.coordinator import load_coordinator
from safeborders.server.registry.records import ModelVersion
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.storage.opening import open_registry_database

_console = Console(highlight=False, soft_wrap=True)


def write_candidate(profile: Path, *, run: str, out: Path) -> None:
    """Write the final model of a run whose rounds are done, as a working copy for its auditors.

    Raises:
        Conflict: If rounds are still to be played: their model is not the one to be handed out.
        AgreementError: If the agreement lets no working copy go to a participant.
    """
    settings = load_coordinator(profile)
    with _registry(settings) as (registry, roster):
        plan, model = _final(registry, run)
        build_run_gate(settings, roster=roster).check_candidate(plan)
        event = AuditEvent(
            Operation.DISCLOSURE,
            action="model.candidate",
            actor=COORDINATOR,
            purpose=plan.purpose,
            recipients=tuple(country.value for country in plan.participants),
            facts={"run": run, "model": model.sha256, "plan": plan.sha256()},
        )
        registry.record_event(event, now=system_clock())
    write_atomically(out, build_order(Order(plan, model.parameters)))
    _console.print(f"Send {out} to each participant; its node attacks it with:")
    _console.print(f"safeborders audit privacy -p PROFILE --candidate {out.name} --reviewer NAME")


def keep_evidence(profile: Path, *, files: Sequence[Path]) -> None:
    """Keep each file that its country signed.

    Raises:
        EvidenceRefused: If one is no evidence, or not its country's; those before it are kept.
    """
    cabinet = build_cabinet(load_coordinator(profile))
    for path in files:
        evidence = cabinet.keep_evidence(load_bytes(path), now=system_clock())
        verdict = "for" if evidence.is_complete else "against"
        _console.print(f"{evidence.country}: kept, {verdict} model {evidence.model_sha256[:16]}… of {evidence.run}.")
        if not evidence.is_complete:
            _console.print("It stays: this model cannot be handed out where evidence is agreed. Plan another run.")


def show_evidence(profile: Path, *, run: str, as_json: bool) -> None:
    """Show what is there for the run's final model, and whether it would do."""
    settings = load_coordinator(profile)
    cabinet = build_cabinet(settings)
    with _registry(settings) as (registry, _):
        plan, model = _final(registry, run)
        needed = registry.list_contributors(run)
    release = Release(model.sha256, plan, countries=needed, least=1)
    keys = cabinet.roster().keys(KeyRole.NODE)
    files = cabinet.list_evidence(run)
    flaw = find_evidence_flaw(files, release=release, keys=keys, now=system_clock())
    about_it = [one for one in map(read_evidence, files) if one.model_sha256 == model.sha256]
    if as_json:
        shown = {one.country.value: one.is_complete for one in about_it}
        document = {"model_sha256": model.sha256, "needed": sorted(needed), "shown": shown, "flaw": flaw or ""}
        sys.stdout.write(json.dumps(document) + "\n")
        return
    _print(about_it, needed=sorted(country.value for country in needed))
    _console.print(f"\nModel {model.sha256[:16]}…")
    if not _asks_for_evidence(cabinet.agreement()):
        _console.print("The agreement asks for none: the model goes out as personal data.")
    elif flaw is None:
        _console.print("The model may be handed out: resume the run.")
    else:
        _console.print(f"Not yet: {flaw.words}.")


def _asks_for_evidence(agreement: Agreement) -> bool:
    models = [grant for grant in agreement.grants if grant.material is Material.MODEL]
    return any(grant.conditions.anonymity_evidence is Evidence.REQUIRED for grant in models)


def _print(about_it: Sequence[AnonymityEvidence], *, needed: Sequence[str]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("country", "evidence", "signed", "reviewer"):
        table.add_column(heading, overflow="fold")
    for one in about_it:
        verdict = "[green]withstood[/]" if one.is_complete else "[bold red]against the model[/]"
        table.add_row(one.country.value, verdict, f"{one.created_at:%Y-%m-%d %H:%M} UTC", one.reviewer)
    for name in sorted(set(needed) - {one.country.value for one in about_it}):
        table.add_row(name, "missing", "", "")
    _console.print(table)


def _final(registry: SqlRegistry, run: str) -> tuple[RunPlan, ModelVersion]:
    plan, model = registry.get_plan(run), registry.get_latest_model(run)
    if model.round < plan.rounds:
        raise Conflict("The run's last round is not done: its final model does not exist yet.", run=run)
    return plan, model


@contextmanager
def _registry(settings: CoordinatorSettings) -> Iterator[tuple[SqlRegistry, SqlRoster]]:
    engine = open_registry_database(settings.registry_url)
    try:
        yield SqlRegistry(engine), SqlRoster(engine)
    finally:
        engine.dispose()
