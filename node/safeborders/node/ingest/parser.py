"""Runs the parser of one file as a confined child and yields what it sends, believing none of it."""

import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import BinaryIO, Self, cast

import orjson

from safeborders.models.domain.countries import Country
from safeborders.node.ingest.columns import COLUMNS
from safeborders.node.ingest.errors import (
    BadSourceFile,
    IngestError,
    ParserNotConfined,
    ParserStopped,
    Reject,
    SourceRefused,
)
from safeborders.node.ingest.frames import read_frames
from safeborders.node.ingest.limits import ImportLimits
from safeborders.node.ingest.sources import refusals  # noqa: F401  # the parser names its classes, too

_MODULE = "safeborders.node.ingest.parse_process"
_STOP_SECONDS = 5.0
_LONGEST_SENTENCE = 300
_LONGEST_COLUMN = 40


@dataclass(frozen=True)
class Order:
    """What to parse and how.

    Attributes:
        country: Whose file it is.
        file_name: The file's own name.
        format: Name of the format.
        mapping: Content of the mapping file, for formats that need one.
        envelope: What may be done with rows, for formats that do not say.
        companions: Other files that the mapping looks values up in, by name.
    """

    country: Country
    file_name: str
    format: str
    mapping: bytes | None = None
    envelope: Mapping[str, object] | None = None
    companions: Mapping[str, bytes] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """Return the order as the parser reads it."""
        return orjson.dumps(
            {
                "country": self.country.value,
                "file_name": self.file_name,
                "format": self.format,
                "mapping": None if self.mapping is None else b64encode(self.mapping).decode(),
                "envelope": self.envelope,
                "companions": {name: b64encode(content).decode() for name, content in self.companions.items()},
            }
        )


@dataclass
class Batch:
    """Rows that the parser sent together.

    Attributes:
        tables: Rows by table in the order of ``COLUMNS``, each table with the lines of its rows.
        rejects: Lines that were not accepted.
        records: How many rows of the import format the batch holds.
        at: How many bytes of the file were read.
    """

    tables: dict[str, tuple[list[int], list[list[object]]]]
    rejects: list[Reject]
    records: int
    at: int


@dataclass
class Ending:
    """What the parser says at the end."""

    issuer: str = ""
    denied: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)


class Parser:
    """A context that runs the child; leaving it ends the child in any case.

    Args:
        file: The file, open and seekable; the child reads the same descriptor.
        order: What to parse.
        limits: What it may cost.
        needs_no_network: Whether a child that cannot be cut off from the network is refused.

    Attributes:
        ending: Complete after the last batch.
    """

    def __init__(self, file: BinaryIO, *, order: Order, limits: ImportLimits, needs_no_network: bool = True) -> None:
        self.ending = Ending()
        self._limits = limits
        self._needs_no_network = needs_no_network
        file.seek(0)
        seconds = limits.processor_seconds_for(os.fstat(file.fileno()).st_size)
        order_file = _memory_file(order.encoded())
        arguments = [str(number) for number in (limits.memory_bytes, seconds, os.getpid(), order_file)]
        try:
            self._child = subprocess.Popen(  # noqa: S603  # the command is ours
                [sys.executable, "-I", "-m", _MODULE, *arguments],
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"LANG": "C.UTF-8", "MALLOC_ARENA_MAX": "1"},
                cwd="/",
                pass_fds=(order_file,),
                start_new_session=True,
            )
        finally:
            os.close(order_file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        cast("BinaryIO", self._child.stdout).close()

    @property
    def pid(self) -> int:
        """The child's process number."""
        return self._child.pid

    def batches(self) -> Iterator[Batch]:
        """Yield the batches.

        Raises:
            IngestError: What the parser found wrong with the file as a whole.
            ParserStopped: If it came to one of its limits or died.
            ParserNotConfined: If it could not be cut off from the network.
        """
        finished = False
        for message in read_frames(cast("BinaryIO", self._child.stdout), most_bytes=self._limits.frame_bytes):
            if "network" in message:
                self._check_network(message["network"])
            elif "error" in message:
                raise _error(message)
            elif "issuer" in message:
                self.ending = Ending(
                    issuer=_plain(message["issuer"], most=200),
                    denied=_counts(message.get("denied")),
                    dropped=_counts(message.get("dropped")),
                )
                finished = True
            else:
                yield self._batch(message)
        if not finished:
            raise ParserStopped(
                "The parser came to a limit of time or memory, or was ended: split the file, then import it again."
            )

    def _check_network(self, network: object) -> None:
        if self._needs_no_network and network not in ("namespace", "filter", "loopback"):
            raise ParserNotConfined(
                "The parser cannot be cut off from the network here: allow network namespaces or seccomp filters for "
                "this user, or give --without-confinement on a machine without a network."
            )

    def _batch(self, message: Mapping[str, object]) -> Batch:
        try:
            tables = cast("dict[str, tuple[list[int], list[list[object]]]]", message["tables"])
            for name, (lines, rows) in tables.items():
                if name not in COLUMNS or len(lines) != len(rows) or not all(type(row) is list for row in rows):
                    raise ValueError("shape")  # noqa: TRY301  # answered below; what rows hold, the tables' rules check
            rejects = [
                Reject(int(line), _plain(code, most=64), _name(column), _plain(sentence, most=_LONGEST_SENTENCE))
                for line, code, column, sentence in cast("Sequence[tuple[int, str, str, str]]", message["rejects"])
            ]
            return Batch(
                tables, rejects, records=int(cast("int", message["records"])), at=int(cast("int", message["at"]))
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ParserStopped("The parser sent what it never sends: reinstall the program.") from error


def _memory_file(content: bytes) -> int:
    """Return the descriptor of a file in memory, because an order may hold records (companion files)."""
    descriptor = os.memfd_create("order")
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _error(message: Mapping[str, object]) -> IngestError:
    """Return the error that the parser named, with its sentence; an unknown name is a bad file."""
    classes = {kind.code: kind for kind in _family(IngestError) if kind is not SourceRefused}
    kind = classes.get(str(message.get("error")), BadSourceFile)
    return kind(_plain(message.get("sentence"), most=_LONGEST_SENTENCE))


def _family(kind: type[IngestError]) -> Iterator[type[IngestError]]:
    for child in kind.__subclasses__():
        yield child
        yield from _family(child)


def _plain(value: object, *, most: int) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in str(value)[:most])


def _name(value: object) -> str:
    """Return a column's name as a person may see it: what is no plain name could be content."""
    name = str(value)
    plain = name.isascii() and name[:1].isalpha() and all(letter.isalnum() or letter in "_.-: " for letter in name)
    return name if plain and len(name) <= _LONGEST_COLUMN else ""


def _counts(value: object) -> dict[str, int]:
    if type(value) is not dict:
        return {}
    return {_name(name) or "(other)": count for name, count in value.items() if type(count) is int}
