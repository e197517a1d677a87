"""Identifiers: those that sort by time (UUID version 7) and those that a name always gives (UUID version 8)."""

import hashlib
import secrets
import time
import uuid
from collections.abc import Callable

_VARIANTS = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


def uuid7() -> str:
    """Return a new UUIDv7 in its 36-character form: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (2**48 - 1)) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return str(uuid.UUID(int=value))


def stable_id(*parts: str) -> str:
    """Return the UUIDv8 (RFC 9562, section 5.8) that ``parts`` always give, in its 36-character form.

    It is the SHA-256 of the parts, each with its length before it, cut to 122 bits; whoever knows the parts can compute
    it, so it hides nothing.
    """
    return _identifier("".join([f"{len(part)}:{part}" for part in parts]))


def stable_ids(*parts: str) -> Callable[[str], str]:
    """Return :func:`stable_id` with all ``parts`` but the last given, for many identifiers at a time."""
    start = "".join([f"{len(part)}:{part}" for part in parts])
    return lambda last: _identifier(f"{start}{len(last)}:{last}")


def _identifier(name: str) -> str:
    digest = hashlib.sha256(name.encode()).hexdigest()
    variant = _VARIANTS[digest[16]]
    return f"{digest[:8]}-{digest[8:12]}-8{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"
