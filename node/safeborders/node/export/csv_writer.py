"""Writes a folder of CSV files, one for each kind, with the mapping that reads them back.

A cell that a spreadsheet would take for a formula gets an apostrophe before it; so does a cell that begins with an
apostrophe, so that our own reader can tell one from the other and undo both.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from safeborders.models.domain.entities import EntityKind
from safeborders.models.ontology.loader import load_indicators
from safeborders.node.export.csv_mapping import mapping_bytes
from safeborders.node.export.output import open_private, sync
from safeborders.node.ingest.fields import ENVELOPE, LINK_PROPERTIES, PROPERTIES
from safeborders.node.ingest.sources.csv_lines import FORMULA_STARTS
from safeborders.node.services.outgoing import ExportRow, Record

PROVENANCE = ("source_grade", "info_grade", "recorded_at")
_BESIDE = ("effective_category", "source_report")


class CsvWriter:
    """Writes into ``folder``, which must be empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: dict[str, _Table] = {}

    def write(self, row: ExportRow) -> None:
        """Write one row into the file of its kind."""
        name, columns, cells = _LAYOUTS[str(row.record["record"])](row.record)
        table = self._tables.get(name)
        if table is None:
            table = self._tables[name] = _Table(self._folder / f"{name}.csv", [*columns, *_BESIDE])
        table.write({**cells, **row.beside})

    def finish(self) -> None:
        """Close the files and put the mapping beside them."""
        for table in self._tables.values():
            table.close()
        with open_private(self._folder / "mapping.yaml") as file:
            file.write(mapping_bytes())
            sync(file)


class _Table:
    """One CSV file."""

    def __init__(self, path: Path, columns: Sequence[str]) -> None:
        self._file: BinaryIO = open_private(path)
        self._text = io.TextIOWrapper(self._file, encoding="utf-8", newline="", write_through=True)
        self._writer = csv.writer(self._text)
        self._columns = columns
        self._writer.writerow(columns)

    def write(self, cells: Mapping[str, object]) -> None:
        self._writer.writerow([cell_of(cells.get(name)) for name in self._columns])

    def close(self) -> None:
        self._text.flush()
        sync(self._file)
        self._text.close()


def cell_of(value: object) -> str:
    """Return a value as a cell: nothing for None, numbers as they are, texts defused."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = "+".join(value) if isinstance(value, list) else str(value)
    return f"'{text}" if text[:1] in FORMULA_STARTS and text else text


def _entity(record: Record) -> tuple[str, Sequence[str], Record]:
    kind = EntityKind(str(record["kind"]))
    cells = {"key": record["id"], **cast("Record", record["properties"]), **cast("Record", record["envelope"])}
    return kind.value, _ENTITY_COLUMNS[kind], cells


def _link(record: Record) -> tuple[str, Sequence[str], Record]:
    own = cast("Record", record.get("properties", {}))
    ends = {"key": record["id"], "source": record["source"], "target": record["target"]}
    return f"link_{record['kind']}", _LINK_COLUMNS, {**ends, **own, **cast("Record", record["envelope"])}


def _status(record: Record) -> tuple[str, Sequence[str], Record]:
    return "status", _STATUS_COLUMNS, {**record, **cast("Record", record["envelope"])}


def _label(record: Record) -> tuple[str, Sequence[str], Record]:
    return "label", _LABEL_COLUMNS, {**record, **cast("Record", record["envelope"])}


def _indicators(record: Record) -> tuple[str, Sequence[str], Record]:
    cells = {**record, **cast("Record", record["values"]), **cast("Record", record["envelope"])}
    if "person" in record:
        return "person_indicators", ("person", *_INDICATOR_COLUMNS), cells
    return "indicators", ("case", *_INDICATOR_COLUMNS), cells


_LAYOUTS = {
    "entity": _entity,
    "link": _link,
    "status": _status,
    "label": _label,
    "indicators": _indicators,
}
_ENTITY_COLUMNS = {kind: ("key", *fields, *ENVELOPE) for kind, fields in PROPERTIES.items()}
_LINK_COLUMNS = ("key", "source", "target", *LINK_PROPERTIES, *ENVELOPE)
_STATUS_COLUMNS = ("person", "case", "category", "decided_by", "valid_from", "valid_to", *PROVENANCE)
_LABEL_COLUMNS = ("entity", "case", "name", "value", "labelled_on", *PROVENANCE)
_INDICATOR_COLUMNS = (*(indicator.code for indicator in load_indicators()), *PROVENANCE)
