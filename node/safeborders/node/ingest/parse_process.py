"""The process that parses one file: confined first, then rows out, and nothing else (docs/decisions/0081).

Its file is standard input, its messages go to standard output, its order is a descriptor that the command names.
"""

import os
import sys
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import BinaryIO, cast

import orjson

from safeborders.kit.lazy import load_function
from safeborders.models.domain.countries import Country
from safeborders.node.ingest.confinement import Limits, confine
from safeborders.node.ingest.errors import BadSourceFile, IngestError, Reject
from safeborders.node.ingest.frames import write_frame
from safeborders.node.ingest.rows import RowReader
from safeborders.node.ingest.sources.native import NATIVE, NativeReader
from safeborders.node.ingest.sources.rows import SourceReader, SourceRow

_FORMATS = "safeborders.node.ingest.sources.formats"
_BATCH_RECORDS = 10_000
_BATCH_ROWS = 30_000


def main() -> None:
    """Confine this process, read the order, send the rows; whatever happens ends in a message or in silence."""
    memory, seconds, parent, order_file = (int(argument) for argument in sys.argv[1:5])
    network = confine(Limits(memory_bytes=memory, processor_seconds=seconds), parent=parent)
    out = os.fdopen(1, "wb", buffering=1 << 16)
    write_frame(out, {"network": network})
    with os.fdopen(order_file, "rb") as file:
        order = cast("dict[str, object]", orjson.loads(file.read()))
    try:
        with os.fdopen(0, "rb", buffering=1 << 18) as source:
            for message in _parse(source, order):
                write_frame(out, message)
    except IngestError as error:
        write_frame(out, {"error": error.code, "sentence": error.message})
    except MemoryError:
        write_frame(out, {"error": "ingest.parser_stopped", "sentence": _TOO_MUCH_MEMORY})
    except Exception:  # noqa: BLE001  # its text may quote the file; the type is not ours to trust either
        write_frame(out, {"error": BadSourceFile.code, "sentence": _UNREADABLE})


_TOO_MUCH_MEMORY = "The file needs more memory to parse than is allowed: split it."
_UNREADABLE = "The file cannot be parsed: check that it is of the stated format and UTF-8."


def _parse(file: BinaryIO, order: Mapping[str, object]) -> Iterator[dict[str, object]]:
    country = Country(str(order["country"]))
    source = _open(order, country)
    batch = _Batch()
    reader: RowReader | None = None
    for row in source(file):
        if reader is None:
            reader = RowReader(country, source.envelope)
        if isinstance(row, Reject):
            batch.rejects.append((row.line, row.code, row.column, row.sentence))
        else:
            if batch.records and _stands_below(reader, row):
                yield batch.message(at=file.tell())
                batch = _Batch()
                reader.named.clear()
            batch.add(reader, row)
        if batch.is_full():
            yield batch.message(at=file.tell())
            batch = _Batch()
            if reader is not None:
                reader.named.clear()
    if reader is None:
        reader = RowReader(country, source.envelope)
    yield batch.message(at=file.tell())
    issuer = source.issuer if isinstance(source, NativeReader) else str(order["format"])
    yield {"issuer": issuer, "denied": reader.denied, "dropped": dict(source.dropped)}


def _open(order: Mapping[str, object], country: Country) -> SourceReader:
    """Return the reader; the other formats' modules take a while to import, so only their files wait for it."""
    file_name = str(order["file_name"])
    if order["format"] == NATIVE:
        return NativeReader(country, file_name)
    options = load_function(f"{_FORMATS}:SourceOptions")(
        country=country,
        file_name=file_name,
        mapping=_content(order["mapping"]),
        envelope=order["envelope"],
        companions={
            name: _content(content) for name, content in cast("Mapping[str, object]", order["companions"]).items()
        },
    )
    return cast("SourceReader", load_function(f"{_FORMATS}:open_source")(str(order["format"]), options))


def _stands_below(reader: RowReader, row: SourceRow) -> bool:
    """Tell whether ``row`` is an entity that a row of this batch named already.

    The rows that named it must find it in the database, not beside them: so it opens the next batch.
    """
    key = row.record.get("id")
    if row.record.get("record") != "entity" or type(key) is not str:
        return False
    return bool(reader.named) and reader.identifier(key) in reader.named


class _Batch:
    """Rows by table, each table with the lines that its rows came from."""

    def __init__(self) -> None:
        self.records = 0
        self.rejects: list[tuple[int, str, str, str]] = []
        self._count = 0
        self._tables: dict[str, tuple[list[int], list[list[object]]]] = {}

    def add(self, reader: RowReader, row: SourceRow) -> None:
        try:
            found = reader.read(row.record)
        except IngestError as error:
            self.rejects.append((row.line, error.code, error.column, error.message))
            return
        self.records += 1
        self._count += len(found)
        for table, values in found:
            if table not in self._tables:
                self._tables[table] = ([], [])
            lines, rows = self._tables[table]
            lines.append(row.line)
            rows.append(values)

    def is_full(self) -> bool:
        return self.records >= _BATCH_RECORDS or self._count >= _BATCH_ROWS or len(self.rejects) >= _BATCH_RECORDS

    def message(self, *, at: int) -> dict[str, object]:
        return {"tables": self._tables, "rejects": self.rejects, "records": self.records, "at": at}


def _content(value: object) -> bytes | None:
    return b64decode(value) if isinstance(value, str) else None


if __name__ == "__main__":
    main()
