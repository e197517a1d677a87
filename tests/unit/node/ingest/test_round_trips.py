"""What we write, we read back: canonical rows through FollowTheMoney and CSV, for every kind of entity and link."""

import io
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import RelationKind
from safeborders.node.export.csv_mapping import mapping_bytes
from safeborders.node.export.csv_writer import CsvWriter, cell_of
from safeborders.node.export.ftm_writer import FtmWriter
from safeborders.node.ingest.sources.csv_lines import restore
from safeborders.node.ingest.sources.csv_mapped import MappedCsvReader
from safeborders.node.ingest.sources.formats import SourceOptions, open_source
from safeborders.node.ingest.sources.mapping import CsvMapping, parse_mapping
from safeborders.node.ingest.sources.rows import SourceRow
from safeborders.node.services.outgoing import ExportRow
from sbtest.canonical import ENVELOPE, comparable, every_kind

few = settings(  # a failing example holds forty rows of every kind: shrinking it takes longer than reading it
    max_examples=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


def written_as_ftm(records: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    writer = FtmWriter(file, dataset="test")
    for record in records:
        writer.write(ExportRow(record))
    writer.finish()
    return file.getvalue()


def read_as_ftm(content: bytes) -> list[Mapping[str, Any]]:
    reader = open_source("ftm", SourceOptions(Country.RO, "a.ftm.json", envelope=ENVELOPE))
    rows = list(reader(io.BytesIO(content)))
    assert all(isinstance(row, SourceRow) for row in rows), rows
    return [row.record for row in rows if isinstance(row, SourceRow)]


@few
@given(every_kind())
def test_nothing_is_lost_on_the_way_through_followthemoney(records: list[dict[str, Any]]) -> None:
    assert {record.get("kind") for record in records} >= {*EntityKind, *RelationKind}
    assert comparable(read_as_ftm(written_as_ftm(records))) == comparable(records)


@few
@given(every_kind())
def test_without_our_extension_the_comparison_fails(records: list[dict[str, Any]]) -> None:
    """The control: had the comparison no teeth, plain FollowTheMoney would pass it."""
    lines = [orjson.loads(line) for line in written_as_ftm(records).splitlines()]
    plain = [{name: value for name, value in line.items() if name != "safeborders"} for line in lines]
    reader = open_source("ftm", SourceOptions(Country.RO, "a.ftm.json", envelope=ENVELOPE))
    content = b"".join(orjson.dumps(line) + b"\n" for line in plain)
    read = [row.record for row in reader(io.BytesIO(content)) if isinstance(row, SourceRow)]
    assert comparable(read) != comparable(records)


@cache
def own_mapping() -> CsvMapping:
    """Parse the mapping once: PyYAML takes its time."""
    return parse_mapping(mapping_bytes())


@settings(few, max_examples=3)  # each writes 36 files and syncs them
@given(every_kind())
def test_nothing_is_lost_on_the_way_through_csv(records: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        mapping = own_mapping()
        writer = CsvWriter(folder)
        for record in records:
            writer.write(ExportRow(record))
        writer.finish()
        assert (folder / "mapping.yaml").read_bytes() == mapping_bytes()
        read = []
        for path in folder.glob("*.csv"):
            with path.open("rb") as file:
                rows = list(MappedCsvReader(mapping, path.name, companions={})(file))
            assert all(isinstance(row, SourceRow) for row in rows), rows
            read += [row.record for row in rows if isinstance(row, SourceRow)]
    assert comparable(read) == comparable(records)


@pytest.mark.parametrize("text", ["=1+1", "+40 700", "-x", "@a", "\tx", "\rx", "'x", "'=1", "''", "x'=1", "a"])
def test_a_defused_cell_is_no_formula_and_comes_back(text: str) -> None:
    cell = cell_of(text)
    assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r"}
    assert restore([cell]) == [text]


@pytest.mark.parametrize("number", [-2.61, -1, 3, 0.5])
def test_a_number_needs_no_defusing(number: float) -> None:
    assert float(cell_of(number)) == number


def test_foreign_tools_see_plain_followthemoney() -> None:
    record = {
        "record": "entity",
        "id": "p",
        "kind": "person",
        "properties": {"name": "Ana", "birth_date": "2009-01-01", "birth_precision": "year", "citizenships": ["RO"]},
        "envelope": ENVELOPE,
    }
    (line,) = (orjson.loads(line) for line in written_as_ftm([record]).splitlines())
    assert line["schema"] == "Person"
    assert line["properties"] == {"name": ["Ana"], "birthDate": ["2009"], "citizenship": ["ro"]}
    assert line["safeborders"]["properties"] == {}  # nothing is said twice
