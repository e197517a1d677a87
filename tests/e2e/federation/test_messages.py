"""What may be said inside an authenticated connection: replays, foreign bundles, and texts that must not leave."""

import json
import ssl
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from benchmarks.local_federation import SMALL, LocalFederation, wait_until
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flwr.common.serde import user_config_to_proto
from flwr.proto.control_pb2 import ListRunsRequest, StartRunRequest
from flwr.proto.fab_pb2 import Fab
from flwr.supercore.control import ControlHttpClient

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.errors import Unavailable
from safeborders.kit.pki import client_context
from safeborders.kit.processes import stop_children
from safeborders.kit.signing import load_signing_key
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.messages import Kind, SignedMessage, parse_message, sign_message
from safeborders.models.protocol.vectors import update_to_bytes
from safeborders.node.learning.connector import load_flower_key
from safeborders.node.learning.flower_adapter import Fleet, Received
from safeborders.server.registry.records import Reply, ReplyState

pytestmark = pytest.mark.e2e
VICTIM = "Eleni Papadopoulou 6912345678"


def _replies(federation: LocalFederation, run: str, number: int) -> dict[Country, Reply]:
    (record,) = (record for record in federation.registry.list_rounds(run) if record.round == number)
    return {reply.country: reply for reply in record.replies}


@contextmanager
def _without_node(federation: LocalFederation, country: Country) -> Iterator[None]:
    stop_children([federation.processes[country.value]])
    try:
        yield
    finally:
        federation.start_node(country)


@contextmanager
def _fleet(federation: LocalFederation, *, tls_of: Country, key_of: Country) -> Iterator[Fleet]:
    folder = federation.folder
    context = client_context(
        authority=federation.edge.authority, certificate=folder / f"{tls_of}.pem", key=folder / f"{tls_of}.key"
    )
    address = f"127.0.0.1:{federation.edge.port}"
    with Fleet(address, context=context, key=load_flower_key(folder / f"{key_of}.flower")) as fleet:
        fleet.activate(int((folder / f"{key_of}.id").read_text()))
        yield fleet


def _next_order(fleet: Fleet, run: str) -> Received:
    """Return the next order of ``run``; what another run still wanted is let pass."""
    found: list[Received] = []

    def came() -> bool:
        if (received := fleet.receive()) is not None and json.loads(received.parts[0])["run"] == run:
            found.append(received)
        return bool(found)

    wait_until(came, seconds=20, what="no order came")
    return found[0]


def _answer(federation: LocalFederation, received: Received, *, key: Ed25519PrivateKey) -> SignedMessage:
    header, signature, payload = received.parts
    order = parse_message(header, signature=signature, payload=payload, public_key=federation.coordinator_key)
    update = update_to_bytes(np.full(SMALL.update_length, 77, dtype=np.int64))
    changes = {"kind": Kind.UPDATE, "payload_sha256": sha256_hex(update)}
    return sign_message(order.header.model_copy(update=changes), payload=update, key=key)


def _number_of(federation: LocalFederation, country: Country) -> int:
    return int((federation.folder / f"{country}.id").read_text())


def test_captured_flower_headers_open_nothing_with_another_countrys_certificate(federation: LocalFederation) -> None:
    """Flower's authentication signs a timestamp only; the edge binds its key to the certificate of the connection."""
    with _without_node(federation, Country.GR), _fleet(federation, tls_of=Country.GR, key_of=Country.GR) as honest:
        captured = _capture_headers(honest)
        with _fleet(federation, tls_of=Country.IT, key_of=Country.IT) as thief:
            thief.adopt(_number_of(federation, Country.GR))
            _send_with(thief, captured)
            with pytest.raises(Unavailable) as refusal:
                thief.receive()
        assert refusal.value.context["status"] == 403
        with _fleet(federation, tls_of=Country.GR, key_of=Country.GR) as again:
            _send_with(again, captured)
            assert again.receive() is None  # the control: with Greece's own certificate the same headers are taken
        with _loopback(federation, key_of=Country.IT) as inside:
            inside.adopt(_number_of(federation, Country.GR))
            _send_with(inside, captured)
            assert inside.receive() is None  # and behind the edge, in anybody's hands: it is the edge that stops them
    assert '"reason": "impostor", "country": "it"' in federation.edge.log.read_text()


