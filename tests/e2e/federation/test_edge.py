"""Who gets through the public edge, and how far; every refusal stands beside the good case that passes."""

import http.client
import socket
import ssl
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import pytest
from benchmarks.local_federation import LocalFederation
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flwr.proto.runtime_pb2 import AcquireTaskRequest
from flwr.supercore.protobuf.constants import PROTOBUF_MEDIA_TYPE

from safeborders.kit.errors import Unavailable
from safeborders.kit.pki import client_context, create_key
from safeborders.kit.processes import stop_children
from safeborders.models.domain.countries import Country
from safeborders.node.learning.connector import load_flower_key
from safeborders.node.learning.flower_adapter import Fleet
from safeborders.server.federation.flower_adapter import acquire_task
from safeborders.server.federation.superlink import register_node, unregister_node

pytestmark = pytest.mark.e2e
PULL = "/v1/fleet/pull-messages"
PROTOBUF = {"content-type": PROTOBUF_MEDIA_TYPE, "accept": PROTOBUF_MEDIA_TYPE}


def _context(folder: Path, name: str = "gr") -> ssl.SSLContext:
    return client_context(
        authority=folder / "authority.pem", certificate=folder / f"{name}.pem", key=folder / f"{name}.key"
    )


def _url(federation: LocalFederation, path: str) -> str:
    return f"https://127.0.0.1:{federation.edge.port}{path}"


def _handshake(federation: LocalFederation, context: ssl.SSLContext) -> str | None:
    """Return the TLS version of a served request, None when the edge ends the connection."""
    try:
        with (
            socket.create_connection(("127.0.0.1", federation.edge.port), timeout=5) as raw,
            context.wrap_socket(raw, server_hostname="127.0.0.1") as secured,
        ):
            secured.sendall(b"GET /health HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n")
            served = secured.recv(100).startswith(b"HTTP/1.1 200")
            return secured.version() if served else None
    except (ssl.SSLError, ConnectionError):
        return None


def _status(federation: LocalFederation, method: str, path: str) -> int:
    """Return the answer to a request whose path is sent as it is written."""
    connection = http.client.HTTPSConnection(
        "127.0.0.1", federation.edge.port, context=_context(federation.folder), timeout=5
    )
    with closing(connection):
        connection.request(method, path, headers=PROTOBUF)
        with connection.getresponse() as response:
            response.read()
            return response.status


def test_a_client_certificate_of_the_federation_gets_in_over_tls_1_3(federation: LocalFederation) -> None:
    assert _handshake(federation, _context(federation.folder)) == "TLSv1.3"


def test_a_client_without_a_certificate_is_refused_in_the_handshake(federation: LocalFederation) -> None:
    context = ssl.create_default_context(cafile=str(federation.edge.authority))

    assert _handshake(federation, context) is None
    context.load_cert_chain(federation.folder / "gr.pem", federation.folder / "gr.key")
    assert _handshake(federation, context) is not None


def test_a_certificate_of_another_authority_is_refused(federation: LocalFederation) -> None:
    federation.issue("stranger", by=federation.make_authority("other-authority"))

    assert _handshake(federation, _context(federation.folder, "stranger")) is None


def test_a_certificate_that_calls_itself_by_our_authority_is_refused(federation: LocalFederation) -> None:
    impostor = federation.make_authority("impostor", common_name="authority")
    federation.issue("forged", by=impostor)

    assert _handshake(federation, _context(federation.folder, "forged")) is None


def test_tls_1_2_is_refused(federation: LocalFederation) -> None:
    context = _context(federation.folder)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    assert _handshake(federation, context) is not None  # control: offering both is served over 1.3

    context.maximum_version = ssl.TLSVersion.TLSv1_2

    assert _handshake(federation, context) is None


def test_plain_http_gets_no_answer(federation: LocalFederation) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", federation.edge.port, timeout=5)) as connection:
        connection.request("GET", "/health")

        with pytest.raises((http.client.HTTPException, ConnectionError)):
            connection.getresponse()


@pytest.mark.parametrize(
    "path",
    [
        "/v1/control/list-runs",
        "/v1/control/start-run",
        "/v1/control/register-node",
        "/v1/runtime/acquire-task",
        "/v1/runtime/push-messages",
        "/v1/fleet",
        "/v1/fleet/",
        "/v1/fleet/../control/list-runs",
        "/v1/fleet/%2e%2e/control/list-runs",
        "/v1/fleet/pull-messages/../../control/list-runs",
        "/v1/fleet/..%2fcontrol%2flist-runs",
        "//v1/control/list-runs",
        "/V1/FLEET/pull-messages",
        "/docs",
        "/openapi.json",
        "/",
    ],
)
def test_only_the_fleet_api_is_reachable(federation: LocalFederation, path: str) -> None:
    statuses = [_status(federation, method, path) for method in ("POST", "GET")]

    assert statuses == [404, 404]
    # control: the fleet API is reached, and asks for Flower's own authentication
    assert _status(federation, "POST", PULL) == 401


def test_a_method_that_flower_does_not_use_is_refused(federation: LocalFederation) -> None:
    with httpx.Client(verify=_context(federation.folder)) as client:
        assert client.put(_url(federation, PULL)).status_code == 404
        assert client.get(_url(federation, PULL)).status_code == 404


