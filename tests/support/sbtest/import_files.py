"""Import files of a few rows, and what a country's database holds, for the tests of imports."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import text

from safeborders.models.domain.countries import Country
from safeborders.node.ingest.importing import FileReport, Importer, ImportOptions
from safeborders.node.ingest.undoing import UndoReport, undo_import
from safeborders.node.storage.base import Base
from safeborders.node.storage.database import Place, Store, open_store

KEY = "ab" * 32
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ENVELOPE: dict[str, Any] = {
    "regime": "LED", "purposes": ["P1", "P2"], "legal_basis": "test:1", "source_grade": "B", "info_grade": 2,
    "statement_kind": "fact", "handling": "H0", "sensitivity": "normal", "recorded_at": "2026-01-31T00:00:00+00:00",
    "review_due": "2036-01-31", "retain_until": "2046-01-31", "restricted": False, "train_ok": True, "share_ok": True,
}  # fmt: skip
HEADER: dict[str, Any] = {
    "record": "header",
    "format": "safeborders.import",
    "version": 1,
    "country": "ro",
    "issuer": "test",
    "envelope": ENVELOPE,
}
CASE = {
    "record": "entity",
    "id": "c1",
    "kind": "case",
    "properties": {"ref": "RO-1", "case_kind": "investigation", "status": "active", "opened_on": "2024-01-02"},
}
ANA = {"record": "entity", "id": "p1", "kind": "person", "properties": {"name": "Ana Pop", "birth_date": "2009-01-01"}}
PHONE = {"record": "entity", "id": "t1", "kind": "phone", "properties": {"number": "+40612345678"}}
PARTY = {
    "record": "link",
    "id": "k1",
    "kind": "PARTY_TO",
    "source": "p1",
    "target": "c1",
    "properties": {"role": "victim"},
}
USES = {"record": "link", "id": "k2", "kind": "USES", "source": "p1", "target": "t1"}
INDICATORS = {"record": "indicators", "case": "c1", "values": {"ctl.threats": True, "ctl.abuse": False}}
STATUS = {"record": "status", "person": "p1", "case": "c1", "category": "victim_presumed", "decided_by": "police"}
LABEL = {"record": "label", "name": "role", "value": "victim", "entity": "p1", "case": "c1"}
ROWS: tuple[dict[str, Any], ...] = (CASE, ANA, PHONE, PARTY, USES, INDICATORS, STATUS, LABEL)
TABLES = (
    "entity", "court_case", "episode", "person", "organisation", "phone", "device", "online_account",
    "financial_account", "vehicle", "identity_document", "place", "link", "mo_indicator",
    "person_indicator", "person_status", "label",
)  # fmt: skip


def changed(row: dict[str, Any], **properties: object) -> dict[str, Any]:
    """Return ``row`` with other properties."""
    return {**row, "properties": {**row["properties"], **properties}}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    """Write an import file of the project's own format and return its path."""
    path.write_text("".join(json.dumps(row) + "\n" for row in (HEADER, *rows)), encoding="utf-8")
    return path


def people(count: int, *, start: int = 0) -> Iterator[dict[str, Any]]:
    """Yield ``count`` persons, each with a telephone and the tie between them."""
    for number in range(start, start + count):
        name = f"Person {number} of the crowd"
        yield {"record": "entity", "id": f"x{number}", "kind": "person", "properties": {"name": name}}
        yield {"record": "entity", "id": f"y{number}", "kind": "phone", "properties": {"number": f"+4069{number:07}"}}
        yield {"record": "link", "id": f"z{number}", "kind": "USES", "source": f"x{number}", "target": f"y{number}"}


def apply(store: Store, path: Path, **options: Any) -> FileReport:  # the options of an import
    """Import one file."""
    return importer(store, **options).apply(path, tell=lambda _path, _read: None)


def plan(store: Store, *paths: Path, **options: Any) -> list[FileReport]:  # the options of an import
    """Plan an import of files."""
    return importer(store, **options).plan(paths, tell=lambda _path, _read: None)


def undo(store: Store, number: int | None) -> UndoReport:
    """Undo one import."""
    assert number is not None
    return undo_import(store, number, country=Country.RO, now=lambda: NOW)


def importer(store: Store, **options: Any) -> Importer:  # the options of an import
    """Return an importer of Romania's."""
    return Importer(store, country=Country.RO, now=lambda: NOW, options=ImportOptions(**options))


def contents(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of all tables that imports write, in the order of their keys."""
    with store.transaction() as connection:
        found = {}
        for name in TABLES:
            columns = ", ".join(f'"{column.name}"' for column in Base.metadata.tables[name].columns)
            keys = ", ".join(column.name for column in Base.metadata.tables[name].primary_key)
            rows = connection.execute(text(f"SELECT {columns} FROM {name} ORDER BY {keys}"))  # noqa: S608  # our tables
            found[name] = [tuple(row) for row in rows]
        return found


def count(store: Store, table: str) -> int:
    """Return how many rows a table has."""
    with store.transaction() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())  # noqa: S608  # our tables


def make_template(path: Path) -> Path:
    """Make an empty encrypted database that tests copy, because migrations take longer than a test."""
    store = open_store(Place(path=path, key_hex=KEY))
    store.upgrade()
    store.close()  # the last connection folds the write-ahead log into the file
    return path


@contextmanager
def copy_of(template: Path, path: Path) -> Iterator[Store]:
    """Open a copy of ``template`` at ``path``."""
    shutil.copy(template, path)
    store = open_store(Place(path=path, key_hex=KEY))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def emptied(url: str) -> Iterator[Store]:
    """Open the database at ``url``, with the newest schema and no row of an earlier test."""
    store = open_store(Place(url=url))
    try:
        store.upgrade()
        with store.transaction() as connection:
            names = ", ".join((*TABLES, "import_history", "import_run", "source_report"))
            connection.execute(text(f"TRUNCATE {names} CASCADE"))
        yield store
    finally:
        store.close()