def test_a_country_cannot_push_a_refusal_in_anothers_name(federation: LocalFederation) -> None:
    """The SuperLink compares the key with the node that pushes, never with the sender that its messages name."""
    run = "silenced"
    with _without_node(federation, Country.GR), _fleet(federation, tls_of=Country.GR, key_of=Country.GR) as honest:
        federation.start_run(run, rounds=1, floor=1, deadline_seconds=3.0)
        order = _next_order(honest, run)
        silence = order.refuse(100)  # as if Greece's policy had said no for the whole round
        with _fleet(federation, tls_of=Country.IT, key_of=Country.IT) as thief, pytest.raises(Unavailable) as refusal:
            thief.send(silence, seconds=0.0)
        genuine = load_signing_key(federation.folder / "gr.signing")
        honest.send(order.reply(_answer(federation, order, key=genuine)), seconds=0.0)
        federation.wait_for_round(run, 1, seconds=30)

    assert refusal.value.context["status"] == 403
    assert _replies(federation, run, 1)[Country.GR].state is ReplyState.ACCEPTED


def test_control_behind_the_edge_the_refusal_in_anothers_name_is_believed(federation: LocalFederation) -> None:
    run = "silenced-behind-the-edge"
    with _without_node(federation, Country.GR), _fleet(federation, tls_of=Country.GR, key_of=Country.GR) as honest:
        federation.start_run(run, rounds=1, floor=1, deadline_seconds=3.0)
        order = _next_order(honest, run)
        with _loopback(federation, key_of=Country.IT) as inside:
            inside.adopt(_number_of(federation, Country.IT))
            inside.send(order.refuse(100), seconds=0.0)
        federation.wait_for_round(run, 1, seconds=30)

    assert _replies(federation, run, 1)[Country.GR].state is ReplyState.REFUSED


def test_an_update_that_another_country_signed_is_not_counted_even_behind_the_edge(federation: LocalFederation) -> None:
    run = "replay"
    with _without_node(federation, Country.GR), _fleet(federation, tls_of=Country.GR, key_of=Country.GR) as honest:
        captured = _capture_headers(honest)
        federation.start_run(run, rounds=2, floor=1, deadline_seconds=8.0)
        with _loopback(federation, key_of=Country.IT) as thief:
            thief.adopt(_number_of(federation, Country.GR))
            _send_with(thief, captured)
            received = _next_order(thief, run)  # Flower believes that the thief is Greece
            thief.send(_forged(federation, received), seconds=0.0)
        federation.wait_for_round(run, 1, seconds=30)
        second = _next_order(honest, run)
        genuine = load_signing_key(federation.folder / "gr.signing")
        honest.send(second.reply(_answer(federation, second, key=genuine)), seconds=0.0)
        federation.wait_for_round(run, 2, seconds=30)

    forged = _replies(federation, run, 1)[Country.GR]
    assert (forged.state, forged.code) == (ReplyState.REJECTED, "federation.message_refused")
    assert _replies(federation, run, 1)[Country.IT].state is ReplyState.ACCEPTED
    assert _replies(federation, run, 2)[Country.GR].state is ReplyState.ACCEPTED  # control: Greece itself is counted


@contextmanager
def _loopback(federation: LocalFederation, *, key_of: Country) -> Iterator[Fleet]:
    """Speak to the SuperLink itself, as only the coordinator's own machine can."""
    context = ssl.create_default_context(cafile=str(federation.link.authority))
    key = load_flower_key(federation.folder / f"{key_of}.flower")
    with Fleet(federation.link.address, context=context, key=key) as fleet:
        yield fleet


def _forged(federation: LocalFederation, received: Received) -> Any:
    return received.reply(_answer(federation, received, key=load_signing_key(federation.folder / "it.signing")))


