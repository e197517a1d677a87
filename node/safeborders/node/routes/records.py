"""Look-ups in the country's records: each is justified, recorded, then answered."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from safeborders.node.routes.bodies import (
    EntityBody,
    HitsBody,
    Identifier,
    NeighbourhoodBody,
    SearchBody,
    SuggestionBody,
    SuggestionsBody,
    TypeHypothesisBody,
)
from safeborders.node.routes.context import Parts
from safeborders.node.routes.recorded import Look, RecordedRoute, begin_look
from safeborders.node.services.records import Suggestion

router = APIRouter(prefix="/v1", tags=["records"], route_class=RecordedRoute)

Looking = Annotated[Look, Depends(begin_look)]


@router.post("/search")
def search(body: SearchBody, look: Looking, parts: Parts) -> HitsBody:
    """Find entities by name or number, in any script; at most 50."""
    hits = parts.records.search(body.query, kind=body.kind, who=look.who)
    look.show(hit.id for hit in hits)
    return HitsBody(items=[EntityBody.model_validate(hit) for hit in hits])


@router.get("/entities/{entity}")
def get_entity(entity: Identifier, look: Looking, parts: Parts) -> EntityBody:
    """Return one entity."""
    look.show([entity])
    return EntityBody.model_validate(parts.records.get_entity(entity, who=look.who))


@router.get("/entities/{entity}/neighbourhood")
def get_neighbourhood(
    entity: Identifier,
    look: Looking,
    parts: Parts,
    hops: Annotated[int, Query(ge=1, le=2, description="How many links away.")] = 1,
) -> NeighbourhoodBody:
    """Return what is one or two links away, at most 200 entities."""
    look.show([entity])
    around = parts.records.get_neighbourhood(entity, hops=hops, who=look.who)
    look.show(found.id for found in around.entities)
    return NeighbourhoodBody.model_validate(around)


@router.get("/cases/{case}/suggested-links")
def list_case_suggestions(case: Identifier, look: Looking, parts: Parts) -> SuggestionsBody:
    """Return links that the country's model misses between a case's parties and others: leads, not proof."""
    look.show([case])
    return _suggestions(parts.records.list_suggestions(case=case, who=look.who), look=look)


@router.get("/cases/{case}/type-hypothesis")
def get_type_hypothesis(case: Identifier, look: Looking, parts: Parts) -> TypeHypothesisBody:
    """Return the type that the country's model takes a case for, with reasons for and against: a lead, not proof."""
    look.show([case])
    return TypeHypothesisBody.model_validate(parts.records.get_type_hypothesis(case, who=look.who))


@router.get("/suggested-links")
def list_suggestions(look: Looking, parts: Parts) -> SuggestionsBody:
    """Return the strongest suggested links: leads, not proof."""
    return _suggestions(parts.records.list_suggestions(case=None, who=look.who), look=look)


def _suggestions(found: Sequence[Suggestion], *, look: Look) -> SuggestionsBody:
    look.show(end.id for one in found for end in (one.first, one.second))
    return SuggestionsBody(items=[SuggestionBody.model_validate(one) for one in found])
