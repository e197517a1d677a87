"""Takes imported rows into the tables in bulk, and keeps what they replace.

Most rows of most files are new and right, so a batch is first written as if all were: the database's own keys,
references and constraints are the check. When they refuse, the batch is taken back and looked at row by row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from operator import itemgetter

import orjson
from sqlalchemy import Connection

from safeborders.node.storage.base import Base
from safeborders.node.storage.bulk import BulkTables, DatabaseRefused, RowsClash
from safeborders.node.storage.erased_subjects import ErasedSubjects
from safeborders.node.storage.row_rules import RowRules
from safeborders.node.storage.spare_indexes import SpareIndexes

Rows = tuple[list[int], list[list[object]]]
"""Lines of the file, and the rows that came from them."""

KEYS: Mapping[str, tuple[str, ...]] = {
    "mo_indicator": ("case_id", "code"),
    "person_indicator": ("person_id", "code"),
}
"""Primary keys of the tables that have another than ``id``."""


class Fault(StrEnum):
    """What is wrong with a row that the database did not take."""

    REPEATED = "repeated"
    UNKNOWN_REFERENCE = "unknown_reference"
    WRONG_END = "wrong_end"
    ERASED = "erased"


@dataclass(frozen=True)
class Stamp:
    """What the importer itself writes into each row: whose report, which import, which country."""

    report_id: str
    run: int
    node: str


@dataclass
class Written:
    """How many rows were new, changed, or as before; an entity with what its kind adds counts once."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0


@dataclass(frozen=True)
class _Shape:
    """One table as the importer writes it.

    Attributes:
        columns: Those of the file, then those of the importer.
        tail: Values of the importer's own columns.
        keys: How many columns at the front are the key.
        ends: Which columns name an entity, with its kind: a kind, the column of the kind, or None for any.
    """

    name: str
    columns: tuple[str, ...]
    tail: list[object]
    keys: int = 1
    ends: tuple[tuple[int, str | int | None], ...] = ()

    @property
    def width(self) -> int:
        return len(self.columns) - len(self.tail)

    def key(self, row: Sequence[object]) -> str:
        return str(row[0]) if self.keys == 1 else "/".join(map(str, row[: self.keys]))


_ENDS: Mapping[str, tuple[tuple[int, str | int | None], ...]] = {
    "link": ((2, 3), (4, 5)),
    "mo_indicator": ((0, "case"),),
    "person_indicator": ((0, "person"),),
    "person_status": ((1, "person"), (2, "case")),
    "label": ((1, None), (2, "case")),
}
_SOURCE_KIND = 3
_NEIGHBOURS = (itemgetter(0), itemgetter(2))
"""By what rows of a batch are sorted, so that pages of keys and of what they refer to are visited once: by their key,
links by their source."""


