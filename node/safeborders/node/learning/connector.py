"""The resident connector: it alone talks to the coordinator, outbound only, and never runs code that it is sent.

receive → verify → answer → send → released. What goes out is a signed answer or a number; never a text.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from safeborders.kit.errors import SafeBordersError, SettingsError, Unavailable
from safeborders.kit.files import write_atomically
from safeborders.kit.logs import get_log
from safeborders.kit.pki import client_context
from safeborders.models.protocol.messages import Kind, SignedMessage, parse_message
from safeborders.node.learning.flower_adapter import HEARTBEAT_SECONDS, Fleet, Received
from safeborders.node.learning.refusals import refusal_of

_POLL_SECONDS = 0.1
_LONGEST_POLL_SECONDS = 1.0
_POLL_SHARE = 0.1
"""Nine nodes that ask ten times a second keep a third of a core busy: whoever has waited ten seconds asks each second,
and an order comes at most a tenth later than it could."""
_QUIET_SHARE = 0.6
"""After an answer of a kind the next order comes about as late as last time; sooner asking only costs the SuperLink."""
_LONGEST_QUIET_SECONDS = 2.0
_FIRST_RETRY_SECONDS = 0.2
_LONGEST_RETRY_SECONDS = 10.0
_WATCH_SECONDS = 5.0
_STOP_SECONDS = 1.5
_BEAT_SECONDS = HEARTBEAT_SECONDS * 0.6
_log = get_log("connector")


@dataclass(frozen=True)
class ConnectorConfig:
    """Where the coordinator is and how this node proves who it is.

    Args:
        address: Host and port of the coordinator's edge.
        authority: Certificate of the federation's authority.
        certificate: This node's TLS client certificate.
        tls_key: Its key.
        flower_key: The elliptic-curve key that Flower knows this node by.
        coordinator_key: The coordinator's Ed25519 key, hexadecimal; every message must be signed with it.
        node_id_file: Where Flower's id of this node is kept, so that a restart after a kill is not shut out.
    """

    address: str
    authority: Path
    certificate: Path
    tls_key: Path
    flower_key: Path
    coordinator_key: str
    node_id_file: Path


class Connector:
    """Keep a connection to the coordinator and put its messages before ``answer``.

    Args:
        config: Where and with which keys.
        answer: Gives the signed answer to a verified message, or raises; its errors leave as a number.
        released: Called after an answer has been delivered whole.
    """

    def __init__(
        self,
        config: ConnectorConfig,
        *,
        answer: Callable[[SignedMessage], SignedMessage],
        released: Callable[[SignedMessage], None],
    ) -> None:
        self._config = config
        self._answer = answer
        self._released = released
        self._key = load_flower_key(config.flower_key)
        self._build_context()  # what cannot be used is said before anything starts

    def run(self, stop: threading.Event) -> None:
        """Serve until ``stop`` is set; whatever happens to the coordinator, connect again.

        Returns within two seconds of ``stop``, even when a request hangs or an answer is being worked out; what was not
        sent by then is asked for again.
        """
        worker = threading.Thread(target=self._keep_serving, args=(stop,), name="connector", daemon=True)
        worker.start()
        while not stop.wait(_WATCH_SECONDS):
            if not worker.is_alive():
                raise RuntimeError("the connector ended without being told to")
        worker.join(_STOP_SECONDS)

    def _keep_serving(self, stop: threading.Event) -> None:
        wait = _FIRST_RETRY_SECONDS
        while not stop.is_set():
            connected_at = time.monotonic()
            try:
                self._serve(stop)
            except Unavailable as error:
                _log.warning("coordinator_unavailable", seconds=wait, **error.context)
            except Exception as error:  # noqa: BLE001  # outermost edge: a node reconnects for ever, whatever Flower raised
                _log.warning("connection_failed", seconds=wait, reason=type(error).__name__)
            if time.monotonic() - connected_at > _LONGEST_RETRY_SECONDS:
                wait = _FIRST_RETRY_SECONDS
            stop.wait(wait)
            wait = min(2 * wait, _LONGEST_RETRY_SECONDS)

    def _serve(self, stop: threading.Event) -> None:
        with self._open() as fleet:
            node_id = fleet.activate(self._former_id())
            write_atomically(self._config.node_id_file, str(node_id).encode())
            _log.info("connected")
            over = threading.Event()
            beat = threading.Thread(target=self._beat, args=(over,), name="heartbeat", daemon=True)
            beat.start()
            try:
                self._poll(fleet, stop)
            finally:
                over.set()
            fleet.deactivate(node_id)

    def _poll(self, fleet: Fleet, stop: threading.Event) -> None:
        active_at = time.monotonic()
        answered: Kind | None = None
        usual_gaps: dict[Kind, float] = {}
        while not stop.is_set():
            received = fleet.receive()
            if received is None:
                stop.wait(pause_after(time.monotonic() - active_at))
                continue
            if answered is not None:
                usual_gaps[answered] = time.monotonic() - active_at
            answered = self.handle(fleet, received)
            active_at = time.monotonic()
            usual_gap = usual_gaps.get(answered, 0.0) if answered is not None else 0.0
            stop.wait(min(_QUIET_SHARE * usual_gap, _LONGEST_QUIET_SECONDS))

    def handle(self, fleet: Fleet, received: Received) -> Kind | None:
        """Answer one message, verified, answered, sent, released, and return its kind; or refuse it by a number."""
        try:
            message = self._verified(received)
            reply = self._answer(message)
        except Exception as error:  # noqa: BLE001  # outermost edge: no exception's text may leave the country
            refusal = refusal_of(error)
            known = error.code if isinstance(error, SafeBordersError) else type(error).__name__
            _log.warning("refused", code=refusal.code, reason=known)
            fleet.send(received.refuse(refusal.value), seconds=0.0)
            return None
        fleet.send(received.reply(reply), seconds=0.0)
        self._released(reply)
        return message.header.kind

    def _verified(self, received: Received) -> SignedMessage:
        header, signature, payload = received.parts
        return parse_message(header, signature=signature, payload=payload, public_key=self._config.coordinator_key)

    def _beat(self, over: threading.Event) -> None:
        """Stay online while an answer takes its time; on a connection of its own."""
        with self._open() as fleet:
            fleet.adopt(self._former_id() or 0)
            while not over.wait(_BEAT_SECONDS):
                try:
                    fleet.send_heartbeat()
                except Unavailable as error:
                    _log.warning("heartbeat_failed", **error.context)

    def _open(self) -> Fleet:
        return Fleet(self._config.address, context=self._build_context(), key=self._key)

    def _build_context(self) -> SSLContext:
        """Read the files anew: a certificate that was renewed counts from the next connection on."""
        config = self._config
        return client_context(authority=config.authority, certificate=config.certificate, key=config.tls_key)

    def _former_id(self) -> int | None:
        try:
            return int(self._config.node_id_file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None


def pause_after(waited_seconds: float) -> float:
    """Return for how many seconds a node rests before it asks again, having waited in vain for so many."""
    return min(max(_POLL_SHARE * waited_seconds, _POLL_SECONDS), _LONGEST_POLL_SECONDS)


def load_flower_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """Return the key that Flower knows this node by.

    Raises:
        SettingsError: If the file is missing or holds no elliptic-curve key.
    """
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise SettingsError(f"The Flower key cannot be read from {path}: restore it or enrol again.") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise SettingsError(f"The key in {path} is not an elliptic-curve key: restore it or enrol again.")
    return key
