"""The small country with doubles on every database, filled once and copied for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from safeborders.node.storage.database import Store
from sbtest import doubles


@pytest.fixture(scope="session")
def doubles_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return doubles.make_template(tmp_path_factory.mktemp("doubles"))


@pytest.fixture(scope="session")
def doubles_server() -> Iterator[str]:
    with doubles.server_with_template() as url:
        yield url


@pytest.fixture(params=["sqlcipher", pytest.param("postgres", marks=pytest.mark.postgres)])
def doubled(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A small country in which some persons are recorded twice."""
    if request.param == "postgres":
        with doubles.copied_on_server(request.getfixturevalue("doubles_server")) as store:
            yield store
    else:
        with doubles.copied(request.getfixturevalue("doubles_template"), tmp_path) as store:
            yield store
