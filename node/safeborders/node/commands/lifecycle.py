"""What the commands for retention and data subjects do; they print for people and raise for the edge of the program."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.errors import SettingsError
from safeborders.kit.files import write_atomically
from safeborders.node.access.accounts import current_login, operator_account
from safeborders.node.lifecycle.policies import load_policy
from safeborders.node.lifecycle.retention import list_due, remove_derived, run_retention
from safeborders.node.lifecycle.rights import Request, RightsDesk
from safeborders.node.lifecycle.subject_text import subject_text
from safeborders.node.opening import open_node_store
from safeborders.node.storage.lifecycle_erasure import list_erasures

Asked = tuple[str, str, str]
"""Who acts ("" for the user of this machine), the reference, the reason."""

_console = Console(highlight=False)


def run_job(profile: Path, *, as_of: datetime | None, as_json: bool) -> None:
    """Run the nightly job now and say what it did."""
    settings = load_settings(profile, NodeSettings)
    policy = load_policy(settings)
    now = system_clock()
    if as_of is not None and as_of.date() > now.date() and not settings.is_demonstration:
        raise SettingsError("The day of --as-of is to come, and what is erased too early is lost: name an earlier day.")
    store = open_node_store(settings)
    report = run_retention(
        store,
        policy=policy,
        now=now,
        as_of=(as_of or now).date(),
        actor=operator_account(),
    )
    store.close()
    if report.erased:
        remove_derived(settings.places.evaluation)
    if as_json:
        _write_json({**asdict(report), "as_of": report.as_of.isoformat()})
        return
    gone = ", ".join(f"{number} {kind}" for kind, number in sorted(report.erased.items())) or "nothing"
    _console.print(f"As of {report.as_of}: erased {gone}; rows that need a review: {report.flagged}.")


def show_due(profile: Path, *, as_json: bool) -> None:
    """Show what waits for a review."""
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    waiting = list_due(store)
    store.close()
    if as_json:
        _write_json({"due": waiting})
        return
    _print_rows(waiting, empty="Nothing waits for a review (the nightly job looks every night).")


def show_erased(profile: Path, *, identifier: str | None, as_json: bool) -> None:
    """Show the erasure ledger."""
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    with store.transaction() as connection:
        entries = list_erasures(connection, identifier=identifier)
    store.close()
    rows = [{**asdict(entry), "at": entry.at.isoformat(timespec="seconds")} for entry in entries]
    if as_json:
        _write_json({"erasures": rows})
        return
    for row in rows:
        row["at"] = row["at"][:10]
    _print_rows(rows, empty="Nothing was erased." if identifier is None else "Nothing with this identifier was erased.")


def find(profile: Path, name: str, *, request: Asked, as_json: bool) -> None:
    """Show who is on record under a name."""
    with _desk(profile) as desk:
        found = desk.find(name, request=_request(request))
    if as_json:
        _write_json({"persons": found})
        return
    _print_rows(found, empty="Nobody is on record under this name (the whole name is compared).")


def show(  # house: the options of a command
    profile: Path, person: str, *, request: Asked, as_json: bool, out: Path | None
) -> None:
    """Show everything that is held on a person, or write it to a file."""
    with _desk(profile) as desk:
        document = desk.show(person, request=_request(request))
    text = json.dumps(document, ensure_ascii=False, indent=2) + "\n" if as_json else subject_text(document)
    if out is not None:
        write_atomically(out, text.encode(), mode=0o600)
        _console.print(f"Written to {out}; it holds personal data: hand it over and delete it.")
        return
    sys.stdout.write(text)


def restrict(profile: Path, person: str, *, request: Asked) -> None:
    """Restrict a person's records and say so."""
    with _desk(profile) as desk:
        changed = desk.restrict(person, request=_request(request))
    if not changed:
        _console.print("These records were restricted already.")
        return
    _console.print(f"{changed} rows are restricted: no search, training or filter uses them. {_TELL}")


def release(profile: Path, person: str, *, request: Asked) -> None:
    """Lift a restriction and say so."""
    with _desk(profile) as desk:
        desk.release(person, request=_request(request))
    _console.print("The restriction is lifted.")


def review(profile: Path, person: str, *, request: Asked) -> None:
    """Write down a review."""
    with _desk(profile) as desk:
        desk.review(person, request=_request(request))
    _console.print("The review is on record; the next one is due by the policy (from the next night on).")


def rectify(profile: Path, person: str, *, request: Asked, changes: tuple[list[str], list[str]]) -> None:
    """Correct a person's records and say what was changed."""
    with _desk(profile) as desk:
        changed = desk.rectify(person, assignments=changes[0], dropped=changes[1], request=_request(request))
    _console.print(f"Corrected: {', '.join(changed)}. {_TELL}")


def erase(profile: Path, person: str, *, request: Asked, is_confirmed: bool) -> None:
    """Erase a person after one more question."""
    if not is_confirmed and not _is_sure():
        raise SettingsError("Nothing was erased: repeat the command and confirm it, or give --yes.")
    with _desk(profile) as desk:
        gone = desk.erase(person, request=_request(request))
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(gone.items()))
    _console.print(f"Erased: {kinds}. The ledger has the entries (retention erased). {_TELL}")
    _console.print("Backups and the files that the source sent still hold it: see to them too.")


def release_handling(profile: Path, row: str, *, request: Asked, provider: str) -> None:
    """Write down a provider's permission."""
    with _desk(profile) as desk:
        desk.release_handling(row, provider=provider, request=_request(request))
    _console.print("The permission is on record; the handling code keeps this record out of no filter any more.")


def notices(profile: Path, *, as_json: bool, every: bool, told: str | None) -> None:
    """Show the correction notices, or write down that one was delivered."""
    with _desk(profile) as desk:
        if told is not None:
            desk.mark_notified(told)
        rows = desk.notices(only_open=not every)
    if as_json:
        _write_json({"notices": rows})
        return
    for row in rows:
        _console.print(f"{row['id']}  {row['created_at'][:10]}  {row['action']}  {row['reference']}")
        _console.print(f"  about {row['object_id']}: {', '.join(row['fields'])}")
        for one in row["recipients"]:
            _console.print(f"  tell {one['name']} ({one['role']}, {one['operation']}, last {one['last'][:10]})")
    if not rows:
        _console.print("No notice is open.")


_TELL = "Tell those whom 'subject notices' names."


@contextmanager
def _desk(profile: Path) -> Iterator[RightsDesk]:
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    try:
        yield RightsDesk(store, settings.country, derived=settings.places.evaluation, actor=operator_account())
    finally:
        store.close()


def _request(asked: Asked) -> Request:
    by, reference, reason = asked
    return Request(by=by.strip() or current_login(), reference=reference, reason=reason)


def _is_sure() -> bool:
    _console.print("This erases the person and what is on record for nobody else. It cannot be undone.")
    return sys.stdin.isatty() and _console.input("Type 'erase' to go on: ").strip() == "erase"


def _print_rows(rows: list[dict[str, Any]], *, empty: str) -> None:
    if not rows:
        _console.print(empty)
        return
    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    _console.print(table)


def _write_json(document: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
