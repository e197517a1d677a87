"""The commands that bring files into the country's database, list what came, and take it back."""

import json
import logging
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.errors import SettingsError
from safeborders.kit.logs import set_up_logs
from safeborders.node.access.accounts import operator_account
from safeborders.node.commands.import_cli import Choice
from safeborders.node.ingest.country_import import SUFFIXES, apply_files, list_source_files, plan_files
from safeborders.node.ingest.deliveries import read_delivery
from safeborders.node.ingest.importing import FileReport, Importer, ImportOptions
from safeborders.node.ingest.opening_file import read_small_file
from safeborders.node.ingest.sources.mapping import parse_envelope
from safeborders.node.ingest.undoing import UndoOptions, undo_import
from safeborders.node.lifecycle.policies import load_policy
from safeborders.node.lifecycle.retention import set_dates
from safeborders.node.opening import open_node_store
from safeborders.node.storage.import_runs import list_runs

_EXIT_WOULD_BE_REFUSED = 1
_SHOWN_REJECTS = 20
_LARGEST_BYTES = 256 * 1024  # of a mapping or an envelope

_console = Console(highlight=False)


def plan_import(profile: Path, places: Sequence[Path], *, choice: Choice, quiet: bool, as_json: bool) -> None:
    """Say what importing ``places`` would do, file by file, and change nothing."""
    reports = _work("plan", profile, places=places, choice=choice, quiet=quiet or as_json)
    would_be_refused = {report.name for report in reports if report.rejected and not choice.keep_good}
    _show(reports, planned=True, as_json=as_json, refused=would_be_refused)
    if would_be_refused:
        raise typer.Exit(_EXIT_WOULD_BE_REFUSED)


def apply_import(profile: Path, places: Sequence[Path], *, choice: Choice, quiet: bool, as_json: bool) -> None:
    """Take ``places`` in, each file whole or not at all, and say what became of them."""
    reports = _work("apply", profile, places=places, choice=choice, quiet=quiet or as_json)
    _show(reports, planned=False, as_json=as_json)


def undo_one_import(profile: Path, number: int) -> None:
    """Undo one import and say what went and what came back."""
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    _log_for_machines()
    policy = load_policy(settings)
    options = UndoOptions(
        finishers=(lambda connection: set_dates(connection, report_id=None, policy=policy),), actor=operator_account()
    )
    try:
        report = undo_import(store, number, country=settings.country, now=system_clock, options=options)
    finally:
        store.close()
    _console.print(f"Import {number} is undone: {report.removed} rows removed, {report.restored} rows as they were.")


def show_imports(profile: Path, *, as_json: bool) -> None:
    """List all imports, the latest first."""
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    with store.transaction() as connection:
        runs = list_runs(connection)
    store.close()
    if as_json:
        _print_json([asdict(run) for run in runs])
        return
    if not runs:
        _console.print("Nothing was imported yet. Next: safeborders node import plan")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("no.", "file", "when (UTC)", "state"):
        table.add_column(heading, overflow="fold")
    for heading in ("new", "changed", "same", "rejected"):
        table.add_column(heading, justify="right")
    for run in runs:
        counts = (run.rows_new, run.rows_changed, run.rows_unchanged, run.rejects)
        when = f"{run.applied_at:%Y-%m-%d %H:%M}"
        table.add_row(str(run.number), escape(run.name), when, run.state, *(f"{count:,}" for count in counts))
    _console.print(table)


def _work(what: str, profile: Path, *, places: Sequence[Path], choice: Choice, quiet: bool) -> list[FileReport]:
    settings = load_settings(profile, NodeSettings)
    options = _options(settings, choice)
    paths = list_source_files(places, format_name=choice.format_name)
    if options.mapping is not None:
        delivery = read_delivery(paths, mapping=options.mapping)
        paths, options = delivery.paths, replace(options, companions=delivery.companions)
    _log_for_machines()
    store = open_node_store(settings)
    importer = Importer(store, country=settings.country, now=system_clock, options=options)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=_console, disable=quiet, transient=True) as bars:
            task = bars.add_task(what, total=None)
            return (plan_files if what == "plan" else apply_files)(
                importer,
                paths,
                progress=lambda done, total: bars.update(task, completed=done, total=total),
            )
    finally:
        store.close()


