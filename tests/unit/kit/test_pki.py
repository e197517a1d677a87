"""The federation's authority: real TLS handshakes over a socket pair, and the ones that must fail."""

import socket
import ssl
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from safeborders.kit.errors import SettingsError
from safeborders.kit.pki import (
    NODE_DOMAIN,
    Authority,
    CertificateRefused,
    build_request,
    certificate_pem,
    check_certificate,
    check_issuing,
    client_context,
    create_authority,
    create_issuing_authority,
    create_key,
    create_root,
    issue_certificate,
)

NOW = datetime.now(UTC)


@dataclass(frozen=True)
class Files:
    """One party's files."""

    certificate: Path
    key: Path
    authority: Path


def enrol(
    folder: Path, name: str, *, authority: Authority, now: datetime = NOW, server_names: tuple[str, ...] = ()
) -> Files:
    key = create_key(folder / f"{name}.key")
    request = build_request(name, key=key)
    certificate = issue_certificate(authority, request, now=now, days=7, server_names=server_names)
    (folder / f"{name}.pem").write_bytes(certificate_pem(certificate))
    (folder / f"{name}-ca.pem").write_bytes(certificate_pem(authority.certificate))
    return Files(certificate=folder / f"{name}.pem", key=folder / f"{name}.key", authority=folder / f"{name}-ca.pem")


@pytest.fixture
def authority() -> Authority:
    return create_authority("test federation", now=NOW, days=30)


def shake_hands(server: Files, client: Files, *, host: str = "localhost") -> str | None:
    """Return the client's name as the server saw it, or None if either side refused."""
    accepting = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=server.authority)
    accepting.verify_mode = ssl.CERT_REQUIRED
    accepting.load_cert_chain(server.certificate, server.key)
    left, right = socket.socketpair()
    left.settimeout(5)
    right.settimeout(5)
    seen: list[str] = []

    def serve() -> None:
        try:
            with accepting.wrap_socket(left, server_side=True) as connection:
                shown = connection.getpeercert()
                assert shown
                seen.append(shown["subject"][0][0][1])
                connection.sendall(b"welcome")
        except (ssl.SSLError, OSError):
            left.close()

    thread = threading.Thread(target=serve)
    thread.start()
    context = client_context(authority=client.authority, certificate=client.certificate, key=client.key)
    try:
        with context.wrap_socket(right, server_hostname=host) as connection:
            assert connection.version() == "TLSv1.3"
            welcomed = connection.recv(7) == b"welcome"
    except (ssl.SSLError, OSError):
        right.close()
        welcomed = False
    thread.join()
    return seen[0] if seen and welcomed else None


def test_a_country_and_the_coordinator_recognise_each_other(tmp_path: Path, authority: Authority) -> None:
    server = enrol(tmp_path, "coordinator", authority=authority, server_names=("localhost", "127.0.0.1"))
    client = enrol(tmp_path, "gr", authority=authority)
    assert shake_hands(server, client) == "gr"
    assert shake_hands(server, client, host="127.0.0.1") == "gr"


def test_another_authority_is_trusted_by_neither_side(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "theirs").mkdir()
    theirs = create_authority("test federation", now=NOW, days=30)
    server = enrol(tmp_path, "coordinator", authority=authority, server_names=("localhost",))
    client = enrol(tmp_path, "gr", authority=authority)
    impostor = enrol(tmp_path / "theirs", "gr", authority=theirs)
    false_server = enrol(tmp_path / "theirs", "coordinator", authority=theirs, server_names=("localhost",))
    assert shake_hands(server, client) == "gr"
    assert shake_hands(server, Files(impostor.certificate, impostor.key, client.authority)) is None
    assert shake_hands(Files(false_server.certificate, false_server.key, server.authority), client) is None


def test_a_country_cannot_pose_as_the_coordinator_nor_under_another_name(tmp_path: Path, authority: Authority) -> None:
    server = enrol(tmp_path, "coordinator", authority=authority, server_names=("coordinator.example",))
    client = enrol(tmp_path, "gr", authority=authority)
    assert shake_hands(server, client, host="coordinator.example") == "gr"
    assert shake_hands(client, client) is None
    assert shake_hands(server, client, host="other.example") is None


