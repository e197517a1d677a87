"""The process that parses one file: confined first, then rows out, and nothing else (docs/decisions/0081).

Its file is standard input, its messages go to standard output, its order is a descriptor that the command names.
"""

import gc
import os
import sys
from base64 import b64decode
from collections.abc import Iterator, Mapping
from itertools import chain
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
_BATCH_ROWS = 20_000
_FEW_COLLECTIONS = 500_000  # objects made since the last


def main() -> None:
    """Confine this process, read the order, send the rows; whatever happens ends in a message or in silence."""
    memory, seconds, parent, order_file = (int(argument) for argument in sys.argv[1:5])
    network = confine(Limits(memory_bytes=memory, processor_seconds=seconds), parent=parent)
    out = os.fdopen(1, "wb", buffering=1 << 16)
    write_frame(out, {"network": network})
    with os.fdopen(order_file, "rb") as file:
        order = cast("dict[str, object]", orjson.loads(file.read()))
    gc.freeze()
    gc.set_threshold(_FEW_COLLECTIONS)  # a batch of rows holds no cycles; looking for some in each costs a fifth
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
    rows = iter(source(file))
    first = next(rows, None)  # the envelope is known from here on
    reader = RowReader(country, source.envelope)
    if first is not None:
        for batch in _batches(chain((first,), rows), reader):
            yield {**batch.message(), "at": file.tell()}
    issuer = source.issuer if isinstance(source, NativeReader) else str(order["format"])
    yield {"issuer": issuer, "denied": reader.denied, "dropped": dict(source.dropped)}


def _batches(rows: Iterator[SourceRow | Reject], reader: RowReader) -> Iterator["_Batch"]:
    """Yield the rows in batches; what a row names stands in an earlier place of its batch, or in an earlier batch."""
    batch, named = _Batch(), reader.named
    for row in rows:
        if type(row) is not SourceRow:
            batch.reject(cast("Reject", row))
        else:
            if named and _stands_below(reader, row.record):
                yield batch
                batch = _Batch()
                named.clear()
            try:
                batch.add(row.line, reader.read(row.record))
            except IngestError as error:
                column = row.column_of(error.column)
                batch.reject(Reject(row.line, error.code, column, error.message))
        if batch.left <= 0:
            yield batch
            batch = _Batch()
            named.clear()
    yield batch


def _stands_below(reader: RowReader, record: Mapping[str, object]) -> bool:
    """Tell whether ``record`` is an entity that a row of this batch named already.

    The rows that named it must find it in the database, not beside them: so it opens the next batch.
    """
    if record.get("record") != "entity":
        return False
    key = record.get("id")
    return type(key) is str and reader.identifier(key) in reader.named


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


class _Batch:
    """Rows by table, each table with the lines that its rows came from.

    Attributes:
        left: How many more rows of tables it should take.
    """

    def __init__(self) -> None:
        self.left = _BATCH_ROWS
        self._records = 0
        self._rejects: list[tuple[int, str, str, str]] = []
        self._tables: dict[str, tuple[list[int], list[list[object]]]] = {}

    def add(self, line: int, rows: list[tuple[str, list[object]]]) -> None:
        self._records += 1
        self.left -= len(rows) or 1
        tables = self._tables
        for table, values in rows:
            found = tables.get(table)
            if found is None:
                found = tables[table] = ([], [])
            found[0].append(line)
            found[1].append(values)

    def reject(self, reject: Reject) -> None:
        self.left -= 1
        self._rejects.append((reject.line, reject.code, reject.column, reject.sentence))

    def message(self) -> dict[str, object]:
        return {"tables": self._tables, "rejects": self._rejects, "records": self._records}


def _content(value: object) -> bytes | None:
    return b64decode(value) if isinstance(value, str) else None


if __name__ == "__main__":
    main()
