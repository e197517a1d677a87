"""Where a country stands on the coordinator's page: asked, enrolled, near its end, past it, out."""

from dataclasses import replace
from datetime import timedelta

import pytest

from safeborders.models.domain.countries import Country
from safeborders.models.protocol.membership import Membership, MemberState
from safeborders.server.registry.papers import Listed
from safeborders.server.registry.roster import RosterEntry, RosterState
from safeborders.server.services.nodes import judge_member
from sbtest.history import START, make_certificate, make_identity

ENTRY = RosterEntry(Country.GR, RosterState.ENROLLED, make_identity(1), START, make_certificate(Country.GR))
OWN = ENTRY.identity.signing_key
END = START + timedelta(days=300)


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(days=31), Membership(MemberState.ENROLLED)),
        (timedelta(days=30), Membership(MemberState.EXPIRING, 30)),
        (timedelta(days=7), Membership(MemberState.EXPIRING, 7)),
        (timedelta(days=1), Membership(MemberState.EXPIRING, 1)),
        (timedelta(0), Membership(MemberState.EXPIRED)),
    ],
)
@pytest.mark.parametrize("listed", [None, Listed({"gr": OWN}, frozenset({OWN}), END)])
def test_an_enrolled_country_is_warned_of_in_time(left: timedelta, expected: Membership, listed: Listed | None) -> None:
    assert judge_member(ENTRY, listed=listed, now=END - left) == expected


@pytest.mark.parametrize(
    ("entry", "listed", "state"),
    [
        (replace(ENTRY, state=RosterState.REQUESTED), None, MemberState.REQUESTED),
        (replace(ENTRY, state=RosterState.REVOKED), Listed({"gr": OWN}, frozenset({OWN}), END), MemberState.REVOKED),
        (replace(ENTRY, certificate=None), None, MemberState.REQUESTED),
        (ENTRY, Listed({}, frozenset(), END), MemberState.REQUESTED),  # the countries have not listed it yet
        (ENTRY, Listed({}, frozenset({OWN}), END), MemberState.REVOKED),  # they have taken it out
        (ENTRY, Listed({"gr": "f" * 64}, frozenset({OWN}), END), MemberState.REVOKED),  # or have its newer key
    ],
)
def test_registry_and_roster_both_have_to_agree(entry: RosterEntry, listed: Listed | None, state: MemberState) -> None:
    assert judge_member(entry, listed=listed, now=START) == Membership(state)
