"""The federation's own small certificate authority (X.509, RFC 5280) and its TLS contexts.

A root signs an issuing authority whose names are constrained, and that one signs everybody else. A country makes its
key at home and sends a certificate signing request; the private key never travels.
"""

import ipaddress
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from safeborders.kit.errors import SafeBordersError, SettingsError
from safeborders.kit.files import write_atomically

NODE_DOMAIN = "nodes.safeborders.internal"
"""Where the certificates of nodes have their names; ``internal`` is reserved for private use (ICANN, 2024)."""

SERVER = "coordinator"
"""The one party whose certificate answers instead of calling."""

_PARTY = re.compile(r"[a-z]{1,32}(-[a-z]{1,8})?")


class CertificateRefused(SafeBordersError):
    """A certificate was not issued by the authority that it should be from, or not for this holder and time."""

    code: ClassVar[str] = "certificate.refused"


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
    """Make a self-signed authority called ``name`` that signs servers and clients itself, for tests and for loopback.

    Args:
        name: Its common name.
        now: Start of validity.
        days: Length of validity.
        server_names: As of :func:`create_issuing_authority`; None leaves all names free.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _authority_builder(name, issuer=_named(name), key=key, path_length=0)
    if server_names is not None:
        builder = builder.add_extension(_name_constraints(server_names), critical=True)
    return Authority(certificate=_valid(builder, now=now, days=days).sign(key, hashes.SHA256()), key=key)


def create_root(name: str, *, now: datetime, days: int) -> Authority:
    """Make a root authority called ``name``: it signs issuing authorities and nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _authority_builder(name, issuer=_named(name), key=key, path_length=1)
    return Authority(certificate=_valid(builder, now=now, days=days).sign(key, hashes.SHA256()), key=key)


def create_issuing_authority(
    name: str, *, root: Authority, now: datetime, days: int, server_names: tuple[str, ...]
) -> Authority:
    """Make the authority that signs servers and clients, itself signed by ``root``.

    Args:
        name: Its common name.
        root: Who signs it.
        now: Start of validity.
        days: Length of validity.
        server_names: The only DNS names and IP addresses that its servers may answer under; its clients are named below
            ``NODE_DOMAIN``.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _authority_builder(name, issuer=root.certificate.subject, key=key, path_length=0)
    builder = builder.add_extension(_name_constraints(server_names), critical=True).add_extension(
        x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key()), critical=False
    )
    return Authority(certificate=_valid(builder, now=now, days=days).sign(root.key, hashes.SHA256()), key=key)


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

    Returns:
        A certificate that names its holder as a DNS name below ``NODE_DOMAIN`` (a server: under ``server_names``) and,
        where the common name is a party's, as a SPIFFE identity. No constraint covers the latter: cryptography's
        verifier refuses every constraint on URIs, so :func:`check_certificate` compares it.

    Raises:
        SettingsError: If the request is not signed by its own key, or has no single common name.
    """
    if not request.is_signature_valid:
        raise SettingsError("The certificate request is not signed by its own key: make a new request.")
    usage = ExtendedKeyUsageOID.SERVER_AUTH if server_names else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _valid(_builder(request.subject, issuer=authority.certificate.subject), now=now, days=days)
        .public_key(request.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    name = _common_name(request)
    alternatives = [_general_name(one) for one in server_names or (f"{name}.{NODE_DOMAIN}",)]
    if _PARTY.fullmatch(name):
        alternatives.append(x509.UniformResourceIdentifier(workload_name(name)))
    return builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False).sign(
        authority.key, hashes.SHA256()
    )


def workload_name(party: str) -> str:
    """Return the SPIFFE identity of ``party`` as its certificate carries it."""
    return f"spiffe://{NODE_DOMAIN}/{party}"


def check_certificate(
    certificate: x509.Certificate,
    *,
    root: x509.Certificate,
    issuers: Sequence[x509.Certificate],
    party: str,
    now: datetime,
) -> None:
    """Return if ``certificate`` is good for ``party`` today: chain, constraints, times, purpose and both of its names.

    Args:
        certificate: To check.
        root: The only authority that is trusted.
        issuers: Between the two.
        party: Whose it must be; ``coordinator`` answers as a server, everybody else calls as a client.
        now: The time.

    Raises:
        CertificateRefused: If anything does not hold.
    """
    builder = PolicyBuilder().store(Store([root])).time(now)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        dns = names.get_values_for_type(x509.DNSName)
        if party == SERVER:
            first = next(iter(names))
            if not isinstance(first, x509.DNSName | x509.IPAddress):
                raise CertificateRefused("The certificate names no server: ask the authority for a new one.")
            builder.build_server_verifier(first).verify(certificate, list(issuers))
        else:
            builder.build_client_verifier().verify(certificate, list(issuers))
    except (VerificationError, x509.ExtensionNotFound, ValueError) as error:
        raise CertificateRefused(
            "The certificate is not of the federation's authority, or not of today: ask the authority for a new one."
        ) from error
    is_named = party == SERVER or dns == [f"{party}.{NODE_DOMAIN}"]
    if not is_named or names.get_values_for_type(x509.UniformResourceIdentifier) != [workload_name(party)]:
        raise CertificateRefused("The certificate is in another name: ask the authority for a new one.")


def check_issuing(issuing: x509.Certificate, *, root: x509.Certificate) -> None:
    """Return if ``root`` made ``issuing`` an authority, whatever its dates. Raises CertificateRefused."""
    try:
        issuing.verify_directly_issued_by(root)
        is_authority = issuing.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound) as error:
        raise CertificateRefused("The authority is not of this federation: do not go on, call it.") from error
    if not is_authority:
        raise CertificateRefused("Who signed is no authority: do not go on, call it.")


def load_certificates(content: bytes) -> list[x509.Certificate]:
    """Return the certificates of a PEM text, at least one. Raises CertificateRefused."""
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise CertificateRefused("The text holds no certificate in PEM: ask its sender for it again.") from error


def certificate_sha256(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of the certificate in DER, hexadecimal: what everybody knows it by."""
    return certificate.fingerprint(hashes.SHA256()).hex()


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


def _builder(subject: x509.Name, *, issuer: x509.Name) -> x509.CertificateBuilder:
    serial = x509.random_serial_number()
    return x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).serial_number(serial)


def _valid(builder: x509.CertificateBuilder, *, now: datetime, days: int) -> x509.CertificateBuilder:
    return builder.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + timedelta(days=days))


def _authority_builder(
    name: str, *, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, path_length: int
) -> x509.CertificateBuilder:
    return (
        _builder(_named(name), issuer=issuer)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
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


def _common_name(request: x509.CertificateSigningRequest) -> str:
    names = [name.value for name in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if len(names) != 1 or not isinstance(names[0], str):
        raise SettingsError("The certificate request has no single common name: make a new request.")
    return names[0]


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