def _capture_headers(fleet: Fleet) -> dict[str, str]:
    """Return the headers of one request of ``fleet``, as a wiretap inside the edge would see them."""
    seen: dict[str, str] = {}

    def note(request: httpx.Request) -> None:
        seen.update({name: value for name, value in request.headers.items() if name.startswith(("flwr-", "x-flwr-"))})

    client = fleet._client._client
    client.event_hooks = {"request": [note]}
    fleet.send_heartbeat()
    client.event_hooks = {"request": []}
    assert seen, "Flower's authentication headers have another name now"
    return seen


def _send_with(fleet: Fleet, headers: dict[str, str]) -> None:
    def replace_headers(request: httpx.Request) -> None:
        request.headers.update(headers)

    fleet._client._client.event_hooks = {"request": [replace_headers]}


def test_a_bundle_with_foreign_code_is_run_by_no_process(federation: LocalFederation, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    bundle = _foreign_bundle(canary)
    _run_bundle(bundle, folder=tmp_path / "victim")
    assert canary.exists()  # control: whoever imports the bundle creates the canary
    canary.unlink()

    with ControlHttpClient.from_server_address(
        federation.link.address, False, federation.link.authority.read_bytes(), interceptors=[]
    ) as control:
        request = StartRunRequest(fab=Fab(content=bundle), override_config=user_config_to_proto({"run": "foreign"}))
        number = control.StartRun(request).run_id
        wait_until(_is_finished(control, number), seconds=20, what="the foreign run was not taken")
    time.sleep(0.5)

    assert not canary.exists()
    assert '"run": "foreign", "code": "object.not_found"' in federation.runner.log.read_text()  # it was looked at


def _is_finished(control: ControlHttpClient, number: int) -> Callable[[], bool]:
    return lambda: bool(control.ListRuns(ListRunsRequest(run_id=number)).run_dict[number].status.status == "finished")


def _foreign_bundle(canary: Path) -> bytes:
    code = f"open({str(canary)!r}, 'w').close()\napp = None\n".encode()
    manifest = b"""
[project]
name = "foreign"
version = "1.0.0"
dependencies = []
[tool.flwr.app]
publisher = "attacker"
[tool.flwr.app.components]
serverapp = "foreign.code:app"
clientapp = "foreign.code:app"
[tool.flwr.app.config]
run = ""
"""
    files = {"pyproject.toml": manifest, "foreign/__init__.py": b"", "foreign/code.py": code}
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as bundle:
        for name, text in files.items():
            bundle.writestr(name, text)
        bundle.writestr(".info/CONTENT", "\n".join(f"{n},{sha256_hex(t)},{len(t) * 8}" for n, t in files.items()))
    return content.getvalue()


def _run_bundle(bundle: bytes, *, folder: Path) -> None:
    with zipfile.ZipFile(BytesIO(bundle)) as content:
        content.extractall(folder)
    subprocess.run([sys.executable, "-c", "import foreign.code"], cwd=folder, check=True)


def test_the_text_of_a_nodes_exception_never_reaches_the_coordinator(federation: LocalFederation) -> None:
    run = "run-with-a-failing-node"
    stop_children([federation.processes["gr"]])
    federation.start_node(Country.GR, failure=VICTIM)
    try:
        federation.start_run(run, rounds=1, floor=1, deadline_seconds=4.0)
        federation.wait_for_round(run, 1, seconds=30)
    finally:
        stop_children([federation.processes["gr"]])
        federation.start_node(Country.GR)

    reply = _replies(federation, run, 1)[Country.GR]
    assert (reply.state, reply.code) == (ReplyState.REFUSED, "refused.internal")
    coordinator = [*federation.link.folder.rglob("*"), *federation.folder.glob("coordinator.db*")]
    held = b"".join(path.read_bytes() for path in coordinator if path.is_file())
    assert run.encode() in held  # control: the search finds what the coordinator does hold
    for word in VICTIM.split():
        assert word.encode() not in held
    assert VICTIM.split()[0] not in (federation.folder / "gr.log").read_text()
