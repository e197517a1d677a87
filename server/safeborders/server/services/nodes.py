"""The countries as the coordinator knows them: state, last contact, certificate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from safeborders.models.domain.countries import Country
from safeborders.models.protocol.membership import Membership, MemberState, judge_validity, membership_of
from safeborders.server.registry.papers import Listed
from safeborders.server.registry.roster import Roster, RosterEntry, RosterState
from safeborders.server.registry.views import RegistryReader

QUIET_AFTER = timedelta(minutes=10)


class Presence(StrEnum):
    """Whether a country was heard of lately."""

    CONNECTED = "connected"
    QUIET = "quiet"
    NEVER = "never"


@dataclass(frozen=True)
class NodeLine:
    """One country on the page."""

    country: Country
    state: MemberState
    within_days: int | None  # while expiring: within 30, 7 or 1 days
    presence: Presence
    seen_at: datetime | None
    certificate_expires_at: datetime | None
    epsilon_cap: float | None

    @property
    def is_member(self) -> bool:
        """Whether its keys count."""
        return self.state not in {MemberState.REQUESTED, MemberState.REVOKED}

    @property
    def must_renew(self) -> bool:
        """Whether its certificate is near its end, or past it."""
        return self.state in {MemberState.EXPIRING, MemberState.EXPIRED}


def list_nodes(registry: RegistryReader, *, roster: Roster, listed: Listed | None, now: datetime) -> Sequence[NodeLine]:
    """Return every country of the registry as it stands at ``now``.

    Args:
        registry: Who was heard of when.
        roster: Who asked, was enrolled, was revoked.
        listed: Whose keys count by the roster in force; None while the countries have signed none.
        now: The time.
    """
    seen = {contact.country: contact.seen_at for contact in registry.list_contacts()}
    entries = roster.list_roster()
    return [_line(entry, seen_at=seen.get(entry.country), listed=listed, now=now) for entry in entries]


def judge_member(entry: RosterEntry, *, listed: Listed | None, now: datetime) -> Membership:
    """Tell where a country stands: what the registry says, unless seven ninths of the countries say that it is out."""
    if entry.state is RosterState.REVOKED:
        return Membership(MemberState.REVOKED)
    if entry.state is RosterState.REQUESTED or entry.certificate is None:
        return Membership(MemberState.REQUESTED)
    if listed is None:
        return judge_validity(entry.certificate.validity, now=now)
    return membership_of(
        entry.identity.signing_key,
        roster_key=listed.keys.get(entry.country.value),
        was_listed=entry.identity.signing_key in listed.ever,
        certificate=entry.certificate.validity,
        now=now,
    )


def judge_presence(seen_at: datetime | None, *, now: datetime) -> Presence:
    """Tell whether a country last heard of at ``seen_at`` is with us."""
    if seen_at is None:
        return Presence.NEVER
    return Presence.QUIET if now - seen_at > QUIET_AFTER else Presence.CONNECTED


def _line(entry: RosterEntry, *, seen_at: datetime | None, listed: Listed | None, now: datetime) -> NodeLine:
    where = judge_member(entry, listed=listed, now=now)
    return NodeLine(
        country=entry.country,
        state=where.state,
        within_days=where.within_days,
        presence=judge_presence(seen_at, now=now),
        seen_at=seen_at,
        certificate_expires_at=None if entry.certificate is None else entry.certificate.ends_at,
        epsilon_cap=entry.identity.epsilon_cap,
    )
