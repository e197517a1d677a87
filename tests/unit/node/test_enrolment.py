"""Enrolment: keys stay at home, and only what was read out is believed."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.errors import Conflict, SettingsError
from safeborders.models.protocol.enrolment import EnrolmentRefused, parse_request
from safeborders.node import enrolment as country
from safeborders.server import enrolment as coordinator

NOW = datetime.now(UTC)


@pytest.fixture
def node(tmp_path: Path) -> NodeSettings:
    profile = tmp_path / "node.yaml"
    profile.write_text(
        "country: gr\nfederation: test\nstate: gr\ncoordinator_url: https://127.0.0.1:9\n"
        "database: {key_file: gr.key}\n"
        "privacy: {epsilon_cap: 8, delta_cap: 1.0e-5, rounds_cap: 40, floor: 2}\n",
        encoding="utf-8",
    )
    settings = load_settings(profile, NodeSettings)
    country.prepare_state(settings)
    country.create_identity(settings)
    return settings


@pytest.fixture
def centre(tmp_path: Path) -> CoordinatorSettings:
    profile = tmp_path / "coordinator.yaml"
    profile.write_text(
        "federation: test\nstate: coordinator\nedge: {host: 127.0.0.1, port: 9, names: [127.0.0.1]}\n"
        "superlink_port: 10\npage_port: 11\n",
        encoding="utf-8",
    )
    settings = load_settings(profile, CoordinatorSettings)
    coordinator.create_identity(settings, now=NOW)
    return settings


def test_a_country_joins_and_its_certificate_is_of_the_federation(
    node: NodeSettings, centre: CoordinatorSettings
) -> None:
    content, fingerprint = country.build_enrolment_request(node)
    answer, certificate = coordinator.admit(centre, parse_request(content, expected=fingerprint), now=NOW)
    admission = country.accept_admission(node, answer, expected=coordinator.coordinator_fingerprint(centre))
    assert admission == country.load_admission(node)
    authority = x509.load_pem_x509_certificate(admission.authority.encode())
    certificate.verify_directly_issued_by(authority)


def test_no_private_key_is_in_what_travels(node: NodeSettings, centre: CoordinatorSettings) -> None:
    content, fingerprint = country.build_enrolment_request(node)
    answer, _ = coordinator.admit(centre, parse_request(content, expected=fingerprint), now=NOW)
    for document in (content, answer):
        assert b"PRIVATE" not in document
    assert b"PRIVATE" in node.places.signing_key.read_bytes()  # the control: the search would find one


def test_another_fingerprint_is_refused_on_both_sides(node: NodeSettings, centre: CoordinatorSettings) -> None:
    content, fingerprint = country.build_enrolment_request(node)
    with pytest.raises(EnrolmentRefused, match="call the other side"):
        parse_request(content, expected="0000" + fingerprint[4:])
    answer, _ = coordinator.admit(centre, parse_request(content, expected=fingerprint), now=NOW)
    with pytest.raises(EnrolmentRefused, match="call the other side"):
        country.accept_admission(node, answer, expected=fingerprint)
    assert not node.places.admission.exists()


def test_an_altered_request_is_refused(node: NodeSettings) -> None:
    content, fingerprint = country.build_enrolment_request(node)
    with pytest.raises(EnrolmentRefused, match="altered"):
        parse_request(content.replace(b'"gr"', b'"it"'), expected=fingerprint)


def test_an_identity_is_never_overwritten(node: NodeSettings, centre: CoordinatorSettings) -> None:
    with pytest.raises(Conflict):
        country.prepare_state(node)
    with pytest.raises(Conflict):
        coordinator.create_identity(centre, now=NOW)


def test_a_missing_or_open_database_key_is_one_sentence(node: NodeSettings) -> None:
    key_file = node.database.key_file
    assert key_file is not None
    key_file.chmod(0o644)
    with pytest.raises(SettingsError, match="open to other users"):
        country.load_database_key(node)
    key_file.unlink()
    with pytest.raises(SettingsError, match="cannot be read"):
        country.load_database_key(node)
