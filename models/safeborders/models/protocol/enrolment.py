"""How a country joins: a request with public keys only, and the coordinator's signed answer.

Both sides read out a fingerprint to each other over a second channel; a document whose fingerprint differs from the
one that was read out is refused. No private key is in either document.
"""

import json
from typing import ClassVar, Self, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field, ValidationError

from safeborders.kit.canonical import canonical_json, sha256_hex
from safeborders.kit.errors import SafeBordersError
from safeborders.kit.signing import is_signed_by, public_key_hex
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import Frozen

PublicKey = Field(pattern=r"^[0-9a-f]{64}$", description="Ed25519 public key, hexadecimal.")


class EnrolmentRefused(SafeBordersError):
    """A request or an admission cannot be believed."""

    code: ClassVar[str] = "federation.enrolment_refused"


class EnrolmentRequest(Frozen):
    """What a country sends to join: names and public keys."""

    federation: str = Field(min_length=1, max_length=64)
    country: Country = Field(strict=False)
    signing_key: str = PublicKey
    flower_key: str = Field(max_length=2000, description="Public key that Flower knows the node by, PEM.")
    certificate_request: str = Field(max_length=4000, description="X.509 certificate signing request, PEM.")
    epsilon_cap: float = Field(gt=0, le=100, description="What the country declares to spend at most; it enforces it.")


class Admission(Frozen):
    """What the coordinator answers: whom to trust and the country's certificate."""

    federation: str = Field(min_length=1, max_length=64)
    country: Country = Field(strict=False)
    signing_key: str = PublicKey
    coordinator_key: str = PublicKey
    authority: str = Field(max_length=8000, description="Certificate of the federation's authority, PEM.")
    certificate: str = Field(max_length=8000, description="The country's TLS client certificate, PEM.")


Document = TypeVar("Document", EnrolmentRequest, Admission)


class SignedDocument(Frozen):
    """A document with a signature over its canonical JSON."""

    document: dict[str, object]
    signature: str = Field(pattern=r"^[0-9a-f]{128}$")

    @classmethod
    def sign(cls, document: EnrolmentRequest | Admission, *, key: Ed25519PrivateKey) -> Self:
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


def parse_request(content: bytes, *, expected: str) -> EnrolmentRequest:
    """Return the request in ``content`` if its key has the fingerprint ``expected`` and signed it.

    Raises:
        EnrolmentRefused: If the form, the signature or the fingerprint does not hold.
    """
    signed, request = _parse(content, EnrolmentRequest)
    _check(signed, key=request.signing_key, expected=expected)
    return request


def parse_admission(content: bytes, *, expected: str, own_key: Ed25519PrivateKey) -> Admission:
    """Return the admission in ``content`` if the coordinator with fingerprint ``expected`` signed it for our key.

    Raises:
        EnrolmentRefused: If the form, the signature, the fingerprint or the key does not hold.
    """
    signed, admission = _parse(content, Admission)
    _check(signed, key=admission.coordinator_key, expected=expected)
    if admission.signing_key != public_key_hex(own_key):
        raise EnrolmentRefused("The admission is for another key than this node's: send the request of this node.")
    return admission


def _parse(content: bytes, kind: type[Document]) -> tuple[SignedDocument, Document]:
    try:
        signed = SignedDocument.model_validate_json(content)
        return signed, kind.model_validate(signed.document)
    except ValidationError as error:
        raise EnrolmentRefused(
            "The file is not the document that was asked for: ask its sender for it again."
        ) from error


def _check(signed: SignedDocument, *, key: str, expected: str) -> None:
    if fingerprint(key) != expected.strip().lower():
        raise EnrolmentRefused("The fingerprint differs from the one read out: do not go on, call the other side.")
    if not is_signed_by(key, signature=bytes.fromhex(signed.signature), content=canonical_json(signed.document)):
        raise EnrolmentRefused("The document was altered after it was signed: ask its sender for it again.")
