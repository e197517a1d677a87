"""What the commands of the approval inbox do; it prints for people and raises for the edge of the program."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.errors import SettingsError
from safeborders.kit.files import load_bytes
from safeborders.kit.strict_yaml import YamlRefused, parse_yaml
from safeborders.node.access.accounts import current_login
from safeborders.node.approving import build_inbox
from safeborders.node.bootstrap import build_ledger
from safeborders.node.consent.entries import StandingLimits, Verdict
from safeborders.node.consent.inbox import Inbox
from safeborders.node.consent.persons import Person, operator
from safeborders.node.consent.showing import (
    Budget,
    run_column,
    run_document,
    run_lines,
    standing_document,
    standing_lines,
)
from safeborders.node.consent.standing import RunStanding, State
from safeborders.node.opening import open_node_store
from safeborders.privacy.events import parse_events
from safeborders.privacy.ledger import PrivacyLedger

_console = Console(highlight=False, markup=False)
_LARGEST_FILE = 64 * 1024


def list_runs(profile: Path, *, as_json: bool) -> None:
    """List the runs that asked."""
    with _opened(profile) as inbox:
        found = inbox.list_runs()
    if as_json:
        _write({"runs": [run_document(one) for one in found]})
        return
    if not found:
        _console.print("No run has asked for this country yet.")
        return
    _console.print(f"{run_column('run')} {'state':<9} {'first seen (UTC)':<16} {'for':<3} {'epsilon':>8}")
    for one in found:
        asked = one.request
        _console.print(
            f"{run_column(asked.run)} {one.state.value:<9} {asked.first_seen:%Y-%m-%d %H:%M} "
            f"{asked.purpose:<3} {asked.epsilon:>8.3f}"
        )
    if any(one.state is State.PENDING for one in found):
        _console.print("\nWhat is pending waits for people here: look with safeborders node approvals show RUN.")


def show_run(profile: Path, *, run: str, as_json: bool) -> None:
    """Show what a run asks, in plain language; all of its manifests, where several came under one name."""
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    inbox, ledger = build_inbox(settings, store), build_ledger(settings, store)
    found = inbox.find_run(run)
    budgets = [budget_for(ledger, one) for one in found]
    store.close()
    pairs = list(zip(found, budgets, strict=True))
    if as_json:
        _write({"manifests": [run_document(one, budget=budget) for one, budget in pairs]})
        return
    for one, budget in pairs:
        for line in run_lines(one, budget=budget, persons=inbox.rule.persons):
            _console.print(line)


def decide(profile: Path, *, run: str, said: Mapping[str, str]) -> None:
    """Approve, refuse or withdraw."""
    with _opened(profile) as inbox:
        state = inbox.decide(
            run,
            Verdict(said["verdict"]),
            person=current_operator(said["name"]),
            reason=said["reason"],
            manifest_sha256=said["manifest"],
        )
    more = ": another person must approve it too." if (state, said["verdict"]) == (State.PENDING, "approve") else "."
    _console.print(f"{run} is {state.value}{more}")
    if state in {State.WITHDRAWN, State.REFUSED}:
        _console.print("Nothing more leaves for it from now on; what has left stays charged.")


def list_standing(profile: Path, *, as_json: bool) -> None:
    """List the standing approvals."""
    with _opened(profile) as inbox:
        found = inbox.list_standings()
    if as_json:
        _write({"standing": [standing_document(one) for one in found]})
        return
    for one in found:
        for line in standing_lines(one):
            _console.print(line)
    if not found:
        _console.print("There is no standing approval.")


def add_standing(profile: Path, *, file: Path, name: str, reason: str) -> None:
    """Approve beforehand."""
    limits = load_limits(file)
    with _opened(profile) as inbox:
        given = inbox.give_standing(limits, person=current_operator(name), reason=reason)
    more = ": another person must add it too." if given.state is State.PENDING else "."
    _console.print(f"Standing approval {given.sha256[:12]} is {given.state.value}{more}")


def withdraw_standing(profile: Path, *, number: str, name: str, reason: str) -> None:
    """Withdraw a standing approval."""
    with _opened(profile) as inbox:
        gone = inbox.withdraw_standing(number, person=current_operator(name), reason=reason)
    _console.print(f"Standing approval {gone.sha256[:12]} is {gone.state.value}.")


def load_limits(file: Path) -> StandingLimits:
    """Return the limits in a YAML file. Raises SettingsError."""
    try:
        document = parse_yaml(load_bytes(file).decode(), largest_bytes=_LARGEST_FILE)
        return StandingLimits.model_validate_json(json.dumps(document, default=str))
    except (ValidationError, YamlRefused, UnicodeDecodeError) as error:
        keys = ", ".join(StandingLimits.model_fields)
        raise SettingsError(f"{file} must hold the keys {keys}, each with a value that can be: correct it.") from error


def current_operator(name: str) -> Person:
    """Return who works here, under the name that they give."""
    return operator(current_login(), name=name)


def budget_for(ledger: PrivacyLedger, one: RunStanding) -> Budget:
    """Return what is spent and what will be once the run is over."""
    after = ledger.foresee_epsilon(one.request.run, horizon=parse_events(one.request.events))
    return Budget(spent=ledger.spent_epsilon(), after=after, cap=ledger.cap_epsilon)


@contextmanager
def _opened(profile: Path) -> Iterator[Inbox]:
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    try:
        yield build_inbox(settings, store)
    finally:
        store.close()


def _write(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
