"""The pages' numbers for programs."""

from fastapi import APIRouter

from safeborders.server.registry.views import RunView
from safeborders.server.routes.bodies import (
    EpsilonBody,
    ModelBody,
    NodeBody,
    OwnPaperBody,
    Page,
    RoundBody,
    RunBody,
    RunDetailBody,
)
from safeborders.server.routes.context import Parts
from safeborders.server.services.nodes import list_nodes
from safeborders.server.services.runs import get_run_page

router = APIRouter(prefix="/v1", tags=["registry"])


@router.get("/nodes")
def nodes(parts: Parts) -> Page[NodeBody]:
    """Return every country with its state: requested, enrolled, expiring, expired or revoked."""
    lines = list_nodes(parts.registry, roster=parts.roster, listed=parts.papers.find_listed(), now=parts.clock())
    return Page(items=[NodeBody.model_validate(line) for line in lines])


@router.get("/papers")
def papers(parts: Parts) -> Page[OwnPaperBody]:
    """Return the coordinator's own papers: what ends when."""
    return Page(items=[OwnPaperBody.model_validate(one) for one in parts.papers.list_own(now=parts.clock())])


@router.get("/runs")
def runs(parts: Parts) -> Page[RunBody]:
    """Return the newest 100 runs, newest first."""
    return Page(items=[RunBody.model_validate(_run(view)) for view in parts.registry.list_runs()])


@router.get("/runs/{run}")
def run(run: str, parts: Parts) -> RunDetailBody:
    """Return one run with its privacy and its models."""
    page = get_run_page(run, registry=parts.registry, roster=parts.roster, epsilon=parts.epsilon)
    return RunDetailBody.model_validate(
        {
            **_run(page.view),
            "waiting_for": list(page.waiting_for),
            "epsilons": [EpsilonBody.model_validate(line) for line in page.epsilons],
            "models": [ModelBody.model_validate(model) for model in page.models],
        }
    )


@router.get("/runs/{run}/rounds")
def rounds(run: str, parts: Parts) -> Page[RoundBody]:
    """Return all finished rounds of a run, at most 1000."""
    return Page(items=[RoundBody.model_validate(record) for record in parts.registry.list_rounds(run)])


def _run(view: RunView) -> dict[str, object]:
    plan = view.plan
    return {
        "run": plan.run,
        "state": view.state,
        "purpose": plan.purpose,
        "rounds": plan.rounds,
        "rounds_done": view.rounds_done,
        "participants": list(plan.participants),
        "floor": plan.floor,
        "plan_sha256": plan.sha256(),
        "started_at": view.started_at,
        "changed_at": view.changed_at,
    }
