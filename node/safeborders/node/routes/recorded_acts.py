"""Acts of approvers that cannot be answered without a record in the audit log.

A purpose and a case make no sense for a decision about a run, so an act is justified by the role of the token and by
the reason that travels with the decision. A route of class ActRoute runs, records, and only then lets the answer go; a
route that never asks who acts gets no answer out at all.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from safeborders.kit.errors import SafeBordersError
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.node.access.callers import Caller, Role
from safeborders.node.access.errors import AccessError, EventNotRecorded, NotAuthenticated, RoleRefused
from safeborders.node.access.justify import find_caller
from safeborders.node.routes.context import get_context

_BEARER = HTTPBearer(auto_error=False, description="A token of the role approver, made by this node's operator.")


def begin_act(request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]) -> Caller:
    """Return who acts, or refuse the request."""
    caller = find_caller(bearer.credentials if bearer else None, tokens=get_context(request).tokens)
    if caller is None:
        raise NotAuthenticated("A valid token is needed: ask this node's operator for one.")
    if caller.role is not Role.APPROVER:
        raise RoleRefused("Your token is not for approvals: ask this node's operator for one of the role approver.")
    request.state.caller = caller
    return caller


class ActRoute(APIRoute):
    """A route whose answer leaves only after the act is in the audit log."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the route: act, record, then let the answer go."""
        answer = super().get_route_handler()

        async def recorded(request: Request) -> Response:
            try:
                response = await answer(request)
            except (AccessError, RequestValidationError):  # nothing was shown or done
                raise
            except Exception as error:
                if hasattr(request.state, "caller"):
                    code = error.code if isinstance(error, SafeBordersError) else "internal"
                    await run_in_threadpool(self._record, request, code)
                raise
            await run_in_threadpool(self._record, request, "answered")
            return response

        return recorded

    def _record(self, request: Request, outcome: str) -> None:
        caller: Caller | None = getattr(request.state, "caller", None)
        if caller is None:
            raise EventNotRecorded("The act cannot be recorded, so it is not answered: tell this node's operator.")
        parts = get_context(request)
        event = AuditEvent(
            Operation.CONSULTATION, action=f"approvals.{self.name}", actor=f"token:{caller.token}", outcome=outcome
        )
        parts.audit.record(event, at=parts.clock())
