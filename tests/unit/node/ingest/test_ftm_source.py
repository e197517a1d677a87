"""FollowTheMoney's lines: what becomes of them, what is dropped and counted, and what is refused with its reason."""

import io
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safeborders.models.domain.countries import Country
from safeborders.node.ingest.errors import Reject
from safeborders.node.ingest.sources.formats import SourceOptions, open_source
from safeborders.node.ingest.sources.ftm import FtmReader
from safeborders.node.ingest.sources.refusals import EnvelopeFileMissing, UnknownFormat
from safeborders.node.ingest.sources.rows import SourceRow
from sbtest.canonical import ENVELOPE

PERSON = {"id": "p1", "schema": "Person", "properties": {"name": ["Ana"]}}
OTHER = {"id": "p2", "schema": "Person", "properties": {"name": ["Eva"]}}


def read(*lines: object) -> tuple[list[SourceRow | Reject], FtmReader]:
    content = b"".join((line if isinstance(line, bytes) else orjson.dumps(line)) + b"\n" for line in lines)
    reader = FtmReader(ENVELOPE)
    return list(reader(io.BytesIO(content))), reader


def records(*lines: object) -> list[dict[str, Any]]:
    rows, _ = read(*lines)
    assert [row for row in rows if isinstance(row, Reject)] == []
    return [row.record for row in rows if isinstance(row, SourceRow)]


def links(*lines: object) -> list[tuple[object, ...]]:
    found = [one for one in records(*lines) if one["record"] == "link"]
    return [(one["kind"], one["source"], one["target"], one["properties"].get("role")) for one in found]


def rejects(*lines: object) -> list[tuple[int, str, str]]:
    rows, _ = read(*lines)
    return [(row.line, row.code, row.column) for row in rows if isinstance(row, Reject)]


def edge(schema: str, **properties: str) -> dict[str, Any]:
    return {"id": "e1", "schema": schema, "properties": {name: [value] for name, value in properties.items()}}


def test_it_is_refused_without_an_envelope() -> None:
    with pytest.raises(EnvelopeFileMissing):
        open_source("ftm", SourceOptions(Country.RO, "a.json"))
    assert open_source("ftm", SourceOptions(Country.RO, "a.json", envelope=ENVELOPE)).envelope == ENVELOPE


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(UnknownFormat):
        open_source("xlsx", SourceOptions(Country.RO, "a.xlsx"))


def test_a_link_may_stand_above_what_it_joins() -> None:
    family = edge("Family", person="p1", relative="p2", relationship="mother")
    found = records(family, PERSON, OTHER)
    assert [one["record"] for one in found] == ["entity", "entity", "link"]
    assert links(family, PERSON, OTHER) == [("KIN", "p2", "p1", "parent")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (edge("Family", person="p1", relative="p2", relationship="Daughter"), ("KIN", "p1", "p2", "parent")),
        (edge("Family", person="p1", relative="p2", relationship="friend of"), ("KIN", "p2", "p1", None)),
        (edge("Associate", person="p1", associate="p2"), ("ASSOCIATE", "p1", "p2", None)),
        (edge("UnknownLink", subject="p1", object="p2", role="x"), ("ASSOCIATE", "p1", "p2", None)),
        (edge("UnknownLink", subject="c", object="p1", role="victim"), ("PARTY_TO", "p1", "c", "victim")),
        (edge("CourtCaseParty", party="p1", case="c", role="accused"), ("PARTY_TO", "p1", "c", None)),
        (edge("Employment", employee="p1", employer="o"), ("WORKS_FOR", "p1", "o", "employee")),
        (edge("Directorship", director="p1", organization="o"), ("WORKS_FOR", "p1", "o", "director")),
        (edge("Ownership", owner="p1", asset="v"), ("DRIVES", "p1", "v", "owner")),
        (edge("Ownership", owner="p1", asset="b"), ("HOLDS", "p1", "b", None)),
        (edge("Payment", payerAccount="b", beneficiaryAccount="b2"), ("PAID", "b", "b2", None)),
        (edge("Payment", payer="p1", beneficiary="p2"), ("ASSOCIATE", "p1", "p2", None)),
        (edge("Similar", candidate="p1", match="p2", confidenceScore="0.7"), ("POSSIBLY_SAME", "p1", "p2", None)),
    ],
)
def test_edges_become_links_of_the_kind_that_their_ends_allow(line: dict[str, Any], expected: tuple[object]) -> None:
    beside = [
        edge("CourtCase", name="1/24", fileDate="2024-01-01") | {"id": "c"},
        edge("Organization", name="Firm") | {"id": "o"},
        edge("Vehicle", registrationNumber="B 1") | {"id": "v"},
        edge("BankAccount", iban="RO1") | {"id": "b"},
        edge("BankAccount", iban="RO2") | {"id": "b2"},
    ]
    assert links(line, PERSON, OTHER, *beside) == [expected]


