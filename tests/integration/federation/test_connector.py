"""The connector against a coordinator that misbehaves, and what leaves a node when something fails."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from benchmarks.local_federation import SMALL, LocalFederation, build_plan
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flwr.app import ConfigRecord, Message, RecordDict
from flwr.common.serde import message_to_proto
from flwr.supercore.task_identity import TaskIdentity
from structlog.testing import capture_logs

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.errors import SafeBordersError, SettingsError, Unavailable
from safeborders.kit.signing import load_signing_key
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.messages import Header, Kind, MessageRefused, SignedMessage, sign_message
from safeborders.models.protocol.refusals import Refusal
from safeborders.node.learning.connector import Connector, ConnectorConfig, pause_after
from safeborders.node.learning.flower_adapter import Fleet, Received
from safeborders.node.learning.refusals import refusal_of
from safeborders.server.federation.edge import server_context
from safeborders.server.federation.flower_adapter import unwrap, wrap

VICTIM = "Eleni Papadopoulou"
Answer = Callable[[SignedMessage], SignedMessage]


class Exhausted(SafeBordersError):
    code = "privacy.budget_exhausted"


class RecordingFleet(Fleet):
    """Keeps what would be sent."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    def send(self, reply: Message, *, seconds: float) -> None:
        assert seconds == 0.0  # run times depend on a country's records
        self.sent.append(reply)


@pytest.fixture
def federation(tmp_path: Path) -> LocalFederation:
    return LocalFederation(tmp_path, (Country.GR,), architecture=SMALL)


def _order(federation: LocalFederation, *, key: Ed25519PrivateKey | None = None) -> SignedMessage:
    plan = build_plan("one", rounds=1, countries=(Country.GR,), architecture=SMALL)
    header = Header(
        kind=Kind.TRAIN,
        federation="bench",
        run="one",
        round=1,
        country=Country.GR,
        sequence=7,
        plan_sha256=plan.sha256(),
        base_model_sha256="0" * 64,
        payload_sha256=sha256_hex(b"order"),
    )
    signing_key = key or load_signing_key(federation.folder / "coordinator.key")
    return sign_message(header, payload=b"order", key=signing_key)


def _received(content: RecordDict) -> Received:
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, 1, 1
    return Received(Message(content, 5, "train"))


def _connector(federation: LocalFederation, answer: Answer, released: list[SignedMessage]) -> Connector:
    return Connector(federation.connection_of(Country.GR), answer=answer, released=released.append)


def _raising(error: Exception) -> Answer:
    def answer(_: SignedMessage) -> SignedMessage:
        raise error

    return answer


def test_an_answer_is_sent_and_then_released(federation: LocalFederation) -> None:
    order, fleet, released = _order(federation), RecordingFleet(), list[SignedMessage]()

    _connector(federation, lambda message: message, released).handle(fleet, _received(wrap(order)))

    (reply,) = fleet.sent
    answer = unwrap(reply)
    assert (answer.header, answer.signature, answer.payload) == (order.header_bytes, order.signature, order.payload)
    assert released == [order]


@pytest.mark.parametrize(
    ("error", "refusal"),
    [
        (Exhausted(f"No budget left for {VICTIM}."), Refusal.BUDGET_EXHAUSTED),
        (MessageRefused(VICTIM), Refusal.MALFORMED),
        (Unavailable(VICTIM, name=VICTIM), Refusal.UNAVAILABLE),
        (ValueError(VICTIM), Refusal.INTERNAL),
        (KeyError(VICTIM), Refusal.INTERNAL),
        (RecursionError(VICTIM), Refusal.INTERNAL),
    ],
)
def test_an_error_leaves_as_a_number_without_a_text(
    federation: LocalFederation, error: Exception, refusal: Refusal
) -> None:
    fleet, released = RecordingFleet(), list[SignedMessage]()

    with capture_logs() as logs:
        connector = _connector(federation, _raising(error), released)
        connector.handle(fleet, _received(wrap(_order(federation))))

    (reply,) = fleet.sent
    assert (reply.error.code, reply.error.reason) == (refusal.value, "")
    assert VICTIM.encode() not in message_to_proto(reply).SerializeToString()
    assert VICTIM not in str(logs)
    assert VICTIM in str(error) + str(error.args)  # control: the text was there to leak
    assert released == []


