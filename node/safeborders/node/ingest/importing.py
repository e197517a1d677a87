"""Takes one file into the country's database: whole or not at all, once, and so that it can be undone."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

from safeborders.kit.canonical import canonical_json
from safeborders.kit.clock import Clock
from safeborders.models.domain.countries import Country
from safeborders.node.ingest.ahead import one_ahead
from safeborders.node.ingest.audit import record_collection, tell_collection
from safeborders.node.ingest.columns import COLUMNS
from safeborders.node.ingest.errors import (
    BadSourceRow,
    ErasedSubject,
    IngestError,
    Reject,
    RepeatedKey,
    SourceRefused,
    UnknownReference,
)
from safeborders.node.ingest.limits import ImportLimits
from safeborders.node.ingest.opening_file import hash_of, open_source_file
from safeborders.node.ingest.parser import Batch, Order, Parser
from safeborders.node.ingest.rejects import RejectLog
from safeborders.node.ingest.sources.native import NATIVE
from safeborders.node.storage.bulk import quiet_errors
from safeborders.node.storage.database import Store
from safeborders.node.storage.import_runs import (
    Finisher,
    ImportRun,
    NewRun,
    Transaction,
    add_run,
    bulk_settings,
    complete_run,
    find_applied_run,
    get_run,
)
from safeborders.node.storage.imports import Fault, ImportTables, Stamp

Tell = Callable[[Path, int], None]
"""Told which file is read, and how many of its bytes were."""

_FAULTS: Mapping[Fault, IngestError] = {
    Fault.REPEATED: RepeatedKey("A row has a name that is taken, or says again what one above it says: keep one."),
    Fault.UNKNOWN_REFERENCE: UnknownReference(
        "A row names something that stands neither above it nor in the database: add it above."
    ),
    Fault.ERASED: ErasedSubject(
        "A row is about a person who was erased here on request: take it out; new grounds need a new key."
    ),
    Fault.WRONG_END: BadSourceRow("A row joins or describes another kind of thing than it may: correct the row."),
}


@dataclass(frozen=True)
class ImportOptions:
    """How files are read, and what else happens.

    Attributes:
        format: Name of the format.
        mapping: Content of the mapping file, for formats that need one.
        envelope: What may be done with rows, for formats that do not say.
        companions: Contents of files that the mapping looks values up in, by name.
        keep_good: Take in the good rows of a file that has bad ones; by default such a file is refused whole.
        rejects_folder: Where files of rejects go; None writes none.
        finishers: Run inside the transaction of each import, in this order.
        actor: Who imports, as the audit log calls them.
        limits: What a file may cost.
        needs_no_network: Whether a parser that cannot be cut off from the network is refused.
    """

    format: str = NATIVE
    mapping: bytes | None = None
    envelope: Mapping[str, object] | None = None
    companions: Mapping[str, bytes] = field(default_factory=dict)
    keep_good: bool = False
    rejects_folder: Path | None = None
    finishers: Sequence[Finisher] = ()
    actor: str = "node"
    limits: ImportLimits = field(default_factory=ImportLimits)
    needs_no_network: bool = True


@dataclass(frozen=True)
class FileReport:
    """What became of one file, or would.

    Attributes:
        name: The file's name.
        sha256: Of the file.
        imported: Whether it was taken in now (or would be); False when the same content had been before.
        number: The import's number, for ``import undo``; of the earlier import when there was one; None for a plan.
        rows: Rows of the import format that were taken in.
        new, changed, unchanged: Rows of the database; an entity counts once.
        denied: Properties that were dropped unread, with how often.
        dropped: Properties that the model has no place for, with how often.
        rejects: The first rejected rows.
        rejected: How many rows were rejected.
        rejects_path: Where all rejects stand.
    """

    name: str
    sha256: str
    imported: bool
    number: int | None = None
    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    denied: Mapping[str, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    rejects: tuple[Reject, ...] = ()
    rejected: int = 0
    rejects_path: Path | None = None


class _OnlyPlanned(Exception):  # it is no error: it takes the transaction back
    pass


class Importer:
    """Imports files of one format into one country's database.

    Args:
        store: The database with the newest schema.
        country: Whose node this is.
        now: Says when a file was received.
        options: How files are read.
    """

    def __init__(self, store: Store, *, country: Country, now: Clock, options: ImportOptions) -> None:
        self._store = store
        self._country = country
        self._now = now
        self._options = options

    def plan(self, paths: Sequence[Path], *, tell: Tell) -> list[FileReport]:
        """Return what :meth:`apply` would do with each file; it is done and not kept, so the answer is exact.

        On SQLCipher it is done in a copy, so that nobody waits for the one who may write.

        Raises:
            IngestError: If a file as a whole cannot be read; bad rows are in the reports instead.
            DatabaseRefused: If the database fails.
        """
        with (
            self._store.scratch() as scratch,
            _transaction(scratch) as connection,
            connection.begin_nested() as everything,
        ):
            reports = [self._plan_one(connection, path, tell=tell) for path in paths]
            everything.rollback()
        return reports

    def _plan_one(self, connection: Transaction, path: Path, *, tell: Tell) -> FileReport:
        with connection.begin_nested() as alone:
            report = self._run(connection, path, tell=partial(tell, path))
            if self._is_refused(report):
                alone.rollback()  # later files must not find its rows
        return replace(report, number=None) if report.imported else report

    def apply(self, path: Path, *, tell: Tell) -> FileReport:
        """Take the file in.

        Raises:
            SourceRefused: If rows cannot be accepted; then nothing of the file was stored.
            IngestError: If the file as a whole cannot be read.
            DatabaseRefused: If the database fails; then nothing of the file was stored.
            EventNotRecorded: If the audit log cannot take it; then nothing of the file was stored.
        """
        with _transaction(self._store) as connection:
            report = self._run(connection, path, tell=partial(tell, path))
            if self._is_refused(report):
                raise SourceRefused(path.name, report.rejects, rejects_path=report.rejects_path)
            if report.imported and report.number is not None:
                run = get_run(connection, number=report.number)
                record_collection(connection, run, action="import.apply", actor=self._options.actor, at=self._now())
        if report.imported:
            tell_collection("applied", number=report.number, sha256=report.sha256, country=self._country)
        return report

    def _is_refused(self, report: FileReport) -> bool:
        return report.rejected > 0 and not self._options.keep_good

    def _run(self, connection: Transaction, path: Path, *, tell: Callable[[int], None]) -> FileReport:
        options = self._options
        with open_source_file(path, limits=options.limits) as source:
            file_sha256 = hash_of(source.file)
            run = NewRun(
                name=path.name[:200],
                format=options.format,
                file_sha256=file_sha256,
                content_sha256=self._content_hash(file_sha256),
                kept_good=options.keep_good,
            )
            earlier = find_applied_run(connection, content_sha256=run.content_sha256)
            if earlier is not None:
                return FileReport(name=path.name, sha256=file_sha256, imported=False, number=earlier)
            rejects_path = options.rejects_folder / f"{run.content_sha256[:16]}.csv" if options.rejects_folder else None
            with RejectLog(rejects_path) as log:
                begun = add_run(connection, run, received_at=self._now())
                report = self._take_in(connection, begun, file=source.file, log=log, tell=tell)
                source.check_unchanged()
        return report

    def _take_in(
        self, connection: Transaction, run: ImportRun, *, file: BinaryIO, log: RejectLog, tell: Callable[[int], None]
    ) -> FileReport:
        options = self._options
        stamp = Stamp(report_id=run.report_id, run=run.number, node=self._country.value)
        tables = ImportTables(connection, columns=COLUMNS, stamp=stamp)
        order = Order(
            country=self._country,
            file_name=run.name,
            format=options.format,
            mapping=options.mapping,
            envelope=options.envelope,
            companions=options.companions,
        )
        records = 0
        with ExitStack() as stack:
            pool = stack.enter_context(ThreadPoolExecutor(1)) if tables.leaves_time else None
            # Its end comes first and ends the child, so that a thread that waits for it need not.
            parser = stack.enter_context(
                Parser(file, order=order, limits=options.limits, needs_no_network=options.needs_no_network)
            )
            for batch in one_ahead(_completed(parser, tables), pool=pool):
                faults = [_reject(line, fault) for line, fault in tables.put(batch.tables)]
                log.add(sorted([*batch.rejects, *faults], key=lambda one: one.line))
                records += batch.records - len(faults)
                tell(batch.at)
        tables.finish()
        ending, written = parser.ending, tables.written
        run = replace(
            run,
            rows_new=written.new,
            rows_changed=written.changed,
            rows_unchanged=written.unchanged,
            rejects=log.count,
        )
        complete_run(connection, run, issuer=ending.issuer, records=records, denied=sum(ending.denied.values()))
        for finish in options.finishers if options.keep_good or not log.count else ():
            finish(connection, run.report_id)
        return FileReport(
            name=run.name,
            sha256=run.file_sha256,
            imported=True,
            number=run.number,
            rows=records,
            new=written.new,
            changed=written.changed,
            unchanged=written.unchanged,
            denied=ending.denied,
            dropped=ending.dropped,
            rejects=tuple(log.first),
            rejected=log.count,
            rejects_path=log.path,
        )

    def _content_hash(self, file_sha256: str) -> str:
        options = self._options
        if options.format == NATIVE:
            return file_sha256
        meaning = {
            "file": file_sha256,
            "format": options.format,
            "mapping": None if options.mapping is None else hashlib.sha256(options.mapping).hexdigest(),
            "envelope": options.envelope,
            "companions": {name: hashlib.sha256(content).hexdigest() for name, content in options.companions.items()},
        }
        return hashlib.sha256(canonical_json(meaning)).hexdigest()


@contextmanager
def _transaction(store: Store) -> Iterator[Transaction]:
    with quiet_errors(), store.transaction() as connection, bulk_settings(connection):
        yield connection


def _completed(parser: Parser, tables: ImportTables) -> Iterator[Batch]:
    for batch in parser.batches():
        tables.complete(batch.tables)
        yield batch


def _reject(line: int, fault: Fault) -> Reject:
    error = _FAULTS[fault]
    return Reject(line, error.code, "", error.message)
