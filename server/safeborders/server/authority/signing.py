"""The authority's answer to a request whose fingerprint was compared: a certificate, in a kit that it signs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from safeborders.configs.authority import AuthoritySettings
from safeborders.kit.errors import Conflict, SettingsError
from safeborders.kit.pki import certificate_pem, certificate_sha256, check_certificate, issue_certificate
from safeborders.kit.revocations import issue_revocations
from safeborders.kit.signing import public_key_hex
from safeborders.models.protocol.enrolment import (
    EdgeRequest,
    EnrolmentRefused,
    EnrolmentRequest,
    Kit,
    Request,
    check_fingerprint,
    issue_kit,
)
from safeborders.models.protocol.roster import read_roster
from safeborders.server.authority.keys import OpenAuthority
from safeborders.server.authority.register import CertificateRecord, Register

REVOCATIONS_DAYS = 35


@dataclass(frozen=True)
class Answered:
    """One request that was answered: the kit as it travels, and the certificate in it."""

    party: str
    kit: bytes
    certificate: CertificateRecord
    is_new: bool


class Desk:
    """Signs requests one after the other; the register that accounts for them is kept before a kit leaves.

    Args:
        settings: The authority's profile.
        authority: With its keys.
        register: What it remembers; replaced by each answer.
        roster: The newest roster of keys, which travels with each kit; empty while there is none.
    """

    def __init__(
        self, settings: AuthoritySettings, *, authority: OpenAuthority, register: Register, roster: bytes = b""
    ) -> None:
        if roster and read_roster(roster).federation != settings.federation:
            raise SettingsError("The roster is of another federation: name the newest one of ours.")
        self._settings = settings
        self._authority = authority
        self._roster = roster
        self.register = register

    def answer(self, request: Request, *, spoken: Mapping[str, str], now: datetime) -> Answered:
        """Return the kit for ``request``.

        Args:
            request: Signed by the key that it names.
            spoken: Fingerprints as they were read out, by party; a key that was compared before needs none.
            now: The time.

        Raises:
            EnrolmentRefused: If the key was never compared and no fingerprint was read out, or another one.
            SettingsError: If the request is for another federation, or a key in it cannot be used.
            Conflict: If the key was revoked or is another's, or the coordinator is not enrolled yet.
            CertificateRefused: If the issuing authority may not name this holder; a new one is needed (rotate).
        """
        if request.federation != self._settings.federation:
            raise SettingsError(f"The request of {request.party} is for another federation: ask for a new one.")
        is_new = not self.register.knows(request)
        if request.party in spoken:
            check_fingerprint(request.signing_key, spoken=spoken[request.party])
        elif is_new:
            raise EnrolmentRefused(
                f"Nobody has read out the fingerprint of {request.party}: call it, then give "
                f"--fingerprint {request.party}=…"
            )
        certificate = self._issue(request, now=now)
        issued = _record_of(certificate, party=request.party)
        self.register = self.register.with_certificate(request, issued)
        kit = Kit(
            federation=self._settings.federation,
            party=request.party,
            signing_key=request.signing_key,
            flower_key=request.flower_key if isinstance(request, EnrolmentRequest) else "",
            authority_key=public_key_hex(self._authority.signing_key),
            coordinator_key=self.register.coordinator_key,
            edge_names=self.register.edge_names,
            root=certificate_pem(self._authority.root).decode(),
            issuing=certificate_pem(self._authority.issuing.certificate).decode(),
            certificate=certificate_pem(certificate).decode(),
            revocations=self.list_revoked(now=now).decode(),
            roster=self._roster.decode(),
            issued_at=now,
        )
        content = issue_kit(kit, key=self._authority.signing_key)
        return Answered(party=request.party, kit=content, certificate=issued, is_new=is_new)

    def list_revoked(self, *, now: datetime) -> bytes:
        """Return the next list of revoked certificates, with the certificate of the authority that signed it."""
        number = self.register.number + 1
        issuing = self._authority.issuing
        revoked = self.register.revoked_serials(now=now)
        content = issue_revocations(issuing, revoked, number=number, now=now, days=REVOCATIONS_DAYS)
        self.register = self.register.model_copy(update={"number": number})
        return content + certificate_pem(issuing.certificate)

    def _issue(self, request: Request, *, now: datetime) -> x509.Certificate:
        issuing = self._authority.issuing
        is_edge = isinstance(request, EdgeRequest)
        if isinstance(request, EdgeRequest):
            _check_edge_names(request, allowed=self._settings.edge_names)
        else:
            _check_flower_key(request)
        days = self._settings.edge_days if is_edge else self._settings.certificate_days
        if now + timedelta(days=days) > issuing.certificate.not_valid_after_utc:
            raise Conflict("The issuing authority ends before the certificate would: run safeborders authority rotate.")
        names = request.edge_names if isinstance(request, EdgeRequest) else ()
        certificate = issue_certificate(issuing, _load_csr(request), now=now, days=days, server_names=names)
        issuers = [issuing.certificate]
        check_certificate(certificate, root=self._authority.root, issuers=issuers, party=request.party, now=now)
        return certificate


def _record_of(certificate: x509.Certificate, *, party: str) -> CertificateRecord:
    return CertificateRecord(
        party=party,
        serial=f"{certificate.serial_number:x}",
        sha256=certificate_sha256(certificate),
        starts_at=certificate.not_valid_before_utc,
        ends_at=certificate.not_valid_after_utc,
    )


def _check_edge_names(request: EdgeRequest, *, allowed: tuple[str, ...]) -> None:
    if not set(request.edge_names) <= set(allowed):
        raise SettingsError("The coordinator asks for a name that edge_names in the profile does not allow: compare.")


def _check_flower_key(request: EnrolmentRequest) -> None:
    try:
        key = serialization.load_pem_public_key(request.flower_key.encode())
    except ValueError as error:
        raise SettingsError("The request's Flower key cannot be read: ask the country for a new one.") from error
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise SettingsError("The request's Flower key is no elliptic-curve key: ask the country for a new one.")
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    if pem != request.flower_key.encode():  # the edge compares the bytes
        raise SettingsError("The request's Flower key is not written in the usual form: ask the country for a new one.")


def _load_csr(request: Request) -> x509.CertificateSigningRequest:
    try:
        csr = x509.load_pem_x509_csr(request.certificate_request.encode())
        key = csr.public_key()
    except ValueError as error:
        raise SettingsError("The certificate request cannot be read: ask its sender for a new one.") from error
    names = csr.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    if [name.value for name in names] != [request.party]:
        raise SettingsError("The certificate request is in another name than its sender's: ask for a new one.")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise SettingsError("The certificate request is over another kind of key than P-256: ask for a new one.")
    return csr
