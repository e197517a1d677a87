"""Messages between the parser and the importer: a length of four bytes, then one JSON object; never pickle."""

from collections.abc import Iterator, Mapping
from typing import BinaryIO, cast

import orjson

from safeborders.node.ingest.errors import ParserStopped

_LENGTH_BYTES = 4


def write_frame(file: BinaryIO, message: Mapping[str, object]) -> None:
    """Write ``message`` and flush."""
    content = orjson.dumps(message)
    file.write(len(content).to_bytes(_LENGTH_BYTES, "big"))
    file.write(content)
    file.flush()


def read_frames(file: BinaryIO, *, most_bytes: int) -> Iterator[dict[str, object]]:
    """Yield the messages until the other side closes.

    Raises:
        ParserStopped: If a message is too long, cut short, or no JSON object.
    """
    while length := file.read(_LENGTH_BYTES):
        size = int.from_bytes(length, "big")
        content = file.read(size) if len(length) == _LENGTH_BYTES and size <= most_bytes else b""
        try:
            message = orjson.loads(content) if len(content) == size else None
        except orjson.JSONDecodeError:
            message = None
        if type(message) is not dict:
            raise ParserStopped("The parser stopped in the middle of a message: import the file again.")
        yield cast("dict[str, object]", message)
