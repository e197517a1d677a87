"""What every roster promises."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from safeborders.kit.errors import Conflict, NotFound
from safeborders.models.domain.countries import Country
from safeborders.server.registry.roster import Roster, RosterState
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.storage.opening import open_registry_database
from sbtest.history import START, make_certificate, make_identity


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


def admit(roster: Roster, country: Country, number: int) -> None:
    certificate = make_certificate(country, number=number)
    roster.admit(country, identity=make_identity(number), certificate=certificate, now=START)


def test_a_country_asks_is_admitted_and_is_revoked(roster: Roster) -> None:
    roster.request(Country.GR, identity=make_identity(1), now=START)
    states = [roster.get_entry(Country.GR).state]
    admit(roster, Country.GR, 1)
    states.append(roster.get_entry(Country.GR).state)
    roster.revoke(Country.GR, now=START)
    states.append(roster.get_entry(Country.GR).state)

    assert states == [RosterState.REQUESTED, RosterState.ENROLLED, RosterState.REVOKED]


def test_an_entry_is_read_as_it_was_written(roster: Roster) -> None:
    admit(roster, Country.GR, 1)
    roster.set_flower_node(Country.GR, node_id=str(2**64 - 1))

    (entry,) = roster.list_roster()

    assert (entry.country, entry.changed_at) == (Country.GR, START)
    assert entry.certificate == make_certificate(Country.GR, number=1)
    assert entry.identity.flower_node_id == "18446744073709551615"


def test_a_revoked_key_never_comes_back_not_even_after_another(roster: Roster) -> None:
    admit(roster, Country.GR, 1)
    roster.revoke(Country.GR, now=START)
    with pytest.raises(Conflict):
        admit(roster, Country.GR, 1)
    admit(roster, Country.GR, 2)
    roster.revoke(Country.GR, now=START)

    for country in (Country.GR, Country.BG):
        with pytest.raises(Conflict):
            roster.request(country, identity=make_identity(1), now=START)


def test_two_countries_cannot_share_a_key(roster: Roster) -> None:
    admit(roster, Country.GR, 1)

    with pytest.raises(Conflict):
        admit(roster, Country.BG, 1)

    assert [entry.country for entry in roster.list_roster()] == [Country.GR]


def test_an_enrolled_country_keeps_its_key_but_may_renew_its_certificate(roster: Roster) -> None:
    admit(roster, Country.GR, 1)
    with pytest.raises(Conflict):
        admit(roster, Country.GR, 2)
    with pytest.raises(Conflict):
        roster.request(Country.GR, identity=make_identity(2), now=START)

    newer = make_certificate(Country.GR, number=9, days=301)
    roster.admit(Country.GR, identity=make_identity(1), certificate=newer, now=START)

    assert roster.get_entry(Country.GR).certificate == newer
    assert [one.sha256 for one in roster.list_certificates()] == [
        make_certificate(Country.GR, number=1).sha256,  # both count while the country changes over
        newer.sha256,
    ]


def test_a_revoked_country_has_no_certificate_and_none_of_its_old_ones_comes_back(roster: Roster) -> None:
    admit(roster, Country.GR, 1)
    admit(roster, Country.BG, 3)
    roster.revoke(Country.GR, now=START)
    assert [one.country for one in roster.list_certificates()] == [Country.BG]
    assert roster.get_entry(Country.GR).certificate is None

    old = make_certificate(Country.GR, number=1)
    with pytest.raises(Conflict):
        roster.admit(Country.GR, identity=make_identity(2), certificate=old, now=START)
    admit(roster, Country.GR, 2)

    good = [one.serial for one in roster.list_certificates() if one.revoked_at is None]
    assert good == ["3", "2"]


def test_a_revoked_certificate_is_named_once_and_stays_revoked(roster: Roster) -> None:
    admit(roster, Country.GR, 1)
    admit(roster, Country.BG, 3)

    refused = roster.revoke_certificates(["1", "77"], now=START)

    assert [(one.country, one.serial, one.revoked_at) for one in refused] == [(Country.GR, "1", START)]
    assert roster.revoke_certificates(["1"], now=START) == []
    assert roster.get_entry(Country.GR).certificate is None
    assert roster.get_entry(Country.BG).certificate == make_certificate(Country.BG, number=3)  # the control
    with pytest.raises(Conflict):
        admit(roster, Country.GR, 1)


def test_new_flower_keys_have_no_flower_number_yet(roster: Roster) -> None:
    admit(roster, Country.GR, 1)
    roster.set_flower_node(Country.GR, node_id="7")
    roster.revoke(Country.GR, now=START)
    admit(roster, Country.GR, 2)

    assert roster.get_entry(Country.GR).identity.flower_node_id is None


def test_unknown_countries_are_not_found(roster: Roster) -> None:
    with pytest.raises(NotFound):
        roster.revoke(Country.FI, now=START)
    with pytest.raises(NotFound):
        roster.get_entry(Country.FI)
