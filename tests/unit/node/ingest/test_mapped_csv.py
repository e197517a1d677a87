"""CSV by a mapping: what a mapping may say, and how a bad cell or a bad mapping is refused."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safeborders.models.domain.countries import Country
from safeborders.node.ingest.errors import Reject
from safeborders.node.ingest.fields import ENVELOPE as FIELDS
from safeborders.node.ingest.sources.formats import SourceOptions, open_source
from safeborders.node.ingest.sources.mapping import companions_of, files_in_order, parse_envelope, parse_mapping
from safeborders.node.ingest.sources.refusals import BadMapping, FileNotMapped, MappingWithoutEnvelope
from safeborders.node.ingest.sources.rows import SourceRow
from sbtest.canonical import ENVELOPE
from sbtest.house.sources import ROOT

MAPPINGS = ROOT / "configs" / "mappings"
PERSON: dict[str, Any] = {"kind": "person", "keys": ["id"], "properties": {"name": {"column": "name"}}}


def mapping(*queries: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"envelope": ENVELOPE, "queries": list(queries), **more}).encode()  # JSON is YAML


def read(text: str | bytes, *queries: dict[str, Any], companions: dict[str, bytes] | None = None, **more: Any) -> Any:
    options = SourceOptions(Country.RO, "a.csv", mapping=mapping(*queries, **more), companions=companions or {})
    content = text.encode() if isinstance(text, str) else text
    return list(open_source("csv", options)(io.BytesIO(content)))


def values(text: str, **properties: Any) -> Any:
    """Return the properties of the one person of a file with a column c, or the reject."""
    (row,) = read(text, {"entities": {"p": {**PERSON, "properties": properties}}})
    return row.record["properties"] if isinstance(row, SourceRow) else (row.line, row.code, row.column)


@pytest.mark.parametrize(
    ("cell", "value", "expected"),
    [
        ("Ana", {"column": "c"}, "Ana"),
        ("", {"column": "c"}, None),
        ("x", {"literal": "y"}, "y"),
        ("F", {"column": "c", "values": {"F": "female"}}, "female"),
        ("Q", {"column": "c", "values": {"F": "female"}, "others": "nothing"}, None),
        ("Q", {"column": "c", "values": {"F": "female"}, "others": "keep"}, "Q"),
        ("31/01/2009", {"column": "c", "format": "%d/%m/%Y"}, "2009-01-31"),
        ("12", {"column": "c", "age_on": "2017-08-31"}, "2005-01-01"),
        ("12", {"column": "c", "present": "year"}, "year"),
        ("3", {"column": "c", "type": "integer"}, 3),
        ("1.239", {"column": "c", "type": "number", "decimals": 2}, 1.24),
        ("true", {"column": "c", "type": "boolean"}, True),
        ("RO; BG", {"column": "c", "type": "list"}, ["RO", "BG"]),
        ("Ana", {"columns": ["c", "id"], "join": "-"}, "Ana-1"),
        ("", {"columns": ["c", "id"], "join": "-"}, "1"),
        ("", {"columns": ["c", "id"], "join": "-", "keep_empty": True}, "-1"),
        ("Y", {"columns": ["c", "id"], "values": {"Y": "{column}"}, "others": "keep", "join": "+"}, "c+1"),
    ],
)
def test_a_value_is_made_as_the_mapping_says(cell: str, value: dict[str, Any], expected: object) -> None:
    assert values(f"id,c\n1,{cell}\n", name=value) == ({} if expected is None else {"name": expected})


@pytest.mark.parametrize(
    ("cell", "value", "code"),
    [
        ("SECRET", {"column": "c", "values": {"F": "female"}}, "ingest.unknown_vocabulary"),
        ("SECRET", {"column": "c", "format": "%d/%m/%Y"}, "ingest.bad_row"),
        ("SECRET", {"column": "c", "type": "integer"}, "ingest.bad_row"),
        ("9" * 5000, {"column": "c", "type": "integer"}, "ingest.bad_row"),
        ("SECRET", {"column": "c", "type": "number"}, "ingest.bad_row"),
        ("SECRET", {"column": "c", "type": "boolean"}, "ingest.bad_row"),
        ("SECRET", {"column": "c", "age_on": "2017-08-31"}, "ingest.bad_row"),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column_and_never_quoted(cell: str, value: dict[str, Any], code: str) -> None:
    (bad,) = read(f"id,c\n1,{cell}\n", {"entities": {"p": {**PERSON, "properties": {"name": value}}}})
    assert (bad.line, bad.code, bad.column) == (2, code, "c")
    assert ": " in bad.sentence
    assert "SECRET" not in bad.sentence


def test_denied_columns_are_never_read() -> None:
    properties = {"name": {"column": "c"}, "ethnicity": {"column": "SECRET"}}
    assert values("id,c,SECRET\n1,Ana,Secret\n", **properties) == {"name": "Ana", "ethnicity": None}


def test_links_to_later_rows_wait_for_them() -> None:
    query = {
        "entities": {
            "p": PERSON,
            "parent": {"kind": "person", "keys": ["parent"], "reference": True},
        },
        "links": [{"kind": "KIN", "source": "parent", "target": "p", "properties": {"role": {"literal": "parent"}}}],
    }
    rows = read("id,name,parent\n1,Ana,2\n2,Eva,\n", query)
    assert [row.record["record"] for row in rows] == ["entity", "entity", "link"]
    assert (rows[2].record["source"], rows[2].record["target"], rows[2].line) == ("person:2", "person:1", 2)


def test_what_many_rows_name_is_stated_once() -> None:
    phone = {"kind": "phone", "keys": ["t"], "once": True, "properties": {"number": {"column": "t"}}}
    query = {"entities": {"p": PERSON, "t": phone}, "links": [{"kind": "USES", "source": "p", "target": "t"}]}
    rows = read("id,name,t\n1,Ana,5\n2,Eva,5\n3,Ion,\n", query)
    assert [row.record["kind"] for row in rows] == ["person", "phone", "USES", "person", "USES", "person"]


def test_a_table_beside_the_file_is_looked_up() -> None:
    ends = {
        "a": {"kind": "phone", "keys": ["id"], "key_lookup": "from", "reference": True},
        "b": {"kind": "phone", "keys": ["to"], "reference": True},
    }
    query = {"entities": ends, "links": [{"kind": "CALLED", "source": "a", "target": "b"}]}
    more: dict[str, Any] = {"lookups": {"from": {"csv": "f.csv", "key": "k", "value": "v"}}}
    (row,) = read("id,to\n7,2\n", query, companions={"f.csv": b"k,v\n7,1\n"}, **more)
    assert (row.record["source"], row.record["target"]) == ("phone:1", "phone:2")
    (bad,) = read("id,to\n8,2\n", query, companions={"f.csv": b"k,v\n7,1\n"}, **more)
    assert (bad.line, bad.code, bad.column) == (2, "ingest.bad_row", "id")
    found = parse_mapping(mapping(query, **more))
    assert sorted(companions_of(found, "a.csv")) == ["f.csv"]
    with pytest.raises(BadMapping, match="does not lie beside"):
        read("id,to\n7,2\n", query, **more)


@pytest.mark.parametrize(
    ("text", "line", "code", "column"),
    [
        (b"", 1, "ingest.bad_row", ""),
        (b"id\n1\n", 1, "ingest.unknown_columns", "name"),
        (b"id,name,name\n1,a,b\n", 1, "ingest.unknown_columns", "name"),
        (b"id,name\n1\n", 2, "ingest.bad_row", ""),
        (b"id,name\n1,Ana,x\n", 2, "ingest.bad_row", ""),
        (b"id,name\n,Ana\n", 2, "ingest.bad_row", "id"),
        (b"id,name\n1,\xff\n", 2, "ingest.bad_encoding", ""),
        (b'id,name\n1,"Ana\n', 2, "ingest.bad_row", ""),
        (b'id,name\n1,"' + b"x" * 200_000 + b'"\n', 2, "ingest.bad_row", ""),
        (b"id,name\n1," + b"x" * 1_000_001 + b"\n", 2, "ingest.bad_row", ""),
        (b",".join(b"c%d" % number for number in range(2001)) + b"\n", 1, "ingest.bad_row", ""),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_with_its_line(text: bytes, line: int, code: str, column: str) -> None:
    (bad,) = read(text, {"entities": {"p": PERSON}})
    assert isinstance(bad, Reject)
    assert (bad.line, bad.code, bad.column) == (line, code, column)


def test_encodings_delimiters_quotes_and_marks_are_the_mappings() -> None:
    form = {"delimiter": ";", "quote": "'", "encoding": "cp1253"}
    (row,) = read("id;name\n1;'Ελένη; Π'\n".encode("cp1253"), {"entities": {"p": PERSON}}, form=form)
    assert row.record["properties"] == {"name": "Ελένη; Π"}
    (row,) = read("\ufeffid,name\n1,Ana\n", {"entities": {"p": PERSON}})
    assert row.record["properties"] == {"name": "Ana"}


QUERY = "queries: [{entities: {p: {kind: person, keys: [id]}}}]\n"


@pytest.mark.parametrize("envelope", ["", "envelope: {}\n", "envelope: null\n"])
def test_a_mapping_without_an_envelope_is_refused(envelope: str) -> None:
    with pytest.raises(MappingWithoutEnvelope):
        parse_mapping((envelope + QUERY).encode())
    assert parse_mapping(("envelope: {regime: LED}\n" + QUERY).encode()).envelope == {"regime": "LED"}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("x: &a [1]\ny: *a\n", "no plain YAML near line 2"),
        ("envelope: {regime: LED, regime: GDPR}\n", "no plain YAML"),
        ("a: !!python/object/apply:os.system [ls]\n", "no plain YAML"),
        ("[" * 5000, "no plain YAML"),
        ("- 1\n", "keys and values"),
        ("a: 1\n1.5: x\n", "under the top is no text"),
        ("a: {b: {no: x}}\n", "under a.b is no text"),
        ("#" * 300_000, "larger than 256 KiB"),
        ("\xff", "keys and values"),
        ("envelope: {a: b}\nqueries: []\n", "at queries "),
        ("envelope: {a: b}\nqueries: [{entities: {p: {kind: ghost, keys: [id]}}}]\n", "queries.0.entities.p.kind"),
        ("envelope: {a: b}\nqueries: [{entities: {p: {kind: person}}}]\n", "queries.0.entities.p "),
        ("envelope: {a: b}\nquerys: 1\n" + QUERY, "querys"),
        (
            "envelope: {a: b}\nqueries: [{entities: {p: {kind: person, keys: [id], properties: {n: {column: 3}}}}}]\n",
            "queries.0.entities.p.properties.n.column",
        ),
        (
            "envelope: {a: b}\nqueries: [{entities: {p: {kind: person, keys: [id], properties: {n: {}}}}}]\n",
            "exactly one of literal, column, columns and entity",
        ),
        (
            "envelope: {a: b}\n"
            "queries: [{entities: {p: {kind: person, keys: [id]}}, links: [{kind: KIN, source: p, target: q}]}]\n",
            "names an entity that the query does not have",
        ),
    ],
)
def test_a_bad_mapping_is_refused_at_its_path(text: str, where: str) -> None:
    text = f"{text}\nenvelope: {{a: b}}\n" if text.startswith(("x:", "a:")) else text
    with pytest.raises(BadMapping, match=where.replace(".", r"\.")):
        parse_mapping(text.encode())


def test_a_file_that_no_query_reads_is_refused() -> None:
    with pytest.raises(FileNotMapped):
        read("id\n1\n", {"csv": "b.csv", "entities": {"p": PERSON}})


def test_files_of_a_folder_come_in_the_order_of_the_queries() -> None:
    parts = [{"csv": name, "entities": {"p": PERSON}} for name in ("z.csv", "a.csv", "z.csv")]
    found = parse_mapping(mapping(*parts, ignored=["notes.csv"]))
    assert files_in_order(found, ["a.csv", "notes.csv", "z.csv"]) == ["z.csv", "a.csv"]
    with pytest.raises(BadMapping, match="neither read nor ignored"):
        files_in_order(found, ["a.csv", "b.csv"])


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_example_in_configs_has_a_whole_envelope(path: Path) -> None:
    required = {name for name, field in FIELDS.items() if field.required}
    envelope = parse_envelope(path.read_bytes())
    assert required <= envelope.keys()
    for name, value in envelope.items():
        FIELDS[name].read(value)
    if "envelope" not in path.name:
        parse_mapping(path.read_bytes())


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=60))
def test_whatever_stands_in_a_file_ends_in_rows_or_reasons(content: bytes) -> None:
    rows = read(b"id,name\n" + content, {"entities": {"p": PERSON}})
    assert all(isinstance(row, SourceRow | Reject) for row in rows)
