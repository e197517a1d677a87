"""Lines of a file in memory that does not grow: a line that is too long is skipped, not read."""

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

LONGEST_LINE_BYTES = 1_000_000


def read_lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Yield each line with its number, counted from 1; None stands for a line that is too long."""
    number = 0
    while content := file.readline(LONGEST_LINE_BYTES):
        number += 1
        if len(content) == LONGEST_LINE_BYTES and not content.endswith(b"\n"):
            while (rest := file.readline(LONGEST_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield number, None
        else:
            yield number, content


def digest_of(file: BinaryIO) -> str:
    """Return twelve hexadecimal digits of the content's hash, and go back to the start.

    They stand in the keys of rows that have no name of their own, so that two files never claim the same row.
    """
    digest = hashlib.sha256()
    while content := file.read(LONGEST_LINE_BYTES):
        digest.update(content)
    file.seek(0)
    return digest.hexdigest()[:12]
