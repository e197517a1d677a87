"""Acts of approvers and auditors that cannot be answered without a record in the audit log.

A purpose and a case make no sense for a decision about a run, so an act is justified by the role of the token and by
the reason that travels with the decision; an inspection of the log names its own reference. A route of class ActRoute
runs, records, and only then lets the answer go; a route that never asks who acts gets no answer out at all.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool

from safeborders.kit.errors import SafeBordersError
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.node.access.callers import Caller, Role
from safeborders.node.access.errors import (
    AccessError,
    EventNotRecorded,
    JustificationMissing,
    NotAuthenticated,
    RoleRefused,
)
from safeborders.node.access.justify import find_caller, is_case_reference
from safeborders.node.routes.context import get_context

_BEARER = HTTPBearer(auto_error=False, description="A token of the right role, made by this node's operator.")
_CASE = APIKeyHeader(name="X-Case", auto_error=False, description="Reference of the authority's inspection.")


@dataclass(frozen=True)
class Act:
    """Who acts in which part of the API, and under which reference."""

    caller: Caller
    area: str
    case_reference: str = ""


def begin_act(request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]) -> Caller:
    """Return the approver who acts, or refuse the request."""
    caller = _find_caller(request, bearer)
    if caller.role is not Role.APPROVER:
        raise RoleRefused("Your token is not for approvals: ask this node's operator for one of the role approver.")
    request.state.act = Act(caller, "approvals")
    return caller


def begin_inspection(  # house: FastAPI gives a dependency its arguments by name
    request: Request,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)],
    case_reference: Annotated[str | None, Security(_CASE)],
) -> Caller:
    """Return the auditor who looks at the log, or refuse the request."""
    caller = _find_caller(request, bearer)
    if caller.role is not Role.AUDITOR:
        raise RoleRefused("Your token is not for the audit log: ask this node's operator for one of the role auditor.")
    if not is_case_reference(case_reference):
        raise JustificationMissing(
            "State the reference of your inspection in X-Case: 3 to 64 letters, digits and / _ . : -"
        )
    request.state.act = Act(caller, "audit", str(case_reference))
    return caller


def _find_caller(request: Request, bearer: HTTPAuthorizationCredentials | None) -> Caller:
    caller = find_caller(bearer.credentials if bearer else None, tokens=get_context(request).tokens)
    if caller is None:
        raise NotAuthenticated("A valid token is needed: ask this node's operator for one.")
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
                if hasattr(request.state, "act"):
                    code = error.code if isinstance(error, SafeBordersError) else "internal"
                    await run_in_threadpool(self._record, request, code)
                raise
            await run_in_threadpool(self._record, request, "answered")
            return response

        return recorded

    def _record(self, request: Request, outcome: str) -> None:
        act: Act | None = getattr(request.state, "act", None)
        if act is None:
            raise EventNotRecorded("The act cannot be recorded, so it is not answered: tell this node's operator.")
        parts = get_context(request)
        event = AuditEvent(
            Operation.CONSULTATION,
            action=f"{act.area}.{self.name}",
            actor=f"token:{act.caller.token}",
            outcome=outcome,
            case_reference=act.case_reference,
        )
        parts.audit.record(event, at=parts.clock())
