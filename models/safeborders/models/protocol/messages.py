"""Signed messages between the coordinator and a country.

A header says what a payload is for; its Ed25519 signature covers the canonical JSON of (kind, federation, run,
round, country, sequence, plan hash, base model hash, payload hash), so that a payload can be neither swapped, nor
replayed into another round, nor claimed for another country. Flower's own authentication binds none of these.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field, ValidationError

from safeborders.kit.canonical import canonical_json, sha256_hex
from safeborders.kit.errors import SafeBordersError
from safeborders.kit.signing import is_signed_by
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import PROTOCOL_VERSION, RUN_NAME, Frozen, Sha256

EMPTY_SHA256 = sha256_hex(b"")


class MessageRefused(SafeBordersError):
    """A message is malformed, wrongly signed, or not for this place and time."""

    code: ClassVar[str] = "federation.message_refused"


class Kind(StrEnum):
    """What a message asks or brings."""

    TRAIN = "train"  # coordinator → country: plan and model; answer with an update
    UPDATE = "update"  # country → coordinator: a noisy, integer sum
    ACTIVATE = "activate"  # coordinator → country: the run's final model; answer with a receipt
    RECEIPT = "receipt"  # country → coordinator: done, nothing else
    KEYS = "keys"  # coordinator → country: a round of secure aggregation begins; answer with an ephemeral key
    ADVERT = "advert"  # country → coordinator: its signed ephemeral key
    SURVIVORS = "survivors"  # coordinator → country: whose masked updates arrived; answer with a confirmation
    CONFIRMATION = "confirmation"  # country → coordinator: it has seen this set, and no other
    OPENING = "opening"  # coordinator → country: the confirmations of all survivors; answer with the seeds
    REVEAL = "reveal"  # country → coordinator: the seeds that open the sum
    CHECKPOINT = "checkpoint"  # coordinator → country: sizes that others saw; answer with a statement of the own log
    STATEMENT = "statement"  # country → coordinator: the signed note of its log, with proofs
    WITNESS = "witness"  # coordinator → country: all statements; answer with findings
    FINDINGS = "findings"  # country → coordinator: co-signatures, and what it refuses to sign
    COSIGNED = "cosigned"  # coordinator → country: the notes with the co-signatures; answer with a receipt


REPLY_TO: Mapping[Kind, Kind] = {
    Kind.TRAIN: Kind.UPDATE,
    Kind.ACTIVATE: Kind.RECEIPT,
    Kind.KEYS: Kind.ADVERT,
    Kind.SURVIVORS: Kind.CONFIRMATION,
    Kind.OPENING: Kind.REVEAL,
    Kind.CHECKPOINT: Kind.STATEMENT,
    Kind.WITNESS: Kind.FINDINGS,
    Kind.COSIGNED: Kind.RECEIPT,
}
"""What an honest country answers to each kind of order."""

WATCHING = frozenset({Kind.CHECKPOINT, Kind.WITNESS, Kind.COSIGNED})
"""Orders about logs: they belong to no round, need no agreement, and bring no plan."""


class Header(Frozen):
    """What a signature binds a payload to."""

    version: int = Field(default=PROTOCOL_VERSION, ge=1, le=1)
    kind: Kind = Field(strict=False)
    federation: str = Field(min_length=1, max_length=64)
    run: str = Field(pattern=RUN_NAME)
    round: int = Field(ge=0, le=1000)
    country: Country = Field(strict=False)
    sequence: int = Field(ge=0, le=2**53 - 1)
    plan_sha256: Sha256
    base_model_sha256: Sha256
    payload_sha256: Sha256


class SignedMessage(Frozen):
    """A header with the signature over it and the payload that it names."""

    header: Header
    signature: bytes = Field(min_length=64, max_length=64)
    payload: bytes

    @property
    def header_bytes(self) -> bytes:
        """The exact bytes that are signed."""
        return canonical_json(self.header.model_dump(mode="json"))


def sign_message(header: Header, *, payload: bytes, key: Ed25519PrivateKey) -> SignedMessage:
    """Sign ``header`` for ``payload``.

    Raises:
        ValueError: If the header does not name this payload.
    """
    if header.payload_sha256 != sha256_hex(payload):
        raise ValueError("header.payload_sha256 must be the SHA-256 of payload.")
    content = canonical_json(header.model_dump(mode="json"))
    return SignedMessage(header=header, signature=key.sign(content), payload=payload)


def parse_message(header_bytes: bytes, *, signature: bytes, payload: bytes, public_key: str) -> SignedMessage:
    """Return the message if its form, its payload hash and its signature hold.

    Args:
        header_bytes: Canonical JSON as it arrived.
        signature: 64 bytes over ``header_bytes``.
        payload: The bytes that the header names.
        public_key: Ed25519 key of the claimed sender from our own roster, hexadecimal.

    Raises:
        MessageRefused: If anything does not hold; the sentence says what, never what was in it.
    """
    if not is_signed_by(public_key, signature=signature, content=header_bytes):
        raise MessageRefused("The message is not signed by its sender's key in the roster: it was ignored.")
    try:
        header = Header.model_validate_json(header_bytes)
        message = SignedMessage(header=header, signature=signature, payload=payload)
    except ValidationError as error:
        raise MessageRefused("The message has an unknown form: both ends need the same version.") from error
    if message.header_bytes != header_bytes:
        raise MessageRefused("The message is not canonical JSON: both ends need the same version.")
    if header.payload_sha256 != sha256_hex(payload):
        raise MessageRefused("The payload is not the one that was signed: it was ignored.")
    return message


def check_order(message: SignedMessage, *, coordinator_key: str, federation: str, country: Country) -> None:
    """Refuse an order unless the coordinator signed it for this federation and country, and countries answer its kind.

    Raises:
        MessageRefused: If anything does not hold.
    """
    header = message.header
    if not is_signed_by(coordinator_key, signature=message.signature, content=message.header_bytes):
        raise MessageRefused("The message is not signed by the coordinator: it was ignored.")
    if header.payload_sha256 != sha256_hex(message.payload):
        raise MessageRefused("The payload is not the one that was signed: it was ignored.")
    if (header.federation, header.country) != (federation, country):
        raise MessageRefused("The message is for another federation or country: it was ignored.")
    if header.kind not in REPLY_TO:
        raise MessageRefused("The message asks for nothing that a country does: it was ignored.")


def answer_to(message: SignedMessage, *, payload: bytes, key: Ed25519PrivateKey) -> SignedMessage:
    """Return the signed answer to an order: its header, with the answering kind and this payload."""
    changes = {"kind": REPLY_TO[message.header.kind], "payload_sha256": sha256_hex(payload)}
    return sign_message(message.header.model_copy(update=changes), payload=payload, key=key)


def country_of(header_bytes: bytes) -> Country:
    """Return the country that a header names, before its signature is checked, to find the key to check it with.

    Raises:
        MessageRefused: If there is none.
    """
    try:
        claimed: Mapping[str, object] = json.loads(header_bytes)
        return Country(str(claimed["country"]))
    except (ValueError, KeyError, TypeError) as error:
        raise MessageRefused("The message names no known country: both ends need the same version.") from error
