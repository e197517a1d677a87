"""The coordinator's own papers: what ends when, and whose keys count by the roster of the countries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.enrolling import certificate_validity
from safeborders.kit.pki import load_certificates
from safeborders.models.protocol.membership import MemberState, Validity, judge_validity
from safeborders.models.protocol.roster import LONGEST_DAYS
from safeborders.server.enrolment import find_revocations, get_kit
from safeborders.server.registry.papers import Listed, find_listed


class PaperState(StrEnum):
    """What a paper is worth."""

    GOOD = "good"
    EXPIRING = "expiring"  # within 30, 7 or 1 days
    EXPIRED = "expired"
    MISSING = "missing"


_STATES = {
    MemberState.ENROLLED: PaperState.GOOD,
    MemberState.EXPIRING: PaperState.EXPIRING,
    MemberState.EXPIRED: PaperState.EXPIRED,
}


@dataclass(frozen=True)
class OwnPaper:
    """One paper of the coordinator's, and where it stands."""

    name: str
    state: PaperState
    within_days: int | None  # while expiring: within 30, 7 or 1 days
    ends_at: datetime | None


class PaperReader(Protocol):
    """Looks at the coordinator's papers anew with each question."""

    def find_listed(self) -> Listed | None:
        """Return whose keys count; None while the countries have signed no roster. Raises RosterRefused."""

    def list_own(self, *, now: datetime) -> Sequence[OwnPaper]:
        """Return the coordinator's own papers as they stand at ``now``."""


class FolderPaperReader:
    """Implements ``PaperReader`` on the coordinator's state folder.

    Args:
        settings: The coordinator's profile.
    """

    def __init__(self, settings: CoordinatorSettings) -> None:
        self._settings = settings

    def find_listed(self) -> Listed | None:
        """Return whose keys count; None while the countries have signed no roster. Raises RosterRefused."""
        return find_listed(Path(self._settings.places.papers))

    def list_own(self, *, now: datetime) -> Sequence[OwnPaper]:
        """Return the coordinator's own papers as they stand at ``now``."""
        return [_judge(name, held, now=now) for name, held in self._validities().items()]

    def _validities(self) -> dict[str, Validity | None]:
        settings, listed = self._settings, self.find_listed()
        issuing = load_certificates(get_kit(settings).issuing.encode())[0]
        revocations = find_revocations(settings)
        return {
            "Certificate of the public edge": certificate_validity(settings.places),
            "Authority that issued it": Validity(issuing.not_valid_before_utc, issuing.not_valid_after_utc),
            "List of revoked certificates": None
            if revocations is None
            else Validity(revocations.issued_at, revocations.next_at),
            # A roster does not say since when it is good: it is warned of as one that runs as long as any may.
            "Roster of keys": None
            if listed is None
            else Validity(listed.expires_at - timedelta(days=LONGEST_DAYS), listed.expires_at),
        }


def _judge(name: str, held: Validity | None, *, now: datetime) -> OwnPaper:
    if held is None:
        return OwnPaper(name, state=PaperState.MISSING, within_days=None, ends_at=None)
    where = judge_validity(held, now=now)
    return OwnPaper(name, state=_STATES[where.state], within_days=where.within_days, ends_at=held.ends_at)
