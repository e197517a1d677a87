"""Database engines: encrypted, durable, one writer at a time."""

import secrets
import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from safeborders.kit.db import for_reading, open_encrypted, open_url
from safeborders.kit.errors import SettingsError, Unavailable

KEY = secrets.token_hex(32)


def fill(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE person (name TEXT NOT NULL)"))
        connection.execute(text("INSERT INTO person VALUES ('Maria Papadopoulou')"))


def names_in(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT name FROM person")).scalars())


def test_the_encrypted_file_opens_again_and_shows_nothing_on_disk(tmp_path: Path) -> None:
    engine = open_encrypted(tmp_path / "gr.db", key_hex=KEY)
    fill(engine)
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    engine.dispose()
    assert b"Maria" not in content
    assert b"SQLite format 3" not in content
    again = open_encrypted(tmp_path / "gr.db", key_hex=KEY)
    assert names_in(again) == ["Maria Papadopoulou"]
    again.dispose()


def test_a_plain_file_does_show_it(tmp_path: Path) -> None:
    engine = open_url(f"sqlite:///{tmp_path / 'plain.db'}")
    fill(engine)
    engine.dispose()
    assert b"Maria" in (tmp_path / "plain.db").read_bytes()


def test_another_key_and_a_torn_file_open_nothing(tmp_path: Path) -> None:
    engine = open_encrypted(tmp_path / "gr.db", key_hex=KEY)
    fill(engine)
    engine.dispose()
    with pytest.raises(SettingsError, match="does not open with this key"):
        open_encrypted(tmp_path / "gr.db", key_hex=secrets.token_hex(32))
    (tmp_path / "torn.db").write_bytes(b"\0" * 8192)
    with pytest.raises(SettingsError, match="does not open with this key"):
        open_encrypted(tmp_path / "torn.db", key_hex=KEY)


@pytest.mark.parametrize("key", ["", "ab", "g" * 64, "0" * 63 + "'", "0" * 65])
def test_a_malformed_key_is_refused_before_any_file_exists(tmp_path: Path, key: str) -> None:
    with pytest.raises(SettingsError, match="64 hexadecimal digits"):
        open_encrypted(tmp_path / "gr.db", key_hex=key)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_not_blamed_on_the_key(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be opened") as refused:
        open_encrypted(tmp_path / "nowhere" / "gr.db", key_hex=KEY)
    assert "key" not in refused.value.message


@pytest.mark.parametrize("encrypted", [True, False])
def test_every_connection_is_durable_and_checks_references(tmp_path: Path, encrypted: bool) -> None:
    path = tmp_path / "gr.db"
    engine = open_encrypted(path, key_hex=KEY) if encrypted else open_url(f"sqlite:///{path}")
    with engine.connect() as connection, engine.connect() as other:
        for one in (connection, other):
            one.rollback()
        for pragma, value in (("synchronous", 2), ("foreign_keys", 1), ("journal_mode", "wal"), ("secure_delete", 1)):
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    engine.dispose()


def test_check_then_insert_is_one_step_for_two_writers(tmp_path: Path) -> None:
    engine = open_encrypted(tmp_path / "gr.db", key_hex=KEY)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE spent (epsilon INTEGER NOT NULL)"))
    start = threading.Barrier(8)

    def spend_if_nothing_is_spent() -> None:
        start.wait()
        with engine.begin() as connection:
            if not connection.execute(text("SELECT count(*) FROM spent")).scalar():
                connection.execute(text("INSERT INTO spent VALUES (8)"))

    writers = [threading.Thread(target=spend_if_nothing_is_spent) for _ in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT sum(epsilon) FROM spent")).scalar() == 8
    engine.dispose()


@pytest.mark.parametrize("url", ["mysql://host/x", "no url", "oracle://gr:hunter2@host/x", "sqlite+aiosqlite:///x"])
def test_a_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="database URL must start with"):
        open_url(url)


def test_a_server_that_does_not_answer_is_unavailable_and_its_password_stays_unsaid() -> None:
    with pytest.raises(Unavailable, match="does not answer") as refused:
        open_url("postgresql+psycopg://gr:hunter2@127.0.0.1:1/x?connect_timeout=1")
    assert "hunter2" not in refused.value.message


def test_a_reader_holds_up_no_writer_and_sees_one_snapshot(tmp_path: Path) -> None:
    engine = open_encrypted(tmp_path / "x.db", key_hex=KEY)
    with engine.begin() as writer:
        writer.execute(text("CREATE TABLE t (n INTEGER)"))
    with for_reading(engine).connect() as reader:
        assert reader.execute(text("SELECT count(*) FROM t")).scalar() == 0
        with engine.begin() as writer:  # would wait 30 s for a reader that holds the write lock
            writer.execute(text("INSERT INTO t VALUES (1)"))
        assert reader.execute(text("SELECT count(*) FROM t")).scalar() == 0
    engine.dispose()
