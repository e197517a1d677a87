"""The file of rejected rows: line, reason, column and how to mend it; never a value of the row."""

import contextlib
import csv
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from safeborders.node.ingest.errors import Reject

_HEADING = ("line", "code", "column", "sentence")


class RejectLog:
    """Collects the rejects of one file: all into a file that only its owner may read, the first into memory.

    The file appears when the block ends, whole, and only if there was a reject.

    Args:
        path: The file to write; None keeps the first rejects only.
        most_in_memory: How many stay in memory.

    Attributes:
        first: The first rejects.
        count: How many there were.
    """

    def __init__(self, path: Path | None, *, most_in_memory: int = 1000) -> None:
        self.first: list[Reject] = []
        self.count = 0
        self._path = path
        self._beside = path.with_name(f".{path.name}.part") if path else None
        self._most = most_in_memory
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        return self

    def add(self, rejects: Sequence[Reject]) -> None:
        """Write ``rejects`` down."""
        if not rejects:
            return
        self.first.extend(rejects[: self._most - len(self.first)] if len(self.first) < self._most else ())
        self.count += len(rejects)
        if self._beside is not None:
            if self._file is None:
                self._file = _create(self._beside)
            csv.writer(self._file).writerows((one.line, one.code, one.column, one.sentence) for one in rejects)

    @property
    def path(self) -> Path | None:
        """Where all rejects stand; None when there is no such file."""
        return self._path if self.count else None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None or self._beside is None or self._path is None:
            return
        with contextlib.suppress(OSError):  # a full disk must not hide why the file was refused
            self._file.close()
            self._beside.replace(self._path)


def _create(path: Path) -> TextIO:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    file = os.fdopen(descriptor, "w", encoding="utf-8", newline="")
    csv.writer(file).writerow(_HEADING)
    return file
