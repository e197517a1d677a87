"""What every consent store promises on each database: append-only, exclusive, in the audit log or not at all."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from safeborders.models.domain.countries import Country
from safeborders.models.protocol.messages import EMPTY_SHA256, Header, Kind, SignedMessage, sign_message
from safeborders.node.consent.entries import ConsentStore, Entry, Subject, Verdict
from safeborders.node.consent.errors import ConsentNotRecorded
from safeborders.node.storage.audit import LOG
from safeborders.node.storage.base import Base
from safeborders.node.storage.consent_store import SqlConsentStore, SqlEnvelopeStore
from safeborders.node.storage.database import Place, Store, open_store
from sbtest.consent import MARIA, InMemoryConsentStore
from sbtest.consent_requests import NOW, REQUEST
from sbtest.postgres import postgres_server
from sbtest.rounds import COUNTRY

KEY = "ab" * 32
TABLES = ("run_request", "consent", "envelope")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty database that each test copies, because migrations take longer than a test."""
    path = tmp_path_factory.mktemp("consent") / "template_test.db"
    store = open_store(Place(path=path, key_hex=KEY))
    store.upgrade()
    store.close()
    return path


@pytest.fixture
def sqlcipher(template: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copy(template, tmp_path / "node_test.db")
    store = open_store(Place(path=tmp_path / "node_test.db", key_hex=KEY))
    yield store
    store.close()


@pytest.fixture
def postgres(server: str) -> Iterator[Store]:
    store = open_store(Place(url=server))
    with store.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    store.upgrade()
    yield store
    store.close()


@pytest.fixture(params=["sqlcipher", "postgres"])
def opened(request: pytest.FixtureRequest) -> Store:
    store: Store = request.getfixturevalue(request.param)
    return store


@pytest.fixture(params=["memory", "sqlcipher", "postgres"])
def store(request: pytest.FixtureRequest) -> ConsentStore:
    if request.param == "memory":
        return InMemoryConsentStore()
    return SqlConsentStore(request.getfixturevalue(request.param).engine)


def entry(number: int = 1) -> Entry:
    return Entry(
        number=number,
        at=NOW,
        subject=Subject.RUN,
        subject_sha256="a" * 64,
        verdict=Verdict.APPROVE,
        person=MARIA,
        reason="looked at it",
        run="run-1",
    )


def fill(opened: Store) -> SignedMessage:
    with SqlConsentStore(opened.engine).transaction() as step:
        step.add_request(REQUEST)
        step.append(entry())
    SqlEnvelopeStore(opened.engine).keep(message())
    return message()


def message(sequence: int = 1) -> SignedMessage:
    header = Header(
        kind=Kind.UPDATE,
        federation="demo",
        run="run-1",
        round=1,
        country=Country.GR,
        sequence=sequence,
        plan_sha256="1" * 64,
        base_model_sha256="2" * 64,
        payload_sha256=EMPTY_SHA256,
    )
    return sign_message(header, payload=b"", key=COUNTRY)


def test_what_is_kept_comes_back_as_it_was(store: ConsentStore) -> None:
    with store.transaction() as step:
        step.add_request(REQUEST)
        step.append(entry())
    with store.transaction() as step:
        assert (list(step.list_requests()), list(step.list_entries())) == ([REQUEST], [entry()])


def test_a_step_that_raises_leaves_nothing(store: ConsentStore) -> None:
    def fail() -> None:
        with store.transaction() as step:
            step.add_request(REQUEST)
            step.append(entry())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with store.transaction() as step:
        assert (list(step.list_requests()), list(step.list_entries())) == ([], [])


def test_a_gap_or_a_second_request_of_one_manifest_is_refused(opened: Store) -> None:
    store = SqlConsentStore(opened.engine)
    fill(opened)
    with pytest.raises(ConsentNotRecorded), store.transaction() as step:
        step.add_request(REQUEST)
    with pytest.raises(ConsentNotRecorded), store.transaction() as step:
        step.append(entry(1))


def test_rows_can_be_neither_changed_nor_removed(opened: Store) -> None:
    fill(opened)
    for table in TABLES:
        for statement in (f"UPDATE {table} SET run = 'x'", f"DELETE FROM {table}"):  # noqa: S608  # names of ours
            with pytest.raises(DBAPIError, match="append-only"), opened.engine.begin() as connection:
                connection.execute(text(statement))


def test_a_row_cannot_be_replaced_in_sqlite(sqlcipher: Store) -> None:
    fill(sqlcipher)
    for table in TABLES:
        with pytest.raises(DBAPIError, match="append-only"), sqlcipher.engine.begin() as connection:
            connection.execute(text(f"REPLACE INTO {table} SELECT * FROM {table}"))  # noqa: S608  # a name of ours


def test_a_decision_is_in_the_audit_log_or_not_at_all(opened: Store) -> None:
    fill(opened)
    with opened.engine.connect() as connection:
        records = [json.loads(one.content) for one in LOG.entries(connection) if one.content]
    assert [(one["action"], one["actor"], one["outcome"]) for one in records] == [
        ("consent.request", "coordinator", "done"),
        ("consent.run", "login:mpapa", "approve"),
    ]
    with opened.engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit_leaf RENAME TO gone"))
    store = SqlConsentStore(opened.engine)
    with pytest.raises(ConsentNotRecorded), store.transaction() as step:
        step.append(entry(2))
    with store.transaction() as step:
        assert list(step.list_entries()) == [entry()]


def test_an_envelope_is_kept_once_and_comes_back_byte_for_byte(opened: Store) -> None:
    store, kept = SqlEnvelopeStore(opened.engine), fill(opened)
    for one in (kept, message(2), message(2)):
        store.keep(one)
    found = store.list_envelopes("run-1", round_number=1)
    assert found == [(one.header_bytes, one.signature) for one in (kept, message(2))]
    assert store.list_envelopes("run-1", round_number=2) == []


def test_the_migration_makes_what_the_code_declares(sqlcipher: Store) -> None:
    with sqlcipher.engine.connect() as connection:
        for table in TABLES:
            shown = connection.execute(text(f"PRAGMA table_info({table})")).all()
            assert [row[1] for row in shown] == [column.name for column in Base.metadata.tables[table].columns]
