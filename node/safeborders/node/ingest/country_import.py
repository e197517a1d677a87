"""Imports a country's files: each file whole or not at all, and never the same file twice."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from safeborders.kit.clock import Clock
from safeborders.kit.errors import NotFound
from safeborders.models.domain.countries import Country
from safeborders.node.ingest.errors import BadSourceFile, BadSourceRow, IngestError, Reject, SourceRefused, WrongCountry
from safeborders.node.ingest.rows import Columns, RowReader
from safeborders.node.storage.database import Store
from safeborders.node.storage.imports import (
    ImportTables,
    add_report,
    complete_report,
    is_imported,
    kinds_of_entities,
)

FORMAT = "safeborders.import"
VERSION = 1

Progress = Callable[[int, int], None]

_BATCH_ROWS = 20_000  # table rows that are in memory at a time
_MOST_REJECTS = 1000
_LONGEST_LINE_BYTES = 1_000_000


@dataclass(frozen=True)
class FileReport:
    """What became of one file.

    Attributes:
        name: The file's name.
        sha256: Of its content.
        imported: Whether it was taken in now; False when the same content had been before.
        rows: Rows of the file that were taken in.
        denied: Properties that were dropped unread, with how often.
    """

    name: str
    sha256: str
    imported: bool
    rows: int = 0
    denied: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ImportReport:
    """What became of a folder of import files."""

    files: tuple[FileReport, ...]

    def __str__(self) -> str:
        return "\n".join(_sentence(file) for file in self.files)


def import_country(store: Store, folder: Path, *, country: Country, now: Clock, progress: Progress) -> ImportReport:
    """Take every ``*.jsonl`` file in ``folder`` into the database, in the order of their names.

    Args:
        store: The country's database with the newest schema.
        folder: Where the files are.
        country: Whose node this is; files of another country are refused.
        now: Says when a file was received.
        progress: Told from time to time how many bytes of how many are read.

    Raises:
        NotFound: If the folder holds no import file.
        BadSourceFile: If a file is no import file.
        WrongCountry: If a file is another country's.
        SourceRefused: If a row cannot be accepted; nothing of its file was stored, files before it stay.
    """
    paths = sorted(folder.glob("*.jsonl"))
    if not paths:
        raise NotFound(f"The folder {folder} holds no import file (*.jsonl): give the folder of this country's files.")
    total = sum(path.stat().st_size for path in paths)
    done = 0
    reports = []
    for path in paths:
        start = done

        def tell(read: int, *, start: int = start) -> None:
            progress(start + read, total)

        reports.append(_import_file(store, path, country=country, now=now, tell=tell))
        done += path.stat().st_size
        progress(done, total)
    return ImportReport(files=tuple(reports))


def _import_file(store: Store, path: Path, *, country: Country, now: Clock, tell: Callable[[int], None]) -> FileReport:
    with path.open("rb") as file, store.transaction() as connection:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if is_imported(connection, sha256=sha256):
            return FileReport(name=path.name, sha256=sha256, imported=False)
        file.seek(0)
        header = _header(file, name=path.name, country=country)
        report_id = add_report(
            connection,
            name=path.name[:200],
            issuer=str(header["issuer"])[:200],
            sha256=sha256,
            received_at=now(),
        )
        known = kinds_of_entities(connection)
        defaults = header["envelope"]
        try:
            reader = RowReader(country, report_id, defaults if isinstance(defaults, dict) else {}, known)
        except IngestError as error:
            raise SourceRefused(path.name, [Reject(1, error.code)]) from error
        rows = _take_in(file, reader, ImportTables(connection, fresh=not known), name=path.name, tell=tell)
        complete_report(connection, report_id=report_id, rows=rows, denied=sum(reader.denied.values()))
    return FileReport(name=path.name, sha256=sha256, imported=True, rows=rows, denied=dict(reader.denied))


def _take_in(file: BinaryIO, reader: RowReader, tables: ImportTables, *, name: str, tell: Callable[[int], None]) -> int:
    """Read all rows into the tables; from the first bad row on only look for more of them, and refuse at the end."""
    rejects: list[Reject] = []
    batch: dict[str, list[Columns]] = {}
    waiting, line = 0, 1
    for line, content in enumerate(_lines(file), start=2):
        try:
            for table, columns in reader.read(_parse(content)):
                batch.setdefault(table, []).append(columns)
                waiting += 1
        except IngestError as error:
            rejects.append(Reject(line, error.code))
            if len(rejects) >= _MOST_REJECTS:
                break
        if waiting >= _BATCH_ROWS:
            if not rejects:
                tables.put(batch)
            tell(file.tell())
            batch, waiting = {}, 0
    if rejects:
        raise SourceRefused(name, rejects)
    tables.put(batch)
    return line - 1


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while content := file.readline(_LONGEST_LINE_BYTES):
        yield content


def _parse(content: bytes) -> dict[str, object]:
    try:
        row = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadSourceRow("A row is not JSON: correct the row.") from error
    if not isinstance(row, dict):
        raise BadSourceRow("A row is not a JSON object: correct the row.")
    return row


def _header(file: BinaryIO, *, name: str, country: Country) -> dict[str, object]:
    try:
        header = _parse(file.readline(_LONGEST_LINE_BYTES))
    except BadSourceRow:
        header = {}
    expected = {"record": "header", "format": FORMAT, "version": VERSION}
    known = header.keys() == {*expected, "country", "issuer", "envelope"}
    if not known or any(header[key] != value for key, value in expected.items()):
        raise BadSourceFile(
            f"{name} does not begin with the header of an import file, version {VERSION}: export it anew."
        )
    if header["country"] != country.value:
        raise WrongCountry(f"{name} is not a file of this country: give the folder of {country.value}.")
    return header


def _sentence(file: FileReport) -> str:
    if not file.imported:
        return f"{file.name}: the same content was imported before, nothing to do."
    dropped = ", ".join(sorted(file.denied))
    return f"{file.name}: {file.rows} rows imported{f'; dropped unread: {dropped}' if dropped else ''}."
