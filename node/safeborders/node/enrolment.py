"""A country's identity: keys are made here and never leave; the coordinator answers with a certificate."""

import secrets

from cryptography.hazmat.primitives import serialization
from pydantic import ValidationError

from safeborders.configs.node import NodeSettings
from safeborders.kit.errors import Conflict, SettingsError
from safeborders.kit.files import load_secret, write_atomically
from safeborders.kit.pki import build_request, create_key
from safeborders.kit.signing import create_signing_key, load_signing_key, public_key_hex
from safeborders.models.protocol.enrolment import (
    Admission,
    EnrolmentRequest,
    SignedDocument,
    fingerprint,
    parse_admission,
)


def prepare_state(settings: NodeSettings) -> None:
    """Make the node's folders and, where the profile names a missing key file, the database key; may be repeated.

    Raises:
        Conflict: If the node has an identity already; nothing is overwritten.
    """
    places = settings.places
    if places.signing_key.exists():
        raise Conflict(f"The node in {places.state} has keys already: use another state folder to start afresh.")
    for folder in (places.identity, places.enrolment, places.logs):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key_file = settings.database.key_file
    if settings.database.url is None and key_file is not None and not key_file.exists():
        key_file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(key_file, f"{secrets.token_hex(32)}\n".encode())


def create_identity(settings: NodeSettings) -> None:
    """Make the TLS, Flower and signing keys, after everything else that can fail: a repeated ``init`` starts over."""
    places = settings.places
    create_key(places.tls_key)
    create_key(places.flower_key)
    create_signing_key(places.signing_key)  # last: its presence says that the identity is whole


def build_enrolment_request(settings: NodeSettings) -> tuple[bytes, str]:
    """Return the signed request of this node and the fingerprint to read out.

    Raises:
        SettingsError: If the node has no identity yet.
    """
    places = settings.places
    key = load_signing_key(places.signing_key)
    request = EnrolmentRequest(
        federation=settings.federation,
        country=settings.country,
        signing_key=public_key_hex(key),
        flower_key=_public_pem(settings.places.flower_key.read_bytes()),
        certificate_request=_certificate_request(settings),
        epsilon_cap=settings.privacy.epsilon_cap,
    )
    return SignedDocument.sign(request, key=key).to_bytes(), fingerprint(request.signing_key)


def accept_admission(settings: NodeSettings, content: bytes, *, expected: str) -> Admission:
    """Check the coordinator's answer and keep it.

    Args:
        settings: The node's profile.
        content: The file that the coordinator sent.
        expected: The coordinator's fingerprint as it was read out.

    Raises:
        EnrolmentRefused: If the answer cannot be believed; nothing is kept then.
    """
    places = settings.places
    admission = parse_admission(content, expected=expected, own_key=load_signing_key(places.signing_key))
    if (admission.federation, admission.country) != (settings.federation, settings.country):
        raise SettingsError("The admission is for another federation or country than this profile: check both.")
    write_atomically(places.authority, admission.authority.encode())
    write_atomically(places.certificate, admission.certificate.encode())
    write_atomically(places.admission, content)
    return admission


def load_admission(settings: NodeSettings) -> Admission:
    """Return the admission that this node keeps.

    Raises:
        SettingsError: If the node has not joined yet.
    """
    path = settings.places.admission
    if not path.exists():
        raise SettingsError(f"This node has not joined a federation: run safeborders node join ({path} is missing).")
    try:
        signed = SignedDocument.model_validate_json(path.read_bytes())
        return Admission.model_validate(signed.document)
    except ValidationError as error:
        raise SettingsError(f"The admission in {path} is damaged: run safeborders node join again.") from error


def load_database_key(settings: NodeSettings) -> str:
    """Return the key of the encrypted database.

    Raises:
        SettingsError: If the profile names no key file or the file cannot be used.
    """
    if settings.database.key_file is None:
        raise SettingsError("The key 'database.key_file' is missing: name the file that holds the database key.")
    return load_secret(settings.database.key_file, what="database key")


def _certificate_request(settings: NodeSettings) -> str:
    key = serialization.load_pem_private_key(settings.places.tls_key.read_bytes(), password=None)
    request = build_request(settings.country.value, key=key)  # type: ignore[arg-type]  # create_key made it P-256
    return request.public_bytes(serialization.Encoding.PEM).decode()


def _public_pem(private_pem: bytes) -> str:
    key = serialization.load_pem_private_key(private_pem, password=None).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
