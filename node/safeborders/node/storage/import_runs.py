"""The list of imports: which files were taken in, when, and which of them were undone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Connection, Table, insert, select, text, update

from safeborders.kit.errors import NotFound
from safeborders.kit.ids import stable_id
from safeborders.node.storage.import_tables import ImportRunRow
from safeborders.node.storage.tables import SourceReportRow

Transaction = Connection
"""What the work of one import is given; it alone decides whether the work is kept."""
Finisher = Callable[[Transaction, str], None]
"""Work inside an import's transaction, before it ends: it gets the connection and the report's identifier."""

APPLIED = "applied"
UNDONE = "undone"

_RUNS = cast("Table", ImportRunRow.__table__)
_REPORTS = cast("Table", SourceReportRow.__table__)
_IMPORT_LOCK = 0x5AFE0005
_CACHE_KIBIBYTES = 384 * 1024


@dataclass(frozen=True)
class ImportRun:
    """One import of one file; the attributes are the columns of :class:`ImportRunRow`."""

    number: int
    report_id: str
    name: str
    format: str
    file_sha256: str
    state: str
    kept_good: bool
    with_history: bool
    applied_at: datetime
    undone_at: datetime | None
    rows_new: int
    rows_changed: int
    rows_unchanged: int
    rejects: int


@dataclass(frozen=True)
class NewRun:
    """What is known of an import when it begins.

    Attributes:
        name: The file's name.
        format: In which format it is.
        file_sha256: Of the file alone.
        content_sha256: Of all that decides what the file means: the same content is never applied twice.
        kept_good: Whether good rows are taken in beside bad ones.
    """

    name: str
    format: str
    file_sha256: str
    content_sha256: str
    kept_good: bool


@contextmanager
def bulk_settings(connection: Connection) -> Iterator[None]:
    """Give one transaction what bulk work needs: a page cache on SQLite; on PostgreSQL UTC, and no second import."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL TIME ZONE 'UTC'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _IMPORT_LOCK})
        yield
        return
    usual = connection.execute(text("PRAGMA cache_size")).scalar_one()
    connection.exec_driver_sql(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
    try:
        yield
    finally:
        connection.exec_driver_sql(f"PRAGMA cache_size = {int(usual)}")


def find_applied_run(connection: Connection, *, content_sha256: str) -> int | None:
    """Return the number of the import that holds this content now; None when there is none."""
    found: int | None = connection.execute(
        select(_RUNS.c.number)
        .join(_REPORTS, _REPORTS.c.id == _RUNS.c.report_id)
        .where(_REPORTS.c.sha256 == content_sha256, _RUNS.c.state == APPLIED)
    ).scalar_one_or_none()
    return found


def add_run(connection: Connection, run: NewRun, *, received_at: datetime) -> ImportRun:
    """Write down that an import began, with its report; :func:`complete_run` follows in the same transaction."""
    report_id = stable_id("report", run.content_sha256)
    known = connection.execute(select(_REPORTS.c.id).where(_REPORTS.c.id == report_id)).first()
    if known is None:  # else the file was undone and comes back
        row = {"id": report_id, "name": run.name, "issuer": "", "sha256": run.content_sha256, "rows": 0, "denied": 0}
        connection.execute(insert(_REPORTS), [{**row, "received_at": received_at}])
    counts = {"rows_new": 0, "rows_changed": 0, "rows_unchanged": 0, "rejects": 0}
    values = {"report_id": report_id, "name": run.name, "format": run.format, "file_sha256": run.file_sha256}
    state = {"state": APPLIED, "kept_good": run.kept_good, "with_history": True, "applied_at": received_at}
    number = connection.execute(
        insert(_RUNS).values(**values, **state, **counts).returning(_RUNS.c.number)
    ).scalar_one()
    return get_run(connection, number=number)


def complete_run(connection: Connection, run: ImportRun, *, issuer: str, records: int, denied: int) -> None:
    """Write down what an import did: ``run`` with its counts as they became, and the report's own numbers."""
    report = {"received_at": run.applied_at, "issuer": issuer, "rows": records, "denied": denied}
    connection.execute(update(_REPORTS).where(_REPORTS.c.id == run.report_id).values(**report))
    counts = {
        "rows_new": run.rows_new,
        "rows_changed": run.rows_changed,
        "rows_unchanged": run.rows_unchanged,
        "rejects": run.rejects,
    }
    connection.execute(update(_RUNS).where(_RUNS.c.number == run.number).values(**counts))


def mark_undone(connection: Connection, *, number: int, at: datetime) -> None:
    """Write down that an import was undone."""
    connection.execute(update(_RUNS).where(_RUNS.c.number == number).values(state=UNDONE, undone_at=at))


def get_run(connection: Connection, *, number: int) -> ImportRun:
    """Return an import.

    Raises:
        NotFound: If there is none with this number.
    """
    row = connection.execute(select(_RUNS).where(_RUNS.c.number == number)).mappings().first()
    if row is None:
        raise NotFound(f"There is no import {number}: look at safeborders node import list.")
    return ImportRun(**row)


def list_runs(connection: Connection) -> Sequence[ImportRun]:
    """Return all imports, the latest first."""
    return [ImportRun(**row) for row in connection.execute(select(_RUNS).order_by(_RUNS.c.number.desc())).mappings()]
