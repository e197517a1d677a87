"""Why a row or a file is not taken in: one class per reason. No sentence quotes a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

from safeborders.kit.errors import SafeBordersError


class IngestError(SafeBordersError):
    """Something in an import file cannot be taken in.

    Attributes:
        column: The property or column at fault; "" when it is the whole row.
    """

    code: ClassVar[str] = "ingest.refused"
    column: str = ""

    def at(self, column: str) -> Self:
        """Return this error with the place of the fault, unless a place nearer to it is known."""
        self.column = self.column or column
        return self


class BadSourceFile(IngestError):
    """The file is no import file of a known version."""

    code = "ingest.bad_file"


class WrongCountry(IngestError):
    """The file is another country's."""

    code = "ingest.wrong_country"


class BadSourceRow(IngestError):
    """A row lacks what it needs, or holds a value of another form."""

    code = "ingest.bad_row"


class UnknownVocabulary(IngestError):
    """A row uses a word that is not in the vocabulary."""

    code = "ingest.unknown_vocabulary"


class UnknownProperty(IngestError):
    """A row has a property that nobody knows."""

    code = "ingest.unknown_property"


class EnvelopeMissing(IngestError):
    """A row does not say what may be done with it."""

    code = "ingest.envelope_missing"


class ErasedSubject(IngestError):
    """A row is about a person who was erased on request (LED article 16(2))."""

    code = "ingest.erased_subject"


class UnknownReference(IngestError):
    """A row names something that stands neither above it nor in the database."""

    code = "ingest.unknown_reference"


class RepeatedKey(IngestError):
    """Two rows of a file have the same name, or a known name now means another kind of thing."""

    code = "ingest.repeated_key"


class FileRefused(IngestError):
    """A file is not even opened: an archive, no plain file, or too large."""

    code = "ingest.file_refused"


class FileChanged(IngestError):
    """A file was written to while it was read."""

    code = "ingest.file_changed"


class ParserStopped(IngestError):
    """The process that parses came to a limit or died."""

    code = "ingest.parser_stopped"


class ParserNotConfined(IngestError):
    """The process that parses cannot be cut off from the network here."""

    code = "ingest.parser_not_confined"


class StorageRefused(IngestError):
    """The database did not take the rows."""

    code = "ingest.storage_refused"


class UndoRefused(IngestError):
    """An import cannot be undone, because something builds on it."""

    code = "ingest.undo_refused"


@dataclass(frozen=True)
class Reject:
    """A row that was not accepted.

    Attributes:
        line: Where it stands in the file, counted from 1.
        code: Of the reason, stable.
        column: The column or property at fault; "" when it is the whole row.
        sentence: What, why, how to mend it; it quotes no value of the row.
    """

    line: int
    code: str
    column: str = ""
    sentence: str = ""


class SourceRefused(IngestError):
    """A file has rows that cannot be accepted, so nothing of it was stored.

    Args:
        name: The file's name.
        rejects: The first of the rows, at least one.
        rejects_path: Where all of them stand; None when they were not written.
    """

    code = "ingest.source_refused"

    def __init__(self, name: str, rejects: Sequence[Reject], *, rejects_path: Path | None = None) -> None:
        self.rejects = tuple(rejects)
        self.rejects_path = rejects_path
        shown = ", ".join(f"line {reject.line} ({reject.code})" for reject in self.rejects[:3])
        more = " and others" if len(self.rejects) > 3 else ""
        where = f" (all: {rejects_path})" if rejects_path else ""
        super().__init__(
            f"Nothing of {name} was stored: correct {shown}{more}{where}, then import it again.", file=name
        )
