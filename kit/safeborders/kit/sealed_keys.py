"""Private keys that rest encrypted: PKCS #8 under a key that scrypt (RFC 7914) stretches from a passphrase.

cryptography's own PKCS #8 encryption stretches with 2048 rounds of PBKDF2, which a stolen disk would not hold back; it
is given 256 bits from scrypt in place of the passphrase.
"""

import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from safeborders.kit.errors import SettingsError
from safeborders.kit.files import write_atomically

SHORTEST_PASSPHRASE = 12
_SALT_BYTES = 16
_COST = 2**16  # 64 MiB and about a quarter of a second

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


class KeySafe:
    """Keeps private keys under one passphrase; opening it costs the stretching once.

    Args:
        salt: File of the salt, made when it is absent; without it no key opens.
        passphrase: What people know.

    Raises:
        SettingsError: If the passphrase is short, or the salt cannot be read.
    """

    def __init__(self, salt: Path, *, passphrase: str) -> None:
        if len(passphrase) < SHORTEST_PASSPHRASE:
            raise SettingsError(
                f"The passphrase has under {SHORTEST_PASSPHRASE} characters: whoever copies the disk would guess it."
            )
        if not salt.exists():
            write_atomically(salt, secrets.token_bytes(_SALT_BYTES))
        stretched = Scrypt(salt=salt.read_bytes(), length=32, n=_COST, r=8, p=1).derive(passphrase.encode())
        self._password = stretched.hex().encode()

    def keep(self, key: PrivateKey, path: Path) -> None:
        """Write ``key`` to ``path``, encrypted."""
        encryption = serialization.BestAvailableEncryption(self._password)
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        write_atomically(path, pem)

    def open_ec(self, path: Path) -> ec.EllipticCurvePrivateKey:
        """Return the elliptic-curve key at ``path``. Raises SettingsError."""
        key = self._open(path)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise SettingsError(f"The key in {path} is of another kind: restore it from the backup.")
        return key

    def open_ed25519(self, path: Path) -> ed25519.Ed25519PrivateKey:
        """Return the Ed25519 key at ``path``. Raises SettingsError."""
        key = self._open(path)
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise SettingsError(f"The key in {path} is of another kind: restore it from the backup.")
        return key

    def _open(self, path: Path) -> object:
        try:
            return serialization.load_pem_private_key(path.read_bytes(), password=self._password)
        except OSError as error:
            raise SettingsError(f"The key cannot be read from {path}: restore it from the backup.") from error
        except (ValueError, TypeError) as error:
            raise SettingsError(f"The passphrase does not open {path}: type it again.") from error
