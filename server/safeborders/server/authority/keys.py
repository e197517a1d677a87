"""The authority's keys: made once, at rest encrypted, opened for one command."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.configs.authority import AuthoritySettings
from safeborders.kit.errors import Conflict, SettingsError
from safeborders.kit.files import write_atomically
from safeborders.kit.pki import (
    Authority,
    CertificateRefused,
    certificate_pem,
    create_issuing_authority,
    create_root,
    load_certificates,
)
from safeborders.kit.sealed_keys import KeySafe
from safeborders.server.authority.register import Register, save_register

_ROOT_DAYS = 3650
_ISSUING_DAYS = 730


@dataclass(frozen=True)
class OpenAuthority:
    """The authority with its keys at hand: the root's certificate, the issuer, and the key that signs kits."""

    root: x509.Certificate
    issuing: Authority
    signing_key: Ed25519PrivateKey


def create_keys(settings: AuthoritySettings, *, passphrase: str, now: datetime) -> None:
    """Make root, issuing authority and the key that signs kits; all are kept encrypted.

    Raises:
        Conflict: If there is an authority already; nothing is overwritten.
        SettingsError: If the passphrase is too short.
    """
    places = settings.places
    if places.register.exists() or places.root_key.exists():
        raise Conflict(f"There is an authority in {places.state} already: use another state folder to start afresh.")
    places.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    safe = KeySafe(places.salt, passphrase=passphrase)
    root = create_root(f"{settings.federation} root", now=now, days=_ROOT_DAYS)
    write_atomically(places.root, certificate_pem(root.certificate))
    safe.keep(root.key, places.root_key)
    _issue(settings, safe, root=root, now=now)
    safe.keep(Ed25519PrivateKey.generate(), places.signing_key)
    save_register(Register(), places.register)  # last: its presence says that the authority is whole


def rotate_issuing(settings: AuthoritySettings, *, passphrase: str, now: datetime) -> None:
    """Let the root sign a new issuing authority, with the names of today's profile; older certificates stay good."""
    places = settings.places
    safe = open_safe(settings, passphrase=passphrase)
    root = Authority(certificate=_load_certificate(settings, "root"), key=safe.open_ec(places.root_key))
    _issue(settings, safe, root=root, now=now)


def open_safe(settings: AuthoritySettings, *, passphrase: str) -> KeySafe:
    """Return what opens the keys. Raises SettingsError."""
    places = settings.places
    if not (places.register.exists() and places.salt.exists()):
        raise SettingsError(f"There is no authority in {places.state}: run safeborders authority init first.")
    return KeySafe(places.salt, passphrase=passphrase)


def open_authority(settings: AuthoritySettings, *, passphrase: str) -> OpenAuthority:
    """Return the authority with its keys.

    Raises:
        SettingsError: If there is none, a file is damaged, or the passphrase is another.
    """
    places = settings.places
    safe = open_safe(settings, passphrase=passphrase)
    return OpenAuthority(
        root=_load_certificate(settings, "root"),
        issuing=Authority(certificate=_load_certificate(settings, "issuing"), key=safe.open_ec(places.issuing_key)),
        signing_key=safe.open_ed25519(places.signing_key),
    )


def _issue(settings: AuthoritySettings, safe: KeySafe, *, root: Authority, now: datetime) -> None:
    places = settings.places
    issuing = create_issuing_authority(
        f"{settings.federation} issuing {now:%Y-%m-%d}",
        root=root,
        now=now,
        days=_ISSUING_DAYS,
        server_names=settings.edge_names,
    )
    safe.keep(issuing.key, places.issuing_key)
    write_atomically(places.issuing, certificate_pem(issuing.certificate))


def _load_certificate(settings: AuthoritySettings, name: str) -> x509.Certificate:
    path = settings.places.state / f"{name}.pem"
    try:
        return load_certificates(path.read_bytes())[0]
    except (OSError, CertificateRefused) as error:
        raise SettingsError(f"The certificate in {path} cannot be read: restore it from the backup.") from error
