"""Whether anything in a folder can sign a certificate of a federation: every private key is found and tried."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from safeborders.kit.pki import Authority, build_request, issue_certificate

_PEM = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.+?-----END \1-----", re.DOTALL)


def find_signing_power(folder: Path, *, authorities: Sequence[x509.Certificate]) -> list[str]:
    """Return what in ``folder`` can sign below one of ``authorities``, or might with a passphrase.

    Every file is read whole, whatever its name: keys in PEM, also inside JSON and databases, and files that are a key
    in DER. With each key that opens, a certificate is made and verified with the authorities' public keys.
    """
    found = []
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        content = path.read_bytes()
        for key in _keys_in(content):
            if key is None:
                found.append(f"{path.name}: a private key under a passphrase")
            elif isinstance(key, ec.EllipticCurvePrivateKey) and any(_signs(key, one) for one in authorities):
                found.append(f"{path.name}: signs certificates")
    return found


def _keys_in(content: bytes) -> Iterator[object]:
    """Yield every private key in ``content``, None for one that is encrypted."""
    for match in _PEM.finditer(content.replace(b"\\n", b"\n")):
        yield _load(match[0], is_pem=True)
    if content[:1] == b"\x30":  # a DER sequence
        try:
            yield _load(content, is_pem=False)
        except ValueError:
            return


def _load(content: bytes, *, is_pem: bool) -> object:
    load = serialization.load_pem_private_key if is_pem else serialization.load_der_private_key
    try:
        return load(content, password=None)
    except TypeError:  # it asks for a passphrase
        return None


def _signs(key: ec.EllipticCurvePrivateKey, authority: x509.Certificate) -> bool:
    request = build_request("gr", key=ec.generate_private_key(ec.SECP256R1()))
    forged = issue_certificate(Authority(authority, key), request, now=datetime.now(UTC), days=1)
    public = authority.public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise TypeError("the authority must hold an elliptic-curve key.")
    try:
        public.verify(forged.signature, forged.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
