"""Pseudonyms that only the nation can undo: keyed hashes, another key for each case that an export is made for."""

import hashlib
import hmac
import secrets
from pathlib import Path

from safeborders.kit.errors import SettingsError
from safeborders.kit.files import load_secret, write_atomically

_KEY_BYTES = 32


class Pseudonyms:
    """The pseudonyms of one export.

    The same record has the same pseudonym in every export for the same case, so that a correction finds it, and another
    one in exports for other cases, so that two recipients cannot join what they got. 96 bits are kept: two of a million
    records share a pseudonym with a probability below 1e-16.

    Args:
        key: 32 random bytes that never leave the node.
        scope: Reference of the case that the export is made for.
    """

    def __init__(self, key: bytes, *, scope: str) -> None:
        self._key = hmac.digest(key, b"safeborders export\0" + scope.encode(), hashlib.sha256)

    def __repr__(self) -> str:
        return "<Pseudonyms>"

    def of_entity(self, key: str) -> str:
        """Return what the entity with the import key ``key`` is called outside."""
        return f"E-{self._digest('entity', key)}"

    def of_value(self, sort: str, value: str) -> str:
        """Return what stands for ``value``; values of different sorts get different pseudonyms."""
        return f"X-{self._digest(sort, value)}"

    def _digest(self, sort: str, value: str) -> str:
        return hmac.digest(self._key, f"{sort}\0{value}".encode(), hashlib.sha256).hex()[:24]


def load_export_key(path: Path) -> bytes:
    """Return the node's key for pseudonyms; make it at the first export.

    Raises:
        SettingsError: If the file cannot be read or holds no key.
    """
    if not path.exists():
        write_atomically(path, secrets.token_hex(_KEY_BYTES).encode() + b"\n")
    try:
        key = bytes.fromhex(load_secret(path, what="key for pseudonyms"))
    except ValueError as error:
        raise SettingsError(f"The key for pseudonyms in {path} is no hexadecimal number: restore it.") from error
    if len(key) != _KEY_BYTES:
        raise SettingsError(f"The key for pseudonyms in {path} has not 64 digits: restore it.")
    return key
