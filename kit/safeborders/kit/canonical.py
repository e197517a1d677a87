"""One byte string for one document: RFC 8785 canonical JSON and its SHA-256."""

import hashlib
from collections.abc import Mapping

import rfc8785


def canonical_json(document: Mapping[str, object]) -> bytes:
    """Return the RFC 8785 serialisation of ``document``.

    Raises:
        ValueError: If a value has no canonical form (NaN, an integer beyond 2**53 - 1, an unknown type).
    """
    try:
        return rfc8785.dumps(document)  # type: ignore[arg-type]  # its JSON type is narrower than Mapping
    except rfc8785.CanonicalizationError as error:
        raise ValueError("document must be canonical JSON (finite numbers, integers up to 2**53 - 1).") from error


def sha256_hex(content: bytes) -> str:
    """Return the SHA-256 of ``content`` as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def document_sha256(document: Mapping[str, object]) -> str:
    """Return the SHA-256 of the canonical JSON of ``document``."""
    return sha256_hex(canonical_json(document))
