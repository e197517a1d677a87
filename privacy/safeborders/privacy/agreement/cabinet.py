"""Where a party keeps roster, agreement, declarations, timestamps and evidence, and how a newer one comes in.

Nothing is ever taken out: the newest of a kind counts, so that an older one cannot come back. Whoever calls a document
valid is the roster that is kept, never the file that brings it.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from safeborders.models.domain.countries import Country
from safeborders.models.protocol.freshness import check_timestamp
from safeborders.models.protocol.roster import (
    KeyRole,
    Roster,
    RosterRefused,
    follow_roster,
    open_first_roster,
    read_roster,
)
from safeborders.privacy.agreement.decisions import Reason
from safeborders.privacy.agreement.errors import AgreementAbsent
from safeborders.privacy.agreement.evidence import AnonymityEvidence, read_evidence, verify_evidence
from safeborders.privacy.agreement.signing import check_succession, read_agreement, verify
from safeborders.privacy.agreement.standing import Standing, examine
from safeborders.privacy.agreement.termination import Termination, parse_termination, read_termination
from safeborders.privacy.agreement.terms import Agreement


class PaperKind(StrEnum):
    """What is kept."""

    ROSTER = "roster"
    AGREEMENT = "agreement"
    TERMINATION = "termination"
    TIMESTAMP = "timestamp"
    EVIDENCE = "evidence"


class PaperStore(Protocol):
    """Append-only; the last paper of a kind is the newest."""

    def add(self, kind: PaperKind, content: bytes, *, at: datetime) -> None:
        """Keep ``content`` durably behind all others of its kind."""

    def list_papers(self, kind: PaperKind) -> Sequence[bytes]:
        """Return all papers of a kind, oldest first."""

    def find_newest(self, kind: PaperKind) -> bytes | None:
        """Return the newest paper of a kind, or None."""


class Cabinet:
    """A party's papers.

    Args:
        store: Where they are kept.
    """

    def __init__(self, store: PaperStore) -> None:
        self._store = store
        self._looked: tuple[tuple[bytes | None, bytes | None, int], Standing] | None = None

    def trust_first_roster(self, content: bytes, *, fingerprint: str, now: datetime) -> Roster:
        """Keep the first roster, whose fingerprint was read out by another country.

        Raises:
            RosterRefused: If it cannot be believed, or another one is kept already.
        """
        if self._store.find_newest(PaperKind.ROSTER) is not None:
            raise RosterRefused("A roster is kept already: follow it with the next version.")
        roster = open_first_roster(content, fingerprint=fingerprint, now=now)
        self._store.add(PaperKind.ROSTER, content, at=now)
        return roster

    def follow(self, content: bytes, *, now: datetime) -> Roster:
        """Keep the next version of the roster; the same again changes nothing. Raises RosterRefused."""
        trusted = self._get_roster_bytes()
        roster = follow_roster(content, trusted=trusted, now=now)
        if roster.sha256 != read_roster(trusted).sha256:
            self._store.add(PaperKind.ROSTER, content, at=now)
        return roster

    def adopt(self, content: bytes, *, now: datetime) -> Agreement:
        """Keep an agreement that all parties signed and that succeeds the one that is kept.

        Raises:
            RosterRefused: If no roster is kept, so that no signature can be believed.
            SignaturesMissing: If a party has not signed.
            AgreementRolledBack: If it is not the next version.
        """
        agreement = verify(content, keys=self.roster().keys(KeyRole.AGREEMENT))
        kept = self._store.find_newest(PaperKind.AGREEMENT)
        current = None if kept is None else read_agreement(kept)
        check_succession(agreement, current=current)
        if content != kept:  # the same words may come again with the signature of a rotated key
            self._store.add(PaperKind.AGREEMENT, content, at=now)
        return agreement

    def end(self, content: bytes, *, now: datetime) -> Termination:
        """Keep a party's declaration that the agreement ends. Raises RosterRefused or SignaturesMissing."""
        termination = parse_termination(content, keys=self.roster().keys(KeyRole.AGREEMENT))
        if content not in self._store.list_papers(PaperKind.TERMINATION):
            self._store.add(PaperKind.TERMINATION, content, at=now)
        return termination

    def roster(self) -> Roster:
        """Return the roster in force. Raises RosterRefused if none is kept."""
        return read_roster(self._get_roster_bytes())

    def roster_bytes(self) -> bytes:
        """Return the roster in force as it was signed. Raises RosterRefused if none is kept."""
        return self._get_roster_bytes()

    def earlier_node_keys(self, party: str) -> frozenset[str]:
        """Return the node keys that ``party`` ever had in a roster kept here."""
        rosters = (read_roster(content) for content in self._store.list_papers(PaperKind.ROSTER))
        return frozenset(roster.members[party].node for roster in rosters if party in roster.members)

    def agreement(self) -> Agreement:
        """Return the agreement that is kept, whether it binds or not. Raises AgreementAbsent."""
        kept = self._store.find_newest(PaperKind.AGREEMENT)
        if kept is None:
            raise AgreementAbsent("No agreement is kept here: adopt the one that all parties signed.")
        return read_agreement(kept)

    def check_fresh(self, timestamp: bytes, *, now: datetime) -> None:
        """Believe that the roster is the newest, on the coordinator's word of today.

        Raises:
            RosterRefused: If the timestamp does not say so, or is older than one seen before.
        """
        kept = self._store.find_newest(PaperKind.TIMESTAMP)
        last = 0 if kept is None else int(kept)
        version = check_timestamp(timestamp, roster=self._get_roster_bytes(), last_version=last, now=now)
        if version > last:
            self._store.add(PaperKind.TIMESTAMP, f"{version}".encode(), at=now)

    def keep_evidence(self, content: bytes, *, now: datetime) -> AnonymityEvidence:
        """Keep what a country signed about a model, for or against it; the same again changes nothing.

        Raises:
            RosterRefused: If no roster is kept, so that no signature can be believed.
            EvidenceRefused: If it is no evidence, or not signed by the country that it speaks for.
        """
        evidence = verify_evidence(content, keys=self.roster().keys(KeyRole.NODE))
        if content not in self._store.list_papers(PaperKind.EVIDENCE):
            self._store.add(PaperKind.EVIDENCE, content, at=now)
        return evidence

    def list_evidence(self, run: str) -> tuple[bytes, ...]:
        """Return what is kept about models of ``run``, as it was signed; what it is worth is asked later."""
        kept = self._store.list_papers(PaperKind.EVIDENCE)
        return tuple(one for one in kept if read_evidence(one).run == run)

    def own_evidence(self, country: Country) -> tuple[AnonymityEvidence, ...]:
        """Return what ``country`` signed and is kept here, oldest first; it was verified when it was kept."""
        kept = (read_evidence(one) for one in self._store.list_papers(PaperKind.EVIDENCE))
        return tuple(one for one in kept if one.country is country)

    def standing(self) -> Standing:
        """Return how the agreement stands by the papers of this moment; signatures are checked once per change."""
        kept, roster = self._store.find_newest(PaperKind.AGREEMENT), self._store.find_newest(PaperKind.ROSTER)
        endings = self._store.list_papers(PaperKind.TERMINATION)
        state = (kept, roster, len(endings))
        if self._looked is None or self._looked[0] != state:
            self._looked = (state, _examine(kept, roster=roster, endings=endings))
        return self._looked[1]

    def _get_roster_bytes(self) -> bytes:
        kept = self._store.find_newest(PaperKind.ROSTER)
        if kept is None:
            raise RosterRefused("No roster of keys is kept here: trust the first one by its fingerprint.")
        return kept


def _examine(kept: bytes | None, *, roster: bytes | None, endings: Sequence[bytes]) -> Standing:
    if kept is not None and roster is None:
        return Standing(agreement=None, flaw=Reason.NOT_SIGNED)
    keys = {} if roster is None else read_roster(roster).keys(KeyRole.AGREEMENT)
    return examine(kept, keys=keys, terminations=[read_termination(one) for one in endings])
