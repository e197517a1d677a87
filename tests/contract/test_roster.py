"""What every roster promises."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from safeborders.kit.errors import Conflict, NotFound
from safeborders.models.domain.countries import Country
from safeborders.server.registry.roster import Roster, RosterState
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.storage.opening import open_registry_database
from sbtest.history import START, make_identity


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Roster]:
    engine = open_registry_database(f"sqlite:///{tmp_path / 'roster_test.db'}")
    yield SqlRoster(engine)
    engine.dispose()


@pytest.fixture
def postgres(empty_database: str) -> Iterator[Roster]:
    engine = open_registry_database(empty_database)
    yield SqlRoster(engine)
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def roster(request: pytest.FixtureRequest) -> Roster:
    found: Roster = request.getfixturevalue(request.param)
    return found


def test_a_country_asks_is_admitted_and_is_revoked(roster: Roster) -> None:
    roster.request(Country.GR, identity=make_identity(1), now=START)
    states = [roster.get_entry(Country.GR).state]
    roster.admit(Country.GR, identity=make_identity(1), now=START)
    states.append(roster.get_entry(Country.GR).state)
    roster.revoke(Country.GR, now=START)
    states.append(roster.get_entry(Country.GR).state)

    assert states == [RosterState.REQUESTED, RosterState.ENROLLED, RosterState.REVOKED]


def test_an_entry_is_read_as_it_was_written(roster: Roster) -> None:
    roster.admit(Country.GR, identity=make_identity(1), now=START)
    roster.set_flower_node(Country.GR, node_id=str(2**64 - 1))

    (entry,) = roster.list_roster()

    assert (entry.country, entry.changed_at) == (Country.GR, START)
    assert entry.identity.certificate_expires_at == make_identity(1).certificate_expires_at
    assert entry.identity.flower_node_id == "18446744073709551615"


def test_a_revoked_key_never_comes_back_not_even_after_another(roster: Roster) -> None:
    roster.admit(Country.GR, identity=make_identity(1), now=START)
    roster.revoke(Country.GR, now=START)
    with pytest.raises(Conflict):
        roster.admit(Country.GR, identity=make_identity(1), now=START)
    roster.admit(Country.GR, identity=make_identity(2), now=START)
    roster.revoke(Country.GR, now=START)

    for country in (Country.GR, Country.BG):
        with pytest.raises(Conflict):
            roster.request(country, identity=make_identity(1), now=START)


def test_two_countries_cannot_share_a_key(roster: Roster) -> None:
    roster.admit(Country.GR, identity=make_identity(1), now=START)

    with pytest.raises(Conflict):
        roster.admit(Country.BG, identity=make_identity(1), now=START)

    assert [entry.country for entry in roster.list_roster()] == [Country.GR]


def test_an_enrolled_country_keeps_its_key_but_may_renew_its_certificate(roster: Roster) -> None:
    roster.admit(Country.GR, identity=make_identity(1), now=START)
    with pytest.raises(Conflict):
        roster.admit(Country.GR, identity=make_identity(2), now=START)
    with pytest.raises(Conflict):
        roster.request(Country.GR, identity=make_identity(2), now=START)

    roster.admit(Country.GR, identity=make_identity(1, expires_at=START), now=START)

    assert roster.get_entry(Country.GR).identity.certificate_expires_at == START


def test_unknown_countries_are_not_found(roster: Roster) -> None:
    with pytest.raises(NotFound):
        roster.revoke(Country.FI, now=START)
    with pytest.raises(NotFound):
        roster.get_entry(Country.FI)
