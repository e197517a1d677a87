"""Hypotheses of roles inside a case: looked up by its own investigators, decided by them, each time recorded."""

from typing import Annotated

from fastapi import APIRouter, Depends

from safeborders.node.access.callers import Role
from safeborders.node.access.errors import RoleRefused
from safeborders.node.routes.bodies import CaseRolesBody, Identifier, RoleVerdictBody, SuspectRoleBody
from safeborders.node.routes.context import Parts
from safeborders.node.routes.recorded import Look, RecordedRoute, begin_look
from safeborders.node.services.roles import RoleVerdict

router = APIRouter(prefix="/v1", tags=["records"], route_class=RecordedRoute)


def begin_investigation(look: Annotated[Look, Depends(begin_look)]) -> Look:
    """Return the look-up of an investigator, or refuse it: nobody else works on a case."""
    if look.who.caller.role not in (Role.INVESTIGATOR, Role.LEAD_INVESTIGATOR):
        raise RoleRefused("Your token is not for work on a case: ask this node's operator for one of an investigator.")
    return look


Investigating = Annotated[Look, Depends(begin_investigation)]


@router.get("/cases/{case}/role-hypotheses")
def list_role_hypotheses(case: Identifier, look: Investigating, parts: Parts) -> CaseRolesBody:
    """Return the part of each suspect in your own case: as recorded, or as the model suggests it; leads, not proof."""
    look.show([case])
    found = parts.roles.list_roles(case, who=look.who)
    look.show(one.person.id for one in found.items)
    return CaseRolesBody.model_validate(found)


@router.post("/cases/{case}/role-hypotheses/{person}")
def decide_role_hypothesis(  # house: FastAPI gives a route its arguments by name
    case: Identifier, person: Identifier, body: RoleVerdictBody, look: Investigating, parts: Parts
) -> SuspectRoleBody:
    """Confirm or refuse a hypothesis in your own case; a confirmed one is your statement, a refused one is gone."""
    look.show([case, person])
    verdict = RoleVerdict(
        case=case, person=person, role=body.role, confirmed=body.decision == "confirmed", note=body.note
    )
    decided = parts.roles.decide(verdict, who=look.who, at=parts.clock())
    look.is_recorded = True
    return SuspectRoleBody.model_validate(decided)
