"""A migrated database of each kind for every test of the law; copied, because a migration takes longer than a test."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from safeborders.node.storage.database import Place, Store, open_store
from sbtest.postgres import postgres_server

KEY = "5a" * 32


@pytest.fixture(scope="session")
def encrypted_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("law") / "template.db"
    store = open_store(Place(path=path, key_hex=KEY))
    store.upgrade()
    store.close()  # the last connection folds the write-ahead log into the file
    return path


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """Yield a server's URL whose database is migrated and never written to."""
    with postgres_server() as url:
        store = open_store(Place(url=url))
        store.upgrade()
        store.close()
        yield url


@pytest.fixture(params=["sqlcipher", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty database with the newest schema."""
    if request.param == "sqlcipher":
        path = tmp_path / "node.db"
        shutil.copy(request.getfixturevalue("encrypted_template"), path)
        opened = open_store(Place(path=path, key_hex=KEY))
    else:
        opened = open_store(Place(url=_copy_of(request.getfixturevalue("postgres_template"))))
    yield opened
    opened.close()


def _copy_of(url: str) -> str:
    template = make_url(url)
    admin = create_engine(template.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS copy WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE copy TEMPLATE {template.database}"))
    admin.dispose()
    return template.set(database="copy").render_as_string(hide_password=False)
