"""What the public edge reads of a Fleet request: which Flower key speaks, and for which node its messages claim to be.

The SuperLink compares the key with the node of the request, and never with the sender of the messages in it.
tests/contract/test_flower.py fail loudly when a name or a meaning changes.
"""

import binascii
from base64 import b64decode
from collections.abc import Iterable

from flwr.proto.fleet_pb2 import PushMessagesRequest
from flwr.supercore.constant import FLEET_HTTP_PUBLIC_KEY_HEADER
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # protobuf ships no types

PUSH = b"/v1/fleet/push-messages"
_KEY_HEADER = FLEET_HTTP_PUBLIC_KEY_HEADER.encode()


def names_another_key(headers: Iterable[tuple[bytes, bytes]], *, own: str) -> bool:
    """Tell whether the request names a Flower key other than ``own`` (PEM); where it names none, Flower refuses it."""
    values = [value for name, value in headers if name.lower() == _KEY_HEADER]
    return len(values) > 1 or any(_decoded(value) != own.encode() for value in values)


def speaks_for_itself(body: bytes) -> bool:
    """Tell whether every message in the body of a push claims to be from the node that pushes it."""
    try:
        request = PushMessagesRequest.FromString(body)
    except DecodeError:
        return False
    return all(message.metadata.src_node_id == request.node.node_id for message in request.messages_list)


def _decoded(value: bytes) -> bytes | None:
    try:
        return b64decode(value, validate=True)
    except binascii.Error:
        return None
