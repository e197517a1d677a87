"""Files that somebody might hand to an importer in order to harm it (security.md 2, row 12), made here, none stored.

Each is written by a function of its own and read as the format it pretends to be.
"""

import gzip
import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sbtest.import_files import ANA, ENVELOPE, HEADER, PHONE, changed

MEBIBYTE = 1 << 20
MAPPING = json.dumps(
    {
        "envelope": ENVELOPE,
        "queries": [
            {
                "entities": {
                    "person": {"kind": "person", "keys": ["id"], "properties": {"name": {"column": "name"}}},
                    "phone": {"kind": "phone", "keys": ["phone"], "properties": {"number": {"column": "phone"}}},
                },
                "links": [{"kind": "USES", "source": "person", "target": "phone"}],
            }
        ],
    }
).encode()


@dataclass(frozen=True)
class Hostile:
    """One file.

    Attributes:
        name: What it tries.
        format: As what it is read.
        write: Writes it.
        mapping: The mapping that it is read with.
        code: Of the error that it must end in; "" where any of the importer's will do.
    """

    name: str
    format: str
    write: Callable[[Path], object]
    code: str = ""
    mapping: bytes | None = None


def _line(row: object) -> bytes:
    return json.dumps(row).encode() + b"\n"


def _native(*lines: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(_line(HEADER) + _line(ANA) + b"".join(lines))


def _bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _phone(value: str) -> bytes:
    return b'{"record":"entity","id":"t1","kind":"phone","properties":{"number":' + value.encode() + b"}}\n"


def _zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.jsonl", b"0" * 20 * MEBIBYTE)


def _tar_with_traversal(path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        entry = tarfile.TarInfo("../../../etc/cron.d/evil")
        entry.size = 4
        archive.addfile(entry, io.BytesIO(b"evil"))


def _workbook(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", _XXE)


def _many_columns(path: Path) -> None:
    path.write_bytes(b",".join(b"c%d" % number for number in range(1_000_000)) + b"\n")


def _ftm(entity: object) -> Callable[[Path], object]:
    good = {"id": "a", "schema": "Person", "properties": {"name": ["Ana"]}}
    return _bytes(_line(good) + (entity if isinstance(entity, bytes) else _line(entity)))


def _csv(*lines: bytes) -> Callable[[Path], object]:
    return _bytes(b"id,name,phone\n1,Ana,+40611111111\n" + b"".join(lines))


_XXE = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
_LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
_OBJECT = 'envelope: !!python/object/apply:os.system ["touch evil"]\nqueries: []\n'
_DEEP = b"[" * 200_000 + b"]" * 200_000
_PERSON = {"id": "b", "schema": "Person"}

CORPUS: tuple[Hostile, ...] = (
    # archives and files of other kinds
    Hostile("zip bomb", "safeborders", _zip_bomb, "ingest.file_refused"),
    Hostile("gzip bomb", "safeborders", lambda p: p.write_bytes(gzip.compress(b"0" * MEBIBYTE)), "ingest.file_refused"),
    Hostile("tar that climbs out", "csv", _tar_with_traversal, "ingest.file_refused", MAPPING),
    Hostile("workbook", "csv", _workbook, "ingest.file_refused", MAPPING),
    Hostile("xz", "ftm", _bytes(b"\xfd7zXZ\x00" + os.urandom(200)), "ingest.file_refused"),
    Hostile("named pipe", "safeborders", lambda path: os.mkfifo(path), "ingest.file_refused"),
    Hostile("device", "safeborders", lambda path: path.symlink_to("/dev/zero"), "ingest.file_refused"),
    Hostile("sparse giant", "safeborders", lambda path: _sparse(path, 17 << 30), "ingest.file_refused"),
    Hostile("xml with an external entity", "safeborders", _bytes(_XXE.encode()), "ingest.bad_file"),
    Hostile("xml with an external entity as csv", "csv", _bytes(_XXE.encode()), "", MAPPING),
    Hostile("random bytes", "safeborders", _bytes(os.urandom(100_000)), "ingest.bad_file"),
    Hostile("nothing", "safeborders", _bytes(b""), "ingest.bad_file"),
    Hostile("zeros", "safeborders", _bytes(bytes(3 * MEBIBYTE)), "ingest.bad_file"),
    # lying headers
    Hostile("another country", "safeborders", _bytes(_line({**HEADER, "country": "gr"})), "ingest.wrong_country"),
    Hostile("newer version", "safeborders", _bytes(_line({**HEADER, "version": 2})), "ingest.bad_file"),
    Hostile("version is a list", "safeborders", _bytes(_line({**HEADER, "version": [1]})), "ingest.bad_file"),
    Hostile("header with more", "safeborders", _bytes(_line({**HEADER, "report_id": "x"})), "ingest.bad_file"),
    Hostile("envelope that sets the node", "safeborders", _bytes(
        _line({**HEADER, "envelope": {**ENVELOPE, "node": "gr", "rev": 9}}) + _line(ANA)), "ingest.unknown_property"),
    # JSON
    Hostile("deep nesting", "safeborders", _native(_DEEP + b"\n")),
    Hostile("deep nesting in a property", "safeborders", _native(_phone("[" * 5000 + "]" * 5000))),
    Hostile("a line without end", "safeborders", _native(b'{"record":"' + b"x" * 5 * MEBIBYTE)),
    Hostile("a name given twice", "safeborders", _native(
        b'{"record":"entity","id":"t1","kind":"phone","properties":{"number":"1","number":"2"}}\n')),
    Hostile("a name given twice behind spaces", "safeborders", _native(
        b'{"record":"entity","id":"t1","id" :"t2","kind":"phone","properties":{"number":"1"}}\n')),
    Hostile("NaN", "safeborders", _native(_phone("NaN"))),
    Hostile("infinity", "safeborders", _native(_phone("-Infinity"))),
    Hostile("huge number", "safeborders", _native(_phone("9" * 4000))),
    Hostile("huge exponent", "safeborders", _native(_phone("1e999999"))),
    Hostile("NUL in a text", "safeborders", _native(_phone('"1\\u0000"'))),
    Hostile("half a surrogate pair", "safeborders", _native(_phone('"\\ud800"'))),
    Hostile("right-to-left override", "safeborders", _native(_phone('"+40\\u202e1"'))),
    Hostile("terminal escape", "safeborders", _native(_phone('"\\u001b[2J"'))),
    Hostile("bad encoding", "safeborders", _native(_phone('"+40"').replace(b"+40", b"\xff\xfe"))),
    Hostile("UTF-16", "safeborders", _bytes((_line(HEADER) + _line(ANA)).decode().encode("utf-16")), "ingest.bad_file"),
    Hostile("carriage returns only", "safeborders", _bytes(
        (_line(HEADER) + _line(ANA)).replace(b"\n", b"\r")), "ingest.bad_file"),
    Hostile("an SQL command", "safeborders", _native(_line(changed(PHONE, number="1'); DROP TABLE entity; --" * 9)))),
    Hostile("a path as identifier", "safeborders", _native(_line({**PHONE, "id": "../" * 40}))),
    Hostile("properties as a list", "safeborders", _native(_line({**PHONE, "properties": ["number"]}))),
    Hostile("prototype pollution", "safeborders", _native(_line({**PHONE, "__proto__": {"x": 1}}))),
    # FollowTheMoney
    Hostile("FollowTheMoney with a name given twice", "ftm",
            _ftm(b'{"id":"b","schema":"Person","properties":{"name":["Eva"],"name":["Ada"]}}\n')),
    Hostile("nested entity", "ftm", _ftm({**_PERSON, "properties": {"name": [{"id": "c"}]}})),
    Hostile("schema that does not exist", "ftm", _ftm({"id": "b", "schema": "__class__", "properties": {}})),
    Hostile("deep FollowTheMoney", "ftm", _ftm(b'{"id":"b","schema":"Person","properties":' + _DEEP + b"}\n")),
    # CSV and its mapping
    Hostile("a million columns", "csv", _many_columns, "", MAPPING),
    Hostile("quotation mark without end", "csv", _csv(b'2,"Eva\n' * 3, b"x" * 2 * MEBIBYTE), "", MAPPING),
    Hostile("another width", "csv", _csv(b"2,Eva\n"), "", MAPPING),
    Hostile("NUL in a cell", "csv", _csv(b"2,E\x00va,1\n"), "", MAPPING),
    Hostile("columns named twice", "csv", _bytes(b"id,id,name\n1,2,Ana\n"), "", MAPPING),
    Hostile("alias bomb as mapping", "csv", _csv(), "ingest.bad_mapping", _LAUGHS.encode()),
    Hostile("object as mapping", "csv", _csv(), "ingest.bad_mapping", _OBJECT.encode()),
    Hostile("mapping without envelope", "csv", _csv(), "ingest.mapping_without_envelope", b"queries: []\n"),
)  # fmt: skip


def _sparse(path: Path, size: int) -> None:
    with path.open("wb") as file:
        file.truncate(size)


def bodies_that_pass() -> dict[str, bytes]:
    """Return files that look odd and are right: a mark before UTF-8, DOS line ends, no last line end, a formula."""
    lines = [_line(HEADER), _line(ANA), _line(changed(PHONE, number="=cmd|' /C calc'!A0"))]
    return {
        "mark": b"\xef\xbb\xbf" + b"".join(lines),
        "dos": b"".join(lines).replace(b"\n", b"\r\n"),
        "no end": b"".join(lines).rstrip(b"\n"),
    }
