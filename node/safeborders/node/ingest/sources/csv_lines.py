"""Rows of a CSV file with bounded lines, fields and columns; formulas that our own export defused are restored."""

import csv
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from safeborders.node.ingest.errors import BadSourceRow
from safeborders.node.ingest.sources.lines import read_lines
from safeborders.node.ingest.sources.mapping import Form
from safeborders.node.ingest.sources.refusals import BadEncoding

MOST_COLUMNS = 2000
FORMULA_STARTS = frozenset("=+-@\t\r'")
"""What a defused cell begins with behind its apostrophe; the apostrophe itself is one, so that it can be undone."""


class BadTable(Exception):
    """A place from which a file cannot be read on."""

    def __init__(self, line: int, sentence: str, *, code: str = BadSourceRow.code) -> None:
        super().__init__(code)
        self.line = line
        self.code = code
        self.sentence = sentence


def read_table(file: BinaryIO, form: Form) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of the line that it ends on; the first is the header. Raises BadTable."""
    lines = _Lines(file, "utf-8-sig" if form.encoding == "utf-8" else form.encoding)
    reader = csv.reader(lines, delimiter=form.delimiter, quotechar=form.quote, strict=True)
    try:
        header = next(reader, None)
        if header is None:
            raise BadTable(1, "The file is empty: give a file with a header.")
        if not 0 < len(header) <= MOST_COLUMNS:
            raise BadTable(1, "The header has no column or more than two thousand: give the right file.")
        yield reader.line_num, header
        yield from ((reader.line_num, row) for row in reader if row)
    except csv.Error:
        raise BadTable(max(reader.line_num, 1), _NOT_CSV) from None


def restore(cells: Sequence[str]) -> list[str]:
    """Return the cells as they were before our export defused them."""
    return [cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in FORMULA_STARTS else cell for cell in cells]


class _Lines:
    """The decoded lines of a file, for csv.reader."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._lines = read_lines(file)
        self._encoding = encoding

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        number, content = next(self._lines)
        if content is None:
            raise BadTable(number, "The line is longer than a megabyte: check the quotation marks before it.")
        try:
            text = content.decode(self._encoding)
        except UnicodeDecodeError:
            raise BadTable(number, _ENCODING, code=BadEncoding.code) from None
        self._encoding = "utf-8" if self._encoding == "utf-8-sig" else self._encoding  # the mark stands once
        return text


_NOT_CSV = "From here on the file is no CSV: check quotation marks and the mapping's delimiter."
_ENCODING = "The line is not in the mapping's encoding: state the right one, or export the file anew."
