"""The project's own import format (docs/decisions/0022): a header, then one JSON object a line."""

import json
from collections.abc import Iterator, Mapping
from typing import BinaryIO

import orjson

from safeborders.models.domain.countries import Country
from safeborders.node.ingest.errors import BadSourceFile, BadSourceRow, Reject, WrongCountry
from safeborders.node.ingest.sources.rows import SourceRow

NATIVE = "safeborders"
"""Name of the format, where formats are named."""
FORMAT = "safeborders.import"
VERSION = 1

_LONGEST_LINE_BYTES = 1_000_000
_HEADER = frozenset({"record", "format", "version", "country", "issuer", "envelope"})
_MARK = b"\xef\xbb\xbf"  # what some editors write before UTF-8


class NativeReader:
    """Reads one file of the project's own format.

    Args:
        country: Whose node this is.
        file_name: For the sentence about a file that is no import file.

    Attributes:
        envelope: The header's, once the first row was asked for.
        issuer: The header's.
        dropped: Nothing: every property of this format has a place, is on the deny-list, or refuses its row.
    """

    def __init__(self, country: Country, file_name: str) -> None:
        self.envelope: Mapping[str, object] = {}
        self.dropped: Mapping[str, int] = {}
        self.issuer = ""
        self._country = country
        self._file_name = file_name

    def __call__(self, file: BinaryIO) -> Iterator[SourceRow | Reject]:
        """Yield the rows; a line that is no JSON object yields its reason.

        Raises:
            BadSourceFile: If the file does not begin with the header.
            WrongCountry: If it is another country's.
        """
        self._read_header(file.readline(_LONGEST_LINE_BYTES).removeprefix(_MARK))
        number = 1
        while content := file.readline(_LONGEST_LINE_BYTES):
            number += 1
            try:
                if len(content) == _LONGEST_LINE_BYTES and not content.endswith(b"\n"):
                    _skip_line(file)
                    raise BadSourceRow("A line is longer than a million bytes: cut it.")  # noqa: TRY301  # one way out
                yield SourceRow(number, parse_object(content))
            except BadSourceRow as error:
                yield Reject(number, error.code, error.column, error.message)

    def _read_header(self, content: bytes) -> None:
        try:
            header = parse_object(content)
        except BadSourceRow:
            header = {}
        expected = {"record": "header", "format": FORMAT, "version": VERSION}
        envelope = header.get("envelope")
        if (
            header.keys() != _HEADER
            or any(header[key] != value for key, value in expected.items())
            or not isinstance(envelope, dict)
        ):
            raise BadSourceFile(
                f"{self._file_name} does not begin with the header of an import file, version {VERSION}: "
                "export it anew."
            )
        if header["country"] != self._country.value:
            raise WrongCountry(
                f"{self._file_name} is not a file of this country: give the folder of {self._country.value}."
            )
        self.envelope, self.issuer = envelope, str(header["issuer"])[:200]


def parse_object(content: bytes) -> dict[str, object]:
    """Return the JSON object that ``content`` is.

    Raises:
        BadSourceRow: If it is something else, nests too deeply, or names a property twice.
    """
    try:
        row = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise BadSourceRow("A row is not JSON in UTF-8: correct the row.") from None  # its text quotes the row
    if type(row) is not dict:
        raise BadSourceRow("A row is not a JSON object: correct the row.")
    keys = len(row) + sum(len(value) for value in row.values() if type(value) is dict)
    spaced = b" :" in content or b"\t:" in content or b"\r:" in content
    if spaced or content.count(b'":') != keys:
        _check_names(content)
    return row


def _check_names(content: bytes) -> None:
    """Refuse a row that names a property twice: two programs would read two different rows in it."""
    try:
        json.loads(content, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise BadSourceRow("A row is not JSON in UTF-8: correct the row.") from None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadSourceRow("A row has a property twice: keep one of them.")
    return members


def _skip_line(file: BinaryIO) -> None:
    while (rest := file.readline(_LONGEST_LINE_BYTES)) and not rest.endswith(b"\n"):
        pass