class ImportTables:
    """Writes the rows of one file inside the caller's transaction.

    Args:
        connection: Its transaction is the caller's to keep or to drop.
        columns: What the file gives for each table, in an order of tables in which no row refers to a later one; the
            first is ``entity``, then one for each kind.
        stamp: What the importer adds.

    Attributes:
        written: What was done so far.
    """

    def __init__(self, connection: Connection, *, columns: Mapping[str, Sequence[str]], stamp: Stamp) -> None:
        self.written = Written()
        self._connection = connection
        self._bulk = BulkTables(connection)
        self._stamp = stamp
        self._shapes = {name: _shape(name, tuple(given), stamp) for name, given in columns.items()}
        self._rules = {
            name: RowRules(Base.metadata.tables[name], shape.columns) for name, shape in self._shapes.items()
        }
        self._erased = ErasedSubjects(connection)
        self._hopeful = True
        self._indexes = SpareIndexes(connection, self._shapes)

    @property
    def leaves_time(self) -> bool:
        """Whether :meth:`put` mostly waits, so that the next batch is better completed meanwhile, in a thread.

        A PostgreSQL server works in a process of its own. SQLite works in ours, and would take turns for each row.
        """
        return self._bulk.is_postgresql

    def complete(self, tables: Mapping[str, Rows]) -> None:
        """Give the rows of a batch the importer's own columns, and check them; no database is asked.

        Raises:
            DatabaseRefused: If a row breaks a rule that the parser should have seen to.
        """
        for name, (_, rows) in tables.items():
            tail = self._shapes[name].tail
            for row in rows:
                row += tail
            if (name != "link" or _are_ends_known(tables["link"])) and not self._rules[name].holds(rows):
                raise _broken()

    def put(self, tables: Mapping[str, Rows]) -> list[tuple[int, Fault]]:
        """Write a batch that is complete, and return the lines whose rows were not taken, with the reason.

        Raises:
            DatabaseRefused: If the database fails.
        """
        erased: list[tuple[int, Fault]] = []
        if self._erased:
            tables, erased = self._without_erased(tables)
        self._indexes.count(sum(len(rows) for _, rows in tables.values()))
        if self._hopeful and _are_ends_known(tables.get("link")) and self._put_as_new(tables):
            return sorted(set(erased))
        faults = self._put_after_a_look(tables)
        return sorted({*faults, *erased})

    def _without_erased(self, tables: Mapping[str, Rows]) -> tuple[dict[str, Rows], list[tuple[int, Fault]]]:
        """Leave out the rows about persons who were erased on request, and name their lines."""
        kept: dict[str, Rows] = {}
        faults: list[tuple[int, Fault]] = []
        self._erased.forget_answers()
        for name, (lines, rows) in tables.items():
            named = [place for place, _ in self._shapes[name].ends] or [0]
            free: Rows = ([], [])
            for line, row in zip(lines, rows, strict=True):
                if any(row[place] is not None and str(row[place]) in self._erased for place in named):
                    faults.append((line, Fault.ERASED))
                else:
                    free[0].append(line)
                    free[1].append(row)
            if free[1]:
                kept[name] = free
        return kept, faults

    def finish(self) -> None:
        """Bring the tables into their usual state; it must follow the last batch."""
        self._indexes.restore()

    def _put_as_new(self, tables: Mapping[str, Rows]) -> bool:
        try:
            with self._connection.begin_nested():
                for shape in (shape for shape in self._shapes.values() if shape.name in tables):
                    rows = sorted(tables[shape.name][1], key=_NEIGHBOURS[shape.name == "link"])
                    checked = self._rules[shape.name].complete
                    self._bulk.insert(shape.name, shape.columns, rows=rows, checked=checked)
        except RowsClash:
            return False
        self.written.new += sum(len(rows) for name, (_, rows) in tables.items() if _counts(name))
        return True

    def _put_after_a_look(self, tables: Mapping[str, Rows]) -> list[tuple[int, Fault]]:
        look = _Look(self._bulk, self._stamp)
        replaced = 0
        for shape in self._shapes.values():
            if shape.name in tables:
                rows = look.sort(shape, tables[shape.name])
                replaced += len(rows.old)
                self._write(shape, rows)
        changed = look.changed | look.changed_entities
        self.written.changed += len(changed)
        self.written.unchanged += len(look.same - look.changed_entities)
        self.written.new += look.new
        self._hopeful = not replaced
        return look.faults

    def _write(self, shape: _Shape, rows: "_Sorted") -> None:
        try:
            if rows.new:
                self._bulk.insert(shape.name, shape.columns, rows=rows.new)
            if rows.old:
                self._bulk.insert("import_history", _HISTORY, rows=rows.old)
                keys = shape.columns[: shape.keys]
                self._bulk.replace(shape.name, shape.columns, keys=keys, rows=rows.over)
        except RowsClash:
            raise _broken() from None


def _broken() -> DatabaseRefused:
    return DatabaseRefused("A row breaks a rule of the database: report this file's format to the maintainers.")


_HISTORY = ("run", "row_table", "row_id", "first_id", "second_id", "previous_report_id", "content")


@dataclass
class _Sorted:
    """Rows of one table: those to insert, those to write over others, and what the others were."""

    new: list[list[object]] = field(default_factory=list)
    over: list[list[object]] = field(default_factory=list)
    old: list[list[object]] = field(default_factory=list)


