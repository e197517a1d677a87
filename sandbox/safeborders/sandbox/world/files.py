"""Writes the import files of the countries and, in a folder that no node reads, what is true."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind
from safeborders.sandbox.world.register import Register, Row

FORMAT = "safeborders.import"
VERSION = 1
IMPORT_FILE = "records.jsonl"
TRUTH_FOLDER = "ground_truth"

_CANARIES = {EntityKind.PERSON: "name", EntityKind.VEHICLE: "plate", EntityKind.PHONE: "number"}
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def write_import_file(folder: Path, register: Register) -> None:
    """Write what ``register`` holds as one JSON document a line: header, entities, links, statements."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: Iterable[Row] = (_header(register.country), *register.entities, *register.links, *register.statements)
    with (folder / IMPORT_FILE).open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{_encode(row)}\n" for row in rows)


def write_table(path: Path, columns: Sequence[str], *, rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def canaries_of(registers: Sequence[Register], count: int) -> list[str]:
    """Return ``count`` names, plates and telephone numbers exactly as they stand in the import files."""
    found: dict[str, None] = {}
    spare: dict[str, None] = {}
    share = count // (len(registers) * len(_CANARIES)) + 1
    for register in registers:
        for kind, name in _CANARIES.items():
            values = list(dict.fromkeys(_values(register, kind, name)))
            found.update(dict.fromkeys(values[:share]))
            spare.update(dict.fromkeys(values[share:]))
    return [*found, *(value for value in spare if value not in found)][:count]


def _values(register: Register, kind: EntityKind, name: str) -> Iterator[str]:
    for row in register.entities:
        properties = row["properties"]
        if row["kind"] == kind.value and isinstance(properties, dict):
            yield str(properties[name])


def _header(country: Country) -> Row:
    """The first line: which format, from whom, and the envelope that holds where a row says nothing else."""
    return {
        "record": "header",
        "format": FORMAT,
        "version": VERSION,
        "country": country.value,
        "issuer": "SafeBorders synthetic world",
        "envelope": {
            "regime": "LED",
            "purposes": ["P1", "P2", "P3", "P4", "P5"],
            "legal_basis": f"synthetic:{country.value}",
            "source_grade": "B",
            "info_grade": 2,
            "statement_kind": "fact",
            "handling": "H0",
            "sensitivity": "normal",
            "recorded_at": "2026-01-31T00:00:00+00:00",
            "review_due": "2036-01-31",
            "retain_until": "2046-01-31",
            "restricted": False,
            "train_ok": True,
            "share_ok": True,
        },
    }
