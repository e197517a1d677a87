"""A mapping's values as functions of a row, made once a file so that a row costs little."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from safeborders.node.ingest.errors import BadSourceRow, UnknownVocabulary
from safeborders.node.ingest.sources.mapping import Value
from safeborders.node.ingest.sources.refusals import BadMapping, UnknownColumns

Row = Sequence[str]
Getter = Callable[[Row], object]
Text = Callable[[Row], str | None]


class BadCell(Exception):
    """A cell that cannot be read, with the reason for its reject."""

    def __init__(self, column: str, sentence: str, *, code: str = BadSourceRow.code) -> None:
        super().__init__(code)
        self.reject = (code, column, sentence)


class Columns:
    """The columns of one file, and what its empty cells look like.

    Args:
        header: Names in their order.
        empty: Cells that mean that nothing is known.
        tables: Look-up tables by name.
    """

    def __init__(
        self, header: Sequence[str], *, empty: frozenset[str], tables: Mapping[str, Mapping[str, str]]
    ) -> None:
        self._places = {name: place for place, name in enumerate(header)}
        self._twice = {name for name in header if header.count(name) > 1}
        self._empty = empty
        self.tables = tables

    def place(self, column: str) -> int:
        """Return where ``column`` stands. Raises BadCell."""
        if column in self._twice:
            raise BadCell(column, "The header has this column twice: rename one of them.", code=UnknownColumns.code)
        if column not in self._places:
            raise BadCell(column, "The file has no such column: correct the mapping.", code=UnknownColumns.code)
        return self._places[column]

    def text(self, column: str) -> Text:
        """Return the function that reads a cell; None when it is empty."""
        place, empty = self.place(column), self._empty

        def read(row: Row) -> str | None:
            cell = row[place]
            return None if cell in empty else cell

        return read

    def looked_up(self, column: str, table: str) -> Text:
        """Return the function that reads what a cell stands for in a table."""
        if table not in self.tables:
            raise BadMapping("The mapping names a lookup that it does not have: add it under lookups.")
        known, read = self.tables[table], self.text(column)

        def find(row: Row) -> str | None:
            cell = read(row)
            if cell is None:
                return None
            found = known.get(cell)
            if found is None:
                raise BadCell(column, "The cell is not in the table that it is looked up in: add it there.")
            return found

        return find


def compile_value(value: Value, columns: Columns, *, keys: Mapping[str, Text]) -> Getter:
    """Return the function that makes ``value`` from a row; it raises BadCell for a cell that cannot be read."""
    if value.literal is not None:
        literal = value.literal
        return lambda _row: literal
    if value.entity is not None:
        if value.entity not in keys:
            raise BadMapping("The mapping takes the key of an entity that the query does not have: correct it.")
        return keys[value.entity]
    column = value.column or (value.columns or [""])[0]
    read = _origin(value, columns)
    if value.present is not None:
        meaning = value.present
        return lambda row: None if read(row) is None else meaning
    if value.values is not None:
        return _mapped(value, read, column=column)
    if value.age_on is not None:
        return _aged(read, value.age_on, column=column)
    return _converted(value, read, column=column)


def _origin(value: Value, columns: Columns) -> Text:
    if value.lookup is not None and value.column is not None:
        return columns.looked_up(value.column, value.lookup)
    if value.column is not None:
        return columns.text(value.column)
    parts, join, keep = [columns.text(name) for name in value.columns or ()], value.join, value.keep_empty

    def read(row: Row) -> str | None:
        found = [part(row) for part in parts]
        if not any(found):
            return None
        return join.join(part or "" for part in found) if keep else join.join(part for part in found if part)

    if value.values is None:
        return read
    return _joined_words(value, parts, columns=value.columns or [])


def _joined_words(value: Value, parts: Sequence[Text], *, columns: Sequence[str]) -> Text:
    """Return the function that maps each cell first and joins the meanings; ``{column}`` stands for a column's name."""
    words = [
        (part, {cell: meaning.replace("{column}", name) for cell, meaning in _texts(value).items()}, name)
        for part, name in zip(parts, columns, strict=True)
    ]
    nothing = {cell for cell, meaning in (value.values or {}).items() if meaning is None}
    others = value.others

    def read(row: Row) -> str | None:
        found = []
        for part, meanings, name in words:
            cell = part(row)
            if cell is None or cell in nothing:
                continue
            if cell in meanings:
                found.append(meanings[cell])
            elif others == "keep":
                found.append(cell)
            elif others is None:
                raise BadCell(name, _UNKNOWN_CELL, code=UnknownVocabulary.code)
        return value.join.join(found) or None

    return read


def _texts(value: Value) -> dict[str, str]:
    return {cell: str(meaning) for cell, meaning in (value.values or {}).items() if meaning is not None}


def _mapped(value: Value, read: Text, *, column: str) -> Getter:
    if value.columns is not None:
        return read
    meanings, others = dict(value.values or {}), value.others

    def find(row: Row) -> object:
        cell = read(row)
        if cell is None:
            return meanings.get("")
        if cell in meanings:
            return meanings[cell]
        if others is None:
            raise BadCell(column, _UNKNOWN_CELL, code=UnknownVocabulary.code)
        return cell if others == "keep" else None

    return find


def _aged(read: Text, day: str, *, column: str) -> Getter:
    year = int(day[:4])

    def find(row: Row) -> object:
        cell = read(row)
        if cell is None:
            return None
        if not cell.isascii() or not cell.isdigit() or len(cell) > 3:
            raise BadCell(column, "The cell is no age in whole years: correct it.")
        return f"{year - int(cell):04d}-01-01"

    return find


def _converted(value: Value, read: Text, *, column: str) -> Getter:
    if value.type == "text" and value.format is None:
        return read
    if value.format is not None or value.type == "date":
        convert: Callable[[str], object] = _dates(value.format or "%Y-%m-%d")
        sentence = "The cell is no date in the mapping's format: correct the cell or the format."
    elif value.type == "integer":
        convert, sentence = int, "The cell is no whole number: correct it."
    elif value.type == "number":
        digits = value.decimals
        convert = float if digits is None else (lambda cell: round(float(cell), digits))
        sentence = "The cell is no number with a decimal point: correct it."
    elif value.type == "boolean":
        convert, sentence = {"true": True, "false": False}.__getitem__, "The cell is neither true nor false: map it."
    else:
        split = value.split
        convert, sentence = lambda cell: [item.strip() for item in cell.split(split) if item.strip()] or None, ""

    def find(row: Row) -> object:
        cell = read(row)
        if cell is None:
            return None
        try:
            return convert(cell)
        except (ValueError, KeyError, OverflowError):
            raise BadCell(column, sentence) from None

    return find


def _dates(form: str) -> Callable[[str], str]:
    @lru_cache(maxsize=20_000)  # strptime is slow, and days repeat
    def convert(cell: str) -> str:
        return datetime.strptime(cell, form).date().isoformat()  # noqa: DTZ007  # a day has no zone

    return convert


_UNKNOWN_CELL = "The cell is none of the words that the mapping knows: add it under values, or correct the cell."
