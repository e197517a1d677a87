"""An import into empty tables sets their indexes aside, and every way out of it brings all of them back."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from safeborders.kit.db import open_encrypted
from safeborders.node.ingest.errors import SourceRefused
from safeborders.node.storage import spare_indexes
from safeborders.node.storage.database import Store
from safeborders.node.storage.spare_indexes import SpareIndexes
from sbtest.import_files import ANA, CASE, PHONE, ROWS, apply, changed, copy_of, make_template, plan, undo, write


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("indexes") / "template.db")


@pytest.fixture
def store(template: Path, tmp_path: Path) -> Iterator[Store]:
    with copy_of(template, tmp_path / "country.db") as store:
        yield store


def indexes(store: Store) -> dict[str, str]:
    with store.transaction() as connection:
        query = text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOTNULL")
        return {row[0]: row[1] for row in connection.execute(query)}


def apply_and_undo(store: Store, folder: Path) -> None:
    undo(store, apply(store, write(folder / "a.jsonl", *ROWS)).number)


def plan_twice(store: Store, folder: Path) -> None:
    bad = write(folder / "b.jsonl", CASE, ANA, changed(PHONE, number=7))
    plan(store, write(folder / "a.jsonl", *ROWS), bad)


def be_refused(store: Store, folder: Path) -> None:
    with pytest.raises(SourceRefused):
        apply(store, write(folder / "a.jsonl", CASE, ANA, changed(PHONE, number=7)))


def keep_good_rows(store: Store, folder: Path) -> None:
    apply(store, write(folder / "a.jsonl", CASE, ANA, changed(PHONE, number=7)), keep_good=True)


@pytest.mark.parametrize("do", [apply_and_undo, plan_twice, be_refused, keep_good_rows])
def test_all_indexes_are_there_after(store: Store, tmp_path: Path, do: Callable[[Store, Path], None]) -> None:
    before = indexes(store)
    do(store, tmp_path)
    assert indexes(store) == before
    with store.transaction() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"


def test_they_really_are_set_aside_from_empty_tables_only_and_a_rollback_restores_them(store: Store) -> None:
    before = indexes(store)
    with store.engine.connect() as connection, connection.begin() as transaction:
        SpareIndexes(connection, ("entity", "link"))
        during = set(connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'index'")).scalars())
        assert {"ix_entity_kind_match_key", "ix_link_source_kind"}.isdisjoint(during)
        transaction.rollback()
    assert indexes(store) == before


def test_tables_that_hold_rows_keep_theirs(store: Store, tmp_path: Path) -> None:
    apply(store, write(tmp_path / "a.jsonl", *ROWS))
    before = indexes(store)
    with store.engine.connect() as connection, connection.begin() as transaction:
        SpareIndexes(connection, ("entity", "link"))
        during = set(connection.execute(text("SELECT name FROM sqlite_master WHERE sql NOTNULL")).scalars())
        assert set(before) <= during
        transaction.rollback()


def test_indexes_that_keep_rows_unique_are_never_set_aside(tmp_path: Path) -> None:
    engine = open_encrypted(tmp_path / "own.db", key_hex="ab" * 32)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE own (one INTEGER, other INTEGER)")
        connection.exec_driver_sql("CREATE UNIQUE INDEX strict ON own (one)")
        connection.exec_driver_sql("CREATE INDEX loose ON own (other)")
        spare = SpareIndexes(connection, ("own",))
        names = text("SELECT name FROM sqlite_master WHERE type = 'index'")
        assert set(connection.execute(names).scalars()) == {"strict"}
        spare.restore()
        assert set(connection.execute(names).scalars()) == {"strict", "loose"}
    engine.dispose()


def test_after_many_rows_they_come_back_early_so_that_sorting_takes_bounded_memory(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spare_indexes, "_MOST_ROWS", 10)
    before = indexes(store)
    with store.transaction() as connection:
        spare = SpareIndexes(connection, ("entity",))
        named = text("SELECT count(*) FROM sqlite_master WHERE name = 'ix_entity_kind_match_key'")
        spare.count(10)
        assert connection.execute(named).scalar_one() == 0
        spare.count(1)
        assert connection.execute(named).scalar_one() == 1
        spare.restore()
    assert indexes(store) == before
