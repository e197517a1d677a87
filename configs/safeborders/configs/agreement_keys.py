"""The key with which a party signs rosters and agreements: made here, replaced once a roster names its successor."""

from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.signing import create_signing_key, load_signing_key, public_key_hex
from safeborders.models.protocol.roster import Roster


class AgreementKeyPlaces(Protocol):
    """Where the key and its successor are."""

    agreement_key: Path
    next_agreement_key: Path


def open_card_key(places: AgreementKeyPlaces, *, renew: bool) -> Ed25519PrivateKey:
    """Return the agreement key for a card, made now when there is none; with ``renew`` its successor, likewise.

    The successor waits beside the key in force: until the countries have signed a roster that names it, only the old
    one signs for this party.
    """
    path = places.next_agreement_key if renew and places.agreement_key.exists() else places.agreement_key
    return load_signing_key(path) if path.exists() else create_signing_key(path)


def follow_agreement_key(places: AgreementKeyPlaces, *, party: str, roster: Roster) -> bool:
    """Put the successor in the key's place once the roster in force names it; return whether that happened."""
    if not places.next_agreement_key.exists() or party not in roster.members:
        return False
    successor = public_key_hex(load_signing_key(places.next_agreement_key))
    if roster.members[party].agreement != successor:
        return False
    places.next_agreement_key.replace(places.agreement_key)
    return True
