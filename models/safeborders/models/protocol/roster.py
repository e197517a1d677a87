"""Whose keys count: a list that seven of nine countries sign, and that nobody else can change.

The list is TUF root metadata (https://theupdateframework.github.io/specification/, section 5.3): a new version needs
the threshold of the old and of the new one, versions only rise, one at a time, and each expires. The coordinator signs
no list; it signs a timestamp of a day that names the newest one, so it can withhold a revocation for a day, not forge.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]  # its documented exports
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Role, Root  # type: ignore[attr-defined]  # its documented exports

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.envelopes import library_key
from safeborders.kit.errors import SafeBordersError
from safeborders.models.domain.countries import Country
from safeborders.models.domain.materials import COORDINATOR

SMALLEST_FEDERATION = 3
LONGEST_DAYS = 180
_LARGEST_BYTES = 2**18
_OWN = "x-safeborders"
_TIMESTAMP = "timestamp"
_LIBRARY_ERRORS = (RepositoryError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


class RosterRefused(SafeBordersError):
    """A roster, or the timestamp that says it is the newest, cannot be believed."""

    code: ClassVar[str] = "roster.refused"


class KeyRole(StrEnum):
    """What a member's key is for."""

    AGREEMENT = "agreement"  # signs agreements and rosters; off line, on a token
    NODE = "node"  # signs what the node sends and the manifests that it stands behind
    AUDITOR = "auditor"  # co-signs checkpoints of other nodes' logs


@dataclass(frozen=True)
class MemberKeys:
    """Ed25519 public keys of one member, hexadecimal."""

    agreement: str
    node: str
    auditor: str | None = None

    def by_role(self) -> Mapping[KeyRole, str]:
        """Return the keys that there are."""
        keys = {KeyRole.AGREEMENT: self.agreement, KeyRole.NODE: self.node}
        return keys if self.auditor is None else {**keys, KeyRole.AUDITOR: self.auditor}


@dataclass(frozen=True)
class Roster:
    """A list that was believed.

    Attributes:
        federation: Whose it is.
        version: Rises by one with each change.
        expires_at: After it the list is worth nothing.
        members: Keys by party; the coordinator is among them and signs no list.
        threshold: Countries that must sign the next version.
        sha256: Of what was signed.
    """

    federation: str
    version: int
    expires_at: datetime
    members: Mapping[str, MemberKeys]
    threshold: int
    sha256: str

    @property
    def countries(self) -> tuple[str, ...]:
        """Members that are countries."""
        return tuple(name for name in self.members if name != COORDINATOR)

    def keys(self, role: KeyRole) -> Mapping[str, str]:
        """Return every member's key for ``role``, by party."""
        held = ((name, keys.by_role().get(role)) for name, keys in self.members.items())
        return {name: key for name, key in held if key is not None}


