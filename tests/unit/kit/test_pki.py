"""The federation's authority: real TLS handshakes over a socket pair, and the ones that must fail."""

import socket
import ssl
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from safeborders.kit.errors import SettingsError
from safeborders.kit.pki import (
    NODE_DOMAIN,
    Authority,
    build_request,
    certificate_pem,
    client_context,
    create_authority,
    create_key,
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