class _Look:
    """Looks at the rows of one batch, table after table, against what the database holds."""

    def __init__(self, bulk: BulkTables, stamp: Stamp) -> None:
        self.faults: list[tuple[int, Fault]] = []
        self.changed: set[str] = set()
        self.changed_entities: set[str] = set()
        self.same: set[str] = set()
        self.new = 0
        self._bulk = bulk
        self._stamp = stamp
        self._refused: set[str] = set()  # entities whose row was not taken

    def sort(self, shape: _Shape, given: Rows) -> _Sorted:
        """Return what to do with the rows of one table; earlier tables must have been written."""
        lines, rows = given
        columns = [*shape.columns, *(name for name in self._bulk.columns_of(shape.name) if name not in shape.columns)]
        stored = self._stored(shape, rows, columns)
        kinds = self._kinds(shape, rows)
        found, seen = _Sorted(), set[str]()
        for line, row in zip(lines, rows, strict=True):
            key = shape.key(row)
            before = stored.get(key)
            if not _counts(shape.name):
                if key in self._refused or key in seen:
                    continue  # its entity said why
                fault = None
            else:
                fault = self._fault(shape, row, before=before, kinds=kinds) or (Fault.REPEATED if key in seen else None)
            if fault is not None:
                self.faults.append((line, fault))
                if shape.name == "entity" and key not in seen:
                    self._refused.add(key)
                continue
            seen.add(key)
            self._place(shape, row, before, found=found, columns=columns)
        return found

    def _fault(
        self, shape: _Shape, row: list[object], *, before: list[object] | None, kinds: Mapping[object, object]
    ) -> Fault | None:
        if before is not None and before[shape.columns.index("report_id")] == self._stamp.report_id:
            return Fault.REPEATED
        if shape.name == "entity":
            return Fault.REPEATED if before is not None and before[1] != row[1] else None
        for place, wanted in shape.ends:
            if row[place] is None:
                continue
            kind = kinds.get(row[place])
            if kind is None:
                return Fault.UNKNOWN_REFERENCE
            if type(wanted) is int:
                row[wanted] = row[wanted] or kind
            expected = row[wanted] if type(wanted) is int else wanted
            if expected is not None and kind != expected:
                return Fault.WRONG_END
        if shape.name == "link" and row[1] == "POSSIBLY_SAME" and row[3] != row[5]:
            return Fault.WRONG_END
        return None

    def _place(
        self, shape: _Shape, row: list[object], before: list[object] | None, *, found: _Sorted, columns: list[str]
    ) -> None:
        key = shape.key(row)
        if before is None:
            found.new.append(row)
            self.new += _counts(shape.name)
            return
        found.over.append(row)
        found.old.append(self._history(shape, before, columns))
        name = f"{shape.name if _counts(shape.name) else 'entity'} {key}"
        if before[: shape.width] != row[: shape.width]:
            (self.changed if _counts(shape.name) else self.changed_entities).add(name)
        elif _counts(shape.name):
            self.same.add(name)

    def _history(self, shape: _Shape, before: list[object], columns: list[str]) -> list[object]:
        subjects = [before[place] for place, _ in shape.ends] or [before[0]]
        previous = before[columns.index("report_id")] if "report_id" in columns else None
        content = orjson.dumps(dict(zip(columns, before, strict=True))).decode()
        second = subjects[1] if len(subjects) > 1 else None
        return [self._stamp.run, shape.name, shape.key(before), subjects[0], second, previous, content]

    def _stored(self, shape: _Shape, rows: list[list[object]], columns: list[str]) -> dict[str, list[object]]:
        first = list({str(row[0]) for row in rows})
        found = self._bulk.find(shape.name, columns, key=shape.columns[0], among=first)
        return {shape.key(row): row for row in found}

    def _kinds(self, shape: _Shape, rows: list[list[object]]) -> dict[object, object]:
        named = {str(row[place]) for row in rows for place, _ in shape.ends if row[place] is not None}
        found = self._bulk.find("entity", ("id", "kind"), key="id", among=list(named))
        return {row[0]: row[1] for row in found}


def _counts(table: str) -> bool:
    """Tell whether rows of ``table`` stand for themselves, and are not a kind's part of an entity."""
    return table == "entity" or table in _ENDS


def _are_ends_known(links: Rows | None) -> bool:
    return links is None or all(row[_SOURCE_KIND] is not None for row in links[1])


def _shape(name: str, given: tuple[str, ...], stamp: Stamp) -> _Shape:
    tail: dict[str, object] = {}
    if _counts(name):
        tail["report_id"] = stamp.report_id
    if name in ("entity", "link"):
        tail |= {"node": stamp.node, "rev": 1}
    return _Shape(
        name=name,
        columns=(*given, *tail),
        tail=list(tail.values()),
        keys=len(KEYS.get(name, ("id",))),
        ends=_ENDS.get(name, ()),
    )
