"""What a country and the coordinator do alike: ask the authority for a certificate, and keep the kit that it answers.

A renewal is asked for with a new TLS key, which takes the old one's place with the certificate that belongs to it, so
that nothing stops in between.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import ValidationError

from safeborders.kit.envelopes import EnvelopeRefused, open_envelope
from safeborders.kit.errors import SettingsError
from safeborders.kit.files import load_bytes, write_atomically
from safeborders.kit.pki import CertificateRefused, build_request, check_certificate, create_key, load_certificates
from safeborders.models.protocol.enrolment import KIT, EnrolmentRefused, Kit, open_kit
from safeborders.models.protocol.membership import Validity


class KitPlaces(Protocol):
    """Files of a party that has to do with a kit."""

    state: Path
    tls_key: Path
    next_tls_key: Path
    enrolment: Path
    authority: Path
    certificate: Path
    kit: Path


def is_renewal(places: KitPlaces) -> bool:
    """Tell whether this party keeps a kit already."""
    return places.kit.exists()


def build_certificate_request(party: str, *, places: KitPlaces) -> str:
    """Return the certificate request of ``party`` in PEM: for its first TLS key, or for a new one that waits.

    Raises:
        SettingsError: If the key cannot be read.
    """
    if not is_renewal(places):
        key = load_tls_key(places.tls_key)
    elif places.next_tls_key.exists():
        key = load_tls_key(places.next_tls_key)
    else:
        key = create_key(places.next_tls_key)
    return build_request(party, key=key).public_bytes(serialization.Encoding.PEM).decode()


@dataclass(frozen=True)
class Receiver:
    """Who takes a kit.

    Args:
        party: Whose kit it must be.
        places: Where it is kept.
        check: What this party asks of a kit beyond that; raises what it refuses, before anything is kept.
    """

    party: str
    places: KitPlaces
    check: Callable[[Kit], None]


def accept_kit(content: bytes, *, receiver: Receiver, spoken: str, now: datetime) -> Kit:
    """Check the authority's answer and keep it; the same again changes nothing and mends what a crash left half.

    Args:
        content: The file that the authority sent.
        receiver: Who we are.
        spoken: The authority's fingerprint as it was read out; needed for the first kit alone.
        now: The time.

    Raises:
        EnrolmentRefused: If the kit cannot be believed, or is another's, or older than the one that is kept.
        CertificateRefused: If its certificate is not of its authority, or not of today.
        SettingsError: If it is the first and no fingerprint was read out.
    """
    places = receiver.places
    kept = find_kit(places)
    if kept is None and not spoken:
        raise SettingsError("The first kit needs the authority's fingerprint as it was read out: give --fingerprint.")
    kit = open_kit(content, spoken=spoken, authority_key="" if kept is None else kept.authority_key)
    if kit.party != receiver.party:
        raise EnrolmentRefused("The kit is another party's: ask the authority for ours.")
    if kept is not None and kit.issued_at < kept.issued_at:
        raise EnrolmentRefused("The kit is older than the one that is kept: ask the authority for a new one.")
    receiver.check(kit)
    key = _find_key(check_kit_certificate(kit, now=now), places=places)
    places.enrolment.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_atomically(places.authority, kit.root.encode())
    if key == places.next_tls_key:
        key.replace(places.tls_key)
    write_atomically(places.certificate, kit.certificate.encode() + kit.issuing.encode())
    write_atomically(places.kit, content)
    return kit


def find_kit(places: KitPlaces) -> Kit | None:
    """Return the kit that is kept, None before the first. Raises SettingsError if it is damaged."""
    if not places.kit.exists():
        return None
    try:
        return Kit.model_validate_json(open_envelope(load_bytes(places.kit), kind=KIT))
    except (ValidationError, EnvelopeRefused) as error:
        raise SettingsError(f"The kit in {places.kit} is damaged: join again with the file as it was sent.") from error


def check_kit_certificate(kit: Kit, *, now: datetime) -> x509.Certificate:
    """Return the kit's certificate if its own authority issued it, to its party, for today.

    Raises:
        CertificateRefused: If not.
    """
    (certificate, *_), (root, *_) = load_certificates(kit.certificate.encode()), load_certificates(kit.root.encode())
    issuers = load_certificates(kit.issuing.encode())
    check_certificate(certificate, root=root, issuers=issuers, party=kit.party, now=now)
    return certificate


def certificate_validity(places: KitPlaces) -> Validity:
    """Return from when until when the certificate that is kept counts. Raises SettingsError before there is one."""
    try:
        held = load_certificates(places.certificate.read_bytes())[0]
    except (OSError, CertificateRefused) as error:
        raise SettingsError(f"There is no certificate in {places.certificate}: enrol, then join.") from error
    return Validity(starts_at=held.not_valid_before_utc, ends_at=held.not_valid_after_utc)


def load_tls_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Return the TLS key at ``path``. Raises SettingsError."""
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(
            f"The TLS key cannot be read from {path}: restore it, or start afresh with init."
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise SettingsError(f"The key in {path} is no elliptic-curve key: restore it, or start afresh with init.")
    return key


def _find_key(certificate: x509.Certificate, *, places: KitPlaces) -> Path:
    for path in (places.next_tls_key, places.tls_key):
        if path.exists() and load_tls_key(path).public_key() == certificate.public_key():
            return path
    raise EnrolmentRefused("The kit's certificate is for another TLS key than ours: send the newest request.")
