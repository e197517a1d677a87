"""What every country's database promises about imports: planned exactly, applied whole, undone exactly."""

import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from safeborders.kit.errors import Conflict, NotFound
from safeborders.kit.ids import stable_id
from safeborders.node.ingest.columns import COLUMNS
from safeborders.node.ingest.errors import SourceRefused, UndoRefused
from safeborders.node.storage.bulk import DatabaseRefused
from safeborders.node.storage.database import Store
from safeborders.node.storage.import_history import forget_history, forget_history_before
from safeborders.node.storage.import_runs import NewRun, add_run, list_runs
from safeborders.node.storage.imports import ImportTables, Stamp
from sbtest.import_files import (
    ANA,
    CASE,
    INDICATORS,
    LABEL,
    NOW,
    PARTY,
    PHONE,
    ROWS,
    STATUS,
    USES,
    apply,
    changed,
    contents,
    copy_of,
    count,
    emptied,
    make_template,
    people,
    plan,
    undo,
    write,
)

CORRECTED: tuple[dict[str, Any], ...] = (
    changed(ANA, name="Ana Popescu"),
    {**PHONE, "envelope": {"handling": "H2"}},
    {**INDICATORS, "values": {"ctl.abuse": True, "frm.begging": True}},
    {**STATUS, "valid_to": "2026-01-01"},
    {**LABEL, "value": "witness"},
    {**USES, "envelope": {"valid_from": "2024-02-02"}},
    {"record": "entity", "id": "v1", "kind": "vehicle", "properties": {"plate": "B-12-XYZ"}},
    {"record": "link", "id": "k3", "kind": "DRIVES", "source": "p1", "target": "v1"},
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("imports") / "template.db")


