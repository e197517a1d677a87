"""What ``safeborders audit privacy`` does: attack the release, say what was found, sign what may travel."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.files import write_atomically
from safeborders.kit.signing import load_signing_key
from safeborders.models.defaults import CATALOGUE
from safeborders.models.domain.governance import PURPOSE_CODES, Purpose
from safeborders.node.bootstrap import agreed_caps, build_cabinet, build_ledger
from safeborders.node.learning.outcomes import LEARNING
from safeborders.node.learning.privacy_audits.battery import Finding, audit_release
from safeborders.node.learning.privacy_audits.building import build_subjects
from safeborders.node.learning.released import NoReleasedModel, Released, load_released
from safeborders.node.opening import open_node_store
from safeborders.node.services.records import MOST_SUGGESTIONS
from safeborders.node.storage.database import Store
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.node.storage.ledger_store import SqlActivationStore
from safeborders.privacy.accountant import epsilon
from safeborders.privacy.agreement.evidence import AnonymityEvidence, seal_evidence
from safeborders.privacy.pricing import run_events

UNIT = (
    "One person: attributes, labels, links and everything only this person's records hold, deleted from the country's "
    "curated training set."
)
ACCOUNTANT = (
    "privacy loss distributions (dp-accounting), Poisson sampling, neighbour coins by the Lemma of "
    "docs/proofs/stage-b.md, integer noise with its rounding reserve"
)
LIMITS = (
    "The model is used on the country's own node by its own investigators; no other party can ask it.",
    f"An answer holds at most {MOST_SUGGESTIONS} suggestions, as bands and reasons in words, never as scores.",
    "Every question needs a case, a purpose and a written reason, and is a row of the audit log.",
)

_console = Console(highlight=False)


@dataclass(frozen=True)
class _Audited:
    released: Released
    findings: Sequence[Finding]
    evidence: AnonymityEvidence


def audit_privacy(profile: Path, *, out: Path | None, reviewer: str, as_json: bool) -> None:
    """Attack the model in use and write the signed evidence; the ledger is read and never changed.

    Raises:
        NoReleasedModel: If the country uses no released model yet.
    """
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    try:
        audited = _audit(settings, store, reviewer=reviewer, quiet=as_json)
    finally:
        store.close()
    target = settings.places.state / "anonymity_evidence.json" if out is None else out
    content = seal_evidence(audited.evidence, key=load_signing_key(settings.places.signing_key))
    write_atomically(target, content)
    if as_json:
        sys.stdout.write(json.dumps(_document(audited, target)) + "\n")
    else:
        _show(audited, target)


def _audit(settings: NodeSettings, store: Store, *, reviewer: str, quiet: bool) -> _Audited:
    last = SqlActivationStore(store.engine).find_last()
    if last is None:
        raise NoReleasedModel("The country uses no released model yet: take part in a run to its end, then audit.")
    released = load_released(settings.places.released, last.model_sha256, catalogue=CATALOGUE)
    plan = released.plan
    records = SqlLearningStore(store.engine).load_records(PURPOSE_CODES.get(plan.purpose, Purpose(0)) & LEARNING)
    subjects = build_subjects(records, released, country=settings.country.value)
    findings = audit_release(subjects, progress=(lambda _step: None) if quiet else _announce)
    agreed = agreed_caps(build_cabinet(store).standing(), settings.country)
    evidence = AnonymityEvidence(
        country=settings.country,
        federation=plan.federation,
        run=plan.run,
        plan_sha256=plan.sha256(),
        model_sha256=released.model_sha256,
        created_at=system_clock(),
        epsilon_run=epsilon(run_events(plan, CATALOGUE.get(plan), rounds=plan.rounds), delta=plan.delta),
        epsilon_spent=build_ledger(settings, store).spent_epsilon(),
        epsilon_cap=min([settings.privacy.epsilon_cap, *agreed]),
        delta=plan.delta,
        unit=UNIT,
        accountant=ACCOUNTANT,
        cohort=plan.floor,
        attacks=tuple(finding.verdict for finding in findings),
        limits=LIMITS,
        code_version=f"safeborders {version('safeborders')}",
        reviewer=reviewer,
    )
    return _Audited(released=released, findings=findings, evidence=evidence)


def _announce(step: str) -> None:
    _console.print(f"auditing {step}", style="dim")


def _document(audited: _Audited, target: Path) -> dict[str, object]:
    return {
        "file": str(target),
        "model_sha256": audited.evidence.model_sha256,
        "complete": audited.evidence.is_complete,
        "epsilon_run": audited.evidence.epsilon_run,
        "attacks": [{**finding.verdict.model_dump(), "figures": finding.figures} for finding in audited.findings],
    }


def _show(audited: _Audited, target: Path) -> None:
    evidence = audited.evidence
    table = Table(box=None, pad_edge=False)
    for heading in ("attack", "task", "verdict", "found, for this node alone"):
        table.add_column(heading, overflow="fold")
    for finding in audited.findings:
        verdict = finding.verdict
        shown = ", ".join(f"{name} {value:.3g}" for name, value in finding.figures.items() if value is not None)
        state = "[green]withstood[/]" if verdict.passed else "[bold red]not withstood[/]"
        table.add_row(verdict.attack, verdict.task, state, shown)
    _console.print(table)
    _console.print(f"\nModel {evidence.model_sha256[:16]}…, epsilon {evidence.epsilon_run:.3f} at {evidence.delta:g}.")
    if evidence.is_complete:
        _console.print("The evidence is complete.")
    elif not evidence.reviewer.strip():
        _console.print("The evidence is not complete: nobody reviewed it. Give your name with --reviewer.")
    else:
        _console.print("[bold red]The evidence is not complete: an attack was not withstood.[/] Do not use the model.")
    _console.print(f"Signed, without the figures: {target}", soft_wrap=True)
