"""The coordinator's identity: its own keys, and the kits of the off-line authority; it can sign no certificate."""

from datetime import datetime

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.enrolling import (
    Receiver,
    accept_kit,
    build_certificate_request,
    check_kit_certificate,
    find_kit,
)
from safeborders.kit.errors import Conflict, SettingsError
from safeborders.kit.files import write_atomically
from safeborders.kit.pki import certificate_sha256, check_issuing, create_key, load_certificates
from safeborders.kit.revocations import Revocations, read_revocations
from safeborders.kit.signing import create_signing_key, load_signing_key, public_key_hex
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.enrolment import (
    EdgeRequest,
    EnrolmentRefused,
    EnrolmentRequest,
    Kit,
    SignedRequest,
    fingerprint,
    open_kit,
)
from safeborders.server.registry.roster import MemberCertificate, NodeIdentity


def create_identity(settings: CoordinatorSettings) -> None:
    """Make the coordinator's signing key and the TLS key of its public edge.

    Raises:
        Conflict: If there is an identity already; nothing is overwritten.
    """
    places = settings.places
    if places.signing_key.exists():
        raise Conflict(f"The coordinator in {places.state} has keys already: use another state folder to start afresh.")
    for folder in (places.identity, places.enrolment, places.logs):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    create_key(places.tls_key)
    create_signing_key(places.signing_key)  # last: its presence says that the identity is whole


def coordinator_fingerprint(settings: CoordinatorSettings) -> str:
    """Return the fingerprint that the coordinator's team reads out to the authority."""
    return fingerprint(public_key_hex(load_signing_key(settings.places.signing_key)))


def build_edge_request(settings: CoordinatorSettings) -> bytes:
    """Return the signed request for the edge's certificate; once there is one, for a new one with a new key."""
    key = load_signing_key(settings.places.signing_key)
    request = EdgeRequest(
        federation=settings.federation,
        edge_names=settings.edge.names,
        signing_key=public_key_hex(key),
        certificate_request=build_certificate_request("coordinator", places=settings.places),
    )
    return SignedRequest.sign(request, key=key).to_bytes()


def join(settings: CoordinatorSettings, content: bytes, *, spoken: str, now: datetime) -> Kit:
    """Check the authority's kit and keep it: whose word counts about countries from now on, and the edge's certificate.

    Raises:
        EnrolmentRefused: If the kit cannot be believed; nothing is kept then.
        CertificateRefused: If its certificate is not of its authority, or not of today.
    """
    own = public_key_hex(load_signing_key(settings.places.signing_key))

    def check(kit: Kit) -> None:
        if (kit.federation, kit.signing_key, kit.coordinator_key) != (settings.federation, own, own):
            raise EnrolmentRefused("The kit is for another coordinator or federation: send the newest request.")
        if set(settings.edge.names) != set(kit.edge_names):
            raise EnrolmentRefused("The kit names another host than edge.names in the profile: send a new request.")

    receiver = Receiver(party="coordinator", places=settings.places, check=check)
    kit = accept_kit(content, receiver=receiver, spoken=spoken, now=now)
    keep_revocations(settings, kit.revocations.encode())
    return kit


def get_kit(settings: CoordinatorSettings) -> Kit:
    """Return the coordinator's own kit. Raises SettingsError before there is one."""
    kit = find_kit(settings.places)
    if kit is None:
        raise SettingsError("The coordinator has no certificate yet: run safeborders coordinator enrol, then join.")
    return kit


def identity_of(request: EnrolmentRequest) -> NodeIdentity:
    """Return what a country that asks is known by."""
    return NodeIdentity(signing_key=request.signing_key, flower_key=request.flower_key, epsilon_cap=request.epsilon_cap)


def open_country_kit(settings: CoordinatorSettings, content: bytes, *, now: datetime) -> tuple[Kit, MemberCertificate]:
    """Return a country's kit and the certificate in it, if our own authority signed both.

    Raises:
        EnrolmentRefused: If the kit is another authority's, another federation's, or not a country's.
        CertificateRefused: If its certificate is not of the authority, or not of today.
    """
    kit = open_kit(content, authority_key=get_kit(settings).authority_key)
    if kit.federation != settings.federation or kit.party not in set(Country):
        raise EnrolmentRefused("The kit is for no country of this federation: ask the authority for the right one.")
    certificate = check_kit_certificate(kit, now=now)
    held = MemberCertificate(
        country=Country(kit.party),
        sha256=certificate_sha256(certificate),
        serial=f"{certificate.serial_number:x}",
        starts_at=certificate.not_valid_before_utc,
        ends_at=certificate.not_valid_after_utc,
    )
    return kit, held


def keep_revocations(settings: CoordinatorSettings, content: bytes) -> Revocations:
    """Keep a list of revoked certificates that the federation's authority signed; an older one changes nothing.

    Raises:
        CertificateRefused: If it is not the authority's.
    """
    found, kept = _read_revocations(settings, content), find_revocations(settings)
    if kept is not None and kept.number >= found.number:
        return kept
    write_atomically(settings.places.revocations, content)
    return found


def find_revocations(settings: CoordinatorSettings) -> Revocations | None:
    """Return the newest list that is kept, None before the first. Raises CertificateRefused if it is damaged."""
    path = settings.places.revocations
    return _read_revocations(settings, path.read_bytes()) if path.exists() else None


def _read_revocations(settings: CoordinatorSettings, content: bytes) -> Revocations:
    """Return a list that an issuing authority of our root signed; what was revoked stays so, whatever its date."""
    issuing = load_certificates(content)[0]
    check_issuing(issuing, root=load_certificates(get_kit(settings).root.encode())[0])
    return read_revocations(content, issuer=issuing)
