"""The countries as the coordinator knows them: state, last contact, certificate."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from safeborders.models.domain.countries import Country
from safeborders.server.registry.roster import Roster, RosterEntry, RosterState
from safeborders.server.registry.views import RegistryReader

QUIET_AFTER = timedelta(minutes=10)
RENEW_WITHIN = timedelta(days=7)


class Presence(StrEnum):
    """Whether a country was heard of lately."""

    CONNECTED = "connected"
    QUIET = "quiet"
    NEVER = "never"


class Validity(StrEnum):
    """Where a certificate stands."""

    VALID = "valid"
    RENEW = "renew"  # ends within 7 days
    EXPIRED = "expired"
    NONE = "none"  # not issued yet


@dataclass(frozen=True)
class NodeLine:
    """One country on the page."""

    country: Country
    state: RosterState
    presence: Presence
    seen_at: datetime | None
    certificate: Validity
    certificate_expires_at: datetime | None
    epsilon_cap: float | None


def list_nodes(registry: RegistryReader, *, roster: Roster, now: datetime) -> Sequence[NodeLine]:
    """Return every country of the roster as it stands at ``now``."""
    seen = {contact.country: contact.seen_at for contact in registry.list_contacts()}
    return [_line(entry, seen_at=seen.get(entry.country), now=now) for entry in roster.list_roster()]


def judge_certificate(expires_at: datetime | None, *, now: datetime) -> Validity:
    """Tell where a certificate that ends at ``expires_at`` stands."""
    if expires_at is None:
        return Validity.NONE
    if expires_at <= now:
        return Validity.EXPIRED
    return Validity.RENEW if expires_at - now <= RENEW_WITHIN else Validity.VALID


def judge_presence(seen_at: datetime | None, *, now: datetime) -> Presence:
    """Tell whether a country last heard of at ``seen_at`` is with us."""
    if seen_at is None:
        return Presence.NEVER
    return Presence.QUIET if now - seen_at > QUIET_AFTER else Presence.CONNECTED


def _line(entry: RosterEntry, *, seen_at: datetime | None, now: datetime) -> NodeLine:
    expires_at = entry.identity.certificate_expires_at
    return NodeLine(
        country=entry.country,
        state=entry.state,
        presence=judge_presence(seen_at, now=now),
        seen_at=seen_at,
        certificate=judge_certificate(expires_at, now=now),
        certificate_expires_at=expires_at,
        epsilon_cap=entry.identity.epsilon_cap,
    )
