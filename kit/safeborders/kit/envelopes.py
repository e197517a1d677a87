"""Signed documents in DSSE envelopes (securesystemslib): one payload, its type, and Ed25519 signatures of several.

The type is signed with the payload, so that a document of one kind never passes for another. A signature counts only
for a key that the caller trusts and names; key identifiers in the file decide nothing.
"""

import json
from collections.abc import Mapping
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import FormatError, VerificationError
from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]  # its documented exports

from safeborders.kit.errors import SafeBordersError

LARGEST_BYTES = 2**20


class EnvelopeRefused(SafeBordersError):
    """The file is no envelope of the expected type."""

    code: ClassVar[str] = "envelope.refused"


def library_key(public_hex: str) -> SSlibKey:
    """Return the Ed25519 key as securesystemslib and TUF hold it; its identifier is a hash of the key itself."""
    return SSlibKey.from_crypto(Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_hex)))


def seal(payload: bytes, *, kind: str) -> bytes:
    """Return an envelope of type ``kind`` around ``payload`` that nobody has signed."""
    return _to_bytes(Envelope(payload, kind, {}))


def add_signature(content: bytes, *, kind: str, key: Ed25519PrivateKey) -> bytes:
    """Return the envelope with a signature of ``key``; signing twice changes nothing. Raises EnvelopeRefused."""
    envelope = _parse(content, kind=kind)
    envelope.sign(CryptoSigner(key))
    return _to_bytes(envelope)


def open_envelope(content: bytes, *, kind: str) -> bytes:
    """Return the payload; nothing about signatures is said. Raises EnvelopeRefused."""
    return _parse(content, kind=kind).payload


def find_signers(content: bytes, *, kind: str, keys: Mapping[str, str]) -> frozenset[str]:
    """Return whose signatures hold.

    Args:
        content: The envelope.
        kind: The only acceptable type of payload.
        keys: Ed25519 public keys, hexadecimal, by the name of their holder.

    Raises:
        EnvelopeRefused: If it is no envelope of this type.
        ValueError: If two holders have one key: each would sign for the other.
    """
    envelope = _parse(content, kind=kind)
    if len(set(keys.values())) != len(keys):
        raise ValueError("keys must be of different holders. Got one key twice.")
    return frozenset(name for name, public_hex in keys.items() if _has_signed(envelope, public_hex))


def _has_signed(envelope: Envelope, public_hex: str) -> bool:
    try:
        envelope.verify([library_key(public_hex)], 1)
    except (VerificationError, ValueError):  # the second: the bytes of the key are no point of the curve
        return False
    return True


def _parse(content: bytes, *, kind: str) -> Envelope:
    try:
        envelope = Envelope.from_dict(json.loads(content[:LARGEST_BYTES]))  # cut off, a larger one is no JSON
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, FormatError) as error:
        raise EnvelopeRefused("The file is no signed document: ask its sender for it again.") from error
    if envelope.payload_type != kind:
        raise EnvelopeRefused("The file is a signed document of another kind: name the right file.")
    return envelope


def _to_bytes(envelope: Envelope) -> bytes:
    return json.dumps(envelope.to_dict(), indent=1).encode()
