"""That a roster is the newest: a TUF timestamp of one day, signed by the coordinator, about exactly one version.

In TUF a timestamp names a snapshot; our repository's only snapshot is the roster, so its version, length and SHA-256
stand there. Whoever holds back a new roster can do so until the day is over, and forge nothing.
"""

import json
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner  # type: ignore[attr-defined]  # its documented exports
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Timestamp  # type: ignore[attr-defined]  # its documented exports

from safeborders.models.protocol.roster import (
    RosterRefused,
    check_not_expired,
    parse_roster_metadata,
    read_roster,
)

FRESH_HOURS = 24
CLOCK_SKEW = timedelta(minutes=5)
_ERRORS = (RepositoryError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
_LARGEST_BYTES = 2**16


def issue_timestamp(roster: bytes, *, key: Ed25519PrivateKey, now: datetime) -> bytes:
    """Return the coordinator's word that ``roster`` is the newest, good for a day.

    Its own version is the second of issue: a later timestamp has a higher one without anything being kept.

    Raises:
        RosterRefused: If it is no roster.
    """
    stamp = Timestamp(
        version=int(now.timestamp()),
        expires=(now.astimezone(UTC) + timedelta(hours=FRESH_HOURS)).replace(microsecond=0),
        snapshot_meta=_about(roster),
    )
    metadata = Metadata(stamp)
    metadata.sign(CryptoSigner(key))
    return metadata.to_bytes()


def check_timestamp(content: bytes, *, roster: bytes, last_version: int, now: datetime) -> int:
    """Return the timestamp's version if it says, today, that ``roster`` is the newest.

    Args:
        content: The timestamp.
        roster: The roster that is believed.
        last_version: Highest version of a timestamp seen so far; 0 at first.
        now: The time.

    Raises:
        RosterRefused: If it is not the coordinator's, is about another roster, is older than one seen, has expired, or
            promises more than a day.
    """
    root = parse_roster_metadata(roster).signed
    try:
        metadata: Metadata[Timestamp] = Metadata.from_dict(json.loads(content[:_LARGEST_BYTES]))
        stamp = metadata.signed
        if not isinstance(stamp, Timestamp):
            raise RosterRefused("The file is no timestamp of a roster: ask the coordinator for it.")
        root.verify_delegate(Timestamp.type, metadata.signed_bytes, metadata.signatures)
        is_about_ours = stamp.snapshot_meta == _about(roster)
    except _ERRORS as error:
        raise RosterRefused("The roster's timestamp is not signed by the coordinator: do not go on.") from error
    if not is_about_ours:
        raise RosterRefused("The coordinator says that there is another roster: get the newest one.")
    if stamp.version < last_version:
        raise RosterRefused("The roster's timestamp is older than one seen before: ask the coordinator for today's.")
    if not now < stamp.expires.astimezone(UTC) <= now + timedelta(hours=FRESH_HOURS) + CLOCK_SKEW:
        raise RosterRefused("The roster's timestamp is not of today: ask the coordinator for a new one.")
    check_not_expired(read_roster(roster), now=now)
    return stamp.version


def _about(roster: bytes) -> MetaFile:
    read = read_roster(roster)
    return MetaFile(version=read.version, hashes={"sha256": read.sha256})
