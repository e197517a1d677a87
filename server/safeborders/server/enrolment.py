"""The coordinator's identity and authority, and its answer to a country that asks to join."""

from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.kit.errors import Conflict, SettingsError
from safeborders.kit.files import write_atomically
from safeborders.kit.pki import (
    Authority,
    build_request,
    certificate_pem,
    create_authority,
    create_key,
    issue_certificate,
)
from safeborders.kit.signing import create_signing_key, load_signing_key, public_key_hex
from safeborders.models.protocol.enrolment import Admission, EnrolmentRequest, SignedDocument, fingerprint

_AUTHORITY_DAYS = 3650
_EDGE_DAYS = 365


def create_identity(settings: CoordinatorSettings, *, now: datetime) -> None:
    """Make the coordinator's signing key, the federation's authority, and the public edge's certificate.

    Raises:
        Conflict: If there is an identity already; nothing is overwritten.
    """
    places = settings.places
    if places.signing_key.exists():
        raise Conflict(f"The coordinator in {places.state} has keys already: use another state folder to start afresh.")
    for folder in (places.identity, places.logs):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority = create_authority(
        f"{settings.federation} authority", now=now, days=_AUTHORITY_DAYS, server_names=settings.edge.names
    )
    write_atomically(places.authority_key, _private_pem(authority))
    write_atomically(places.authority, certificate_pem(authority.certificate))
    request = build_request("coordinator", key=create_key(places.tls_key))
    edge = issue_certificate(authority, request, now=now, days=_EDGE_DAYS, server_names=settings.edge.names)
    write_atomically(places.certificate, certificate_pem(edge))
    create_signing_key(places.signing_key)  # last: its presence says that the identity is whole


def coordinator_fingerprint(settings: CoordinatorSettings) -> str:
    """Return the fingerprint that the coordinator's team reads out to a joining country."""
    return fingerprint(public_key_hex(load_signing_key(settings.places.signing_key)))


def admit(settings: CoordinatorSettings, request: EnrolmentRequest, *, now: datetime) -> tuple[bytes, x509.Certificate]:
    """Answer a request whose fingerprint was compared; return the signed admission and the new certificate.

    Raises:
        SettingsError: If the request is for another federation or its certificate request is unusable.
    """
    if request.federation != settings.federation:
        raise SettingsError("The request is for another federation: ask the country for a new one.")
    _check_flower_key(request)
    places = settings.places
    key = load_signing_key(places.signing_key)
    authority = load_authority(settings)
    certificate = issue_certificate(authority, _load_request(request), now=now, days=settings.certificate_days)
    admission = Admission(
        federation=settings.federation,
        country=request.country,
        signing_key=request.signing_key,
        coordinator_key=public_key_hex(key),
        authority=certificate_pem(authority.certificate).decode(),
        certificate=certificate_pem(certificate).decode(),
    )
    return SignedDocument.sign(admission, key=key).to_bytes(), certificate


def load_authority(settings: CoordinatorSettings) -> Authority:
    """Return the federation's certificate authority.

    Raises:
        SettingsError: If its files are missing or damaged.
    """
    places = settings.places
    try:
        certificate = x509.load_pem_x509_certificate(places.authority.read_bytes())
        key = serialization.load_pem_private_key(places.authority_key.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise SettingsError(f"The authority's files in {places.state} cannot be read: restore them.") from error
    return Authority(certificate=certificate, key=key)  # type: ignore[arg-type]  # create_authority made it P-256


def _check_flower_key(request: EnrolmentRequest) -> None:
    try:
        key = serialization.load_pem_public_key(request.flower_key.encode())
    except ValueError as error:
        raise SettingsError("The request's Flower key cannot be read: ask the country for a new one.") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise SettingsError("The request's Flower key is no elliptic-curve key: ask the country for a new one.")


def _load_request(request: EnrolmentRequest) -> x509.CertificateSigningRequest:
    try:
        signing_request = x509.load_pem_x509_csr(request.certificate_request.encode())
    except ValueError as error:
        raise SettingsError("The certificate request cannot be read: ask the country for a new one.") from error
    names = signing_request.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    if [name.value for name in names] != [request.country.value]:
        raise SettingsError("The certificate request is in another name than the country's: ask for a new one.")
    return signing_request


def _private_pem(authority: Authority) -> bytes:
    return authority.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
