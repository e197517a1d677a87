"""Where a member stands: every state, and the warnings before the end."""

from datetime import timedelta

import pytest

from safeborders.models.protocol.membership import Membership, MemberState, Validity, membership_of
from sbtest.agreements import TODAY

OWN, OTHER = "a" * 64, "b" * 64


def certificate(*, left: timedelta, days: int = 90) -> Validity:
    return Validity(starts_at=TODAY + left - timedelta(days=days), ends_at=TODAY + left)


@pytest.mark.parametrize(
    ("left", "days", "expected"),
    [
        (timedelta(days=31), 90, Membership(MemberState.ENROLLED)),
        (timedelta(days=30), 90, Membership(MemberState.EXPIRING, within_days=30)),
        (timedelta(days=7, seconds=1), 90, Membership(MemberState.EXPIRING, within_days=30)),
        (timedelta(days=7), 90, Membership(MemberState.EXPIRING, within_days=7)),
        (timedelta(days=1), 90, Membership(MemberState.EXPIRING, within_days=1)),
        (timedelta(seconds=1), 90, Membership(MemberState.EXPIRING, within_days=1)),
        (timedelta(0), 90, Membership(MemberState.EXPIRED)),
        (timedelta(days=-5), 90, Membership(MemberState.EXPIRED)),
        (timedelta(days=29), 30, Membership(MemberState.ENROLLED)),  # a short certificate is not always expiring
        (timedelta(days=7), 30, Membership(MemberState.EXPIRING, within_days=7)),
    ],
)
def test_an_enrolled_member_is_warned_in_time(left: timedelta, days: int, expected: Membership) -> None:
    held = certificate(left=left, days=days)
    assert membership_of(OWN, roster_key=OWN, was_listed=False, certificate=held, now=TODAY) == expected


@pytest.mark.parametrize("roster_key", [None, OTHER])
def test_who_is_not_listed_asked_or_was_revoked(roster_key: str | None) -> None:
    held = certificate(left=timedelta(days=80))
    states = [
        membership_of(OWN, roster_key=roster_key, was_listed=was, certificate=held, now=TODAY).state
        for was in (False, True)
    ]
    assert states == [MemberState.REQUESTED, MemberState.REVOKED]


def test_a_listed_member_without_a_certificate_still_waits() -> None:
    state = membership_of(OWN, roster_key=OWN, was_listed=True, certificate=None, now=TODAY).state
    assert state is MemberState.REQUESTED