def test_an_expired_certificate_opens_nothing(tmp_path: Path, authority: Authority) -> None:
    server = enrol(tmp_path, "coordinator", authority=authority, server_names=("localhost",))
    fresh = enrol(tmp_path, "gr", authority=authority, now=NOW - timedelta(days=6))
    stale = enrol(tmp_path, "bg", authority=authority, now=NOW - timedelta(days=8))
    assert shake_hands(server, fresh) == "gr"
    assert shake_hands(server, stale) is None


def test_a_country_certificate_signs_no_other(tmp_path: Path, authority: Authority) -> None:
    server = enrol(tmp_path, "coordinator", authority=authority, server_names=("localhost",))
    key = create_key(tmp_path / "gr.key")
    certificate = issue_certificate(authority, build_request("gr", key=key), now=NOW, days=7)
    forged = enrol(tmp_path, "bg", authority=Authority(certificate=certificate, key=key))
    forged.certificate.write_bytes(forged.certificate.read_bytes() + certificate_pem(certificate))
    assert shake_hands(server, Files(forged.certificate, forged.key, server.authority)) is None


def test_unusable_tls_files_are_named(tmp_path: Path, authority: Authority) -> None:
    files = enrol(tmp_path, "gr", authority=authority)
    other = create_key(tmp_path / "other.key")
    assert other.key_size == 256
    for bent in (
        {"authority": tmp_path / "nowhere"},
        {"certificate": files.key},
        {"key": tmp_path / "other.key"},
    ):
        given = {"authority": files.authority, "certificate": files.certificate, "key": files.key, **bent}
        with pytest.raises(SettingsError, match="TLS files"):
            client_context(**given)


def test_private_keys_are_readable_by_their_owner_only(tmp_path: Path) -> None:
    create_key(tmp_path / "gr.key")
    assert (tmp_path / "gr.key").stat().st_mode & 0o777 == 0o600


def test_a_constrained_authority_names_nodes_and_its_own_servers_alone(tmp_path: Path) -> None:
    constrained = create_authority("c", now=NOW, days=30, server_names=("coordinator.example", "127.0.0.1"))
    free = create_authority("f", now=NOW, days=30)

    def reached(authority: Authority, *, host: str, folder: Path) -> bool:
        folder.mkdir()
        server = enrol(folder, "server", authority=authority, server_names=(host,))
        return shake_hands(server, enrol(folder, "gr", authority=authority), host=host) == "gr"

    for number, host in enumerate(("coordinator.example", "127.0.0.1")):
        assert reached(constrained, host=host, folder=tmp_path / f"good{number}")
    for number, host in enumerate(("other.example", "127.0.0.2", "bank.example", "nodes.safeborders.example")):
        assert not reached(constrained, host=host, folder=tmp_path / f"bad{number}")
        assert reached(free, host=host, folder=tmp_path / f"control{number}")


def enrol_below(folder: Path, name: str, *, root: Authority, issuing: Authority, host: str = "") -> Files:
    """Return the files of a party below an issuing authority, of which the other side knows the root alone."""
    folder.mkdir(exist_ok=True)
    files = enrol(folder, name, authority=issuing, server_names=(host,) if host else ())
    files.certificate.write_bytes(files.certificate.read_bytes() + certificate_pem(issuing.certificate))
    files.authority.write_bytes(certificate_pem(root.certificate))
    return files


