"""What the next look does: failed entries are tried again, finished runs stay closed, contacts end nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import pytest
from sqlalchemy import Engine

from safeborders.kit.errors import NotFound, SafeBordersError, SettingsError
from safeborders.models.domain.countries import Country
from safeborders.server.federation import reconciliation
from safeborders.server.federation.link import Link
from safeborders.server.federation.reconciliation import Reconciliation
from safeborders.server.registry.records import RunState
from safeborders.server.registry.roster import NodeIdentity
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.registry.views import RunView
from safeborders.server.storage.opening import open_registry_database
from sbtest.history import START, make_certificate, make_model, make_plan

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class SuperLink:
    """What the SuperLink is asked, and what it fails with; it stands for another program's process."""

    failures: dict[Country, SafeBordersError] = field(default_factory=dict)
    contacts: SafeBordersError | None = None
    registered: list[Country] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)

    def __call__(self, _link: Link) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def list_nodes(self) -> list[object]:
        if self.contacts is not None:
            raise self.contacts
        return []

    def register(self, _link: Link, country: Country, *, public_key_pem: bytes) -> int:
        self.registered.append(country)
        if country in self.failures:
            raise self.failures[country]
        return len(public_key_pem)

    def request(self, _link: Link, run: str) -> None:
        self.requested.append(run)


class StaleRegistry(SqlRegistry):
    """Its list of runs was read before the runs ended."""

    def list_runs(self) -> Sequence[RunView]:
        return [replace(view, state=RunState.RUNNING) for view in super().list_runs()]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_registry_database(f"sqlite:///{tmp_path / 'c.db'}")
    roster = SqlRoster(engine)
    for number, country in enumerate((Country.GR, Country.IT)):
        identity = NodeIdentity(signing_key=f"{number:064x}", flower_key="key")
        roster.admit(country, identity=identity, certificate=make_certificate(country, number=number), now=NOW)
    yield engine
    engine.dispose()


@pytest.fixture
def superlink(monkeypatch: pytest.MonkeyPatch) -> SuperLink:
    link = SuperLink()
    monkeypatch.setattr(reconciliation, "register_node", link.register)
    monkeypatch.setattr(reconciliation, "request_run", link.request)
    monkeypatch.setattr(reconciliation, "ControlLink", link)
    return link


def build(engine: Engine, folder: Path, *, registry: SqlRegistry | None = None) -> Reconciliation:
    memory = registry or SqlRegistry(engine)
    return Reconciliation(Link(folder, 1), roster=SqlRoster(engine), registry=memory, clock=lambda: NOW)


def test_only_the_country_that_failed_is_tried_again_and_the_runner_goes_on(
    engine: Engine, superlink: SuperLink, tmp_path: Path
) -> None:
    superlink.failures[Country.GR] = SettingsError("no PEM")
    looks = build(engine, tmp_path)

    stale = [looks.look(), looks.look()]
    superlink.failures.clear()
    stale += [looks.look(), looks.look()]

    assert superlink.registered == [Country.GR, Country.IT, Country.GR, Country.GR]
    assert stale == [[], [], [], []]


def test_contacts_that_cannot_be_read_end_nothing(engine: Engine, superlink: SuperLink, tmp_path: Path) -> None:
    superlink.contacts = NotFound("unknown")

    assert build(engine, tmp_path).look() == []


@pytest.mark.parametrize(
    ("state", "requested"),
    [
        (RunState.WAITING, ["run-1"]),
        (RunState.RUNNING, ["run-1"]),
        (RunState.COMPLETED, []),
        (RunState.FAILED, []),
    ],
)
def test_the_state_at_the_time_of_asking_decides_and_not_the_list(
    engine: Engine, superlink: SuperLink, *, tmp_path: Path, state: RunState, requested: list[str]
) -> None:
    registry = StaleRegistry(engine)
    registry.start_run(make_plan(), initial=make_model("run-1", number=0), now=START)
    registry.set_run_state("run-1", state, now=START)

    build(engine, tmp_path, registry=registry).look()

    assert superlink.requested == requested
