"""What ``safeborders audit privacy`` does: attack the release, say what was found, sign what may travel."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from rich.console import Console

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.files import load_bytes, write_atomically
from safeborders.kit.signing import load_signing_key
from safeborders.models.defaults import CATALOGUE
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.governance import PURPOSE_CODES, Purpose
from safeborders.models.protocol.roster import RosterRefused
from safeborders.node.access.accounts import operator_account
from safeborders.node.bootstrap import agreed_caps, build_cabinet, build_ledger
from safeborders.node.commands.audit_report import print_findings, print_kept
from safeborders.node.learning.outcomes import LEARNING
from safeborders.node.learning.privacy_audits.battery import Finding, audit_release
from safeborders.node.learning.privacy_audits.building import build_subjects
from safeborders.node.learning.released import NoReleasedModel, Released, load_released, read_candidate
from safeborders.node.opening import open_node_store
from safeborders.node.services.records import MOST_SUGGESTIONS
from safeborders.node.storage.audit import SqlAuditLog
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


def audit_privacy(  # house: the options of one command
    profile: Path, *, out: Path | None, reviewer: str, as_json: bool, candidate: Path | None = None
) -> None:
    """Attack a model, write the signed evidence and keep it; the ledger is read and never changed.

    Args:
        profile: Of the node.
        out: Where the evidence goes; None for the state folder.
        reviewer: Who looks at the outcome.
        as_json: Whether a machine reads it.
        candidate: A model that waits for its evidence; None for the one in use.

    Raises:
        NoReleasedModel: If the country uses no released model yet, or the candidate is none.
    """
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    try:
        released = _released(settings, store, candidate=candidate)
        _record(store, "privacy.audit", released=released, operation=Operation.COMBINATION)
        audited = _audit(settings, store, released=released, reviewer=reviewer, quiet=as_json)
        content = seal_evidence(audited.evidence, key=load_signing_key(settings.places.signing_key))
        is_kept = _keep(store, content, audited=audited)
    finally:
        store.close()
    target = settings.places.state / "anonymity_evidence.json" if out is None else out
    write_atomically(target, content)
    if as_json:
        sys.stdout.write(json.dumps(_document(audited, target) | {"kept": is_kept}) + "\n")
    else:
        _show(audited, target)


def list_kept_evidence(profile: Path, *, as_json: bool) -> None:
    """Show what this node signed about models, newest last."""
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    try:
        kept = build_cabinet(store).own_evidence(settings.country)
    finally:
        store.close()
    if as_json:
        rows = [one.model_dump(mode="json") | {"complete": one.is_complete} for one in kept]
        sys.stdout.write(json.dumps(rows) + "\n")
        return
    print_kept(_console, kept)
    if not kept:
        _console.print("This node has signed no evidence yet: see safeborders audit privacy --help.")


def _released(settings: NodeSettings, store: Store, *, candidate: Path | None) -> Released:
    if candidate is not None:
        return read_candidate(load_bytes(candidate), catalogue=CATALOGUE)
    last = SqlActivationStore(store.engine).find_last()
    if last is None:
        raise NoReleasedModel("The country uses no released model yet: take part in a run to its end, then audit.")
    return load_released(settings.places.released, last.model_sha256, catalogue=CATALOGUE)


def _keep(store: Store, content: bytes, *, audited: _Audited) -> bool:
    """Keep what somebody reviewed, and whatever speaks against the model; the node will not use such a model then."""
    evidence = audited.evidence
    if not evidence.reviewer.strip() and all(one.passed for one in evidence.attacks):
        return False
    try:
        build_cabinet(store).keep_evidence(content, now=system_clock())
    except RosterRefused:
        return False  # a node that has not joined has nobody to show it to
    outcome = "withstood" if evidence.is_complete else "failed"
    _record(store, "evidence.sign", released=audited.released, operation=Operation.CONTROL, outcome=outcome)
    return True


def _record(store: Store, action: str, *, released: Released, operation: Operation, outcome: str = "done") -> None:
    event = AuditEvent(
        operation,
        action=action,
        actor=operator_account(),
        outcome=outcome,
        purpose=released.plan.purpose,
        facts={"run": released.plan.run, "model": released.model_sha256, "plan": released.plan.sha256()},
    )
    SqlAuditLog(store.engine).record(event, at=system_clock())


def _audit(settings: NodeSettings, store: Store, *, released: Released, reviewer: str, quiet: bool) -> _Audited:
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
        epsilon_spent=epsilon(build_ledger(settings, store).spent_events(), delta=plan.delta),
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
    print_findings(_console, audited.findings)
    _console.print(f"\nModel {evidence.model_sha256[:16]}…, epsilon {evidence.epsilon_run:.3f} at {evidence.delta:g}.")
    if evidence.is_complete:
        _console.print("The evidence is complete.")
    elif not evidence.reviewer.strip():
        _console.print("The evidence is not complete: nobody reviewed it. Give your name with --reviewer.")
    else:
        _console.print("[bold red]The evidence is not complete: an attack was not withstood.[/] Do not use the model.")
    _console.print(f"Signed, without the figures: {target}", soft_wrap=True)
