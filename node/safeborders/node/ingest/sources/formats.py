"""Opens the reader of a format by its name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from safeborders.models.domain.countries import Country
from safeborders.node.ingest.sources.csv_mapped import MappedCsvReader
from safeborders.node.ingest.sources.ctdc import CtdcReader
from safeborders.node.ingest.sources.ftm import FtmReader
from safeborders.node.ingest.sources.htcds import HtcdsReader
from safeborders.node.ingest.sources.mapping import parse_mapping
from safeborders.node.ingest.sources.refusals import BadMapping, EnvelopeFileMissing, UnknownFormat
from safeborders.node.ingest.sources.rows import SourceReader


@dataclass(frozen=True)
class SourceOptions:
    """What a reader needs beside the file.

    Attributes:
        country: Whose file it is.
        file_name: The file's name; a mapping of several files chooses its queries by it.
        mapping: Content of the mapping file; only ``csv`` takes one.
        envelope: What may be done with rows that do not say so themselves, for formats without an envelope.
        companions: Contents of the other files that the mapping looks values up in, by name.
    """

    country: Country
    file_name: str
    mapping: bytes | None = None
    envelope: Mapping[str, object] | None = None
    companions: Mapping[str, bytes] = field(default_factory=dict)


def open_source(name: str, options: SourceOptions) -> SourceReader:
    """Return the reader of the format ``name``.

    Raises:
        UnknownFormat: If there is no such format here.
        EnvelopeFileMissing: If the format has no envelope of its own and ``options`` has none.
        BadMapping: If the mapping is missing or cannot be used.
        MappingWithoutEnvelope: If the mapping has no envelope.
        FileNotMapped: If no query of the mapping reads this file.
    """
    opener = _OPENERS.get(name)
    if opener is None:
        raise UnknownFormat(f"This format is unknown: choose one of {', '.join(FORMATS)}.")
    return opener(options)


def _open_csv(options: SourceOptions) -> SourceReader:
    if options.mapping is None:
        raise BadMapping("A CSV file needs a mapping file that says what its columns mean: give one.")
    return MappedCsvReader(parse_mapping(options.mapping), options.file_name, companions=options.companions)


def _envelope(options: SourceOptions) -> Mapping[str, object]:
    if not options.envelope:
        raise EnvelopeFileMissing(
            "This format does not say what may be done with its rows: give an envelope file (configs/mappings)."
        )
    return options.envelope


_OPENERS: Mapping[str, Callable[[SourceOptions], SourceReader]] = {
    "csv": _open_csv,
    "ftm": lambda options: FtmReader(_envelope(options)),
    "ctdc": lambda options: CtdcReader(_envelope(options), country=options.country),
    "htcds": lambda options: HtcdsReader(_envelope(options), country=options.country),
}
FORMATS: tuple[str, ...] = tuple(_OPENERS)
"""Names of the formats."""
