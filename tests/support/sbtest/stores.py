"""Databases for tests: each process migrates one of each kind once, and every test gets a copy of its own.

A migration takes longer than most tests, and so does the start of a server. The fixtures here are there for every
test (``tests/conftest.py`` names this plugin).
"""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from safeborders.node.storage.database import Place, Store, open_store
from sbtest.postgres import postgres_server

KEY = "5a" * 32
DATABASES = ["sqlcipher", pytest.param("postgres", marks=pytest.mark.postgres)]


def migrate(place: Place) -> None:
    """Bring the database at ``place`` to the newest schema and leave nobody connected to it."""
    store = open_store(place)
    store.upgrade()
    store.close()  # the last connection folds the write-ahead log into the file


@contextmanager
def fresh_database(url: str, *, template: str = "template0") -> Iterator[str]:
    """Yield the URL of a new database on the server at ``url``, a copy of ``template``; it is dropped at the end."""
    name = f"test_{secrets.token_hex(6)}"
    admin = create_engine(make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@contextmanager
def copied_store(template: Path, path: Path) -> Iterator[Store]:
    """Open a copy at ``path`` of the closed encrypted ``template``."""
    shutil.copy(template, path)
    store = open_store(Place(path=path, key_hex=KEY))
    try:
        yield store
    finally:
        store.close()


@contextmanager
def copied_database(url: str) -> Iterator[Store]:
    """Open a copy of the database at ``url``, to which nobody may be connected; it is dropped at the end."""
    with fresh_database(url, template=str(make_url(url).database)) as copy:
        store = open_store(Place(url=copy))
        try:
            yield store
        finally:
            store.close()


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The process's PostgreSQL; each test makes databases of its own on it."""
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="module")
def server(cluster: str) -> Iterator[str]:
    """An empty database for one module."""
    with fresh_database(cluster) as url:
        yield url


@pytest.fixture
def empty_database(cluster: str) -> Iterator[str]:
    """An empty database for one test."""
    with fresh_database(cluster) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A country's encrypted database with the newest schema, under ``KEY``: to be copied, never opened."""
    path = tmp_path_factory.mktemp("migrated") / "template_test.db"
    migrate(Place(path=path, key_hex=KEY))
    return path


@pytest.fixture(scope="session")
def migrated_database(cluster: str) -> Iterator[str]:
    """A country's database on the server with the newest schema: to be copied, never opened."""
    with fresh_database(cluster) as url:
        migrate(Place(url=url))
        yield url


@pytest.fixture
def sqlcipher(migrated_file: Path, tmp_path: Path) -> Iterator[Store]:
    """A country's empty encrypted database with the newest schema."""
    with copied_store(migrated_file, tmp_path / "country_test.db") as store:
        yield store


@pytest.fixture
def postgres(migrated_database: str) -> Iterator[Store]:
    """A country's empty database with the newest schema on a server."""
    with copied_database(migrated_database) as store:
        yield store


@pytest.fixture(params=DATABASES)
def store(request: pytest.FixtureRequest) -> Store:
    """A country's empty database with the newest schema, of each kind in turn."""
    opened: Store = request.getfixturevalue(request.param)
    return opened