def threshold_for(countries: int) -> int:
    """Return how many of ``countries`` must sign: seven ninths, rounded up."""
    return -(-7 * countries // 9)


def draft_roster(federation: str, *, members: Mapping[str, MemberKeys], version: int, expires_at: datetime) -> bytes:
    """Return an unsigned list.

    Raises:
        RosterRefused: If it could not be believed whoever signed it.
    """
    root = Root(version=version, expires=expires_at.astimezone(UTC).replace(microsecond=0))
    countries = [name for name in members if name != COORDINATOR]
    signers = [members[name].agreement for name in countries]
    for name in (Root.type, "targets", "snapshot"):
        root.roles[name] = Role([], threshold_for(len(countries)))
    try:
        for public_hex in signers:
            for name in (Root.type, "targets", "snapshot"):
                root.add_key(library_key(public_hex), name)
        root.add_key(library_key(members[COORDINATOR].node), _TIMESTAMP)
    except (KeyError, ValueError) as error:
        raise RosterRefused("The roster needs the coordinator and a usable key of every member: add them.") from error
    root.unrecognized_fields[_OWN] = {
        "federation": federation,
        "members": {name: dict(keys.by_role()) for name, keys in members.items()},
    }
    _read(root)
    return Metadata(root).to_bytes()


def sign_roster(content: bytes, *, key: Ed25519PrivateKey) -> bytes:
    """Return the list with one more signature. Raises RosterRefused."""
    metadata = parse_roster_metadata(content)
    _read(metadata.signed)  # nobody signs a list that could not be believed
    metadata.sign(CryptoSigner(key), append=True)
    return metadata.to_bytes()


def read_roster(content: bytes) -> Roster:
    """Return what a list says, whoever signed it; for people who are about to sign. Raises RosterRefused."""
    return _read(parse_roster_metadata(content).signed)


def roster_signers(content: bytes) -> tuple[str, ...]:
    """Return the countries of the list whose signature over it holds. Raises RosterRefused."""
    metadata = parse_roster_metadata(content)
    roster = _read(metadata.signed)
    signed = metadata.signed.get_verification_result(Root.type, metadata.signed_bytes, metadata.signatures).signed
    ids = {library_key(key).keyid: name for name, key in roster.keys(KeyRole.AGREEMENT).items()}
    return tuple(sorted(ids[identifier] for identifier in signed))


def open_first_roster(content: bytes, *, fingerprint: str, now: datetime) -> Roster:
    """Return the first list that a country believes: the one whose fingerprint was read out to it.

    Args:
        content: Signed list.
        fingerprint: As ``roster_fingerprint`` gives it, read out by another country, never by the coordinator alone.
        now: The time.

    Raises:
        RosterRefused: If fingerprint, threshold or expiry does not hold.
    """
    roster = _verified(content, previous=None)
    if roster_fingerprint(roster) != fingerprint.strip().lower():
        raise RosterRefused("The roster's fingerprint differs from the one read out: do not go on, call the others.")
    check_not_expired(roster, now=now)
    return roster


def follow_roster(content: bytes, *, trusted: bytes, now: datetime) -> Roster:
    """Return the next list if the threshold of the trusted one and its own have signed it.

    Args:
        content: Signed list whose version is one above the trusted one; the trusted one itself is no change.
        trusted: The list that is kept, as it was believed.
        now: The time.

    Raises:
        RosterRefused: If it is older, skips a version, lacks signatures, is of another federation, or has expired.
    """
    current, following = read_roster(trusted), read_roster(content)
    if following.sha256 == current.sha256:
        return current
    if following.federation != current.federation:
        raise RosterRefused("The roster is of another federation: get the one of yours.")
    if following.version != current.version + 1:
        raise RosterRefused("The roster is not the next version: an older one, or one was skipped; get them in order.")
    roster = _verified(content, previous=parse_roster_metadata(trusted).signed)
    check_not_expired(roster, now=now)
    return roster


def check_not_expired(roster: Roster, *, now: datetime) -> None:
    """Raise RosterRefused if the list has expired or runs longer than anybody may sign it for."""
    if not now < roster.expires_at <= now + timedelta(days=LONGEST_DAYS):
        raise RosterRefused(
            f"The roster has expired or runs over {LONGEST_DAYS} days: the countries must sign a new one."
        )


def roster_fingerprint(roster: Roster) -> str:
    """Return the short form that two people read to each other: 128 bits in groups of four digits."""
    digits = roster.sha256[:32]
    return "-".join(digits[start : start + 4] for start in range(0, 32, 4))


def _verified(content: bytes, *, previous: Root | None) -> Roster:
    metadata = parse_roster_metadata(content)
    roster = _read(metadata.signed)
    try:
        result = metadata.signed.get_root_verification_result(previous, metadata.signed_bytes, metadata.signatures)
    except _LIBRARY_ERRORS as error:
        raise RosterRefused("The roster's signatures cannot be checked: get it again.") from error
    if not result.verified:
        missing = max(result.first.missing, result.second.missing)
        raise RosterRefused(
            f"The roster lacks {missing} signature(s) of countries: it changes nothing until they sign."
        )
    return roster


def parse_roster_metadata(content: bytes) -> Metadata[Root]:
    """Return TUF's own object; nothing about its signatures is said. Raises RosterRefused."""
    try:
        document = json.loads(content[:_LARGEST_BYTES], object_pairs_hook=_no_pair_twice)
        metadata: Metadata[Root] = Metadata.from_dict(document)
    except _LIBRARY_ERRORS as error:
        raise RosterRefused("The file is no roster: ask its sender for it again.") from error
    if not isinstance(metadata.signed, Root):
        raise RosterRefused("The file is signed metadata, but no roster: name the right file.")
    return metadata


def _no_pair_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def _read(root: Root) -> Roster:
    """Return what the list says if TUF's part and ours say the same."""
    try:
        own = root.unrecognized_fields[_OWN]
        members = {name: MemberKeys(**keys) for name, keys in own["members"].items()}
        roster = Roster(
            federation=str(own["federation"]),
            version=root.version,
            expires_at=root.expires.astimezone(UTC),
            members=members,
            threshold=root.roles[Root.type].threshold,
            sha256=sha256_hex(Metadata(root).signed_bytes),
        )
        flaw = _find_flaw(root, roster=roster)
    except _LIBRARY_ERRORS as error:
        raise RosterRefused("The roster has an unknown form: both ends need the same version.") from error
    if flaw:
        raise RosterRefused(flaw)
    return roster


def _find_flaw(root: Root, *, roster: Roster) -> str:
    countries = roster.countries
    every = [key for keys in roster.members.values() for key in keys.by_role().values()]
    agreement_ids = {library_key(roster.members[name].agreement).keyid for name in countries}
    timestamp_ids = {library_key(roster.members[COORDINATOR].node).keyid}
    rules = (
        (set(countries) <= set(Country), "The roster names somebody who is no country: correct it."),
        (len(countries) >= SMALLEST_FEDERATION, "The roster has fewer than three countries: nobody could hide in it."),
        (
            all(library_key(key).keyval["public"] == key for key in every),  # the one way to write a key
            "The roster holds a key that is not written as 64 lower-case hexadecimal digits: correct it.",
        ),
        (len(set(every)) == len(every), "The roster holds one key twice: every member and role needs its own."),
        (roster.threshold >= threshold_for(len(countries)), "The roster asks for too few signatures: seven ninths."),
        (roster.threshold <= len(countries), "The roster asks for more signatures than there are countries."),
        (set(root.roles[Root.type].keyids) == agreement_ids, "The roster's signers are not its countries: correct it."),
        (set(root.roles[_TIMESTAMP].keyids) == timestamp_ids, "The roster's timestamp is not the coordinator's."),
        (
            all(library_key(key.keyval["public"]).keyid == name for name, key in root.keys.items()),
            "The roster holds a key under another key's identifier: correct it.",
        ),
    )
    return next((sentence for holds, sentence in rules if not holds), "")
