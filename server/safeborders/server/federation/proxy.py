"""The reverse proxy inside the edge: a plain ASGI application that forwards whole Fleet requests to loopback.

A request is taken in whole, up to a cap, before one of the few connections to the SuperLink is used, and the answer is
read whole before it is passed on: a slow node holds nobody up. Few connections are faster than many, because the
SuperLink is one Python process over one SQLite file: with nine nodes a round took 2.6 s over 64 and 1.8 s over 3.
"""

import re
import ssl
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import httpx

from safeborders.kit.logs import get_log
from safeborders.server.federation.flower_requests import PUSH, names_another_key, speaks_for_itself
from safeborders.server.federation.link import Link
from safeborders.server.federation.passes import Doorkeeper, Pass

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PEER = "certificate_sha256"
"""Where the server puts the hash of the certificate that the caller showed in the handshake."""

_FLEET_PATH = re.compile(rb"/v1/fleet/[a-z][a-z-]{0,63}")
_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer",
     b"transfer-encoding", b"upgrade", b"host", b"date", b"server", b"expect", b"accept-encoding"}
)  # fmt: skip
_CONNECTIONS = 3
_UPSTREAM_IDLE_SECONDS = 4.0  # the SuperLink's uvicorn closes idle connections after five
_UPSTREAM_SECONDS = 60.0

_log = get_log("edge")


class TooLarge(Exception):
    """A request body passed the cap."""


class Impostor(Exception):
    """A request speaks with another Flower key, or for another node, than the certificate's holder may."""


class NodeGone(Exception):
    """A node closed the connection in the middle of its request."""


class FleetProxy:
    """Forward ``POST /v1/fleet/*`` and ``GET /health`` to ``link``; answer 404 to everything else.

    Args:
        link: The SuperLink.
        doors: Knows whose certificates count at this moment; everybody else is answered 403.
        max_body_bytes: Largest request that is taken.
    """

    def __init__(self, link: Link, *, doors: Doorkeeper, max_body_bytes: int) -> None:
        self._url = link.url
        self._authority = link.authority
        self._doors = doors
        self._max_body_bytes = max_body_bytes
        self._client: httpx.AsyncClient | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI)."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        context = ssl.create_default_context(cafile=str(self._authority))
        async with httpx.AsyncClient(
            base_url=self._url,
            verify=context,
            trust_env=False,
            headers={"accept-encoding": "identity"},
            timeout=_UPSTREAM_SECONDS,
            limits=httpx.Limits(
                max_connections=_CONNECTIONS,
                max_keepalive_connections=_CONNECTIONS,
                keepalive_expiry=_UPSTREAM_IDLE_SECONDS,
            ),
        ) as client:
            self._client = client
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        entrant = self._doors.find_pass(scope["state"][PEER])
        if entrant is None:
            _log.warning("refused_at_the_edge", reason="no pass")
            await _answer(send, 403)
            return
        if not _is_public(scope):
            await _answer(send, 404)
            return
        try:
            await self._forward(entrant, scope, receive=receive, send=send)
        except Impostor:
            _log.warning("refused_at_the_edge", reason="impostor", country=entrant.country.value)
            await _answer(send, 403, close=True)
        except NodeGone:
            return
        except TooLarge:
            await _answer(send, 413, close=True)
        except httpx.TransportError as error:
            _log.warning("superlink_unreachable", reason=type(error).__name__)
            await _answer(send, 503)

    async def _forward(self, entrant: Pass, scope: Scope, *, receive: Receive, send: Send) -> None:
        if self._client is None:
            raise RuntimeError("the server must run the lifespan before requests")
        headers = _forwarded(scope["headers"])
        if names_another_key(headers, own=entrant.flower_key):
            raise Impostor
        if int(dict(headers).get(b"content-length", b"0")) > self._max_body_bytes:
            raise TooLarge
        body = await _body(receive, cap=self._max_body_bytes)
        if scope["raw_path"] == PUSH and not speaks_for_itself(body):
            raise Impostor
        response = await self._client.request(
            scope["method"], scope["raw_path"].decode("ascii"), headers=headers, content=body
        )
        await send(
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": _forwarded(response.headers.raw),
            }
        )
        await send({"type": "http.response.body", "body": response.content})


def _is_public(scope: Scope) -> bool:
    path: bytes = scope["raw_path"]
    if scope["method"] == "POST":
        return _FLEET_PATH.fullmatch(path) is not None
    return bool(scope["method"] in {"GET", "HEAD"} and path == b"/health")


def _forwarded(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    return [(name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP]


async def _body(receive: Receive, *, cap: int) -> bytes:
    body = bytearray()
    more = True
    while more:
        event = await receive()
        if event["type"] != "http.request":
            raise NodeGone
        body += event.get("body", b"")
        if len(body) > cap:
            raise TooLarge
        more = event.get("more_body", False)
    return bytes(body)


async def _answer(send: Send, status: int, *, close: bool = False) -> None:
    headers: Headers = [(b"content-length", b"0")]
    if status == 503:
        headers.append((b"retry-after", b"2"))
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
