"""An import or plan on SQLCipher holds no investigator up; each look-up made meanwhile enters the journal once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from safeborders.kit.db import with_patience
from safeborders.kit.errors import SettingsError, Unavailable
from safeborders.models.domain.audit import Operation
from safeborders.models.domain.governance import Purpose
from safeborders.node.access.callers import Caller, Justification, Role
from safeborders.node.access.errors import LookupNotRecorded
from safeborders.node.access.journal import Lookup, Outcome
from safeborders.node.ingest.errors import SourceRefused
from safeborders.node.lifecycle.retention import run_retention
from safeborders.node.storage.access import SqlLookupJournal, SqlTokens
from safeborders.node.storage.access_waiting import PatientLookupJournal, WaitingLookups
from safeborders.node.storage.database import Store
from sbtest.casebook import NOW
from sbtest.import_files import ANA, CASE, PHONE, ROWS, changed, count, importer, people, write
from sbtest.node_app import node_app
from sbtest.stores import KEY
from sbtest.web import client_of

PEOPLE = 1500


def look(number: int = 1) -> Lookup:
    who = Justification(Caller(token="t", name="maria", role=Role.INVESTIGATOR), Purpose.NETWORK, "GR-1")
    return Lookup(who, at=NOW, operation="search", outcome=Outcome.ANSWERED, object_ids=(f"person-{number}",))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lookups-waiting.db"


@pytest.fixture
def journal(sqlcipher: Store, file: Path) -> Iterator[PatientLookupJournal]:
    waiting = WaitingLookups(file, key_hex=KEY)
    yield PatientLookupJournal(sqlcipher.engine, waiting=waiting)
    waiting.close()


def audited(store: Store) -> int:
    return count(store, "audit_leaf")


def is_free(store: Store) -> bool:
    """Tell whether anybody may write to the database now."""
    try:
        with with_patience(store.engine, milliseconds=20).begin():
            return True
    except OperationalError:
        return False


def test_while_an_import_writes_look_ups_are_answered_and_recorded_once(
    sqlcipher: Store, journal: PatientLookupJournal, file: Path, tmp_path: Path
) -> None:
    secret = SqlTokens(sqlcipher.engine).create_token("maria", role=Role.INVESTIGATOR, now=NOW)
    headers = {"Authorization": f"Bearer {secret}", "X-Purpose": "P2", "X-Case": "GR-2026-1"}
    app = node_app(sqlcipher.engine, clock=lambda: NOW, journal=journal)
    answers: list[tuple[bool, int]] = []
    with client_of(app) as client:

        def ask(_path: Path, _read: int) -> None:
            answer = client.post("/v1/search", json={"query": "person"}, headers=headers)
            answers.append((is_free(sqlcipher), answer.status_code))

        importer(sqlcipher).apply(write(tmp_path / "a.jsonl", *people(PEOPLE)), tell=ask)
    assert answers
    assert set(answers) == {(False, 200)}  # the import held the lock each time
    assert journal.enter_waiting()
    assert len(journal.list_lookups()) == len(answers)
    assert audited(sqlcipher) == len(answers) + 1  # and the import
    assert file.exists()


def test_control_without_a_place_to_wait_a_look_up_is_refused(sqlcipher: Store) -> None:
    impatient = SqlLookupJournal(with_patience(sqlcipher.engine, milliseconds=20))
    with sqlcipher.transaction(), pytest.raises(LookupNotRecorded):
        impatient.record(look())
    impatient.record(look())


def test_what_waits_is_durable_encrypted_and_enters_in_its_order(
    sqlcipher: Store, journal: PatientLookupJournal, file: Path
) -> None:
    made = [look(number) for number in range(3)]
    with sqlcipher.transaction():
        for one in made:
            journal.record(one)
        content = b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
        assert b"maria" not in content
        assert not content.startswith(b"SQLite")
        again = WaitingLookups(file, key_hex=KEY)  # as another process finds it after a crash
        assert [one for _, one in again.list_waiting()] == made
        assert not PatientLookupJournal(sqlcipher.engine, waiting=again).enter_waiting()
    PatientLookupJournal(sqlcipher.engine, waiting=again).enter_waiting()
    again.close()
    assert list(journal.list_lookups()) == made
    assert audited(sqlcipher) == len(made)


def test_a_crash_between_entering_and_forgetting_enters_nothing_twice(
    sqlcipher: Store, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = WaitingLookups(file, key_hex=KEY)
    journal = PatientLookupJournal(sqlcipher.engine, waiting=waiting)
    waiting.keep(look())
    with monkeypatch.context() as patch:
        patch.setattr(WaitingLookups, "drop", _crash)
        with pytest.raises(KeyboardInterrupt):
            journal.enter_waiting()
    assert len(journal.list_lookups()) == len(waiting.list_waiting()) == 1  # it would be entered again
    assert journal.enter_waiting()
    assert list(waiting.list_waiting()) == []
    waiting.close()
    assert len(journal.list_lookups()) == audited(sqlcipher) == 1


def _crash(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_waits_goes_into_the_audit_log_as_what_it_was(sqlcipher: Store, journal: PatientLookupJournal) -> None:
    shown = Lookup(
        look().justification, at=NOW, operation="export: ftm", outcome=Outcome.BEGUN, object_ids=(),
        reason="court order", audited=Operation.DISCLOSURE, recipients=("court",),
    )  # fmt: skip
    with sqlcipher.transaction():
        journal.record(shown)
    journal.enter_waiting()
    assert list(journal.list_lookups()) == [shown]
    with sqlcipher.transaction() as connection:
        (content,) = connection.execute(text("SELECT content FROM audit_record")).scalars()
    assert '"disclosure"' in content
    assert '"court"' in content


def test_where_it_cannot_wait_there_is_no_answer(sqlcipher: Store, tmp_path: Path) -> None:
    nowhere = WaitingLookups(tmp_path / "absent" / "w.db", key_hex=KEY)
    journal = PatientLookupJournal(sqlcipher.engine, waiting=nowhere)
    with sqlcipher.transaction(), pytest.raises(LookupNotRecorded):
        journal.record(look())
    foreign = tmp_path / "w.db"
    foreign.write_bytes(b"no database at all" * 400)
    with pytest.raises(SettingsError, match="does not open with this key"):
        WaitingLookups(foreign, key_hex=KEY).list_waiting()


def test_a_plan_leaves_the_database_free_and_nothing_behind(sqlcipher: Store, tmp_path: Path) -> None:
    seen: list[bool] = []
    path = write(tmp_path / "a.jsonl", *people(PEOPLE))
    (report,) = importer(sqlcipher).plan([path], tell=lambda _path, _read: seen.append(is_free(sqlcipher)))
    assert set(seen) == {True}
    assert report.new == 3 * PEOPLE
    held: list[bool] = []
    importer(sqlcipher).apply(path, tell=lambda _path, _read: held.append(is_free(sqlcipher)))
    assert set(held) == {False}  # the control
    assert list(tmp_path.glob("scratch-*")) == []


def test_a_plan_knows_what_the_database_holds(sqlcipher: Store, tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", *ROWS)
    later = write(tmp_path / "b.jsonl", changed(ANA, name="Ana Popescu"))
    work = importer(sqlcipher)
    work.apply(first, tell=lambda *_: None)
    again, correction = work.plan([first, later], tell=lambda *_: None)
    assert (again.imported, correction.changed) == (False, 1)
    bad = write(tmp_path / "c.jsonl", CASE, changed(PHONE, number=7))
    assert work.plan([bad], tell=lambda *_: None)[0].rejected
    with pytest.raises(SourceRefused):
        work.apply(bad, tell=lambda *_: None)


def test_what_a_killed_plan_left_goes_with_the_next_one(sqlcipher: Store, tmp_path: Path) -> None:
    left = tmp_path / "scratch-4194305-abc"  # no process has this number
    left.mkdir()
    (left / "copy.db").write_bytes(b"x")
    importer(sqlcipher).plan([write(tmp_path / "a.jsonl", *ROWS)], tell=lambda *_: None)
    assert not left.exists()


def test_a_second_import_is_told_to_wait_and_opening_needs_no_lock(sqlcipher: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", *ROWS)
    brief = Store(with_patience(sqlcipher.engine, milliseconds=20))
    with sqlcipher.transaction():
        brief.upgrade()
        with pytest.raises(Unavailable, match="busy, perhaps with an import: wait for its end"):
            importer(brief).apply(path, tell=lambda *_: None)
        with pytest.raises(Unavailable, match="busy"):
            run_retention(brief, policy=None, now=NOW, as_of=NOW.date())  # the nightly job tries again soon


def test_with_nobody_writing_a_look_up_enters_at_once(
    sqlcipher: Store, journal: PatientLookupJournal, file: Path
) -> None:
    journal.record(look())
    assert list(journal.list_lookups()) == [look()]
    assert not file.exists()


@pytest.mark.parametrize("table", ["lookup", "audit_leaf"])
def test_a_damaged_journal_is_no_reason_to_wait(sqlcipher: Store, journal: PatientLookupJournal, table: str) -> None:
    with sqlcipher.transaction() as connection:
        connection.execute(text(f"DROP TABLE {table}"))
    with pytest.raises(LookupNotRecorded):
        journal.record(look())


def test_what_cannot_enter_stays_where_it_is_safe(sqlcipher: Store, journal: PatientLookupJournal, file: Path) -> None:
    with sqlcipher.transaction() as connection:
        journal.record(look())  # waits, and is tried again as soon as the transaction is over
        connection.execute(text("DROP TABLE lookup"))
    with pytest.raises(OperationalError):
        journal.enter_waiting()
    again = WaitingLookups(file, key_hex=KEY)
    assert [one for _, one in again.list_waiting()] == [look()]
    again.close()