def test_an_edge_between_what_no_link_joins_is_counted() -> None:
    rows, reader = read(
        edge("Ownership", owner="o1", asset="o2"),
        edge("Company", name="A") | {"id": "o1"},
        edge("Company", name="B") | {"id": "o2"},
    )
    assert [row.record["record"] for row in rows if isinstance(row, SourceRow)] == ["entity", "entity"]
    assert reader.dropped == {"Ownership": 1}


def test_numbers_and_addresses_become_entities_that_persons_share() -> None:
    own = {"phone": ["+401"], "email": ["a@b"], "passportNumber": ["X1"], "address": ["Road 1"]}
    one, two = ({"id": key, "schema": "Person", "properties": {"name": [key], **own}} for key in ("p1", "p2"))
    kinds = [found["kind"] for found in records(one, two) if found["record"] == "entity"]
    assert sorted(kinds) == ["identity_document", "online_account", "person", "person", "phone", "place"]
    joined = links(one, two)
    assert sorted(str(kind) for kind, *_ in joined) == sorted(["USES", "CONTROLS", "BEARS", "STAYS_AT"] * 2)
    assert len({target for _, _, target, _ in joined}) == 4


def test_properties_that_name_others_become_links() -> None:
    assert links(
        PERSON,
        {"id": "d", "schema": "Passport", "properties": {"number": ["1"], "holder": ["p1"]}},
        {"id": "v", "schema": "Vehicle", "properties": {"registrationNumber": ["B 1"], "operator": ["p1"]}},
        {"id": "t", "schema": "Trip", "properties": {"vehicle": ["v"], "involved": ["p1"]}},
    ) == [
        ("BEARS", "p1", "d", None),
        ("DRIVES", "p1", "v", "driver"),
        ("USED_VEHICLE", "t", "v", None),
        ("INVOLVED_IN", "p1", "t", None),
    ]


def test_partial_dates_keep_their_precision() -> None:
    (found,) = records({**PERSON, "properties": {"name": ["Ana"], "birthDate": ["2009-05"], "nationality": ["ro"]}})
    assert found["properties"] == {
        "name": "Ana", "birth_date": "2009-05-01", "birth_precision": "month", "citizenships": ["RO"],
    }  # fmt: skip


def test_denied_properties_stay_in_the_row_without_their_value() -> None:
    """L10-1: the importer counts what it never saw."""
    secret = {"ethnicity": ["SECRET"], "religion": ["SECRET"], "eyeColor": ["SECRET"], "tattoo": ["SECRET"]}
    rows, reader = read({**PERSON, "properties": {"name": ["Ana"], **secret}})
    (row,) = rows
    assert isinstance(row, SourceRow)
    assert row.record["properties"] == {"name": "Ana", **dict.fromkeys(secret)}
    assert "SECRET" not in repr((rows, vars(reader)))


