"""Where a member stands: requested, enrolled, expiring, expired or revoked; a pure function of what is known of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

WARNING_DAYS = (1, 7, 30)
"""When the operator is told, more loudly each time: 30, 7 and 1 day before the certificate ends.

A warning that would stand from the first half of the certificate's life on warns of nothing, so it is left out: 30
days are for certificates of more than 60.
"""


@dataclass(frozen=True)
class Validity:
    """From when until when a certificate counts."""

    starts_at: datetime
    ends_at: datetime


class MemberState(StrEnum):
    """What a member's keys and certificate are worth."""

    REQUESTED = "requested"  # asked to join, is in no roster
    ENROLLED = "enrolled"
    EXPIRING = "expiring"  # near the end of its certificate
    EXPIRED = "expired"
    REVOKED = "revoked"  # was in a roster and is not in this one, or under another key


@dataclass(frozen=True)
class Membership:
    """A state, and within which of 30, 7 and 1 days it ends (None beyond)."""

    state: MemberState
    within_days: int | None = None


def membership_of(
    own_key: str, *, roster_key: str | None, was_listed: bool, certificate: Validity | None, now: datetime
) -> Membership:
    """Return where the holder of ``own_key`` stands.

    Args:
        own_key: Its public node key, hexadecimal.
        roster_key: The node key that the roster in force holds for it; None when it holds none.
        was_listed: Whether an earlier roster held ``own_key``.
        certificate: Of its TLS certificate; None while it has none.
        now: The time.
    """
    if roster_key != own_key:
        return Membership(MemberState.REVOKED if was_listed else MemberState.REQUESTED)
    if certificate is None:
        return Membership(MemberState.REQUESTED)
    return judge_validity(certificate, now=now)


def judge_validity(held: Validity, *, now: datetime) -> Membership:
    """Return where whoever holds a certificate, or another paper with an end, stands at ``now``."""
    left, lifetime = held.ends_at - now, held.ends_at - held.starts_at
    if left <= timedelta(0):
        return Membership(MemberState.EXPIRED)
    for days in WARNING_DAYS:
        if left <= timedelta(days=days) and lifetime > 2 * timedelta(days=days):
            return Membership(MemberState.EXPIRING, within_days=days)
    return Membership(MemberState.ENROLLED)
