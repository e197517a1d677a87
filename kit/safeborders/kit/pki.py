"""The federation's own small certificate authority (X.509, RFC 5280) and its TLS contexts.

A country makes its key at home and sends a certificate signing request; the private key never travels.
"""

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from safeborders.kit.errors import SettingsError
from safeborders.kit.files import write_atomically

NODE_DOMAIN = "nodes.safeborders.internal"
"""Where the certificates of nodes have their names; ``internal`` is reserved for private use (ICANN, 2024)."""


@dataclass(frozen=True)
class Authority:
    """A certificate authority that is at hand: its certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def create_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Make a P-256 key for TLS and keep it at ``path``, readable by its owner only."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_atomically(path, pem)
    return key


def create_authority(name: str, *, now: datetime, days: int, server_names: tuple[str, ...] | None = None) -> Authority:
    """Make a self-signed authority called ``name`` that is valid for ``days`` from ``now``.

    Args:
        name: Its common name.
        now: Start of validity.
        days: Length of validity.
        server_names: The only DNS names and IP addresses that its servers may answer under; its clients are named below
            ``NODE_DOMAIN``. None leaves it free, for tests and for loopback.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _named(name)
    builder = (
        _builder(subject=subject, issuer=subject, now=now, days=days)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if server_names is not None:
        builder = builder.add_extension(_name_constraints(server_names), critical=True)
    return Authority(certificate=builder.sign(key, hashes.SHA256()), key=key)


def build_request(name: str, *, key: ec.EllipticCurvePrivateKey) -> x509.CertificateSigningRequest:
    """Return the request of ``name`` for a certificate over ``key``."""
    return x509.CertificateSigningRequestBuilder().subject_name(_named(name)).sign(key, hashes.SHA256())


def issue_certificate(
    authority: Authority,
    request: x509.CertificateSigningRequest,
    *,
    now: datetime,
    days: int,
    server_names: tuple[str, ...] = (),
) -> x509.Certificate:
    """Answer ``request`` with a certificate for a client, or for a server when ``server_names`` are given.

    Args:
        authority: Who signs.
        request: What the holder of the private key sent; its self-signature is checked.
        now: Start of validity (backdated five minutes for clock skew).
        days: Length of validity.
        server_names: DNS names or IP addresses that a server answers under.

    Raises:
        SettingsError: If the request is not signed by its own key, or has no single common name.
    """
    if not request.is_signature_valid:
        raise SettingsError("The certificate request is not signed by its own key: make a new request.")
    usage = ExtendedKeyUsageOID.SERVER_AUTH if server_names else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _builder(subject=request.subject, issuer=authority.certificate.subject, now=now, days=days)
        .public_key(request.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    names = server_names or _client_names(request)
    alternatives = x509.SubjectAlternativeName([_general_name(name) for name in names])
    return builder.add_extension(alternatives, critical=False).sign(authority.key, hashes.SHA256())


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """Return ``certificate`` in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def client_context(*, authority: Path, certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a TLS 1.3 context for a client that trusts only ``authority`` and shows its own ``certificate``.

    Raises:
        SettingsError: If a file is missing or no key or certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(cafile=authority)
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"The TLS files {authority}, {certificate} and {key} cannot be used: restore them or enrol again."
        ) from error
    return context


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(*, subject: x509.Name, issuer: x509.Name, now: datetime, days: int) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=days))
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _client_names(request: x509.CertificateSigningRequest) -> tuple[str, ...]:
    """Return the DNS name of a client below our own domain; no resolver knows it."""
    names = [name.value for name in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if len(names) != 1 or not isinstance(names[0], str):
        raise SettingsError("The certificate request has no single common name: make a new request.")
    return (f"{names[0]}.{NODE_DOMAIN}",)


def _name_constraints(server_names: tuple[str, ...]) -> x509.NameConstraints:
    """Return what the authority's certificates may be named: subtrees without a leading dot, which verifiers refuse."""
    permitted: list[x509.GeneralName] = [x509.DNSName(NODE_DOMAIN)]
    for name in server_names:
        general = _general_name(name)
        if isinstance(general, x509.IPAddress):
            permitted.append(x509.IPAddress(ipaddress.ip_network(str(general.value))))
        else:
            permitted.append(general)
    networks = (x509.IPAddress(ipaddress.ip_network(everything)) for everything in ("0.0.0.0/0", "::/0"))
    has_address = any(isinstance(one, x509.IPAddress) for one in permitted)
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None if has_address else list(networks))


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
