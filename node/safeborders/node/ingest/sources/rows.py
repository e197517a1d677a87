"""What every format is read into: a row of the import format (docs/decisions/0022) with the place it came from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from safeborders.node.ingest.errors import Reject


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row as ``safeborders.import`` has it.

    Attributes:
        line: Line of the file that it came from, counted from 1; several rows may come from one line.
        record: The row: ``record`` (entity, link, indicators, status, label) and its properties.
        columns: What the file itself calls properties, where that is something else and one name.
    """

    line: int
    record: dict[str, object]
    columns: Mapping[str, str] | None = None

    def column_of(self, name: str) -> str:
        """Return what the file calls the property ``name``, so that a sentence names what people see in it."""
        return self.columns.get(name, name) if self.columns else name


class SourceReader(Protocol):
    """Reads one file of one format, once, in memory that does not grow with the file."""

    @property
    def envelope(self) -> Mapping[str, object]:
        """What may be done with every row that does not say otherwise; complete when the first row was yielded."""

    @property
    def dropped(self) -> Mapping[str, int]:
        """What the model has no place for, with how often; complete when the last row was yielded.

        Properties on the deny-list are not among them: they stay in the rows, emptied, for the importer to count.
        """

    def __call__(self, file: BinaryIO) -> Iterator[SourceRow | Reject]:
        """Yield the rows in an order in which no row names a later one; a bad line yields its reason instead.

        ``file`` must be seekable: formats whose lines come in any order are read twice.
        """
