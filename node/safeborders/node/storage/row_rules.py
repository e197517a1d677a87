"""The tables' rules, checked once for each combination of words instead of once for each row.

SQLite builds the word lists of its CHECK constraints anew for every row, which takes a third of an import's time. What
this module checks is the same, so the importer may switch them off on SQLite for the rows that it has checked; a table
with a rule that is not known here keeps its constraints on (docs/decisions/0083). Keys and references stay the
database's own on both databases, and PostgreSQL keeps all constraints.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter

from sqlalchemy import Boolean, CheckConstraint, Column, Date, DateTime, Enum, Float, Integer, String, Table

from safeborders.kit.db import UtcTime
from safeborders.models.domain.governance import LOWEST_INFORMATION_GRADE
from safeborders.models.domain.relations import ENDS, RelationKind
from safeborders.node.storage.envelope import ALL_PURPOSES

_RANGES = {"info_grade": (1, LOWEST_INFORMATION_GRADE), "purposes": (1, ALL_PURPOSES), "score": (0, 1)}
_LABELS = frozenset({"network", "role"})
_KNOWN_RULES = frozenset({*_RANGES, "ends"})
_MOST_COMBINATIONS = 100_000
_LINK_WORDS = ("kind", "source_kind", "target_kind")


class RowRules:
    """Rules of one table, for rows of plain values.

    Args:
        table: The table.
        columns: Which columns a row has, in their order.

    Attributes:
        complete: Whether every CHECK constraint of the table is among what :meth:`holds` checks.
    """

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self._columns = tuple(columns)
        self._readers = [_reader(table.c[name]) for name in columns]
        self._link = tuple(self._columns.index(name) for name in _LINK_WORDS) if table.name == "link" else ()
        self._score = self._columns.index("score") if "score" in columns else None
        few = [place for place, name in enumerate(columns) if _has_few_values(table.c[name], name)]
        self._few: Callable[[Sequence[object]], object] = itemgetter(*few) if few else _nothing
        self._known: set[object] = set()
        self.complete = all(
            _is_known(table, str(rule.name)) for rule in table.constraints if isinstance(rule, CheckConstraint)
        )

    def holds(self, rows: Sequence[Sequence[object]]) -> bool:
        """Tell whether every row has the form and the words that the table asks for."""
        known, few, score = self._known, self._few, self._score
        for row in rows:
            combination = (tuple(map(type, row)), few(row))
            if combination not in known:
                if not self._hold(row):
                    return False
                if len(known) >= _MOST_COMBINATIONS:
                    known.clear()
                known.add(combination)
            if score is not None and row[score] is not None and not 0 <= row[score] <= 1:  # type: ignore[operator]  # a number, by its type
                return False
        return True

    def _hold(self, row: Sequence[object]) -> bool:
        if len(row) != len(self._columns) or not all(
            reads(value) for reads, value in zip(self._readers, row, strict=True)
        ):
            return False
        if not self._link:
            return True
        kind, source, target = (row[place] for place in self._link)
        ends = ENDS[RelationKind(str(kind))]
        return source == target if ends is None else (source, target) == (ends[0].value, ends[1].value)


def _is_known(table: Table, rule: str) -> bool:
    name = rule.removeprefix(f"ck_{table.name}_")
    if name == "name":
        return table.name == "label"
    return name in _KNOWN_RULES or (name in table.c and isinstance(table.c[name].type, Enum))


def _has_few_values(column: Column[object], name: str) -> bool:
    return isinstance(column.type, Enum | Boolean) or name in ("info_grade", "purposes") or _is_label(column)


def _is_label(column: Column[object]) -> bool:
    return column.table.name == "label" and column.name == "name"


def _reader(column: Column[object]) -> Callable[[object], bool]:
    """Return what tells whether a plain value fits the column."""
    fits = _fits(column)
    if column.nullable:
        return lambda value: value is None or fits(value)
    return fits


def _fits(column: Column[object]) -> Callable[[object], bool]:
    kind = column.type
    if _is_label(column):
        return lambda value: value in _LABELS
    if isinstance(kind, Enum):
        words = frozenset(kind.enums)
        return lambda value: type(value) is str and value in words
    if isinstance(kind, String | Date | DateTime | UtcTime):
        return lambda value: type(value) is str
    if isinstance(kind, Boolean):
        return lambda value: type(value) is bool
    if isinstance(kind, Float):
        return lambda value: type(value) in (int, float)
    if isinstance(kind, Integer):
        least, most = _RANGES.get(column.name, (-(2**31), 2**31 - 1))
        return lambda value: type(value) is int and least <= value <= most
    return lambda _value: False


def _nothing(_row: Sequence[object]) -> object:
    return None
