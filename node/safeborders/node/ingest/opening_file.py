"""Opens a file of a stranger: a plain file of a bearable size, no archive, no link that leads elsewhere unseen."""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from safeborders.node.ingest.errors import FileChanged, FileRefused
from safeborders.node.ingest.limits import ImportLimits

_ARCHIVES = (
    b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08", b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd",
    b"7z\xbc\xaf\x27\x1c", b"Rar!", b"\x04\x22\x4d\x18", b"LZIP", b"\x1f\x9d", b"\x1f\xa0", b"MSCF", b"\x5d\x00\x00",
)  # fmt: skip
"""How archives and compressed files begin (zip, also of office documents, gzip, bzip2, xz, zstd, 7z, rar, lz4, ...)."""
_BLOCK_BYTES = 1 << 20
_TAR_AT, _TAR = 257, b"ustar"


@dataclass(frozen=True)
class SourceFile:
    """An open file, and how it was when it was opened."""

    file: BinaryIO
    name: str
    opened: os.stat_result

    def check_unchanged(self) -> None:
        """Refuse a file that somebody wrote to since it was opened: its hash would be another's.

        Raises:
            FileChanged: If it is so.
        """
        if _mark(os.fstat(self.file.fileno())) != _mark(self.opened):
            raise FileChanged(f"{self.name} was written to while it was read: wait for its end, then import it again.")


@contextmanager
def open_source_file(path: Path, *, limits: ImportLimits) -> Iterator[SourceFile]:
    """Yield the file at ``path``.

    Raises:
        FileRefused: If it is no plain file, an archive, or too large.
        OSError: If it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not hold us up
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(file.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise FileRefused(f"{path.name} is no plain file: give a file.")
        if before.st_size > limits.file_bytes:
            raise FileRefused(f"{path.name} is larger than {limits.file_bytes >> 20} MiB: split it.")
        beginning = file.read(_TAR_AT + len(_TAR))
        if beginning.startswith(_ARCHIVES) or beginning[_TAR_AT:] == _TAR:
            raise FileRefused(
                f"{path.name} is an archive or compressed: unpack it where you trust it, import the parts."
            )
        file.seek(0)
        yield SourceFile(file, path.name, before)


def hash_of(file: BinaryIO) -> str:
    """Return the SHA-256 of a whole file, in hexadecimal digits."""
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(_BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def read_small_file(path: Path, *, most_bytes: int) -> bytes:
    """Return the content of a mapping or the like.

    Raises:
        FileRefused: If it is no plain file or too large.
        OSError: If it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise FileRefused(f"{path.name} is no plain file: give a file.")
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise FileRefused(f"{path.name} is larger than {most_bytes >> 10} KiB: shorten it.")
    return content


def _mark(state: os.stat_result) -> tuple[int, int, int]:
    return state.st_size, state.st_mtime_ns, state.st_ctime_ns
