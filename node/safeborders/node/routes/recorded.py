"""Look-ups that cannot be answered without a record.

A route of class RecordedRoute checks the three headers, runs, writes who saw which objects into the journal, and only
then lets the answer go. A route that forgets to say what it showed, or to ask who looks, gets no answer out at all.
"""

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from safeborders.kit.errors import NotFound
from safeborders.node.access.callers import Justification
from safeborders.node.access.errors import AccessError, LookupNotRecorded
from safeborders.node.access.journal import Lookup, Outcome
from safeborders.node.access.justify import justify
from safeborders.node.routes.context import get_context

_BEARER = HTTPBearer(auto_error=False, description="A token made by this node's operator.")
_PURPOSE = APIKeyHeader(name="X-Purpose", auto_error=False, description="Purpose of the look-up: P1 to P5.")
_CASE = APIKeyHeader(name="X-Case", auto_error=False, description="Reference of the caller's case.")


@dataclass
class Look:
    """One look-up in progress."""

    who: Justification
    object_ids: list[str] = field(default_factory=list)
    is_declared: bool = False
    is_recorded: bool = False  # an act that wrote its own record, in one transaction with what it did

    def show(self, ids: Iterable[str]) -> None:
        """Declare which objects the answer shows or was asked for."""
        self.object_ids += ids
        self.is_declared = True


def begin_look(  # house: FastAPI gives a dependency its arguments by name
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    purpose: Annotated[str | None, Security(_PURPOSE)],
    case_reference: Annotated[str | None, Security(_CASE)],
) -> Look:
    """Return the look-up of ``request``, or refuse it."""
    secret = bearer.credentials if bearer else None
    tokens = get_context(request).tokens
    look = Look(justify(secret, purpose=purpose, case_reference=case_reference, tokens=tokens))
    request.state.look = look
    return look


class RecordedRoute(APIRoute):
    """A route whose answer leaves only after its look-up is on disk."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the route: answer, record, then let the answer go."""
        answer = super().get_route_handler()

        async def recorded(request: Request) -> Response:
            try:
                response = await answer(request)
            except (AccessError, RequestValidationError):  # nothing was looked up
                raise
            except NotFound:
                await run_in_threadpool(self._record, request, Outcome.NOT_FOUND)
                raise
            except Exception:
                if not hasattr(request.state, "look"):  # refused before anybody was let in
                    raise
                await run_in_threadpool(self._record, request, Outcome.FAILED)
                raise
            await run_in_threadpool(self._record, request, Outcome.ANSWERED)
            return response

        return recorded

    def _record(self, request: Request, outcome: Outcome) -> None:
        look: Look | None = getattr(request.state, "look", None)
        if look is not None and look.is_recorded and outcome is Outcome.ANSWERED:
            return
        if look is None or (outcome is Outcome.ANSWERED and not look.is_declared):
            raise LookupNotRecorded("The look-up cannot be recorded, so it is not answered: tell this node's operator.")
        parts = get_context(request)
        parts.journal.record(
            Lookup(
                justification=look.who,
                at=parts.clock(),
                operation=self.name,
                outcome=outcome,
                object_ids=tuple(dict.fromkeys(look.object_ids)),
            )
        )
