"""The parser's confinement, what it may send, and the rules that rows are checked by."""

import io
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint, Column, String, Table
from sqlalchemy.orm import DeclarativeBase

from safeborders.models.domain.countries import Country
from safeborders.node.ingest.columns import COLUMNS
from safeborders.node.ingest.errors import FileChanged, IngestError, ParserNotConfined, ParserStopped
from safeborders.node.ingest.frames import read_frames, write_frame
from safeborders.node.ingest.limits import ImportLimits
from safeborders.node.ingest.opening_file import open_source_file
from safeborders.node.ingest.parser import Order, Parser
from safeborders.node.storage.base import Base
from safeborders.node.storage.row_rules import RowRules
from sbtest.import_files import ANA, people, write

ORDER = Order(country=Country.RO, file_name="a.jsonl", format="safeborders")
CONFINED = """
import os, resource, socket, sys, tempfile
from safeborders.node.ingest.confinement import Limits, confine
print(confine(Limits(memory_bytes=512 << 20, processor_seconds=1), parent=os.getppid()), flush=True)
try:
    {0}
except (OSError, MemoryError) as error:
    print(type(error).__name__)
else:
    print("done")
"""


def confined(action: str) -> tuple[list[str], int]:
    command = [sys.executable, "-c", CONFINED.format(action)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    return done.stdout.split(), done.returncode


@pytest.mark.parametrize(
    "action",
    [
        "socket.socket().connect(('127.0.0.1', {port}))",
        "os.execv('/bin/true', ['true'])",
        "os.fork()",
        "bytearray(1 << 30)",
        "[os.open('/dev/null', os.O_RDONLY) for _ in range(100)]",
    ],
)
def test_a_confined_process_can_do_nothing_but_read_and_answer(action: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        code = action.replace("{port}", str(listener.getsockname()[1]))
        words, _ = confined(code)
        assert words[0] in {"namespace", "filter"}
        if "fork" not in action:
            assert words[1] in {"PermissionError", "OSError", "MemoryError", "ConnectionRefusedError"}
            control = [sys.executable, "-c", f"import os, socket\n{code}\nprint('done')"]
            free = subprocess.run(control, capture_output=True, text=True, check=False, timeout=30)
            assert free.returncode == 0  # whoever is not confined can


def test_a_confined_process_writes_no_file_and_takes_no_more_time_than_it_may(tmp_path: Path) -> None:
    words, _ = confined(f"open({str(tmp_path / 'out')!r}, 'wb', buffering=0).write(b'x')")
    assert words[1] == "OSError"  # the limit of a file's size is nothing
    assert (tmp_path / "out").stat().st_size == 0
    words, status = confined("exec('while True: pass')")
    assert (len(words), status < 0) == (1, True)


def test_a_parser_without_memory_or_time_refuses_its_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *people(3000))
    for limits in (ImportLimits(memory_bytes=16 << 20), ImportLimits(frame_bytes=1000)):
        with (
            path.open("rb") as file,
            Parser(file, order=ORDER, limits=limits) as parser,
            pytest.raises(ParserStopped),
        ):
            list(parser.batches())


def test_a_parser_that_keeps_the_network_is_refused_unless_the_operator_says_otherwise(tmp_path: Path) -> None:
    with (
        write(tmp_path / "a.jsonl", ANA).open("rb") as file,
        Parser(file, order=ORDER, limits=ImportLimits()) as parser,
    ):
        with pytest.raises(ParserNotConfined):
            parser._check_network("nothing")
        parser._check_network("namespace")
        assert [batch.records for batch in parser.batches()] == [1]


@pytest.mark.parametrize(
    "message",
    [
        {"tables": {"access_token": [[1], [["x"]]]}, "rejects": [], "records": 1, "at": 1},
        {"tables": {"entity": [[1, 2], [["x"]]]}, "rejects": [], "records": 1, "at": 1},
        {"tables": {"entity": [[1], ["x"]]}, "rejects": [], "records": 1, "at": 1},
        {"tables": {}, "rejects": [[1]], "records": 1, "at": 1},
        {"tables": {}, "rejects": [], "records": "many", "at": 1},
        {"something": "else"},
    ],
)
def test_a_message_that_the_parser_never_sends_is_not_believed(tmp_path: Path, message: dict[str, object]) -> None:
    with (
        write(tmp_path / "a.jsonl", ANA).open("rb") as file,
        Parser(file, order=ORDER, limits=ImportLimits()) as parser,
        pytest.raises(ParserStopped),
    ):
        parser._batch(message)


@pytest.mark.parametrize("content", [b"\x00\x00", b"\x00\x00\x00\x05{}", b"\xff\xff\xff\xff{}", b"\x00\x00\x00\x02[]"])
def test_a_torn_or_giant_or_strange_frame_ends_the_reading(content: bytes) -> None:
    with pytest.raises(ParserStopped):
        list(read_frames(io.BytesIO(content), most_bytes=1000))
    whole = io.BytesIO()
    write_frame(whole, {"a": 1})
    assert list(read_frames(io.BytesIO(whole.getvalue()), most_bytes=1000)) == [{"a": 1}]


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", ANA)
    with open_source_file(path, limits=ImportLimits()) as source:
        source.check_unchanged()
        path.write_bytes(path.read_bytes() + b"\n")
        with pytest.raises(FileChanged):
            source.check_unchanged()


def test_every_rule_of_an_imported_table_is_one_that_the_importer_checks() -> None:
    for name, columns in COLUMNS.items():
        assert RowRules(Base.metadata.tables[name], columns).complete, name


def test_control_a_new_rule_keeps_the_databases_own_checks_on() -> None:
    class Other(DeclarativeBase):
        pass

    rule = CheckConstraint("length(id) = 36", name="length")
    table = Table("phone", Other.metadata, Column("id", String(36), primary_key=True), rule)
    assert not RowRules(table, ("id",)).complete


def test_errors_of_the_parser_quote_nothing(tmp_path: Path) -> None:
    secret = "Secret Name"
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"record": "header", "issuer": secret}) + "\n", encoding="utf-8")
    with (
        path.open("rb") as file,
        Parser(file, order=ORDER, limits=ImportLimits()) as parser,
        pytest.raises(IngestError) as refused,
    ):
        list(parser.batches())
    assert secret not in str(refused.value)
