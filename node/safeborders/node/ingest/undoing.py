"""Undoes one import, exactly: nothing of it stays, and nothing else changes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from safeborders.kit.clock import Clock
from safeborders.models.domain.countries import Country
from safeborders.node.ingest.audit import record_collection, tell_collection
from safeborders.node.ingest.errors import UndoRefused
from safeborders.node.storage.bulk import quiet_errors
from safeborders.node.storage.database import Store
from safeborders.node.storage.import_history import count_edited, later_imports, take_back
from safeborders.node.storage.import_runs import APPLIED, ImportRun, Transaction, bulk_settings, get_run, mark_undone
from safeborders.node.storage.lifecycle_dates import holds_restricted


@dataclass(frozen=True)
class UndoReport:
    """What an undoing did: the import, and how many rows went and came back."""

    run: ImportRun
    removed: int
    restored: int


@dataclass(frozen=True)
class UndoOptions:
    """What else happens when an import is undone.

    Attributes:
        finishers: Run inside the transaction, after the rows are back.
        actor: Who undoes, as the audit log calls them.
    """

    finishers: Sequence[Callable[[Transaction], None]] = ()
    actor: str = "node"


def undo_import(
    store: Store, number: int, *, country: Country, now: Clock, options: UndoOptions | None = None
) -> UndoReport:
    """Undo the import ``number``.

    Rows that it made are deleted. Rows that it replaced become what they were, but a restriction that was set since
    stays. What was erased since does not come back.

    Raises:
        NotFound: If there is no such import.
        UndoRefused: If it was undone before, if a later import builds on it, if rows that it replaced were changed by
            hand since, if their earlier versions are no longer kept, or if a data subject obtained a restriction of
            what would go: it is kept as evidence then (LED article 16(3)).
        EventNotRecorded: If the audit log cannot take it; then nothing was undone.
    """
    options = options or UndoOptions()
    with quiet_errors(), store.transaction() as connection, bulk_settings(connection):
        run = get_run(connection, number=number)
        if run.state != APPLIED:
            raise UndoRefused(f"Import {number} was undone before: nothing to do.")
        if not run.with_history:
            raise UndoRefused(f"Import {number} cannot be undone, its earlier rows are not kept: import a correction.")
        later = later_imports(connection, run)
        if later:
            named = ", ".join(map(str, reversed(later)))
            raise UndoRefused(f"Later imports build on rows of import {number}: undo {named} first, in this order.")
        if count_edited(connection, run):
            raise UndoRefused(f"Rows of import {number} were changed by hand since: import a correction instead.")
        if holds_restricted(connection, report_id=run.report_id, run=run.number):
            raise UndoRefused(
                f"Rows of import {number} are restricted for a data subject: lift that first (subject release)."
            )
        undone = take_back(connection, run)
        for finish in options.finishers:
            finish(connection)
        mark_undone(connection, number=number, at=now())
        record_collection(connection, run, action="import.undo", actor=options.actor, at=now())
    tell_collection("undone", number=number, sha256=run.file_sha256, country=country)
    return UndoReport(run=run, removed=undone.removed, restored=undone.restored)
