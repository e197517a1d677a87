"""Takes records out: the disclosure is in the journal before the first byte is written."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from safeborders.kit.clock import Clock
from safeborders.models.domain.audit import Operation
from safeborders.node.access.callers import Justification
from safeborders.node.access.journal import Lookup, LookupJournal, Outcome
from safeborders.node.export.csv_writer import CsvWriter
from safeborders.node.export.errors import ReasonMissing
from safeborders.node.export.ftm_writer import FtmWriter
from safeborders.node.export.graphml_writer import GraphmlWriter
from safeborders.node.export.minimise import minimise
from safeborders.node.export.output import new_file, new_folder
from safeborders.node.export.pseudonyms import Pseudonyms
from safeborders.node.services.outgoing import RowWriter
from safeborders.node.storage.database import Store
from safeborders.node.storage.export_reader import SqlExportReader, read_snapshot

SHORTEST_REASON, LONGEST_REASON = 10, 36  # the journal keeps 64 characters of an operation


class ExportFormat(StrEnum):
    """What can be written."""

    FTM = "ftm"
    GRAPHML = "graphml"
    CSV = "csv"  # a folder


@dataclass(frozen=True)
class Export:
    """What is asked for.

    Attributes:
        who: Who takes it out, for which purpose and case; a role that sees names makes the export an identified one.
        reason: Why names are needed; only for an identified export, and then required.
        pseudonyms: What stands for names otherwise.
    """

    format: ExportFormat
    out: Path
    who: Justification
    pseudonyms: Pseudonyms
    reason: str | None = None

    @property
    def identified(self) -> bool:
        """Whether names are in it."""
        return self.who.sees_names


def export_records(store: Store, export: Export, *, journal: LookupJournal, clock: Clock) -> int:
    """Write what may leave for the purpose, and return how many rows it is.

    Nothing leaves that is restricted, overdue for review or deletion, of handling H2 or H3, or not for the purpose; no
    link leaves without both its ends.

    Raises:
        ReasonMissing: If names are asked for without a reason.
        LookupNotRecorded: If the journal cannot be written; nothing was written then.
        TargetTaken: If something lies where the export should go.
        TargetRefused: If it cannot be written there.
        Unavailable: If the database does not answer.
    """
    operation = _operation(export)
    count = 0
    with read_snapshot(store.engine) as connection:
        reader = SqlExportReader(connection, who=export.who, today=clock().date())
        recorded = False
        with closing(reader.entity_ids()) as batches:
            for ids in batches:
                journal.record(_disclosure(export, operation, Outcome.ANSWERED, ids=ids, at=clock()))
                recorded = True
        if not recorded:
            journal.record(_disclosure(export, operation, Outcome.NOT_FOUND, ids=(), at=clock()))
        with _writer(export) as writer, closing(reader.rows()) as rows:
            for row in rows:
                writer.write(row if export.identified else minimise(row, export.pseudonyms))
                count += 1
            writer.finish()
    return count


def _disclosure(export: Export, operation: str, outcome: Outcome, *, ids: Sequence[str], at: datetime) -> Lookup:
    caller = export.who.caller
    recipient = f"{caller.role.value}:{export.format.value}"
    return Lookup(export.who, at, operation, outcome, tuple(ids), audited=Operation.DISCLOSURE, recipients=(recipient,))


def _operation(export: Export) -> str:
    if not export.identified:
        return f"export {export.format.value} pseudonymised"
    reason = " ".join((export.reason or "").split())
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON or not reason.isprintable():
        raise ReasonMissing(
            f"Names leave only for a stated reason: give one of {SHORTEST_REASON} to {LONGEST_REASON} characters."
        )
    return f"export {export.format.value} identified: {reason}"


@contextmanager
def _writer(export: Export) -> Iterator[RowWriter]:
    if export.format is ExportFormat.CSV:
        with new_folder(export.out) as folder:
            yield CsvWriter(folder)
    else:
        with new_file(export.out) as file:
            ftm = export.format is ExportFormat.FTM
            yield FtmWriter(file, dataset="safeborders") if ftm else GraphmlWriter(file)
