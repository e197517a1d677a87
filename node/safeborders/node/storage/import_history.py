"""Takes one import back: rows that it made go, rows that it replaced come back as they were."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import orjson
from sqlalchemy import Connection, Table, delete, or_, select, text

from safeborders.node.storage.base import Base
from safeborders.node.storage.bulk import BulkTables
from safeborders.node.storage.import_runs import ImportRun
from safeborders.node.storage.import_tables import ImportHistoryRow
from safeborders.node.storage.imports import KEYS
from safeborders.node.storage.tables import SourceReportRow

_HISTORY = cast("Table", ImportHistoryRow.__table__)
_REPORTS = cast("Table", SourceReportRow.__table__)
_CHUNK = 2000

# In the order of restoring: what only a kind has, while its entity still says whose row it is; then the rest.
_LOOSE = ("link", "mo_indicator", "person_indicator", "person_status", "label")
# Tables whose rows name entities, with the columns that do.
_NAMING: Mapping[str, tuple[str, ...]] = {
    "link": ("source", "target"),
    "mo_indicator": ("case_id",),
    "person_indicator": ("person_id",),
    "person_status": ("person_id", "case_id"),
    "label": ("entity_id", "case_id"),
}


@dataclass(frozen=True)
class Undone:
    """How many rows an undoing took away and how many it put back; an entity counts once."""

    removed: int
    restored: int


def later_imports(connection: Connection, run: ImportRun) -> list[int]:
    """Return the numbers of the imports that replaced rows of ``run`` or name entities that it made, in their order."""
    report = {"report": run.report_id, "run": run.number}
    replaced = connection.execute(
        text("SELECT DISTINCT run FROM import_history WHERE previous_report_id = :report AND run <> :run"), report
    )
    found = {int(number) for (number,) in replaced}
    for table, columns in _NAMING.items():
        for column in columns:
            naming = connection.execute(
                text(
                    f"SELECT DISTINCT later.number FROM {table} AS row"  # noqa: S608  # names from the constant above
                    f" JOIN entity ON entity.id = row.{column} AND entity.report_id = :report"
                    " JOIN import_run AS later ON later.report_id = row.report_id AND later.state = 'applied'"
                    f" WHERE row.report_id <> :report AND NOT EXISTS ({_WAS_THERE.format(key='entity.id')})"
                ),
                {**report, "table": "entity"},
            )
            found |= {int(number) for (number,) in naming}
    return sorted(found)


def count_edited(connection: Connection, run: ImportRun) -> int:
    """Return how many rows that ``run`` replaced were changed since by something else than an import."""
    edited = 0
    for table in ("entity", "link"):
        query = text(
            f"SELECT row.rev, old.content FROM import_history AS old JOIN {table} AS row ON row.id = old.row_id"  # noqa: S608  # constants
            " WHERE old.run = :run AND old.row_table = :table AND row.report_id = :report"
        )
        given = {"run": run.number, "table": table, "report": run.report_id}
        edited += sum(rev != orjson.loads(old)["rev"] + 1 for rev, old in connection.execute(query, given))
    return edited


def take_back(connection: Connection, run: ImportRun) -> Undone:
    """Undo ``run``; the caller has asked :func:`later_imports` and :func:`count_edited` in this transaction."""
    bulk = BulkTables(connection)
    restored = 0
    tables = set(
        connection.execute(select(_HISTORY.c.row_table).where(_HISTORY.c.run == run.number).distinct()).scalars()
    )
    kinds = tables - {"entity", *_LOOSE}
    for table in (*sorted(kinds), "entity", *_LOOSE):
        if table in tables:
            count = sum(_restore(bulk, run, table=table, rows=rows) for rows in _history_of(connection, run, table))
            restored += 0 if table in kinds else count
    removed = sum(_remove_new(connection, run, table) for table in (*reversed(_LOOSE), "entity"))
    connection.execute(delete(_HISTORY).where(_HISTORY.c.run == run.number))
    return Undone(removed=removed, restored=restored)


def forget_history(connection: Connection, row_ids: Iterable[str]) -> int:
    """Erase what is kept of earlier versions of these rows and of all rows about these entities; return how many.

    Whoever erases an entity calls it with the entity's identifier in the same transaction.
    """
    ids, forgotten = list(row_ids), 0
    for start in range(0, len(ids), _CHUNK):
        some = ids[start : start + _CHUNK]
        columns = (_HISTORY.c.row_id, _HISTORY.c.first_id, _HISTORY.c.second_id)
        forgotten += connection.execute(delete(_HISTORY).where(or_(*(column.in_(some) for column in columns)))).rowcount
    return forgotten


def forget_history_before(connection: Connection, moment: datetime) -> int:
    """Erase all that is kept of imports from before ``moment``; they can then no longer be undone. Return how many."""
    runs = Base.metadata.tables["import_run"]
    old = select(runs.c.number).where(runs.c.applied_at < moment)
    connection.execute(runs.update().where(runs.c.applied_at < moment).values(with_history=False))
    return connection.execute(delete(_HISTORY).where(_HISTORY.c.run.in_(old))).rowcount


_WAS_THERE = (
    "SELECT 1 FROM import_history AS old WHERE old.run = :run AND old.row_table = :table AND old.row_id = {key}"
)


def _history_of(connection: Connection, run: ImportRun, table: str) -> Iterable[Sequence[dict[str, object]]]:
    """Yield the earlier versions of ``table``'s rows, some at a time, by their keys."""
    after = ""
    while True:
        query = select(_HISTORY.c.row_id, _HISTORY.c.content).where(
            _HISTORY.c.run == run.number, _HISTORY.c.row_table == table, _HISTORY.c.row_id > after
        )
        found = connection.execute(query.order_by(_HISTORY.c.row_id).limit(_CHUNK)).all()
        if not found:
            return
        yield [orjson.loads(content) for _, content in found]
        after = found[-1][0]


