"""Rows of the log for an authority: each with the proof that it is below a signed checkpoint, checkable without a node.

An export is JSON lines: a header with the checkpoint, then one row a line. Whoever knows the log's key needs nothing
else.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from safeborders.kit.transparency.checkpoint import Checkpoint, CheckpointRefused, parse_checkpoint
from safeborders.kit.transparency.errors import ExportRefused
from safeborders.kit.transparency.identity import LogIdentity
from safeborders.kit.transparency.merkle import MerkleTree, is_included, leaf_hash
from safeborders.kit.transparency.sql_log import Entry, record_of

FORMAT = "safeborders.audit-export"
VERSION = 1

Wanted = Callable[[Mapping[str, object]], bool]


@dataclass(frozen=True)
class CheckedExport:
    """What an export proves.

    Attributes:
        checkpoint: The signed state of the log that the rows are in.
        rows: How many rows it holds.
        is_complete: Whether these are all rows of the log at that size, none left out.
    """

    checkpoint: Checkpoint
    rows: int
    is_complete: bool


def rows_of(*, operation: str | None, case: str | None, since: date | None, until: date | None) -> Wanted:
    """Return what picks the rows of one operation, of one case, and of the days from ``since`` to ``until``, UTC.

    None picks all.
    """

    def is_wanted(record: Mapping[str, object]) -> bool:
        day = datetime.fromisoformat(str(record["at"])).date()
        return (
            operation in {None, record["operation"]}
            and case in {None, record.get("case_reference")}
            and (since is None or day >= since)
            and (until is None or day <= until)
        )

    return is_wanted


def export_lines(
    entries: Iterable[Entry], *, checkpoint: Checkpoint, tree: MerkleTree, identity: LogIdentity, wanted: Wanted
) -> Iterator[str]:
    """Yield the lines of an export of the rows that are ``wanted``; erased records cannot be exported."""
    note = checkpoint.to_text(log_key=identity.log_key, witness_keys=identity.witness_keys)
    yield json.dumps({"format": FORMAT, "version": VERSION, "log_key": identity.log_key, "checkpoint": note})
    for entry in entries:
        if entry.content is not None and wanted(record_of(entry)):
            proof = tree.inclusion_proof(entry.number - 1, size=checkpoint.size)
            path = [base64.b64encode(digest).decode() for digest in proof]
            yield json.dumps({"number": entry.number, "content": entry.content, "proof": path})


def check_export(lines: Iterable[str], *, log_key: str | None) -> CheckedExport:
    """Check every row of an export.

    Args:
        lines: Of the file.
        log_key: The log's public key as it is known from elsewhere, hexadecimal; with None the export's own word is
            taken for it, which proves that the rows belong together but not whose they are.

    Raises:
        ExportRefused: If the checkpoint is not signed by the log, or a row is not in it.
    """
    rest = iter(lines)
    checkpoint = _read_header(next(rest, ""), log_key=log_key)
    numbers = [_check_row(line, checkpoint=checkpoint) for line in rest]
    if numbers != sorted(set(numbers)):
        raise ExportRefused("A row of the export stands twice or out of order: ask for it again.")
    return CheckedExport(checkpoint=checkpoint, rows=len(numbers), is_complete=len(numbers) == checkpoint.size)


def _read_header(line: str, *, log_key: str | None) -> Checkpoint:
    try:
        header = json.loads(line)
        if (header["format"], header["version"]) != (FORMAT, VERSION):
            raise ExportRefused("The file is no export of an audit log of a known version: ask for it again.")
        if log_key is not None and header["log_key"] != log_key:
            raise ExportRefused("The export is of a log with another key than the one given: ask whose it is.")
        return parse_checkpoint(header["checkpoint"], log_key=header["log_key"], witness_keys={})
    except CheckpointRefused as error:
        raise ExportRefused("The export's checkpoint is not signed by its log: do not believe it.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ExportRefused("The file is no export of an audit log: ask for it again.") from error


def _check_row(line: str, *, checkpoint: Checkpoint) -> int:
    try:
        row = json.loads(line)
        number, content = int(row["number"]), str(row["content"])
        proof = [base64.b64decode(digest, validate=True) for digest in row["proof"]]
        told = int(json.loads(content)["number"])
    except (ValueError, KeyError, TypeError) as error:
        raise ExportRefused("A row of the export has an unknown form: ask for it again.") from error
    leaf = leaf_hash(content.encode())
    if told != number or not is_included(
        leaf, index=number - 1, size=checkpoint.size, proof=proof, root=checkpoint.root
    ):
        raise ExportRefused(f"Row {number} of the export is not in the log that the checkpoint names: it was altered.")
    return number
