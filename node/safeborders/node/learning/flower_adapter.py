"""Everything of Flower that a node touches, private symbols included: one place to mend after a release.

Flower's own ``http_request_response`` ends the process when a connection fails and cannot show a client certificate, so
the node uses the client beneath it. No call here can fetch a bundle: ``GetFab`` is never named.

tests/contract/test_flower.py fail loudly when one of these symbols changes its name, place or meaning.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from ssl import SSLContext
from typing import Self

import httpx
from cryptography.hazmat.primitives.asymmetric import ec
from flwr.app import ConfigRecord, Error, Message, RecordDict
from flwr.app.message import remove_content_from_message
from flwr.common.constant import HEARTBEAT_DEFAULT_INTERVAL
from flwr.common.serde import message_from_proto, message_to_proto
from flwr.proto.fleet_pb2 import ActivateNodeRequest, DeactivateNodeRequest, PullMessagesRequest, PushMessagesRequest
from flwr.proto.heartbeat_pb2 import SendNodeHeartbeatRequest
from flwr.proto.message_pb2 import ConfirmMessageReceivedRequest, PullObjectRequest, PushObjectRequest
from flwr.proto.node_pb2 import Node
from flwr.supercore.inflatable.inflatable_object import (
    InflatableObject,
    get_all_nested_objects,
    get_object_tree,
    iterate_object_tree,
    no_object_id_recompute,
)
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents
from flwr.supercore.primitives.asymmetric import public_key_to_bytes
from flwr.supernode.fleet_http_client import FleetHttpClient
from flwr.supernode.node_auth_http_interceptor import NodeAuthHttpInterceptor

from safeborders.kit.errors import Unavailable
from safeborders.models.protocol.messages import MessageRefused, SignedMessage

RECORD = "safeborders"
HEARTBEAT_SECONDS = float(HEARTBEAT_DEFAULT_INTERVAL)
_PARTS = ("header", "signature", "payload")
_REQUEST_SECONDS = 30.0
_OBJECT_WAIT_SECONDS = 0.02
_OBJECT_PATIENCE_SECONDS = 30.0


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn what an HTTP client raises into one sentence of ours; all of it may pass, so all of it is retried."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        raise Unavailable("The coordinator refused the request: it may be restarting.", status=status) from error
    except (httpx.TransportError, OSError, ValueError) as error:
        raise Unavailable("The coordinator does not answer: it may be down.", reason=type(error).__name__) from error


class Received:
    """A message of the coordinator as Flower delivered it: three byte strings and where to reply."""

    def __init__(self, message: Message) -> None:
        self._message = message

    @property
    def parts(self) -> tuple[bytes, bytes, bytes]:
        """Header, signature and payload, nothing of it believed yet.

        Raises:
            MessageRefused: If the message holds anything else.
        """
        record = self._message.content.get(RECORD) if self._message.has_content() else None
        values = [record.get(name) if isinstance(record, ConfigRecord) else None for name in _PARTS]
        header, signature, payload = values
        if not (isinstance(header, bytes) and isinstance(signature, bytes) and isinstance(payload, bytes)):
            raise MessageRefused("The message holds no signed header: both ends need the same version.")
        return header, signature, payload

    def reply(self, message: SignedMessage) -> Message:
        """Return the Flower reply that carries ``message``."""
        values = (message.header_bytes, message.signature, message.payload)
        content = RecordDict({RECORD: ConfigRecord(dict(zip(_PARTS, values, strict=True)))})
        return Message(content, reply_to=self._message)

    def refuse(self, code: int) -> Message:
        """Return the Flower reply that carries a number and no text."""
        return Message(Error(code=code, reason=""), reply_to=self._message)


class Fleet:
    """The Fleet API of the coordinator's edge: one client, one node.

    Args:
        address: Host and port of the edge.
        context: TLS with the node's client certificate.
        key: The elliptic-curve key that Flower knows this node by.
    """

    def __init__(self, address: str, *, context: SSLContext, key: ec.EllipticCurvePrivateKey) -> None:
        self._public_key = public_key_to_bytes(key.public_key())
        self._client = FleetHttpClient(
            f"https://{address}",
            verify=context,
            timeout=_REQUEST_SECONDS,
            # Flower's version interceptor is left out: it would let an answer of the coordinator end this process.
            interceptors=[NodeAuthHttpInterceptor(key, key.public_key())],
        )
        self._node = Node()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def activate(self, former_id: int | None) -> int:
        """Come online and return this node's Flower id.

        Args:
            former_id: The id of a former life; Flower holds it online for a minute after a kill and refuses a second
                one, so it is put offline first.

        Raises:
            Unavailable: If the coordinator is down or does not know our key.
        """
        if former_id is not None:
            self.deactivate(former_id)
        request = ActivateNodeRequest(public_key=self._public_key, heartbeat_interval=HEARTBEAT_SECONDS)
        with _plain_errors():
            self._node = Node(node_id=self._client.ActivateNode(request).node_id)
        return int(self._node.node_id)

    def adopt(self, node_id: int) -> None:
        """Speak for the node that another connection activated."""
        self._node = Node(node_id=node_id)

    def deactivate(self, node_id: int) -> None:
        """Go offline; silent when the coordinator is down or thinks so already."""
        try:
            with _plain_errors():
                self._client.DeactivateNode(DeactivateNodeRequest(node_id=node_id))
        except Unavailable:
            return

    def send_heartbeat(self) -> None:
        """Stay online."""
        request = SendNodeHeartbeatRequest(node=self._node, heartbeat_interval=HEARTBEAT_SECONDS)
        with _plain_errors():
            self._client.SendNodeHeartbeat(request)

    def receive(self) -> Received | None:
        """Return the next message with all its objects, or None when none waits."""
        with _plain_errors():
            response = self._client.PullMessages(PullMessagesRequest(node=self._node))
            if not response.messages_list:
                return None
            metadata = message_from_proto(response.messages_list[0]).metadata
            tree = response.message_object_trees[0]
            contents = {
                branch.object_id: self._pull_object(metadata.run_id, branch.object_id)
                for branch in iterate_object_tree(tree)
            }
            self._client.ConfirmMessageReceived(
                ConfirmMessageReceivedRequest(node=self._node, run_id=metadata.run_id, message_object_id=tree.object_id)
            )
            message = inflate_object_from_contents(tree.object_id, contents)
            message.metadata.__dict__["_message_id"] = metadata.message_id
            return Received(message)

    def send(self, reply: Message, *, seconds: float) -> None:
        """Deliver ``reply`` with all its objects.

        Args:
            reply: From ``Received.reply`` or ``Received.refuse``.
            seconds: Told to Flower as the run time of the answer; always 0 for us, as time may depend on data.
        """
        with no_object_id_recompute(), _plain_errors():
            reply.metadata.__dict__["_message_id"] = reply.object_id
            objects = get_all_nested_objects(reply)
            response = self._client.PushMessages(
                PushMessagesRequest(
                    node=self._node,
                    messages_list=[message_to_proto(remove_content_from_message(reply))],
                    message_object_trees=[get_object_tree(reply)],
                    clientapp_runtime_list=[seconds],
                )
            )
            for object_id in response.objects_to_push:
                self._push_object(
                    reply.metadata.run_id, object_id, content=objects[object_id], session=response.session_id
                )

    def _pull_object(self, run_id: int, object_id: str) -> bytes:
        patience = time.monotonic() + _OBJECT_PATIENCE_SECONDS
        request = PullObjectRequest(node=self._node, run_id=run_id, object_id=object_id)
        while True:
            response = self._client.PullObject(request)
            if response.object_available:
                return bytes(response.object_content)
            if not response.object_found or time.monotonic() > patience:
                raise Unavailable("A part of the coordinator's message is missing: it will ask again.")
            time.sleep(_OBJECT_WAIT_SECONDS)

    def _push_object(self, run_id: int, object_id: str, *, content: InflatableObject, session: str) -> None:
        response = self._client.PushObject(
            PushObjectRequest(
                node=self._node,
                run_id=run_id,
                session_id=session,
                object_id=object_id,
                object_content=content.deflate(),
            )
        )
        if not response.stored:
            raise Unavailable("The coordinator did not take a part of the answer: it will ask again.")