def test_a_body_beyond_the_cap_is_refused_declared_or_not(federation: LocalFederation) -> None:
    body = bytes(federation.edge.max_body_bytes + 1)
    with httpx.Client(verify=_context(federation.folder), headers=PROTOBUF) as client:
        declared = client.post(_url(federation, PULL), content=body)
        chunked = client.post(_url(federation, PULL), content=iter([body[: len(body) // 2], body[len(body) // 2 :]]))
        control = client.post(_url(federation, PULL), content=body[:100])

    assert (declared.status_code, chunked.status_code) == (413, 413)
    assert control.status_code not in {404, 413}


def test_a_flower_key_that_nobody_registered_is_refused(federation: LocalFederation) -> None:
    address = f"127.0.0.1:{federation.edge.port}"
    unknown = create_key(federation.folder / "unknown.flower")
    federation.issue("fi")
    known = create_key(federation.folder / "fi.flower")
    pem = known.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (federation.folder / "fi.flower.pub").write_bytes(pem)
    node_id = register_node(federation.link, Country.FI, public_key_pem=pem)
    federation.let_in(Country.GR, Country.IT, Country.FI)

    with Fleet(address, context=_context(federation.folder, "fi"), key=known) as fleet:
        assert fleet.activate(None) == node_id
        fleet.deactivate(node_id)
    with (
        Fleet(address, context=_context(federation.folder, "fi"), key=unknown) as fleet,
        pytest.raises(Unavailable) as refusal,
    ):
        fleet.activate(None)

    assert refusal.value.context["status"] in {400, 401, 403, 404, 409, 412}
    unregister_node(federation.link, Country.FI)  # control the other way round: shut out, the known key is refused
    with Fleet(address, context=_context(federation.folder, "fi"), key=known) as fleet, pytest.raises(Unavailable):
        fleet.activate(None)


def test_a_node_cannot_speak_for_another_by_its_number(federation: LocalFederation) -> None:
    address = f"127.0.0.1:{federation.edge.port}"
    key = load_flower_key(federation.folder / "it.flower")
    with Fleet(address, context=_context(federation.folder, "it"), key=key) as fleet:
        fleet.adopt(federation.register(Country.IT))
        fleet.send_heartbeat()
        fleet.adopt(federation.register(Country.GR))
        with pytest.raises(Unavailable):
            fleet.send_heartbeat()


def _count_warnings(federation: LocalFederation, *words: str) -> int:
    lines = federation.edge.log.read_text(encoding="utf-8").splitlines()
    return sum(all(word in line for word in ("refused_at_the_edge", *words)) for line in lines)


def test_a_revoked_country_is_refused_at_once_on_the_connection_that_it_holds(federation: LocalFederation) -> None:
    with (
        httpx.Client(verify=_context(federation.folder, "it")) as italy,
        httpx.Client(verify=_context(federation.folder)) as greece,
    ):
        assert italy.get(_url(federation, "/health")).status_code == 200  # the control: until now it was let in
        federation.let_in(Country.GR)
        refused = italy.get(_url(federation, "/health")), italy.post(_url(federation, PULL), headers=PROTOBUF)
        control = greece.get(_url(federation, "/health"))
        federation.let_in(Country.GR, Country.IT)
        again = italy.get(_url(federation, "/health"))

    assert [one.status_code for one in refused] == [403, 403]
    assert _handshake(federation, _context(federation.folder, "it")) == "TLSv1.3"
    assert (control.status_code, again.status_code) == (200, 200)


def test_a_certificate_of_the_federation_that_nobody_recorded_opens_nothing(federation: LocalFederation) -> None:
    federation.issue("pl")  # of our own authority, but of no enrolled country

    with httpx.Client(verify=_context(federation.folder, "pl")) as client:
        assert client.get(_url(federation, "/health")).status_code == 403
    with httpx.Client(verify=_context(federation.folder)) as client:
        assert client.get(_url(federation, "/health")).status_code == 200  # the control


def test_without_a_readable_list_of_passes_nobody_gets_in(federation: LocalFederation) -> None:
    with httpx.Client(verify=_context(federation.folder)) as client:
        for damage in (lambda: federation.edge.passes.write_bytes(b"torn"), federation.edge.passes.unlink):
            damage()
            assert client.get(_url(federation, "/health")).status_code == 403
            federation.let_in(Country.GR, Country.IT)
            assert client.get(_url(federation, "/health")).status_code == 200  # the control


def test_renewed_certificates_are_taken_without_stopping_a_node(federation: LocalFederation) -> None:
    """Greece's certificate and key are replaced under its running node, then the edge's under a restart of it alone."""
    node = federation.processes["gr"]
    federation.issue("gr")
    federation.let_in(Country.GR, Country.IT)  # the old certificate opens nothing any more
    federation.issue("edge", server_names=("127.0.0.1", "localhost"))
    stop_children([federation.processes["edge"]])
    federation.start_edge()
    federation.start_run("renewed", rounds=1, floor=2, deadline_seconds=30.0)
    federation.wait_for_round("renewed", 1, seconds=40)

    (record,) = federation.registry.list_rounds("renewed")
    assert {(reply.country, reply.state.value) for reply in record.replies} == {
        (Country.GR, "accepted"),
        (Country.IT, "accepted"),
    }
    assert (federation.processes["gr"], node.poll()) == (node, None)


def test_even_on_loopback_nobody_acquires_a_run_without_the_secret(federation: LocalFederation) -> None:
    body = AcquireTaskRequest(supported_task_types=["flwr-serverapp"]).SerializeToString()
    context = ssl.create_default_context(cafile=str(federation.link.authority))
    with httpx.Client(verify=context, headers=PROTOBUF) as client:
        stolen = client.post(f"{federation.link.url}/v1/runtime/acquire-task", content=body)

    assert stolen.status_code == 401
    assert acquire_task(federation.link) is None  # control: with the secret it is answered; no run waits


def test_the_superlink_listens_on_loopback_only(federation: LocalFederation) -> None:
    process = psutil.Process(federation.processes["superlink"].pid)
    listening = [connection.laddr for connection in process.net_connections("inet") if connection.status == "LISTEN"]

    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert {address.port for address in listening} == {federation.link.port}
