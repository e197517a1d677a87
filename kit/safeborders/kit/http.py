"""Headers and limits that every HTTP service of ours has (security.md 6)."""

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from safeborders.kit.problems import problem

_FEATURES = (
    "accelerometer", "camera", "display-capture", "fullscreen", "geolocation", "gyroscope", "magnetometer",
    "microphone", "midi", "payment", "publickey-credentials-get", "screen-wake-lock", "usb",
)  # fmt: skip

SECURITY_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": ", ".join(f"{feature}=()" for feature in _FEATURES),
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
"""Sent with every answer; browsers ignore the transport header where there is no TLS (loopback)."""

API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""Content security policy of a service that serves no page."""


class SecurityHeaders:
    """Adds SECURITY_HEADERS and a content security policy to every answer, whoever made it."""

    def __init__(self, app: ASGIApp, *, policy: str = API_POLICY) -> None:
        self._app = app
        self._headers = {**SECURITY_HEADERS, "Content-Security-Policy": policy}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and complete the answer's headers."""

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
            await send(message)

        await self._app(scope, receive, complete if scope["type"] == "http" else send)


class _TooLarge(Exception):
    """The request goes on beyond the limit."""


class BodyLimit:
    """Refuses request bodies above ``max_bytes``, whether they announce their length or not."""

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the whole body first: no part of the application sees one that is too large."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            messages = await self._read(receive)
        except _TooLarge:
            answer = problem(413, code="request.too_large", sentence="The request is larger than this service reads.")
            await answer(scope, receive, send)
            return
        kept = iter(messages)

        async def replay() -> Message:
            return next(kept, None) or await receive()

        await self._app(scope, replay, send)

    async def _read(self, receive: Receive) -> list[Message]:
        messages, size, more = [], 0, True
        while more:
            message = await receive()
            size += len(message.get("body", b""))
            if size > self._max_bytes:
                raise _TooLarge
            more = message["type"] == "http.request" and message.get("more_body", False)
            messages.append(message)
        return messages
