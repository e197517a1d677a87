"""The approval inbox for approvers: see what a run asks, approve, refuse with a reason, withdraw."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from safeborders.models.protocol.plan import RUN_NAME, Sha256
from safeborders.node.access.callers import Caller
from safeborders.node.consent.entries import Verdict
from safeborders.node.consent.persons import token_holder
from safeborders.node.consent.standing import RunStanding, State
from safeborders.node.routes.context import Parts
from safeborders.node.routes.recorded_acts import ActRoute, begin_act

router = APIRouter(prefix="/v1", tags=["approvals"], route_class=ActRoute)

Acting = Annotated[Caller, Depends(begin_act)]
RunName = Annotated[str, Path(pattern=RUN_NAME, description="Name of the run.")]


class DecisionBody(BaseModel):
    """A decision about exactly the manifest that was looked at."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    verdict: Literal["approve", "refuse", "withdraw"]
    reason: str = Field(min_length=3, max_length=500, description="Why; others will read it.")
    manifest_sha256: Sha256 = Field(description="Hash of the manifest that was looked at.")


class EntryBody(BaseModel):
    """One decision that was taken."""

    at: str
    verdict: Verdict
    person: str
    reason: str


class ApprovalBody(BaseModel):
    """What a run asks, in our own arithmetic, and how it stands."""

    run: str
    manifest_sha256: str
    state: State
    first_seen: str
    purpose: str
    clause: str
    agreement_sha256: str
    tasks: list[str]
    architecture_sha256: str
    bundle_sha256: str
    epsilon: float
    delta: float
    rounds: int
    participants: list[str]
    floor: int
    aggregation: str
    leaves: list[str]
    by_standing: str
    decisions: list[EntryBody]


class ApprovalsBody(BaseModel):
    """Runs that asked, newest first."""

    items: list[ApprovalBody]


class DecidedBody(BaseModel):
    """How the run stands now."""

    run: str
    state: State


@router.get("/approvals")
def list_approvals(who: Acting, parts: Parts) -> ApprovalsBody:
    """Return the runs that asked, newest first."""
    del who  # recorded by the route
    return ApprovalsBody(items=[_body(one) for one in parts.inbox.list_runs()])


@router.get("/approvals/{run}")
def get_approvals(run: RunName, who: Acting, parts: Parts) -> ApprovalsBody:
    """Return what asked under this name: one manifest, unless several came."""
    del who  # recorded by the route
    return ApprovalsBody(items=[_body(one) for one in parts.inbox.find_run(run)])


@router.post("/approvals/{run}/decision")
def decide(run: RunName, body: DecisionBody, who: Acting, parts: Parts) -> DecidedBody:
    """Approve, refuse or withdraw; it counts with the coordinator's next message."""
    state = parts.inbox.decide(
        run,
        Verdict(body.verdict),
        person=token_holder(who.token, name=who.name),
        reason=body.reason,
        manifest_sha256=body.manifest_sha256,
    )
    return DecidedBody(run=run, state=state)


def _body(one: RunStanding) -> ApprovalBody:
    asked = one.request
    return ApprovalBody(
        **asked.model_dump(mode="json", exclude={"update_length", "events"}),
        state=one.state,
        leaves=list(asked.leaves()),
        by_standing=one.by_standing,
        decisions=[
            EntryBody(at=entry.at.isoformat(), verdict=entry.verdict, person=entry.person.name, reason=entry.reason)
            for entry in one.entries
        ],
    )
