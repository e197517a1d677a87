"""Who belongs to the federation: the values and the port; the coordinator's commands and pages use both."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from safeborders.models.domain.countries import Country
from safeborders.models.protocol.membership import Validity


class RosterState(StrEnum):
    """Where a country stands in the federation."""

    REQUESTED = "requested"  # asked to join; fingerprints are not compared yet
    ENROLLED = "enrolled"
    REVOKED = "revoked"  # its keys are refused for ever


@dataclass(frozen=True)
class NodeIdentity:
    """What a country is known by."""

    signing_key: str  # Ed25519 public key, 64 hexadecimal digits
    flower_key: str  # public key of its Flower node, PEM
    epsilon_cap: float | None = None  # what the country declares that it will spend at most; it enforces it itself
    flower_node_id: str | None = None  # 64 unsigned bits in decimal: more than an SQL integer holds


@dataclass(frozen=True)
class MemberCertificate:
    """A TLS certificate that the authority issued to a country, and whether it was taken back."""

    country: Country
    sha256: str  # of its DER form, hexadecimal
    serial: str  # hexadecimal
    starts_at: datetime
    ends_at: datetime
    revoked_at: datetime | None = None

    @property
    def validity(self) -> Validity:
        """From when until when it counts."""
        return Validity(starts_at=self.starts_at, ends_at=self.ends_at)


@dataclass(frozen=True)
class RosterEntry:
    """A country in the roster, with the one of its certificates that lasts longest; None while it has none."""

    country: Country
    state: RosterState
    identity: NodeIdentity
    changed_at: datetime
    certificate: MemberCertificate | None = None


class Roster(Protocol):
    """The list of countries. Every method is one durable transaction."""

    def request(self, country: Country, *, identity: NodeIdentity, now: datetime) -> None:
        """Note that ``country`` asks to join.

        Raises:
            Conflict: If the country is enrolled, or the signing key is or was in use.
        """

    def admit(self, country: Country, *, identity: NodeIdentity, certificate: MemberCertificate, now: datetime) -> None:
        """Enrol ``country`` with these keys and one more certificate; the same call twice changes nothing.

        Raises:
            Conflict: If the country is enrolled with another signing key, or the key is or was in use, or the
                certificate was revoked.
        """

    def revoke(self, country: Country, *, now: datetime) -> None:
        """Refuse the keys and all certificates of ``country`` from now on. Raises NotFound."""

    def revoke_certificates(self, serials: Collection[str], *, now: datetime) -> Sequence[MemberCertificate]:
        """Refuse the certificates with these serial numbers from now on; return those that were good until now."""

    def list_certificates(self) -> Sequence[MemberCertificate]:
        """Return all certificates of enrolled countries, revoked ones too, by country."""

    def set_flower_node(self, country: Country, *, node_id: str) -> None:
        """Remember the Flower node id of ``country``. Raises NotFound."""

    def get_entry(self, country: Country) -> RosterEntry:
        """Return the entry of ``country``. Raises NotFound."""

    def list_roster(self) -> Sequence[RosterEntry]:
        """Return all entries, by country code."""
