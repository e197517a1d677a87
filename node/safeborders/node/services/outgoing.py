"""One record on its way out, in the form of the import format, and who may write it where."""

from dataclasses import dataclass, field
from typing import Protocol

Record = dict[str, object]


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One record.

    Attributes:
        record: As the import format has it (docs/decisions/0022), with its whole envelope.
        beside: What the import format has no place for: a person's ``effective_category`` (LED article 6); in an
            identified export the ``source_report`` that the row came with.
    """

    record: Record
    beside: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<ExportRow {self.record.get('record')}>"


class RowWriter(Protocol):
    """Writes rows in one format; entities come first, then links, then what is known beside them."""

    def write(self, row: ExportRow) -> None:
        """Write one row."""

    def finish(self) -> None:
        """Write what stands at the end."""