def test_two_parties_below_an_issuing_authority_need_to_know_the_root_alone(tmp_path: Path) -> None:
    root, stranger = create_root("r", now=NOW, days=30), create_root("r", now=NOW, days=30)
    names = ("coordinator.example",)
    issuing = create_issuing_authority("i", root=root, now=NOW, days=30, server_names=names)
    theirs = create_issuing_authority("i", root=stranger, now=NOW, days=30, server_names=names)
    server = enrol_below(tmp_path / "s", "coordinator", root=root, issuing=issuing, host=names[0])
    client = enrol_below(tmp_path / "c", "gr", root=root, issuing=issuing)
    assert shake_hands(server, client, host=names[0]) == "gr"

    impostor = enrol_below(tmp_path / "i", "gr", root=root, issuing=theirs)
    assert shake_hands(server, impostor, host=names[0]) is None
    beyond = enrol_below(tmp_path / "b", "coordinator", root=root, issuing=issuing, host="bank.example")
    assert shake_hands(beyond, client, host="bank.example") is None
    second = create_issuing_authority("j", root=issuing, now=NOW, days=30, server_names=("bank.example",))
    deeper = enrol_below(tmp_path / "d", "coordinator", root=root, issuing=second, host="bank.example")
    deeper.certificate.write_bytes(deeper.certificate.read_bytes() + certificate_pem(issuing.certificate))
    assert shake_hands(deeper, client, host="bank.example") is None  # an issuing authority makes no other


def test_a_certificate_is_checked_for_its_party_day_and_both_names() -> None:
    root = create_root("r", now=NOW, days=30)
    issuing = create_issuing_authority("i", root=root, now=NOW, days=30, server_names=("localhost", "127.0.0.1"))

    def leaf(name: str, *hosts: str) -> x509.Certificate:
        request = build_request(name, key=ec.generate_private_key(ec.SECP256R1()))
        return issue_certificate(issuing, request, now=NOW, days=7, server_names=hosts)

    def check(certificate: x509.Certificate, party: str, *, now: datetime = NOW) -> None:
        issuers = [issuing.certificate]
        check_certificate(certificate, root=root.certificate, issuers=issuers, party=party, now=now)

    check(leaf("gr"), "gr")
    check(leaf("wb-al"), "wb-al")
    check(leaf("coordinator", "127.0.0.1"), "coordinator")
    check(leaf("coordinator", "localhost"), "coordinator")
    for wrong, party, now in (
        (leaf("gr"), "it", NOW),
        (leaf("gr"), "coordinator", NOW),
        (leaf("coordinator", "localhost"), "gr", NOW),
        (leaf("gr"), "gr", NOW + timedelta(days=8)),
        (leaf("Somebody Else", "localhost"), "coordinator", NOW),
        (issuing.certificate, "gr", NOW),
    ):
        with pytest.raises(CertificateRefused):
            check(wrong, party, now=now)
    with pytest.raises(CertificateRefused):  # without its issuer there is no way up to the root
        check_certificate(leaf("gr"), root=root.certificate, issuers=[], party="gr", now=NOW)


def test_only_an_authority_of_the_root_signs_lists_for_it() -> None:
    root, other = create_root("r", now=NOW, days=30), create_root("r", now=NOW, days=30)
    issuing = create_issuing_authority("i", root=root, now=NOW, days=30, server_names=("localhost",))
    check_issuing(issuing.certificate, root=root.certificate)
    request = build_request("gr", key=ec.generate_private_key(ec.SECP256R1()))
    below_root = issue_certificate(root, request, now=NOW, days=7)
    for wrong, above in ((issuing.certificate, other), (below_root, root)):
        with pytest.raises(CertificateRefused):
            check_issuing(wrong, root=above.certificate)


def test_a_node_certificate_is_short_lived_and_verifies_as_a_client() -> None:
    authority = create_authority("c", now=NOW, days=30, server_names=("coordinator.example",))
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = issue_certificate(authority, build_request("gr", key=key), now=NOW, days=30)
    verifier = PolicyBuilder().store(Store([authority.certificate])).time(NOW).build_client_verifier()
    found = verifier.verify(certificate, [])
    assert [name.value for name in found.subjects or []] == [f"gr.{NODE_DOMAIN}", f"spiffe://{NODE_DOMAIN}/gr"]
    other = create_authority("c", now=NOW, days=30, server_names=())
    stranger = PolicyBuilder().store(Store([other.certificate])).time(NOW).build_client_verifier()
    with pytest.raises(VerificationError):
        stranger.verify(certificate, [])
    late = PolicyBuilder().store(Store([authority.certificate])).time(NOW + timedelta(days=31)).build_client_verifier()
    with pytest.raises(VerificationError):
        late.verify(certificate, [])