def test_an_order_that_the_coordinator_did_not_sign_is_never_answered(federation: LocalFederation) -> None:
    fleet, answered = RecordingFleet(), list[SignedMessage]()
    forged = _order(federation, key=Ed25519PrivateKey.generate())

    def answer(message: SignedMessage) -> SignedMessage:
        answered.append(message)
        return message

    connector = _connector(federation, answer, [])
    connector.handle(fleet, _received(wrap(forged)))
    connector.handle(fleet, _received(RecordDict({"safeborders": ConfigRecord({"header": "x"})})))
    connector.handle(fleet, _received(RecordDict({})))
    assert [reply.error.code for reply in fleet.sent] == [Refusal.MALFORMED] * 3
    assert answered == []

    connector.handle(fleet, _received(wrap(_order(federation))))
    assert len(answered) == 1  # control


def test_every_refusal_has_a_number_that_flower_leaves_to_us() -> None:
    assert min(Refusal) >= 100
    assert refusal_of(SystemExit(VICTIM)) is Refusal.INTERNAL


def test_the_connector_reconnects_while_the_coordinator_is_down_and_stops_when_told(
    federation: LocalFederation,
) -> None:
    with capture_logs() as logs, _running(federation.connection_of(Country.GR)) as stop:
        time.sleep(1.0)
        told_at = time.monotonic()
        stop()
        seconds = time.monotonic() - told_at

    assert seconds < 2.0
    assert len([line for line in logs if line["event"] == "coordinator_unavailable"]) >= 2


def test_the_connector_stops_in_time_although_the_coordinator_hangs(federation: LocalFederation) -> None:
    with _hanging_edge(federation) as accepted, _running(federation.connection_of(Country.GR)) as stop:
        assert accepted.wait(5)
        told_at = time.monotonic()
        stop()
        assert time.monotonic() - told_at < 2.0


def test_a_missing_key_file_is_one_sentence_before_anything_starts(federation: LocalFederation) -> None:
    federation.connection_of(Country.GR).flower_key.unlink()

    with pytest.raises(SettingsError, match="Flower key"):
        _connector(federation, lambda message: message, [])


@contextmanager
def _running(config: ConnectorConfig) -> Iterator[Callable[[], None]]:
    told = threading.Event()
    connector = Connector(config, answer=lambda message: message, released=lambda _: None)
    thread = threading.Thread(target=connector.run, args=(told,), daemon=True)

    def stop() -> None:
        told.set()
        thread.join(10)

    thread.start()
    try:
        yield stop
    finally:
        stop()


@contextmanager
def _hanging_edge(federation: LocalFederation) -> Iterator[threading.Event]:
    """Accept one client with TLS, read what it says, and never answer."""
    accepted, over = threading.Event(), threading.Event()
    context = server_context(federation.edge)

    def hang(listener: socket.socket) -> None:
        try:
            raw, _ = listener.accept()
            with context.wrap_socket(raw, server_side=True) as client:
                client.recv(10)
                accepted.set()
                over.wait(10)
        except (OSError, ssl.SSLError):
            return

    with socket.create_server(("127.0.0.1", federation.edge.port)) as listener:
        thread = threading.Thread(target=hang, args=(listener,), daemon=True)
        thread.start()
        try:
            yield accepted
        finally:
            over.set()
            thread.join(5)


def test_a_node_asks_less_and_less_often_and_no_order_comes_much_later_for_it() -> None:
    asked_at = [0.0]
    while asked_at[-1] < 60:
        asked_at.append(asked_at[-1] + pause_after(asked_at[-1]))
    assert len(asked_at) < 90  # ten times a second would be 600
    for earlier, later in pairwise(asked_at):
        assert later - earlier <= max(0.1, 0.1 * earlier) + 1e-9  # an order just missed waits for the next question
    assert pause_after(3600.0) == 1.0
