"""What every country's database promises: its schema, its constraints, imports whole or not at all."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, func, inspect, select, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from safeborders.kit.errors import NotFound, SettingsError
from safeborders.models.domain.countries import Country
from safeborders.models.domain.governance import Purpose
from safeborders.models.domain.typology import CaseType
from safeborders.node.ingest.country_import import ImportReport, import_country
from safeborders.node.ingest.errors import BadSourceFile, SourceRefused, WrongCountry
from safeborders.node.storage.base import Base
from safeborders.node.storage.database import Place, Store, open_store
from safeborders.node.storage.entities import CaseRow, EntityRow, PersonRow, PhoneRow
from safeborders.node.storage.tables import LabelRow, LinkRow, MoIndicatorRow, PersonStatusRow, SourceReportRow

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
CANONICAL = (
    "source_report", "entity", "court_case", "episode", "person", "organisation", "phone", "device", "online_account",
    "financial_account", "vehicle", "identity_document", "place", "link", "mo_indicator",
    "person_indicator", "person_status", "label",
)  # fmt: skip
ENVELOPE: dict[str, Any] = {
    "regime": "LED",
    "purposes": ["P1", "P2"],
    "legal_basis": "test:1",
    "source_grade": "B",
    "info_grade": 2,
    "statement_kind": "fact",
    "handling": "H0",
    "sensitivity": "normal",
    "recorded_at": "2026-01-31T00:00:00+00:00",
    "review_due": "2036-01-31",
    "retain_until": "2046-01-31",
    "restricted": False,
    "train_ok": True,
    "share_ok": True,
}
ROWS: tuple[dict[str, Any], ...] = (
    {
        "record": "entity",
        "id": "c1",
        "kind": "case",
        "properties": {
            "ref": "RO-1",
            "case_kind": "investigation",
            "status": "active",
            "opened_on": "2024-01-02",
            "type_label": "T1",
        },
    },
    {
        "record": "entity",
        "id": "p1",
        "kind": "person",
        "properties": {"name": "Ana Pop", "birth_date": "2009-01-01", "citizenships": ["RO"], "eyeColor": "green"},
        "envelope": {"sensitivity": "minor_victim", "share_ok": False, "purposes": ["P1"]},
    },
    {"record": "entity", "id": "t1", "kind": "phone", "properties": {"number": "0612 345 678"}},
    {
        "record": "link",
        "id": "k1",
        "kind": "PARTY_TO",
        "source": "p1",
        "target": "c1",
        "properties": {"role": "victim"},
    },
    {"record": "link", "id": "k2", "kind": "USES", "source": "p1", "target": "t1"},
    {
        "record": "indicators",
        "case": "c1",
        "values": {"ctl.threats": True, "ctl.abuse": False, "frm.begging": None},
    },
    {"record": "status", "person": "p1", "case": "c1", "category": "victim_presumed", "decided_by": "police"},
    {"record": "label", "name": "role", "value": "victim", "entity": "p1", "case": "c1"},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def write(path: Path, *rows: dict[str, Any], envelope: dict[str, Any] | None = None, country: str = "ro") -> None:
    header = {
        "record": "header",
        "format": "safeborders.import",
        "version": 1,
        "country": country,
        "issuer": "test",
        "envelope": ENVELOPE if envelope is None else envelope,
    }
    path.write_text("".join(json.dumps(row) + "\n" for row in (header, *rows)), encoding="utf-8")


def take_in(store: Store, folder: Path) -> ImportReport:
    return import_country(store, folder, country=Country.RO, now=lambda: NOW, progress=lambda _done, _total: None)


def count(store: Store, table: type[Base]) -> int:
    with store.transaction() as connection:
        return connection.execute(select(func.count()).select_from(table.__table__)).scalar_one()


def columns_of(engine: Engine, table: str) -> dict[str, tuple[str, bool]]:
    return {column["name"]: (str(column["type"]), column["nullable"]) for column in inspect(engine).get_columns(table)}


def names(entries: list[Any]) -> set[str]:
    return {str(entry["name"]) for entry in entries}


@pytest.mark.parametrize("table", CANONICAL)
def test_the_migrated_schema_is_the_declared_one(table: str, sqlcipher: Store) -> None:
    declared = create_engine("sqlite://")
    Base.metadata.create_all(declared)
    assert columns_of(sqlcipher.engine, table) == columns_of(declared, table)
    ours, theirs = inspect(sqlcipher.engine), inspect(declared)
    checks = {str(check["name"]): check["sqltext"] for check in ours.get_check_constraints(table)}
    assert checks == {str(check["name"]): check["sqltext"] for check in theirs.get_check_constraints(table)}
    keys = [(key["constrained_columns"], key["referred_table"], key["options"]) for key in ours.get_foreign_keys(table)]
    assert sorted(map(str, keys)) == sorted(
        str((key["constrained_columns"], key["referred_table"], key["options"]))
        for key in theirs.get_foreign_keys(table)
    )
    assert names(ours.get_indexes(table)) == names(theirs.get_indexes(table))
    assert names(ours.get_unique_constraints(table)) == names(theirs.get_unique_constraints(table))
    declared.dispose()


def test_both_databases_have_all_tables_and_indexes_on_both_ends_of_a_link(store: Store) -> None:
    inspector = inspect(store.engine)
    assert set(CANONICAL) <= set(inspector.get_table_names())
    assert {"ix_link_source_kind", "ix_link_target_kind"} <= names(inspector.get_indexes("link"))


def test_a_file_becomes_rows_with_their_envelope(store: Store, folder: Path) -> None:
    write(folder / "a.jsonl", *ROWS)
    (report,) = take_in(store, folder).files
    assert (report.imported, report.rows, report.denied) == (True, len(ROWS), {"eyecolor": 1})
    with store.session() as session:
        case = session.scalars(select(CaseRow)).one()
        assert (case.type_label, case.opened_on, case.match_key) == (CaseType.T1, date(2024, 1, 2), "RO1")
        person = session.scalars(select(PersonRow).where(PersonRow.share_ok.is_(False))).one()
        assert (person.name, person.citizenships, person.purposes) == ("Ana Pop", "RO", int(Purpose.TYPOLOGY))
        assert (person.node, person.rev, person.import_key) == ("ro", 1, "p1")
        assert person.recorded_at == datetime(2026, 1, 31, tzinfo=UTC)
        assert session.scalars(select(PhoneRow.match_key)).one() == "+40612345678"
        assert session.scalars(select(PersonStatusRow.category)).one() == "victim_presumed"
        assert session.scalars(select(LabelRow.value)).one() == "victim"
        assert session.scalars(select(SourceReportRow)).one().denied == 1


def test_unknown_is_stored_as_no_row_and_no_as_false(store: Store, folder: Path) -> None:
    write(folder / "a.jsonl", *ROWS)
    take_in(store, folder)
    with store.transaction() as connection:
        found = {row.code: row.value for row in connection.execute(select(MoIndicatorRow.code, MoIndicatorRow.value))}
    assert found == {"ctl.threats": True, "ctl.abuse": False}


@pytest.mark.parametrize("twice", [4, 5, 6, 7])
def test_a_row_that_says_the_same_twice_is_refused_and_not_a_crash(store: Store, folder: Path, twice: int) -> None:
    write(folder / "a.jsonl", *ROWS, ROWS[twice])
    with pytest.raises(SourceRefused) as refused:
        take_in(store, folder)
    assert [reject.code for reject in refused.value.rejects] == ["ingest.repeated_key"]


def test_a_refused_file_leaves_those_before_it(store: Store, folder: Path) -> None:
    write(folder / "a.jsonl", *ROWS)
    write(folder / "b.jsonl", {**ROWS[2], "id": "t2"}, {**ROWS[4], "source": "p9"})
    with pytest.raises(SourceRefused):
        take_in(store, folder)
    assert count(store, PhoneRow) == 1


def test_the_same_bytes_are_imported_once(store: Store, folder: Path) -> None:
    write(folder / "a.jsonl", *ROWS)
    take_in(store, folder)
    (again,) = take_in(store, folder).files
    assert not again.imported
    assert count(store, SourceReportRow) == 1


def test_a_corrected_file_replaces_what_has_the_same_key(store: Store, folder: Path) -> None:
    write(folder / "a.jsonl", *ROWS)
    take_in(store, folder)
    changed = {**ROWS[2], "properties": {"number": "+40699999999"}}
    write(folder / "b.jsonl", changed, {**ROWS[4], "envelope": {"valid_from": "2024-02-02"}})
    take_in(store, folder)
    with store.session() as session:
        phone = session.scalars(select(PhoneRow)).one()
        assert (phone.number, phone.match_key, phone.rev) == ("+40699999999", "+40699999999", 2)
        link = session.scalars(select(LinkRow).where(LinkRow.kind == "USES")).one()
        assert (link.valid_from, link.rev) == (date(2024, 2, 2), 2)
    assert count(store, EntityRow) == 3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda row: {**row, "kind": "spaceship"}, "ingest.unknown_vocabulary"),
        (lambda row: {**row, "properties": {}}, "ingest.bad_row"),
        (lambda row: {**row, "properties": {"number": 7}}, "ingest.bad_row"),
        (lambda row: {**row, "properties": {"number": "1", "colour": "red"}}, "ingest.unknown_property"),
        (lambda row: {**row, "surprise": 1}, "ingest.unknown_property"),
        (lambda row: {**row, "id": "p1"}, "ingest.repeated_key"),
        (lambda row: {**row, "kind": ["phone"]}, "ingest.unknown_vocabulary"),
        (lambda row: {**row, "properties": {"number": "1\x00"}}, "ingest.bad_row"),
        (lambda row: {**row, "properties": {"number": "\ud800"}}, "ingest.bad_row"),
        (lambda _: {**ROWS[7], "name": ["role"]}, "ingest.unknown_vocabulary"),
        (lambda row: {**row, "envelope": {"handling": "H9"}}, "ingest.unknown_vocabulary"),
        (lambda row: {**row, "envelope": {"review_due": "soon"}}, "ingest.bad_row"),
        (lambda row: {**row, "envelope": {"node": "gr"}}, "ingest.unknown_property"),
        (lambda _: {**ROWS[4], "target": "c1"}, "ingest.bad_row"),
        (lambda _: {**ROWS[3], "properties": {"role": "king"}}, "ingest.unknown_vocabulary"),
        (lambda _: {**ROWS[4], "source": "nobody"}, "ingest.unknown_reference"),
        (lambda _: {**ROWS[5], "values": {"ctl.threats": 0}}, "ingest.bad_row"),
        (lambda _: {**ROWS[5], "values": {"ctl.magic": True}}, "ingest.unknown_vocabulary"),
    ],
)
def test_one_bad_row_keeps_the_whole_file_out(
    store: Store, folder: Path, change: Callable[[dict[str, Any]], dict[str, Any]], code: str
) -> None:
    write(folder / "a.jsonl", *ROWS[:2], change(ROWS[2]))
    with pytest.raises(SourceRefused) as refused:
        take_in(store, folder)
    assert (refused.value.rejects[0].line, refused.value.rejects[0].code) == (4, code)
    assert "Ana" not in str(refused.value)
    assert [count(store, table) for table in (EntityRow, PersonRow, LinkRow, SourceReportRow)] == [0, 0, 0, 0]


@pytest.mark.parametrize("missing", sorted(ENVELOPE))
def test_no_row_enters_without_a_complete_envelope(missing: str, sqlcipher: Store, folder: Path) -> None:
    write(folder / "a.jsonl", *ROWS, envelope={key: value for key, value in ENVELOPE.items() if key != missing})
    with pytest.raises(SourceRefused) as refused:
        take_in(sqlcipher, folder)
    assert {reject.code for reject in refused.value.rejects} <= {"ingest.envelope_missing", "ingest.unknown_reference"}
    assert count(sqlcipher, EntityRow) == 0


def test_a_file_of_another_country_and_a_file_of_no_kind_are_refused(store: Store, folder: Path) -> None:
    with pytest.raises(NotFound):
        take_in(store, folder)
    write(folder / "a.jsonl", *ROWS, country="gr")
    with pytest.raises(WrongCountry):
        take_in(store, folder)
    (folder / "a.jsonl").write_text("name;number\nAna;1\n", encoding="utf-8")
    with pytest.raises(BadSourceFile):
        take_in(store, folder)
    assert count(store, SourceReportRow) == 0


def test_the_database_itself_refuses_a_link_between_wrong_ends(store: Store, folder: Path) -> None:
    write(folder / "a.jsonl", *ROWS)
    take_in(store, folder)
    with pytest.raises(IntegrityError), store.transaction() as connection:
        connection.execute(text("UPDATE link SET kind = 'HOLDS' WHERE kind = 'USES'"))
    with pytest.raises(IntegrityError), store.transaction() as connection:
        connection.execute(text("UPDATE link SET target_kind = 'vehicle', kind = 'DRIVES' WHERE kind = 'USES'"))
    with pytest.raises(IntegrityError), store.transaction() as connection:
        connection.execute(text("UPDATE entity SET handling = 'H7'"))


def test_an_erased_person_takes_links_statuses_and_labels_along(store: Store, folder: Path) -> None:
    write(folder / "a.jsonl", *ROWS)
    take_in(store, folder)
    with store.transaction() as connection:
        connection.execute(text("DELETE FROM entity WHERE kind = 'person'"))
    assert [count(store, table) for table in (PersonRow, LinkRow, PersonStatusRow, LabelRow)] == [0, 0, 0, 0]
    assert count(store, CaseRow) == 1


def test_a_naive_time_is_refused(store: Store) -> None:
    row = SourceReportRow(
        id="r", name="n", issuer="i", sha256="0", received_at=NOW.replace(tzinfo=None), rows=0, denied=0
    )
    with pytest.raises(StatementError), store.session() as session:
        session.add(row)


def _add_and_fail(session: Session, row: SourceReportRow) -> None:
    session.add(row)
    session.flush()
    raise NotFound("on purpose")


def test_a_raised_error_leaves_no_trace(store: Store) -> None:
    row = SourceReportRow(id="r", name="n", issuer="i", sha256="0", received_at=NOW, rows=0, denied=0)
    with pytest.raises(NotFound), store.session() as session:
        _add_and_fail(session, row)
    assert count(store, SourceReportRow) == 0


def test_a_store_needs_exactly_one_place(tmp_path: Path) -> None:
    for place in (Place(), Place(path=tmp_path / "a.db"), Place(path=tmp_path / "a.db", key_hex="ab" * 32, url="x")):
        with pytest.raises(SettingsError):
            open_store(place)
    assert "ab" not in repr(Place(path=tmp_path / "a.db", key_hex="ab" * 32))


def test_the_file_on_disk_shows_nothing(tmp_path: Path, folder: Path) -> None:
    store = open_store(Place(path=tmp_path / "country.db", key_hex="ab" * 32))
    store.upgrade()
    write(folder / "a.jsonl", *ROWS)
    take_in(store, folder)
    with store.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2
    store.close()
    content = b"".join(path.read_bytes() for path in tmp_path.glob("country.db*"))
    assert b"Ana Pop" not in content
    assert b"CREATE TABLE" not in content
    assert "Ana Pop" in (folder / "a.jsonl").read_text(encoding="utf-8")
