"""Identifiers that sort by time: UUID version 7 (RFC 9562, section 5.7)."""

import secrets
import time
import uuid


def uuid7() -> str:
    """Return a new UUIDv7 in its 36-character form: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    value = (milliseconds & (2**48 - 1)) << 80 | secrets.randbits(80)
    value = value & ~(0xF << 76) | (0x7 << 76)
    value = value & ~(0x3 << 62) | (0x2 << 62)
    return str(uuid.UUID(int=value))
