"""The HTTP edge: errors become RFC 9457 problem documents that never repeat what the caller sent.

FastAPI's own answer to a malformed request echoes the input, and so puts a name into a log or a screenshot. Here a 422
carries only where and what kind of mistake; an unexpected error carries nothing but a trace number.
"""

import secrets
import traceback
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from safeborders.kit.errors import Conflict, NotFound, SafeBordersError, Unavailable
from safeborders.kit.logs import get_log

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5

Statuses = Mapping[type[SafeBordersError], int]

COMMON_STATUSES: Statuses = {
    SafeBordersError: HTTPStatus.INTERNAL_SERVER_ERROR,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Statuses of the errors in kit; each program adds its own, and the most derived class wins."""

_log = get_log("http")


class ProblemResponse(JSONResponse):
    """An RFC 9457 problem document; never stored by a cache."""

    media_type = MEDIA_TYPE


def problem(
    status: int, *, code: str, sentence: str, errors: Sequence[Mapping[str, str]] = (), trace: str = ""
) -> ProblemResponse:
    """Return the problem document for one failed request.

    Args:
        status: HTTP status.
        code: Stable code of ours.
        sentence: What, why and how to mend it, without personal data.
        errors: For 422, one entry per mistake: ``pointer``, ``type`` and ``message``.
        trace: Number under which this process's log holds the details; "" when there are none.
    """
    document: dict[str, object] = {
        "type": f"urn:safeborders:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": sentence,
        "code": code,
    }
    if errors:
        document["errors"] = list(errors)
    if trace:
        document["trace_id"] = trace
    headers = {"Cache-Control": "no-store"}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_SECONDS)
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return ProblemResponse(document, status_code=status, headers=headers)


def find_status(error: type[SafeBordersError], statuses: Statuses) -> int:
    """Return the HTTP status of ``error``: that of the nearest class in ``statuses`` it derives from."""
    for ancestor in error.__mro__:
        if ancestor in statuses:
            return statuses[ancestor]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def describe_mistakes(errors: Iterable[Mapping[str, object]]) -> list[dict[str, str]]:
    """Return where and what kind each validation mistake is, without any of the input.

    A key that the schema does not know is input too, so its name is left out.
    """
    shown = []
    for error in errors:
        location = error.get("loc")
        parts = list(location) if isinstance(location, tuple) else []
        if error.get("type") == "extra_forbidden":
            parts = parts[:-1]
        pointer = "".join(f"/{part}" for part in parts)
        shown.append({"pointer": pointer, "type": str(error.get("type")), "message": _message(error)})
    return shown


def install_problem_edge(app: FastAPI, *, statuses: Statuses) -> None:
    """Let every failure of ``app`` answer with a problem document.

    Args:
        app: The application.
        statuses: Status per error class of this program, beside COMMON_STATUSES.
    """
    table: Statuses = {**COMMON_STATUSES, **statuses}

    async def known(_request: Request, error: Exception) -> ProblemResponse:
        if not isinstance(error, SafeBordersError):
            raise TypeError("error must be a SafeBordersError.")
        status = find_status(type(error), table)
        _log.info("request_failed", code=error.code, status=status)
        return problem(status, code=error.code, sentence=error.message)

    async def malformed(_request: Request, error: Exception) -> ProblemResponse:
        mistakes = describe_mistakes(error.errors()) if isinstance(error, RequestValidationError) else []
        sentence = "The request does not have the form that is documented: see the listed places."
        return problem(422, code="request.invalid", sentence=sentence, errors=mistakes)

    async def http(_request: Request, error: Exception) -> ProblemResponse:
        status = error.status_code if isinstance(error, HTTPException) else 500
        return problem(status, code=f"http.{status}", sentence=f"{HTTPStatus(status).description or 'Refused'}.")

    app.add_exception_handler(SafeBordersError, known)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(HTTPException, http)
    app.add_middleware(LastResort)


class LastResort:
    """Answers what no one foresaw with a trace number, and keeps its text out of answers and logs.

    An exception's text may hold a row (database drivers put parameters there), so the log gets its class and place.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; turn an escaped exception into a 500 without content."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:  # noqa: BLE001  # the outermost edge: nothing may escape with its text
            trace = secrets.token_hex(8)
            _log.error("request_crashed", reason=_where(error), trace=trace)
            if not started:
                sentence = "The program failed here: give the trace number to its operator."
                await problem(500, code="internal", sentence=sentence, trace=trace)(scope, receive, send)


def _where(error: Exception) -> str:
    innermost = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(innermost.filename).name}:{innermost.lineno}"


def _message(error: Mapping[str, object]) -> str:
    # A validator of ours may interpolate by mistake; pydantic's own sentences name only the rule.
    return "Invalid value" if error.get("type") in {"value_error", "assertion_error"} else str(error.get("msg"))
