"""Whether the page's process lives, and whether it can work."""

from fastapi import APIRouter

from safeborders.server.routes.context import Parts

router = APIRouter(tags=["health"])


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """Answer while the process lives; asks no other part."""
    return {"status": "alive"}


@router.get("/readyz")
def readyz(parts: Parts) -> dict[str, str]:
    """Answer 200 while the database answers, else 503."""
    parts.registry.check()
    return {"status": "ready"}
