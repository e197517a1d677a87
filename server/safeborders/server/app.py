"""The coordinator's page: what the federation does, for its operator on loopback.

It reads the registry and the roster and changes nothing, so there is nothing to forge a request for. It must be served
on a loopback address; names other than ``hosts`` are refused, so that a foreign page cannot reach it by DNS rebinding.
"""

from collections.abc import Sequence

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.middleware.trustedhost import TrustedHostMiddleware

from safeborders.kit.clock import Clock
from safeborders.kit.http import BodyLimit, SecurityHeaders
from safeborders.kit.problems import install_problem_edge
from safeborders.server.registry.roster import Roster
from safeborders.server.registry.views import RegistryReader
from safeborders.server.routes import api, health, pages
from safeborders.server.routes.context import Context
from safeborders.server.services.epsilon import price_plan
from safeborders.server.services.papers import PaperReader
from safeborders.server.web.templating import WEB, build_templates

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MAX_BODY_BYTES = 1024  # nothing here takes a body


def build_app(
    registry: RegistryReader,
    roster: Roster,
    *,
    papers: PaperReader,
    clock: Clock,
    hosts: Sequence[str] = ("127.0.0.1", "localhost"),
) -> FastAPI:
    """Return the application.

    Args:
        registry: What is shown.
        roster: Which countries there are.
        papers: The coordinator's own papers.
        clock: The time.
        hosts: Names under which the page may be asked for, without port.
    """
    app = FastAPI(
        title="SafeBorders coordinator", version="1", docs_url=None, redoc_url=None, openapi_url="/v1/openapi.json"
    )
    app.state.context = Context(
        registry=registry,
        roster=roster,
        papers=papers,
        clock=clock,
        epsilon=price_plan,
        templates=build_templates(),
    )
    for part in (health, api, pages):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=WEB / "static"), name="static")
    install_problem_edge(app, statuses={})
    app.add_middleware(BodyLimit, max_bytes=_MAX_BODY_BYTES)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))
    app.add_middleware(SecurityHeaders, policy=PAGE_POLICY)
    return app
