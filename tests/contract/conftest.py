"""The small country with doubles on every database, filled once and copied for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

from safeborders.node.storage.database import Place, Store, open_store
from sbtest import doubles
from sbtest.stores import DATABASES, copied_database, copied_store, fresh_database


@pytest.fixture(scope="session")
def doubles_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return doubles.make_template(migrated_file, tmp_path_factory.mktemp("doubles"))


@pytest.fixture(scope="session")
def doubles_database(migrated_database: str) -> Iterator[str]:
    with fresh_database(migrated_database, template=str(make_url(migrated_database).database)) as url:
        store = open_store(Place(url=url))
        doubles.fill(store)
        store.close()
        yield url


@pytest.fixture(params=DATABASES)
def doubled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A small country in which some persons are recorded twice."""
    if request.param == "postgres":
        with copied_database(request.getfixturevalue("doubles_database")) as store:
            yield store
    else:
        with copied_store(request.getfixturevalue("doubles_file"), tmp_path / "node_test.db") as store:
            yield store
