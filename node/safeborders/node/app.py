"""The node's API: look-ups of investigators, each with a token, a purpose and a case; acts of approvers and auditors.

It imports nothing of learning, so it starts in less than a second and goes on when the coordinator does not.
"""

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from safeborders.kit.http import BodyLimit, SecurityHeaders
from safeborders.kit.problems import Statuses, install_problem_edge
from safeborders.kit.transparency.errors import NoSuchRow
from safeborders.node.access.errors import (
    AccessError,
    EventNotRecorded,
    JustificationMissing,
    LookupNotRecorded,
    NotAuthenticated,
    PurposeRefused,
)
from safeborders.node.consent.errors import ConsentNotRecorded, ReasonMissing
from safeborders.node.routes import approvals, audits, health, records, roles
from safeborders.node.routes.context import Context

STATUSES: Statuses = {
    AccessError: 403,
    NotAuthenticated: 401,
    JustificationMissing: 400,
    PurposeRefused: 403,
    LookupNotRecorded: 503,
    EventNotRecorded: 503,
    ConsentNotRecorded: 503,
    ReasonMissing: 422,
    NoSuchRow: 404,
}
_MAX_BODY_BYTES = 16 * 1024  # a search of 100 characters is the largest request


def build_app(parts: Context, *, hosts: Sequence[str] = ("127.0.0.1", "localhost")) -> FastAPI:
    """Return the application.

    Args:
        parts: What stands behind it.
        hosts: Names under which the API may be asked for, without port.
    """
    app = FastAPI(title="SafeBorders node", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.context = parts
    app.include_router(health.router)
    app.include_router(records.router)
    app.include_router(roles.router)
    app.include_router(approvals.router)
    app.include_router(audits.router)
    install_problem_edge(app, statuses=STATUSES)
    app.add_middleware(BodyLimit, max_bytes=_MAX_BODY_BYTES)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(SecurityHeaders)
    return app
