"""What every format is read into: a row of the import format (docs/decisions/0022) with the place it came from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from safeborders.node.ingest.errors import Reject


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row as ``safeborders.import`` has it.

    Attributes:
        line: Line of the file that it came from, counted from 1; several rows may come from one line.
        record: The row: ``record`` (entity, link, indicators, status, label) and its properties.
    """

    line: int
    record: dict[str, object]


class SourceReader(Protocol):
    """Reads one file of one format, once, in memory that does not grow with the file."""

    def __call__(self, file: BinaryIO) -> Iterator[SourceRow | Reject]:
        """Yield the rows in an order in which no row names a later one; a bad line yields its reason instead."""
        ...