@pytest.fixture(params=["sqlcipher", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "sqlcipher":
        with copy_of(request.getfixturevalue("template"), tmp_path / "country.db") as store:
            yield store
    else:
        with emptied(request.getfixturevalue("server")) as store:
            yield store


def test_a_plan_says_what_apply_then_does_and_changes_nothing(store: Store, tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.jsonl", *ROWS), write(tmp_path / "b.jsonl", *CORRECTED, PARTY)
    planned = plan(store, first, second)
    assert count(store, "entity") == count(store, "import_run") == count(store, "source_report") == 0
    applied = [apply(store, first), apply(store, second)]
    for said, did in zip(planned, applied, strict=True):
        assert (said.rows, said.new, said.changed, said.unchanged) == (did.rows, did.new, did.changed, did.unchanged)
    assert (applied[0].rows, applied[0].new, applied[0].changed) == (8, 9, 0)
    assert (applied[1].new, applied[1].changed, applied[1].unchanged) == (3, 6, 1)


def test_a_plan_names_line_column_and_remedy_and_no_value(store: Store, tmp_path: Path) -> None:
    bad = changed(PHONE, number=7)
    lost = {**USES, "target": "t9"}
    (report,) = plan(store, write(tmp_path / "a.jsonl", CASE, ANA, bad, lost, changed(ANA, name="Zoe\x00")))
    found = [(reject.line, reject.code, reject.column) for reject in report.rejects]
    assert found == [
        (4, "ingest.bad_row", "number"),
        (5, "ingest.unknown_reference", ""),
        (6, "ingest.bad_row", "name"),
    ]
    assert all(reject.sentence.count(":") and "Zoe" not in reject.sentence for reject in report.rejects)


def test_in_a_plan_a_file_that_would_be_refused_gives_later_files_nothing(store: Store, tmp_path: Path) -> None:
    refused = write(tmp_path / "a.jsonl", CASE, ANA, changed(PHONE, number=7))
    after = write(tmp_path / "b.jsonl", {**PARTY, "target": "c1"})
    assert [report.rejected for report in plan(store, refused, after)] == [1, 1]


def test_undoing_the_only_import_leaves_nothing_but_its_trace(store: Store, tmp_path: Path) -> None:
    before = contents(store)
    number = apply(store, write(tmp_path / "a.jsonl", *ROWS)).number
    assert contents(store) != before
    undone = undo(store, number)
    assert (undone.removed, undone.restored) == (9, 0)
    assert contents(store) == before
    with store.transaction() as connection:
        (run,) = list_runs(connection)
    assert (run.state, run.undone_at, run.rows_new) == ("undone", NOW, 9)


def test_undoing_a_correction_brings_every_row_back_as_it_was(store: Store, tmp_path: Path) -> None:
    apply(store, write(tmp_path / "a.jsonl", *ROWS))
    before = contents(store)
    number = apply(store, write(tmp_path / "b.jsonl", *CORRECTED)).number
    assert all(contents(store)[table] != before[table] for table in ("entity", "person", "link", "label", "vehicle"))
    undone = undo(store, number)
    assert (undone.removed, undone.restored) == (3, 6)
    assert contents(store) == before
    assert count(store, "import_history") == 0


def test_an_import_that_later_ones_replaced_or_build_on_is_undone_after_them(store: Store, tmp_path: Path) -> None:
    first = apply(store, write(tmp_path / "a.jsonl", CASE, ANA)).number
    replaces = apply(store, write(tmp_path / "b.jsonl", changed(ANA, name="Ana Popescu"))).number
    builds = apply(store, write(tmp_path / "c.jsonl", PARTY)).number
    with pytest.raises(UndoRefused, match=f"undo {builds}, {replaces} first"):
        undo(store, first)
    undo(store, builds)
    with pytest.raises(UndoRefused, match=f"undo {replaces} first"):
        undo(store, first)
    undo(store, replaces)
    undo(store, first)
    assert count(store, "entity") == 0


@pytest.mark.parametrize("row", [INDICATORS, STATUS, LABEL])
def test_statuses_labels_and_indicators_of_later_imports_hold_an_undo_up_too(
    store: Store, tmp_path: Path, row: dict[str, Any]
) -> None:
    first = apply(store, write(tmp_path / "a.jsonl", CASE, ANA)).number
    apply(store, write(tmp_path / "b.jsonl", row))
    with pytest.raises(UndoRefused, match="Later imports build on"):
        undo(store, first)


def test_a_repeated_statement_belongs_to_the_later_import_too(store: Store, tmp_path: Path) -> None:
    first = apply(store, write(tmp_path / "a.jsonl", ANA)).number
    second = apply(store, write(tmp_path / "b.jsonl", ANA, PHONE))
    assert (second.new, second.changed, second.unchanged) == (1, 0, 1)
    with pytest.raises(UndoRefused):
        undo(store, first)


def test_other_imports_are_untouched_by_an_undo(store: Store, tmp_path: Path) -> None:
    apply(store, write(tmp_path / "a.jsonl", *ROWS))
    middle = apply(store, write(tmp_path / "b.jsonl", *people(5))).number
    before = contents(store)
    apply(store, write(tmp_path / "c.jsonl", *people(5, start=100)))
    undo(store, middle)
    left = {row[0] for row in contents(store)["entity"]}
    assert left == {stable_id("entity", "ro", key) for key in ("c1", "p1", "t1")} | {
        stable_id("entity", "ro", f"{letter}{number}") for letter in "xy" for number in range(100, 105)
    }
    assert len(before["entity"]) == 13


def test_a_file_that_was_undone_can_come_back_and_be_undone_again(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *ROWS)
    first = apply(store, path).number
    undo(store, first)
    again = apply(store, path)
    assert again.imported
    assert again.number != first
    with pytest.raises(UndoRefused, match="undone before"):
        undo(store, first)
    undo(store, again.number)
    assert count(store, "entity") == 0


def test_what_was_never_imported_cannot_be_undone(store: Store) -> None:
    with pytest.raises(NotFound):
        undo(store, 7)


def test_a_restriction_outlives_a_correction_and_its_undoing(store: Store, tmp_path: Path) -> None:
    apply(store, write(tmp_path / "a.jsonl", *ROWS))
    with store.transaction() as connection:
        connection.execute(text("UPDATE entity SET restricted = true WHERE kind = 'person'"))
    number = apply(store, write(tmp_path / "b.jsonl", *CORRECTED)).number
    assert restricted_of(store, "person") is True
    with store.transaction() as connection:
        connection.execute(text("UPDATE entity SET restricted = true WHERE kind = 'phone'"))
    undo(store, number)
    assert [restricted_of(store, kind) for kind in ("person", "phone", "case")] == [True, True, False]


def test_what_was_erased_does_not_come_back(store: Store, tmp_path: Path) -> None:
    apply(store, write(tmp_path / "a.jsonl", *ROWS))
    number = apply(store, write(tmp_path / "b.jsonl", *CORRECTED)).number
    with store.transaction() as connection:
        connection.execute(text("DELETE FROM entity WHERE kind = 'person'"))
    undo(store, number)
    assert [count(store, table) for table in ("person", "person_status", "label", "link", "phone")] == [0, 0, 0, 0, 1]


def test_whoever_erases_a_person_erases_the_history_of_all_about_it(store: Store, tmp_path: Path) -> None:
    apply(store, write(tmp_path / "a.jsonl", *ROWS))
    apply(store, write(tmp_path / "b.jsonl", *CORRECTED))
    assert "Ana Pop" in history(store)
    with store.transaction() as connection:
        assert forget_history(connection, [stable_id("entity", "ro", "p1")]) == 5
    assert "Ana Pop" not in history(store)
    assert count(store, "import_history") > 0  # the telephone's


def test_old_history_can_go_and_its_imports_are_then_not_undone(store: Store, tmp_path: Path) -> None:
    apply(store, write(tmp_path / "a.jsonl", *ROWS))
    number = apply(store, write(tmp_path / "b.jsonl", *CORRECTED)).number
    with store.transaction() as connection:
        assert forget_history_before(connection, NOW) == 0
        assert forget_history_before(connection, NOW + timedelta(seconds=1)) > 0
    with pytest.raises(UndoRefused, match="not kept"):
        undo(store, number)


def test_an_import_whose_rows_were_changed_by_hand_is_not_undone(store: Store, tmp_path: Path) -> None:
    apply(store, write(tmp_path / "a.jsonl", *ROWS))
    number = apply(store, write(tmp_path / "b.jsonl", *CORRECTED)).number
    with store.transaction() as connection:
        connection.execute(text("UPDATE entity SET rev = rev + 1 WHERE kind = 'person'"))
    before = contents(store)
    with pytest.raises(UndoRefused, match="changed by hand"):
        undo(store, number)
    assert contents(store) == before


def test_good_rows_are_kept_only_when_the_operator_says_so(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", CASE, ANA, changed(PHONE, number=7), PARTY, USES)
    with pytest.raises(SourceRefused):
        apply(store, path, rejects_folder=tmp_path / "rejects")
    assert count(store, "entity") == count(store, "import_run") == 0
    report = apply(store, path, keep_good=True, rejects_folder=tmp_path / "rejects")
    assert (report.rows, report.rejected) == (3, 2)  # the telephone, and the link that names it
    assert [count(store, table) for table in ("person", "phone", "link")] == [1, 0, 1]
    with store.transaction() as connection:
        (run,) = list_runs(connection)
    assert (run.kept_good, run.rejects) == (True, 2)


def test_every_rejected_row_stands_in_a_file_that_only_its_owner_reads(store: Store, tmp_path: Path) -> None:
    bad = [changed(PHONE, number=number) for number in range(1200)]
    with pytest.raises(SourceRefused) as refused:
        apply(store, write(tmp_path / "a.jsonl", ANA, *bad), rejects_folder=tmp_path / "state" / "rejects")
    path = refused.value.rejects_path
    assert path is not None
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "line,code,column,sentence"
    assert len(lines) == 1201
    assert lines[1].startswith("3,ingest.bad_row,number,")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert str(path) in str(refused.value)
    assert list(path.parent.iterdir()) == [path]


def test_finishers_work_inside_the_transaction(store: Store, tmp_path: Path) -> None:
    seen: list[tuple[int, str]] = []

    def look(connection: Connection, report_id: str) -> None:
        entities = connection.execute(text("SELECT count(*) FROM entity WHERE report_id = :r"), {"r": report_id})
        seen.append((entities.scalar_one(), report_id))

    def fail(_connection: Connection, _report_id: str) -> None:
        raise Conflict("on purpose")

    path = write(tmp_path / "a.jsonl", *ROWS)
    with pytest.raises(Conflict):
        apply(store, path, finishers=(look, fail))
    assert count(store, "entity") == count(store, "import_run") == 0
    apply(store, path, finishers=(look,))
    assert [number for number, _ in seen] == [3, 3]


def test_a_row_names_what_stands_above_it_or_in_the_database(store: Store, tmp_path: Path) -> None:
    below = write(tmp_path / "a.jsonl", CASE, PARTY, ANA)
    with pytest.raises(SourceRefused) as refused:
        apply(store, below)
    assert [(one.line, one.code) for one in refused.value.rejects] == [(3, "ingest.unknown_reference")]
    apply(store, write(tmp_path / "b.jsonl", ANA))
    assert apply(store, below).new == 2  # the person is known already, so the same file is right now


def test_ends_of_another_kind_are_found_where_the_link_does_not_say_them(store: Store, tmp_path: Path) -> None:
    same = {"record": "link", "id": "s1", "kind": "POSSIBLY_SAME", "properties": {"score": 0.5}}
    other = {**ANA, "id": "p2"}
    assert (
        apply(store, write(tmp_path / "a.jsonl", ANA, other, PHONE, {**same, "source": "p1", "target": "p2"})).new == 4
    )
    for end, code in (("t1", "ingest.bad_row"), ("p9", "ingest.unknown_reference")):
        with pytest.raises(SourceRefused) as refused:
            apply(store, write(tmp_path / "b.jsonl", {**same, "id": "s2", "source": "p1", "target": end}))
        assert refused.value.rejects[0].code == code


def test_the_same_table_read_with_another_mapping_is_another_import(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("id,name\n1,Ana Pop\n", encoding="utf-8")
    reports = [
        apply(store, path, format="csv", mapping=MAPPING.format(kind).encode())
        for kind in ("person", "organisation", "person")
    ]
    assert [report.imported for report in reports] == [True, True, False]
    assert reports[2].number == reports[0].number
    assert [count(store, table) for table in ("person", "organisation")] == [1, 1]


def test_a_broken_rule_is_refused_whoever_parsed_the_row(store: Store) -> None:
    """The parser runs apart and is not believed: each row here is one that it never sends."""
    good = [stable_id("entity", "ro", "p1"), "person", "p1", None, *_ENVELOPE_VALUES]
    spoilt = {
        "kind": (1, "spaceship"), "regime": (4, "XX"), "purposes": (5, 32), "info_grade": (8, 9), "handling": (10, 0),
        "recorded_at": (12, None), "restricted": (15, "yes"), "legal_basis": (6, 7.5),
    }  # fmt: skip
    rows = {name: [*good[:place], value, *good[place + 1 :]] for name, (place, value) in spoilt.items()}
    for row in (*rows.values(), good[:-1]):
        with pytest.raises(DatabaseRefused), store.transaction() as connection:
            put_one(connection, row)
    with store.transaction() as connection:
        assert put_one(connection, list(good)) == []
    assert count(store, "entity") == 1


def put_one(connection: Connection, row: list[object]) -> list[object]:
    run = add_run(connection, NewRun("a", "safeborders", "0" * 64, "1" * 64, kept_good=False), received_at=NOW)
    tables = ImportTables(connection, columns=COLUMNS, stamp=Stamp(run.report_id, run.number, "ro"))
    batch = {"entity": ([2], [row])}
    tables.complete(batch)
    faults = tables.put(batch)
    tables.finish()
    return [*faults]


def restricted_of(store: Store, kind: str) -> bool:
    with store.transaction() as connection:
        query = text("SELECT restricted FROM entity WHERE kind = :kind")
        return bool(connection.execute(query, {"kind": kind}).scalar_one())


def history(store: Store) -> str:
    with store.transaction() as connection:
        return "\n".join(connection.execute(text("SELECT content FROM import_history")).scalars())


_ENVELOPE_VALUES: list[object] = [
    "LED", 3, "test:1", "B", 2, "fact", "H0", "normal", "2026-01-31 00:00:00.000000", "2036-01-31", "2046-01-31",
    False, True, True, None, None,
]  # fmt: skip
MAPPING = """
envelope: {{regime: LED, purposes: [P1], legal_basis: "test:1", source_grade: B, info_grade: 2, statement_kind: fact,
  handling: H0, sensitivity: normal, recorded_at: "2026-01-31T00:00:00+00:00", review_due: "2036-01-31",
  retain_until: "2046-01-31", restricted: false, train_ok: true, share_ok: true}}
queries:
  - entities:
      one: {{kind: {0}, key_literal: {0}, keys: [id], properties: {{name: {{column: name}}}}}}
"""
