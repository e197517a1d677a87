"""What the coordinator admits: only a Flower key that the SuperLink can use."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.kit.errors import SettingsError
from safeborders.kit.pki import build_request, create_key
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.enrolment import EnrolmentRequest
from safeborders.server.enrolment import admit, create_identity

NOW = datetime.now(UTC)


@pytest.fixture
def centre(tmp_path: Path) -> CoordinatorSettings:
    profile = tmp_path / "coordinator.yaml"
    profile.write_text(
        "federation: test\nstate: coordinator\nedge: {host: 127.0.0.1, port: 9, names: [127.0.0.1]}\n"
        "superlink_port: 10\npage_port: 11\n",
        encoding="utf-8",
    )
    settings = load_settings(profile, CoordinatorSettings)
    create_identity(settings, now=NOW)
    return settings


def pem(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


def request_with(flower_key: str, *, folder: Path) -> EnrolmentRequest:
    signing_request = build_request(Country.GR.value, key=create_key(folder / "tls.key"))
    return EnrolmentRequest(
        federation="test",
        country=Country.GR,
        signing_key="0" * 64,
        flower_key=flower_key,
        certificate_request=signing_request.public_bytes(serialization.Encoding.PEM).decode(),
        epsilon_cap=8,
    )


@pytest.mark.parametrize(
    "flower_key",
    [
        "",
        "no key",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        pem(ed25519.Ed25519PrivateKey.generate().public_key()),
    ],
    ids=["empty", "text", "damaged", "ed25519"],
)
def test_a_flower_key_that_cannot_be_used_is_not_admitted(
    centre: CoordinatorSettings, tmp_path: Path, *, flower_key: str
) -> None:
    with pytest.raises(SettingsError, match="Flower key"):
        admit(centre, request_with(flower_key, folder=tmp_path), now=NOW)


def test_an_elliptic_curve_key_is_admitted(centre: CoordinatorSettings, tmp_path: Path) -> None:
    key = pem(ec.generate_private_key(ec.SECP384R1()).public_key())

    answer, _ = admit(centre, request_with(key, folder=tmp_path), now=NOW)

    assert answer
