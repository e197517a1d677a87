"""Files of an export: their owner's alone, whole or absent, never over something else."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from safeborders.node.export.errors import TargetRefused, TargetTaken


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that becomes ``path`` when the block ends well, and nothing when it does not.

    Raises:
        TargetTaken: If something is there.
        TargetRefused: If the folder cannot be written to, or the disk refuses.
    """
    beside = _beside(path)
    with _explained():
        try:
            with open_private(beside) as file:
                yield file
                sync(file)
            os.link(beside, path)  # unlike a rename, it never replaces what somebody has put there meanwhile
        except FileExistsError as error:
            raise _taken() from error
        finally:
            beside.unlink(missing_ok=True)
        _sync_folder(path.parent)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a folder that becomes ``path`` when the block ends well, and nothing when it does not.

    Raises:
        TargetTaken: If something is there.
        TargetRefused: If the folder above cannot be written to, or the disk refuses.
    """
    beside = _beside(path)
    with _explained():
        beside.mkdir(mode=0o700)
        try:
            yield beside
            _sync_folder(beside)
            if path.exists():
                raise _taken()
            beside.rename(path)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        _sync_folder(path.parent)


def open_private(path: Path) -> BinaryIO:
    """Return a new file that only its owner may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.fchmod(descriptor, 0o600)  # whatever the umask took away
    return os.fdopen(descriptor, "wb", buffering=1 << 20)


def sync(file: BinaryIO) -> None:
    """Put what was written on disk."""
    file.flush()
    os.fsync(file.fileno())


def _beside(path: Path) -> Path:
    if path.exists():
        raise _taken()
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def _taken() -> TargetTaken:
    return TargetTaken("Something lies where the export should go: give another name, or take it away first.")


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TargetRefused(
            "The export cannot be written there: give an existing folder with enough room that is yours."
        ) from error


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
