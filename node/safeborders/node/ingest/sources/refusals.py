"""Why a file cannot be read at all. No sentence quotes what stands in a file."""

from safeborders.node.ingest.errors import IngestError


class BadMapping(IngestError):
    """A mapping file cannot be used."""

    code = "ingest.bad_mapping"


class MappingWithoutEnvelope(IngestError):
    """A mapping does not say what may be done with the rows it makes."""

    code = "ingest.mapping_without_envelope"


class EnvelopeFileMissing(IngestError):
    """The format says nothing about what may be done with its rows, and nobody else does."""

    code = "ingest.envelope_file_missing"


class UnknownFormat(IngestError):
    """There is no reader for this format."""

    code = "ingest.unknown_format"


class FileNotMapped(IngestError):
    """No query of the mapping reads this file."""

    code = "ingest.file_not_mapped"


class UnknownColumns(IngestError):
    """A file has not the columns of its format."""

    code = "ingest.unknown_columns"


class BadEncoding(IngestError):
    """A file is not in the stated encoding."""

    code = "ingest.bad_encoding"
