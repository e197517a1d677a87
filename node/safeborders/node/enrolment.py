"""A country's identity: keys are made here and never leave; the federation's authority answers with a signed kit."""

import secrets
from datetime import datetime

from cryptography.hazmat.primitives import serialization

from safeborders.configs.enrolling import Receiver, accept_kit, build_certificate_request, find_kit
from safeborders.configs.node import NodeSettings
from safeborders.kit.errors import Conflict, SettingsError
from safeborders.kit.files import load_secret, write_atomically
from safeborders.kit.pki import create_key
from safeborders.kit.signing import create_signing_key, load_signing_key, public_key_hex
from safeborders.models.protocol.enrolment import EnrolmentRefused, EnrolmentRequest, Kit, SignedRequest, fingerprint


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


def replace_identity(settings: NodeSettings) -> str:
    """Make new signing, TLS and Flower keys in place of lost ones, and return the former public key.

    The database and the agreement key stay. The node is no member any more: it enrols anew, and its own log goes on
    under the new key. A crash in between leaves a node that has not joined; called again, it starts over.
    """
    places = settings.places
    former = public_key_hex(load_signing_key(places.signing_key))
    known = load_former_keys(settings)
    if former not in known:
        write_atomically(places.former_keys, "\n".join([*known, former]).encode() + b"\n")
    for path in (places.kit, places.certificate, places.authority, places.next_tls_key, places.flower_node_id):
        path.unlink(missing_ok=True)
    create_identity(settings)
    return former


def load_former_keys(settings: NodeSettings) -> tuple[str, ...]:
    """Return the public signing keys that this node had before, oldest first."""
    path = settings.places.former_keys
    return tuple(path.read_text(encoding="ascii").split()) if path.exists() else ()


def build_enrolment_request(settings: NodeSettings) -> tuple[bytes, str]:
    """Return the signed request of this node and the fingerprint to read out; once it has joined, for a renewal.

    Raises:
        SettingsError: If the node has no identity yet.
    """
    places = settings.places
    key = load_signing_key(places.signing_key)
    request = EnrolmentRequest(
        federation=settings.federation,
        country=settings.country,
        signing_key=public_key_hex(key),
        flower_key=_flower_public_pem(settings),
        certificate_request=build_certificate_request(settings.country.value, places=places),
        epsilon_cap=settings.privacy.epsilon_cap,
    )
    return SignedRequest.sign(request, key=key).to_bytes(), fingerprint(request.signing_key)


def join(settings: NodeSettings, content: bytes, *, spoken: str, now: datetime) -> Kit:
    """Check the authority's kit and keep it.

    Args:
        settings: The node's profile.
        content: The file that the authority sent.
        spoken: The authority's fingerprint as it was read out; needed for the first kit alone.
        now: The time.

    Raises:
        EnrolmentRefused: If the kit cannot be believed; nothing is kept then.
        CertificateRefused: If its certificate is not of its authority, or not of today.
        SettingsError: If it is for another federation, or the profile's coordinator answers under another name.
    """
    places = settings.places
    own = (public_key_hex(load_signing_key(places.signing_key)), _flower_public_pem(settings))

    def check(kit: Kit) -> None:
        if kit.federation != settings.federation:
            raise SettingsError("The kit is for another federation than this profile: check both.")
        if (kit.signing_key, kit.flower_key) != own:
            raise EnrolmentRefused("The kit is for other keys than this node's: send the request of this node.")
        if settings.coordinator_url.host not in kit.edge_names:
            raise SettingsError("The kit names another host than coordinator_url in the profile: correct the profile.")

    receiver = Receiver(party=settings.country.value, places=places, check=check)
    return accept_kit(content, receiver=receiver, spoken=spoken, now=now)


def load_kit(settings: NodeSettings) -> Kit:
    """Return the kit that this node keeps.

    Raises:
        SettingsError: If the node has not joined yet.
    """
    kit = find_kit(settings.places)
    if kit is None:
        path = settings.places.kit
        raise SettingsError(f"This node has not joined a federation: run safeborders node join ({path} is missing).")
    return kit


def load_database_key(settings: NodeSettings) -> str:
    """Return the key of the encrypted database.

    Raises:
        SettingsError: If the profile names no key file or the file cannot be used.
    """
    if settings.database.key_file is None:
        raise SettingsError("The key 'database.key_file' is missing: name the file that holds the database key.")
    return load_secret(settings.database.key_file, what="database key")


def _flower_public_pem(settings: NodeSettings) -> str:
    private = settings.places.flower_key.read_bytes()
    key = serialization.load_pem_private_key(private, password=None).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
