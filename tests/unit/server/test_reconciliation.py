"""The supervisor's look: what is wrong with one country holds up no other, and never ends the coordinator."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from safeborders.kit.errors import NotFound, SafeBordersError, Unavailable
from safeborders.models.domain.countries import Country
from safeborders.server.federation import reconciliation
from safeborders.server.federation.link import Link
from safeborders.server.federation.reconciliation import Reconciliation
from safeborders.server.registry.roster import NodeIdentity
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.storage.opening import open_registry_database
from sbtest.history import make_certificate

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def look_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: SafeBordersError) -> list[Country]:
    """Let Greece's registration fail with ``error`` and return who was registered all the same."""
    engine = open_registry_database(f"sqlite:///{tmp_path / 'c.db'}")
    roster = SqlRoster(engine)
    asked: list[Country] = []
    for number, country in enumerate((Country.GR, Country.IT)):
        identity = NodeIdentity(signing_key=f"{number:064x}", flower_key=f"key {number}")
        roster.admit(country, identity=identity, certificate=make_certificate(country, number=number), now=NOW)

    def register(_link: Link, country: Country, *, public_key_pem: bytes) -> int:
        if country is Country.GR:
            raise error
        asked.append(country)
        return len(public_key_pem)

    class NobodyConnected:
        def __init__(self, _link: Link) -> None: ...
        def __enter__(self) -> "NobodyConnected":
            return self

        def __exit__(self, *_: object) -> None: ...
        def list_nodes(self) -> list[object]:
            return []

    monkeypatch.setattr(reconciliation, "register_node", register)
    monkeypatch.setattr(reconciliation, "ControlLink", NobodyConnected)
    Reconciliation(Link(tmp_path, 1), roster=roster, registry=SqlRegistry(engine), clock=lambda: NOW).look()
    engine.dispose()
    return asked


def test_a_country_that_cannot_be_let_in_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert look_with(tmp_path, monkeypatch, NotFound("no such thing")) == [Country.IT]


def test_a_superlink_that_is_away_ends_the_look_and_not_the_coordinator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert look_with(tmp_path, monkeypatch, Unavailable("away")) == []
