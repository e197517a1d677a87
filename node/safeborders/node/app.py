"""The node's API: what investigators of this country look up, each time with a token, a purpose and a case.

It imports nothing of learning, so it starts in less than a second and goes on when the coordinator does not.
"""

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from safeborders.kit.clock import Clock
from safeborders.kit.http import BodyLimit, SecurityHeaders
from safeborders.kit.problems import Statuses, install_problem_edge
from safeborders.node.access.errors import (
    AccessError,
    JustificationMissing,
    LookupNotRecorded,
    NotAuthenticated,
    PurposeRefused,
)
from safeborders.node.access.journal import LookupJournal, Tokens
from safeborders.node.routes import health, records
from safeborders.node.routes.context import Context
from safeborders.node.services.records import RecordReader

STATUSES: Statuses = {
    AccessError: 403,
    NotAuthenticated: 401,
    JustificationMissing: 400,
    PurposeRefused: 403,
    LookupNotRecorded: 503,
}
_MAX_BODY_BYTES = 16 * 1024  # a search of 100 characters is the largest request


def build_app(
    reader: RecordReader,
    *,
    tokens: Tokens,
    journal: LookupJournal,
    clock: Clock,
    hosts: Sequence[str] = ("127.0.0.1", "localhost"),
) -> FastAPI:
    """Return the application.

    Args:
        reader: The country's records under the access policy.
        tokens: Who may ask.
        journal: Where every look-up is recorded before it is answered.
        clock: The time.
        hosts: Names under which the API may be asked for, without port.
    """
    app = FastAPI(title="SafeBorders node", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.context = Context(records=reader, tokens=tokens, journal=journal, clock=clock)
    app.include_router(health.router)
    app.include_router(records.router)
    install_problem_edge(app, statuses=STATUSES)
    app.add_middleware(BodyLimit, max_bytes=_MAX_BODY_BYTES)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(SecurityHeaders)
    return app
