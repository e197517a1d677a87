"""Lists of revoked certificates (X.509 CRL, RFC 5280, 5): numbered, dated, signed by the authority that issued them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from safeborders.kit.pki import Authority, CertificateRefused


@dataclass(frozen=True)
class Revocations:
    """A list that was believed.

    Attributes:
        number: Rises with each list.
        issued_at: When it was made.
        next_at: When the authority promises the next one at the latest.
        serials: Of the revoked certificates.
    """

    number: int
    issued_at: datetime
    next_at: datetime
    serials: frozenset[int]


def issue_revocations(
    authority: Authority, revoked: Mapping[int, datetime], *, number: int, now: datetime, days: int
) -> bytes:
    """Return a list in PEM of ``revoked`` (serial numbers and since when), good for ``days`` from ``now``."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now)
        .next_update(now + timedelta(days=days))
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    for serial, since in sorted(revoked.items()):
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(since).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def read_revocations(content: bytes, *, issuer: x509.Certificate) -> Revocations:
    """Return the list if ``issuer`` signed it, whatever its date.

    Raises:
        CertificateRefused: If it is no list, has no number or date, or is another authority's.
    """
    try:
        found = x509.load_pem_x509_crl(content)
        number = found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        next_at, key = found.next_update_utc, issuer.public_key()
    except (ValueError, x509.ExtensionNotFound) as error:
        raise CertificateRefused("The file is no list of revoked certificates: ask the authority for it.") from error
    if next_at is None or not isinstance(key, ec.EllipticCurvePublicKey) or not found.is_signature_valid(key):
        raise CertificateRefused("The list of revoked certificates is not the authority's: do not use it.")
    serials = frozenset(entry.serial_number for entry in found)
    return Revocations(number=number, issued_at=found.last_update_utc, next_at=next_at, serials=serials)
