"""What the commands about records that may be one person do; it prints for people and raises for the edge."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.errors import SettingsError
from safeborders.node.access.accounts import current_login, operator_account
from safeborders.node.opening import open_node_store
from safeborders.node.resolution.clusters import Pair
from safeborders.node.resolution.decisions import Decided
from safeborders.node.resolution_service import Resolution
from safeborders.node.storage.resolution_tables import Verdict

_console = Console(highlight=False)
_WORTH_A_LINE = 0.05  # bits
_INDENTED = (0, 0, 0, 2)


def find(profile: Path, *, as_json: bool, quiet: bool) -> None:
    """Look for candidates and say how many there are."""
    with _resolution(profile) as (resolution, _), _progress("keys made anew", quiet=quiet or as_json) as tell:
        found = resolution.run(tell=tell)
    if as_json:
        _print_json(asdict(found))
        return
    if found.reindexed:
        _console.print(f"The rules of normalisation had changed: {found.reindexed} match keys were made anew.")
    _console.print(
        f"{found.records} records of persons compared: {found.candidates} pairs wait for a decision, "
        f"{found.strong} of them strong.",
        soft_wrap=True,
    )
    _console.print("Next: safeborders node resolve list")


def show_list(profile: Path, *, verdict: str, limit: int, as_json: bool) -> None:
    """Show pairs of records and contradictions."""
    if verdict != "all" and verdict not in set(Verdict):
        raise SettingsError(f"The verdict must be one of {', '.join(Verdict)} or all.")
    with _resolution(profile) as (resolution, _):
        found = resolution.list_pairs(None if verdict == "all" else Verdict(verdict), limit=limit)
        standing = resolution.standing()
    if as_json:
        _print_json({"pairs": [_plain(one) for one in found], **asdict(standing)})
        return
    for one in found:
        _print_pair(one)
    counts = ", ".join(f"{standing.counts.get(one.value, 0)} {one.value}" for one in Verdict)
    _console.print(f"{len(found)} shown; in all {counts}.")
    _print_contradictions(standing.contradictions)


def show_pair(profile: Path, *, pair: Pair, as_json: bool) -> None:
    """Show everything about two records."""
    with _resolution(profile) as (resolution, _):
        found = resolution.get_pair(pair)
        standing = resolution.standing()
    if as_json:
        _print_json(_plain(found))
        return
    _print_pair(found)
    table = Table("bits", "what speaks for (+) and against (-)", box=None, pad_edge=False)
    for reason in found.reasons:
        table.add_row(f"{float(str(reason['bits'])):+.1f}", str(reason["text"]))
    _console.print(table)
    _print_contradictions([one for one in standing.contradictions if set(one) & {found.first, found.second}])


def accept(profile: Path, *, pair: Pair, name: str, note: str) -> None:
    """Make two records one person."""
    with _resolution(profile) as (resolution, _):
        resolution.accept(pair, name=_who(name), note=note)
    _console.print("These two records are one person from now on, for search, graph, learning and privacy alike.")


def reject(profile: Path, *, pair: Pair, name: str, note: str) -> None:
    """Tell two records apart."""
    with _resolution(profile) as (resolution, _):
        resolution.reject(pair, name=_who(name), note=note)
        standing = resolution.standing()
    _console.print("These two records are told apart.")
    _print_contradictions(standing.contradictions)


def undo(profile: Path, *, pair: Pair, name: str, note: str) -> None:
    """Take a decision back."""
    with _resolution(profile) as (resolution, _):
        resolution.undo(pair, name=_who(name), note=note)
    _console.print("The decision about these two records is taken back.")


def accept_by_rule(profile: Path, *, name: str) -> None:
    """Accept what the profile's rule allows."""
    with _resolution(profile) as (resolution, settings):
        rule = settings.resolution
        count = resolution.accept_by_rule(score_from=rule.accept_from if rule else None, name=_who(name))
    _console.print(f"{count} pairs accepted by the rule. Victims, minors and unknown ages wait for people.")


def reindex(profile: Path, *, quiet: bool) -> None:
    """Make all match keys anew."""
    with _resolution(profile) as (resolution, _), _progress("keys made anew", quiet=quiet) as tell:
        changed = resolution.reindex(tell=tell)
    _console.print(f"All match keys follow the installed rules; {changed} of them changed.")


@contextmanager
def _resolution(profile: Path) -> Iterator[tuple[Resolution, NodeSettings]]:
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    try:
        yield Resolution(store, country=settings.country, clock=system_clock, actor=operator_account()), settings
    finally:
        store.close()


@contextmanager
def _progress(what: str, *, quiet: bool) -> Iterator["_Tell"]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed}"))
    with Progress(*columns, console=_console, disable=quiet, transient=True) as bars:
        yield _Tell(bars, what)


class _Tell:
    def __init__(self, bars: Progress, what: str) -> None:
        self._bars = bars
        self._task = bars.add_task(what, total=None)

    def __call__(self, done: int) -> None:
        self._bars.update(self._task, completed=done)


def _who(name: str) -> str:
    return name.strip() or current_login()


def _print_pair(one: Decided) -> None:
    score = "by hand" if one.score is None else f"{one.score:.2f}"
    score = "above 0.99" if score == "1.00" else score  # no machine is certain
    _console.print(f"{one.first}  {one.second}", soft_wrap=True)
    decided = "" if one.decided_at is None else f", {one.decided_by}, {one.decided_at:%Y-%m-%d %H:%M}"
    _console.print(f"  {score}  {one.verdict}{' by rule' if one.by_rule else ''}{decided}", soft_wrap=True)
    for sign, word in ((1, "for"), (-1, "against")):
        texts = [str(reason["text"]) for reason in one.reasons if sign * float(str(reason["bits"])) > _WORTH_A_LINE]
        if texts:
            _console.print(Padding(f"{word}: {'; '.join(texts)}", _INDENTED))
    if one.note:
        _console.print(Padding(f"reason: {one.note}", _INDENTED))


def _print_contradictions(found: Sequence[Pair]) -> None:
    for first, second in found:
        _console.print(f"Contradiction: {first} and {second} were told apart,", soft_wrap=True)
        _console.print("  but other decisions make them one person. Undo one of these decisions.")


def _plain(one: Decided) -> dict[str, object]:
    return {**asdict(one), "decided_at": None if one.decided_at is None else one.decided_at.isoformat()}


def _print_json(content: object) -> None:
    sys.stdout.write(json.dumps(content, ensure_ascii=False) + "\n")