def _restore(bulk: BulkTables, run: ImportRun, *, table: str, rows: Sequence[dict[str, object]]) -> int:
    """Write rows back that are still the import's; one that was erased, or whose entity was, does not come back."""
    keys = KEYS.get(table, ("id",))
    owner = table if table in ("entity", *_LOOSE) else "entity"
    first = [str(row[keys[0]]) for row in rows]
    own = KEYS.get(owner, ("id",))
    restricted = ("restricted",) if owner in ("entity", "link") else ()
    found = bulk.find(owner, (*own, "report_id", *restricted), key=own[0], among=first)
    ours = {tuple(row[: len(own)]): row[-1] for row in found if row[len(own)] == run.report_id}
    rows = [row for row in rows if tuple(row[key] for key in keys) in ours]
    gone = _missing(bulk, rows, _NAMING.get(table, ()))
    rows = [row for row in rows if not any(row[column] in gone for column in _NAMING.get(table, ()))]
    if table in ("entity", "link"):
        for row in rows:  # a restriction that came later stays
            row["restricted"] = bool(row["restricted"] or ours[tuple(row[key] for key in keys)])
    columns = [name for name in bulk.columns_of(table) if name not in keys and all(name in row for row in rows)]
    bulk.update(
        table,
        columns,
        keys=keys,
        rows=[[*(row[name] for name in columns), *(row[key] for key in keys)] for row in rows],
    )
    return len(rows)


def _missing(bulk: BulkTables, rows: Sequence[dict[str, object]], columns: Sequence[str]) -> set[object]:
    named = {str(row[column]) for row in rows for column in columns if row[column] is not None}
    there = {row[0] for row in bulk.find("entity", ("id",), key="id", among=list(named))}
    return {name for name in named if name not in there}


def _remove_new(connection: Connection, run: ImportRun, table: str) -> int:
    """Delete the rows that are the import's still: those it made, and those whose earlier version may not come back."""
    return connection.execute(
        text(f"DELETE FROM {table} WHERE report_id = :report"),  # noqa: S608  # names from the constant above
        {"report": run.report_id},
    ).rowcount
