"""What comes in and goes out of the node's API, as JSON."""

from datetime import date
from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.roles import OFFENDING_ROLES
from safeborders.models.domain.statuses import DataSubjectCategory
from safeborders.node.services.records import LEAD_NOT_PROOF, Band
from safeborders.node.services.roles import ROLE_NOTICE

Identifier = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9-]{1,36}$", description="Identifier of this node; never leaves it.")
]


class SearchBody(BaseModel):
    """What is looked for. It travels in the body, because addresses end up in logs."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    query: str = Field(min_length=2, max_length=100, description="Words of a name, or a number, in any script.")
    kind: EntityKind | None = Field(default=None, description="Only entities of this kind.")


class Answer(BaseModel):
    """A read-only JSON object, built from a value of the services."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class EntityBody(Answer):
    """One entity."""

    id: str
    kind: EntityKind
    label: str
    category: DataSubjectCategory | None
    source_grade: str
    info_grade: int
    statement_kind: str
    handling: str
    attributes: dict[str, str]


class LinkBody(Answer):
    """One link."""

    id: str
    kind: RelationKind
    source: str
    target: str
    role: str | None
    valid_from: date | None
    valid_to: date | None
    source_grade: str
    info_grade: int


class HitsBody(Answer):
    """What a search found."""

    items: list[EntityBody]
    next: str | None = None


class NeighbourhoodBody(Answer):
    """What is around an entity."""

    entities: list[EntityBody]
    links: list[LinkBody]
    truncated: bool


class SuggestionBody(Answer):
    """Two persons who may belong together."""

    first: EntityBody
    second: EntityBody
    band: Band
    reasons_for: list[str]
    reasons_against: list[str]
    model_sha256: str
    statement_kind: Literal["assessment"] = "assessment"
    notice: Literal["lead, not proof"] = "lead, not proof"


class TypeHypothesisBody(Answer):
    """The type that a case may be of: a lead, with what speaks for and against it."""

    case: EntityBody
    case_type: str
    band: Band
    reasons_for: list[str]
    reasons_against: list[str]
    model_sha256: str
    statement_kind: Literal["assessment"] = "assessment"
    notice: Literal["lead, not proof"] = "lead, not proof"


class SuggestionsBody(Answer):
    """Suggested links, strongest first, with what they are and are not."""

    notice: str = LEAD_NOT_PROOF
    items: list[SuggestionBody]
    next: str | None = None


class RoleGuessBody(Answer):
    """The part that a suspect may play in the case: a lead, with what speaks for and against it."""

    role: str
    band: Band
    reasons_for: list[str]
    reasons_against: list[str]
    model_sha256: str
    statement_kind: Literal["assessment"] = "assessment"
    notice: Literal["lead, not proof"] = "lead, not proof"


class SuspectRoleBody(Answer):
    """One suspect of the case; ``recorded_roles`` are facts on record, and beside a fact there is no hypothesis."""

    person: EntityBody
    recorded_roles: list[str]
    hypothesis: RoleGuessBody | None


class CaseRolesBody(Answer):
    """The suspects of a case with their parts in it."""

    notice: str = ROLE_NOTICE
    case: EntityBody
    items: list[SuspectRoleBody]
    next: str | None = None


class RoleVerdictBody(BaseModel):
    """What a person decides on a hypothesis, and why."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    role: str = Field(pattern=f"^({'|'.join(OFFENDING_ROLES)})$", description="The part that was suggested.")
    decision: Literal["confirmed", "refused"]
    note: str = Field(min_length=3, max_length=400, description="Why; it stays in this node.")