def test_texts_that_copy_names_are_dropped_and_counted() -> None:
    texts = ("indexText", "summary", "description", "notes")
    rows, reader = read(
        {**PERSON, "properties": {"name": ["Ana"], "topics": ["poi"], **{name: ["CANARY"] for name in texts}}},
        {"id": "n", "schema": "Note", "properties": {"description": ["CANARY"]}},
        {**edge("Associate", person="p1", associate="p2", namesMentioned="CANARY")},
        OTHER,
    )
    assert "CANARY" not in repr(rows)
    assert reader.dropped == {
        "topics": 1, "indexText": 1, "summary": 1, "notes": 1, "description": 2, "Note": 1, "namesMentioned": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "code", "column"),
    [
        (b"SECRET", "ingest.bad_row", ""),
        (b'["SECRET"]', "ingest.bad_row", ""),
        (b'{"id": "\xff"}', "ingest.bad_row", ""),
        (b"[" * 100_000, "ingest.bad_row", ""),
        (b"x" * 1_000_001, "ingest.bad_row", ""),
        ({"schema": "Person"}, "ingest.bad_row", "id"),
        ({"id": "x"}, "ingest.unknown_vocabulary", "schema"),
        ({"id": "x", "schema": "SECRET"}, "ingest.unknown_vocabulary", "schema"),
        ({"id": "x", "schema": "LegalEntity", "properties": {}}, "ingest.unknown_vocabulary", "schema"),
        ({"id": "x", "schema": "Person", "properties": ["SECRET"]}, "ingest.bad_row", "properties"),
        ({"id": "x", "schema": "Person", "properties": {"nam": ["SECRET"]}}, "ingest.unknown_property", "nam"),
        ({"id": "x", "schema": "Person", "properties": {"SEC RET": []}}, "ingest.unknown_property", "properties"),
        ({"id": "x", "schema": "Person", "properties": {"name": [PERSON]}}, "ingest.bad_row", "name"),
        ({"id": "x", "schema": "Person", "properties": {"name": "SECRET"}}, "ingest.bad_row", "name"),
        ({**PERSON, "safeborders": {"version": 2}}, "ingest.bad_row", "safeborders"),
        ({**PERSON, "safeborders": {"version": 1, "kind": "USES"}}, "ingest.bad_row", "safeborders"),
        ({**edge("Message"), "safeborders": {"version": 1, "kind": "USES"}}, "ingest.bad_row", "safeborders"),
        ({**edge("Family"), "safeborders": {"version": 1, "kind": "person"}}, "ingest.bad_row", "safeborders"),
    ],
)
def test_a_bad_line_says_where_and_how_to_mend_it(line: object, code: str, column: str) -> None:
    rows, _ = read(PERSON, line, OTHER)
    (bad,) = (row for row in rows if isinstance(row, Reject))
    assert (bad.line, bad.code, bad.column) == (2, code, column)
    assert ": " in bad.sentence
    assert "SECRET" not in bad.sentence
    assert [row.line for row in rows if isinstance(row, SourceRow)] == [1, 3]


json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(["name", "date", "person", "relative", "subject", "object", "role", "holder", "entity", "x"])
schemata = st.sampled_from(["Person", "Family", "Message", "Note", "Payment", "Call", "UnknownLink", "Asset", "Trip"])
properties = st.dictionaries(names, json | st.lists(st.text()))
extensions = st.fixed_dictionaries(
    {"version": st.just(1)},
    optional={
        "kind": st.sampled_from(["person", "USES", "phone", "PAID"]),
        "row": json,
        "properties": st.dictionaries(names, json),
        "envelope": st.dictionaries(names, json),
    },
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"id": st.text(min_size=1), "schema": schemata, "properties": properties},
            optional={"safeborders": extensions},
        ),
        max_size=4,
    )
)
def test_whatever_a_file_says_ends_in_rows_or_reasons(lines: list[dict[str, Any]]) -> None:
    rows, _ = read(*lines)
    assert all(isinstance(row, SourceRow | Reject) for row in rows)
