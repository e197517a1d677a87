"""Ed25519 keys (RFC 8032): made, kept and used in one place."""

from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from safeborders.kit.errors import SettingsError
from safeborders.kit.files import write_atomically


def create_signing_key(path: Path) -> Ed25519PrivateKey:
    """Make a new private key and keep it at ``path``, readable by its owner only."""
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_atomically(path, pem)
    return key


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """Return the private key kept at ``path``.

    Raises:
        SettingsError: If the file is missing, open to other users, or holds no Ed25519 key.
    """
    try:
        mode = path.stat().st_mode
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SettingsError(
            f"The signing key cannot be read from {path}: restore it, or run init in a new state folder."
        ) from error
    if mode & 0o077:
        raise SettingsError(f"The signing key in {path} is open to other users: run chmod 600 on it.")
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(
            f"The key in {path} is not an Ed25519 signing key: restore it, or run init in a new state folder."
        )
    return key


def public_key_hex(key: Ed25519PrivateKey) -> str:
    """Return the public half of ``key`` as 64 hexadecimal digits."""
    return key.public_key().public_bytes_raw().hex()


def is_signed_by(public_hex: str, *, signature: bytes, content: bytes) -> bool:
    """Tell whether ``signature`` over ``content`` was made with the key whose public half is ``public_hex``."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_hex)).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True
