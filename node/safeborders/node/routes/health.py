"""Whether the API's process lives, and whether it can work; the only routes without a look-up."""

from fastapi import APIRouter

from safeborders.node.routes.context import Parts

router = APIRouter(tags=["health"])


@router.get("/healthz")
def healthz() -> dict[str, str]:
    """Answer while the process lives; asks no other part."""
    return {"status": "alive"}


@router.get("/readyz")
def readyz(parts: Parts) -> dict[str, str]:
    """Answer 200 while the database answers, else 503."""
    parts.records.check()
    return {"status": "ready"}
