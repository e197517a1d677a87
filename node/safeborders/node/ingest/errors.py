"""Why a row or a file is not taken in: one class per reason. No sentence quotes a row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from safeborders.kit.errors import SafeBordersError


class IngestError(SafeBordersError):
    """Something in an import file cannot be taken in."""

    code: ClassVar[str] = "ingest.refused"


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


class UnknownReference(IngestError):
    """A row names something that stands neither above it nor in the database."""

    code = "ingest.unknown_reference"


class RepeatedKey(IngestError):
    """Two rows of a file have the same name, or a known name now means another kind of thing."""

    code = "ingest.repeated_key"


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
        rejects: The rows, at least one; at most the first thousand.
    """

    code = "ingest.source_refused"

    def __init__(self, name: str, rejects: Sequence[Reject]) -> None:
        self.rejects = tuple(rejects)
        shown = ", ".join(f"line {reject.line} ({reject.code})" for reject in self.rejects[:3])
        more = " and others" if len(self.rejects) > 3 else ""
        super().__init__(f"Nothing of {name} was stored: correct {shown}{more}, then import it again.", file=name)
