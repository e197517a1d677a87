"""Keys that rest encrypted: the passphrase opens them, nothing else does, and nothing of them is readable."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from safeborders.kit.errors import SettingsError
from safeborders.kit.sealed_keys import KeySafe


def test_a_key_comes_back_with_the_passphrase_and_the_salt_and_not_without(tmp_path: Path) -> None:
    safe = KeySafe(tmp_path / "salt", passphrase="a long passphrase")
    curve, signing = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
    safe.keep(curve, tmp_path / "curve.pem")
    safe.keep(signing, tmp_path / "signing.pem")

    again = KeySafe(tmp_path / "salt", passphrase="a long passphrase")
    assert again.open_ec(tmp_path / "curve.pem").private_numbers() == curve.private_numbers()
    assert again.open_ed25519(tmp_path / "signing.pem").private_bytes_raw() == signing.private_bytes_raw()
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in (tmp_path / "curve.pem").read_bytes()
    assert (tmp_path / "curve.pem").stat().st_mode & 0o777 == 0o600
    with pytest.raises(SettingsError, match="another kind"):
        again.open_ec(tmp_path / "signing.pem")
    with pytest.raises(SettingsError, match="another kind"):
        again.open_ed25519(tmp_path / "curve.pem")
    with pytest.raises(SettingsError, match="cannot be read"):
        again.open_ec(tmp_path / "nowhere.pem")
    (tmp_path / "salt").write_bytes(bytes(16))
    with pytest.raises(SettingsError, match="does not open"):
        KeySafe(tmp_path / "salt", passphrase="a long passphrase").open_ec(tmp_path / "curve.pem")


def test_the_passphrase_itself_opens_nothing(tmp_path: Path) -> None:
    """It is stretched: whoever copies the disk cannot try passphrases at the speed of PKCS #8."""
    safe = KeySafe(tmp_path / "salt", passphrase="a long passphrase")
    safe.keep(ec.generate_private_key(ec.SECP256R1()), tmp_path / "curve.pem")
    with pytest.raises(ValueError, match=r"."):
        serialization.load_pem_private_key((tmp_path / "curve.pem").read_bytes(), password=b"a long passphrase")