def _log_for_machines() -> None:
    """Write log lines where a service collects them; a person at a terminal reads the sentences."""
    set_up_logs(level=logging.WARNING if sys.stderr.isatty() else logging.INFO)


def _options(settings: NodeSettings, choice: Choice) -> ImportOptions:
    if choice.format_name not in SUFFIXES:
        raise SettingsError(f"There is no such format: choose one of {', '.join(SUFFIXES)}.")
    mapping = read_small_file(choice.mapping, most_bytes=_LARGEST_BYTES) if choice.mapping else None
    policy = load_policy(settings)
    envelope = parse_envelope(read_small_file(choice.envelope, most_bytes=_LARGEST_BYTES)) if choice.envelope else None
    return ImportOptions(
        format=choice.format_name,
        mapping=mapping,
        envelope=envelope,
        keep_good=choice.keep_good,
        rejects_folder=settings.places.state / "rejects",
        finishers=(lambda connection, report_id: set_dates(connection, report_id=report_id, policy=policy),),
        actor=operator_account(),
        needs_no_network=not choice.without_confinement,
    )


def _show(reports: Sequence[FileReport], *, planned: bool, as_json: bool, refused: Collection[str] = ()) -> None:
    if as_json:
        _print_json([_as_json(report) for report in reports])
        return
    for report in reports:
        say = _refusal(report) if report.name in refused else _sentence(report, planned=planned)
        _console.print(say, soft_wrap=True)
    if any(report.rejected for report in reports):
        _show_rejects(reports)
    if not planned and any(report.imported for report in reports):
        _console.print("Next: safeborders node resolve run (which records may be one person?)")


def _sentence(report: FileReport, *, planned: bool) -> str:
    name = escape(report.name)
    if not report.imported:
        return f"{name}: the same content is import {report.number}, nothing to do."
    counts = f"{report.new:,} new, {report.changed:,} changed, {report.unchanged:,} unchanged"
    dropped = ", ".join(f"{what} ({count})" for what, count in sorted({**report.denied, **report.dropped}.items()))
    also = f"; dropped unread: {escape(dropped)}" if dropped else ""
    bad = f"; {report.rejected:,} rejected" if report.rejected else ""
    did = "rows would be imported" if planned else f"rows imported as import {report.number}"
    return f"{name}: {report.rows:,} {did} ({counts}{bad}){also}."


def _refusal(report: FileReport) -> str:
    return (
        f"{escape(report.name)} would be refused whole: {report.rejected:,} rejected, {report.rows:,} rows good "
        "(correct the rows, or take in only the good ones with --keep-good)."
    )


def _show_rejects(reports: Sequence[FileReport]) -> None:
    rejects = [(report.name, reject) for report in reports for reject in report.rejects]
    table = Table(box=None, pad_edge=False)
    for heading in ("file", "line", "column", "what to do"):
        table.add_column(heading, overflow="fold")
    for name, reject in rejects[:_SHOWN_REJECTS]:
        place = (escape(name), str(reject.line), escape(reject.column))
        table.add_row(*place, f"{escape(reject.sentence)} {escape(f'[{reject.code}]')}")
    _console.print(table)
    if len(rejects) > _SHOWN_REJECTS:
        _console.print(f"These are the first {_SHOWN_REJECTS}.")
    for report in reports:
        if report.rejects_path:
            where = escape(str(report.rejects_path))
            _console.print(f"All rejected rows of {escape(report.name)}: {where}", soft_wrap=True)


def _as_json(report: FileReport) -> dict[str, object]:
    return {**asdict(report), "rejects": [asdict(reject) for reject in report.rejects[:_SHOWN_REJECTS]]}


def _print_json(content: object) -> None:
    sys.stdout.write(json.dumps(content, default=str) + "\n")
