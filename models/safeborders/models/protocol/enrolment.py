"""How a country joins: a request with public keys only, and the signed kit with which the off-line authority answers.

Each side reads out a fingerprint to the other over a second channel; a document whose key has another fingerprint than
the one that was read out is refused. No private key is in either document.
"""

import json
from datetime import datetime
from typing import ClassVar, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field, ValidationError

from safeborders.kit.canonical import canonical_json, sha256_hex
from safeborders.kit.envelopes import EnvelopeRefused, add_signature, find_signers, open_envelope, seal
from safeborders.kit.errors import SafeBordersError
from safeborders.kit.signing import is_signed_by
from safeborders.models.domain.countries import Country
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.plan import Frozen

KIT = "application/vnd.safeborders.kit+json"
_Federation = Field(min_length=1, max_length=64)
_PublicKey = Field(pattern=r"^[0-9a-f]{64}$", description="Ed25519 public key, hexadecimal.")
_AUTHORITY = "authority"


class EnrolmentRefused(SafeBordersError):
    """A request or a kit cannot be believed."""

    code: ClassVar[str] = "federation.enrolment_refused"


class EnrolmentRequest(Frozen):
    """What a country sends to join, or to renew its certificate: names and public keys."""

    federation: str = _Federation
    country: Country = Field(strict=False)
    signing_key: str = _PublicKey
    flower_key: str = Field(max_length=2000, description="Public key that Flower knows the node by, PEM.")
    certificate_request: str = Field(max_length=4000, description="X.509 certificate signing request, PEM.")
    epsilon_cap: float = Field(gt=0, le=100, description="What the country declares to spend at most; it enforces it.")

    @property
    def party(self) -> str:
        """Who asks."""
        return self.country.value


class EdgeRequest(Frozen):
    """What the coordinator sends for the certificate of its public edge."""

    federation: str = _Federation
    edge_names: tuple[str, ...] = Field(min_length=1, max_length=16, strict=False)
    signing_key: str = _PublicKey
    certificate_request: str = Field(max_length=4000, description="X.509 certificate signing request, PEM.")

    @property
    def party(self) -> str:
        """Who asks."""
        return COORDINATOR


Request = EnrolmentRequest | EdgeRequest


class Kit(Frozen):
    """What the authority answers: the party's certificate, and whom to trust."""

    federation: str = _Federation
    party: str = Field(pattern=r"^(coordinator|[a-z]{2}(-[a-z]{2})?)$")
    signing_key: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the party; the kit is for this key alone.")
    flower_key: str = Field(max_length=2000, description="Of the party; empty for the coordinator.")
    authority_key: str = _PublicKey
    coordinator_key: str = _PublicKey
    edge_names: tuple[str, ...] = Field(max_length=16, description="Names under which the coordinator answers.")
    root: str = Field(max_length=8000, description="Certificate of the root authority, PEM.")
    issuing: str = Field(max_length=8000, description="Certificate of the authority that issues, PEM.")
    certificate: str = Field(max_length=8000, description="The party's TLS certificate, PEM.")
    revocations: str = Field(max_length=200_000, description="Newest list of revoked certificates, PEM.")
    roster: str = Field(max_length=300_000, description="Newest roster of keys; empty while the countries have none.")
    issued_at: datetime


class SignedRequest(Frozen):
    """A request with a signature over its canonical JSON."""

    document: dict[str, object]
    signature: str = Field(pattern=r"^[0-9a-f]{128}$")

    @classmethod
    def sign(cls, document: Request, *, key: Ed25519PrivateKey) -> Self:
        """Sign ``document`` with ``key``."""
        content = document.model_dump(mode="json")
        return cls(document=content, signature=key.sign(canonical_json(content)).hex())

    def to_bytes(self) -> bytes:
        """Return the file that travels: JSON that a person can read."""
        return json.dumps(self.model_dump(mode="json"), indent=1).encode()


def fingerprint(public_key: str) -> str:
    """Return the short form of a public key that two people read to each other: 128 bits in groups of four digits."""
    digits = sha256_hex(bytes.fromhex(public_key))[:32]
    return "-".join(digits[start : start + 4] for start in range(0, 32, 4))


def check_fingerprint(public_key: str, *, spoken: str) -> None:
    """Return if ``public_key`` is the one whose fingerprint was read out. Raises EnrolmentRefused."""
    if fingerprint(public_key) != spoken.strip().lower():
        raise EnrolmentRefused("The fingerprint differs from the one read out: do not go on, call the other side.")


def read_request(content: bytes) -> Request:
    """Return the request in ``content``, signed by the key that it names; whose key that is, nothing here says.

    Raises:
        EnrolmentRefused: If the form or the signature does not hold.
    """
    try:
        signed = SignedRequest.model_validate_json(content)
        kind = EdgeRequest if "edge_names" in signed.document else EnrolmentRequest
        request = kind.model_validate(signed.document)
        body = canonical_json(signed.document)
    except (ValidationError, ValueError) as error:
        raise EnrolmentRefused("The file is no request to join: ask its sender for it again.") from error
    if not is_signed_by(request.signing_key, signature=bytes.fromhex(signed.signature), content=body):
        raise EnrolmentRefused("The document was altered after it was signed: ask its sender for it again.")
    return request


def issue_kit(kit: Kit, *, key: Ed25519PrivateKey) -> bytes:
    """Return ``kit`` in an envelope that the authority signed."""
    return add_signature(seal(canonical_json(kit.model_dump(mode="json")), kind=KIT), kind=KIT, key=key)


def open_kit(content: bytes, *, spoken: str = "", authority_key: str = "") -> Kit:
    """Return the kit in ``content`` if the authority signed it.

    Args:
        content: The file.
        spoken: The authority's fingerprint as it was read out, for a party that keeps no kit yet.
        authority_key: The authority's key from the kit that is kept; counts before ``spoken``.

    Raises:
        EnrolmentRefused: If form, signature or fingerprint does not hold.
    """
    try:
        kit = Kit.model_validate_json(open_envelope(content, kind=KIT))
    except (ValidationError, EnvelopeRefused) as error:
        raise EnrolmentRefused("The file is no kit of an authority: ask for it again.") from error
    if authority_key:
        if kit.authority_key != authority_key:
            raise EnrolmentRefused("The kit is of another authority than the one that is trusted here: call it.")
    else:
        check_fingerprint(kit.authority_key, spoken=spoken)
    if not find_signers(content, kind=KIT, keys={_AUTHORITY: kit.authority_key}):
        raise EnrolmentRefused("The kit was altered after it was signed: ask for it again.")
    return kit
