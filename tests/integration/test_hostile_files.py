"""Hostile import files end in typed errors: the node's API answers on, no row enters, nothing of theirs is run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from safeborders.node.access.callers import Role
from safeborders.node.ingest.errors import IngestError, SourceRefused
from safeborders.node.storage.access import SqlTokens
from safeborders.node.storage.database import Store
from sbtest import casebook
from sbtest.hostile_files import CORPUS, Hostile, bodies_that_pass
from sbtest.import_files import ENVELOPE, apply, contents, copy_of, count, emptied, make_template, undo
from sbtest.node_app import node_app
from sbtest.postgres import postgres_server
from sbtest.web import client_of


@dataclass
class Country:
    store: Store
    client: httpx.Client
    headers: dict[str, str]

    def looks_a_person_up(self) -> bool:
        """Tell whether an investigator gets an answer, which the database has recorded before."""
        answer = self.client.get(f"/v1/entities/{casebook.UNCLE}", headers=self.headers)
        return answer.status_code == 200 and answer.json()["label"] == "P-uncle"


@pytest.fixture(
    scope="module", params=["sqlcipher", pytest.param("postgres", marks=[pytest.mark.postgres, pytest.mark.slow])]
)
def country(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Country]:
    folder = tmp_path_factory.mktemp("hostile")
    if request.param == "sqlcipher":
        with copy_of(make_template(folder / "template.db"), folder / "country.db") as store:
            yield from serve(store)
    else:
        with postgres_server() as url, emptied(url) as store:
            yield from serve(store)


def serve(store: Store) -> Iterator[Country]:
    casebook.fill(store)
    tokens, now = SqlTokens(store.engine), lambda: casebook.NOW
    app = node_app(store.engine, clock=now)
    token = tokens.create_token("investigator", role=Role.INVESTIGATOR, now=casebook.NOW)
    with client_of(app) as client:
        headers = {"Authorization": f"Bearer {token}", "X-Purpose": "P2", "X-Case": casebook.CASE_REFERENCE}
        yield Country(store, client, headers)


@pytest.mark.parametrize("file", CORPUS, ids=lambda file: file.name)
def test_a_hostile_file_ends_in_a_typed_error_and_nothing_else(country: Country, tmp_path: Path, file: Hostile) -> None:
    path = tmp_path / "hostile"
    file.write(path)
    before = contents(country.store)
    with pytest.raises(IngestError) as refused:
        apply(
            country.store,
            path,
            format=file.format,
            mapping=file.mapping,
            envelope=ENVELOPE if file.format == "ftm" else None,
            rejects_folder=tmp_path / "rejects",
        )
    error = refused.value
    assert error.code == (file.code or "ingest.source_refused")
    assert error.message.isprintable()
    if isinstance(error, SourceRefused):
        assert all(one.sentence and one.sentence.isprintable() and one.column.isprintable() for one in error.rejects)
    assert contents(country.store) == before
    assert count(country.store, "import_run") == 0
    assert country.looks_a_person_up()
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize("name", sorted(bodies_that_pass()))
def test_control_odd_files_that_are_right_are_taken_in(country: Country, tmp_path: Path, name: str) -> None:
    """The corpus would prove nothing if everything were refused; a formula is only text until it is exported."""
    (tmp_path / "odd").write_bytes(bodies_that_pass()[name])
    report = apply(country.store, tmp_path / "odd")
    assert report.rows == 2
    undo(country.store, report.number)
    with country.store.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM import_run")
