"""Lists of revoked certificates: OpenSSL reads what we write, and only the authority's own list is believed."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from safeborders.kit.pki import (
    Authority,
    CertificateRefused,
    build_request,
    certificate_pem,
    create_issuing_authority,
    create_root,
    issue_certificate,
)
from safeborders.kit.revocations import issue_revocations, read_revocations

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def root() -> Authority:
    return create_root("root", now=NOW, days=30)


@pytest.fixture(scope="module")
def issuing(root: Authority) -> Authority:
    return create_issuing_authority("issuing", root=root, now=NOW, days=30, server_names=("localhost",))


def leaf(issuing: Authority, name: str = "gr") -> x509.Certificate:
    request = build_request(name, key=ec.generate_private_key(ec.SECP256R1()))
    return issue_certificate(issuing, request, now=NOW, days=7)


def test_a_list_is_read_as_it_was_written(issuing: Authority) -> None:
    content = issue_revocations(issuing, {7: NOW, 2**150: NOW}, number=3, now=NOW, days=35)
    found = read_revocations(content, issuer=issuing.certificate)
    assert (found.number, found.serials) == (3, frozenset({7, 2**150}))
    assert (found.next_at - found.issued_at) == timedelta(days=35)


def test_openssl_refuses_the_listed_certificate_and_no_other(
    root: Authority, issuing: Authority, tmp_path: Path
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    good, bad = leaf(issuing), leaf(issuing, "it")
    (tmp_path / "root.pem").write_bytes(certificate_pem(root.certificate))
    (tmp_path / "issuing.pem").write_bytes(certificate_pem(issuing.certificate))
    listed = issue_revocations(issuing, {bad.serial_number: NOW}, number=1, now=NOW, days=35)
    (tmp_path / "list.pem").write_bytes(listed)

    def verdict(certificate: x509.Certificate) -> int:
        (tmp_path / "leaf.pem").write_bytes(certificate_pem(certificate))
        command = ["openssl", "verify", "-crl_check", "-CRLfile", "list.pem", "-CAfile", "root.pem"]
        done = subprocess.run(
            [*command, "-untrusted", "issuing.pem", "leaf.pem"], cwd=tmp_path, capture_output=True, check=False
        )
        return done.returncode

    assert verdict(good) == 0
    assert verdict(bad) != 0


def _without_number(authority: Authority) -> bytes:
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.certificate.subject)
    made = builder.last_update(NOW).next_update(NOW + timedelta(days=1)).sign(authority.key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def test_another_authoritys_list_and_what_is_no_list_are_refused(issuing: Authority) -> None:
    twin = create_root("issuing", now=NOW, days=30)
    good = issue_revocations(issuing, {}, number=1, now=NOW, days=35)
    for content in (
        issue_revocations(twin, {}, number=1, now=NOW, days=35),
        _without_number(issuing),
        good[:-40],
        b"",
        certificate_pem(issuing.certificate),
    ):
        with pytest.raises(CertificateRefused):
            read_revocations(content, issuer=issuing.certificate)
    assert read_revocations(good, issuer=issuing.certificate).number == 1  # the control
