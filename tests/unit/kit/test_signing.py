"""Ed25519: only the key's own signature over just these bytes counts."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from safeborders.kit.errors import SettingsError
from safeborders.kit.signing import create_signing_key, is_signed_by, load_signing_key, public_key_hex


def test_a_kept_key_signs_and_its_public_half_verifies(tmp_path: Path) -> None:
    create_signing_key(tmp_path / "gr.key")
    key = load_signing_key(tmp_path / "gr.key")
    assert (tmp_path / "gr.key").stat().st_mode & 0o777 == 0o600
    assert is_signed_by(public_key_hex(key), signature=key.sign(b"round 1"), content=b"round 1")


def test_another_key_other_bytes_and_a_bent_signature_do_not_verify(tmp_path: Path) -> None:
    key, other = create_signing_key(tmp_path / "gr.key"), create_signing_key(tmp_path / "bg.key")
    public, signature = public_key_hex(key), key.sign(b"round 1")
    assert is_signed_by(public, signature=signature, content=b"round 1")
    assert not is_signed_by(public_key_hex(other), signature=signature, content=b"round 1")
    assert not is_signed_by(public, signature=signature, content=b"round 2")
    for place in range(64):
        bent = bytes(byte ^ (index == place) for index, byte in enumerate(signature))
        assert not is_signed_by(public, signature=bent, content=b"round 1")


@pytest.mark.parametrize("public", ["", "zz", "00", "é" * 64, "00" * 33, "02" * 32])
def test_a_malformed_public_key_verifies_nothing(public: str) -> None:
    assert not is_signed_by(public, signature=bytes(64), content=b"")


def test_rfc_8032_test_vector_2_verifies() -> None:
    public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert is_signed_by(public, signature=signature, content=b"\x72")
    assert not is_signed_by(public, signature=signature, content=b"\x73")


def test_a_missing_foreign_or_torn_key_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_signing_key(tmp_path / "nowhere")
    create_signing_key(tmp_path / "torn")
    (tmp_path / "torn").write_bytes((tmp_path / "torn").read_bytes()[:40])
    with pytest.raises(SettingsError, match="cannot be read"):
        load_signing_key(tmp_path / "torn")
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "tls.key").write_bytes(pem)
    (tmp_path / "tls.key").chmod(0o600)
    with pytest.raises(SettingsError, match="not an Ed25519"):
        load_signing_key(tmp_path / "tls.key")


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    create_signing_key(tmp_path / "gr.key")
    load_signing_key(tmp_path / "gr.key")
    (tmp_path / "gr.key").chmod(0o644)
    with pytest.raises(SettingsError, match="open to other users"):
        load_signing_key(tmp_path / "gr.key")
