"""What an investigator may see of the country's records, and the port through which it is read.

Every method takes a justification: the reader shows only rows that are not restricted, are within their retention time,
and may serve the stated purpose. What is invisible does not exist: the same error, the same sentence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol

from safeborders.kit.errors import NotFound
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.statuses import DataSubjectCategory
from safeborders.node.access.callers import Justification

LEAD_NOT_PROOF = (
    "A lead, not proof: the country's model suggests that a link is missing. Check it against the records; "
    "a person decides."
)

MOST_HITS = 50
MOST_NEIGHBOURS = 200
MOST_SUGGESTIONS = 50


class Band(StrEnum):
    """How strong a suggestion is; the score itself would look more exact than it is."""

    STRONG = "strong"  # score at least 0.9
    MODERATE = "moderate"  # at least 0.75
    WEAK = "weak"


@dataclass(frozen=True)
class Entity:
    """One entity as it is shown.

    Attributes:
        label: The person's pseudonym, or the number, plate or reference of another kind.
        category: What the law sees in a person, victims first; None for other kinds.
        attributes: Further values that this caller may see, by name.
    """

    id: str
    kind: EntityKind
    label: str
    source_grade: str
    info_grade: int
    statement_kind: str
    handling: str
    category: DataSubjectCategory | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Entity {self.kind.value} {self.id}>"


@dataclass(frozen=True)
class Link:
    """One link as it is shown."""

    id: str
    kind: RelationKind
    source: str
    target: str
    role: str | None
    valid_from: date | None
    valid_to: date | None
    source_grade: str
    info_grade: int


@dataclass(frozen=True)
class Neighbourhood:
    """The entities around one, and the links among them; ``truncated`` when there were too many to show."""

    entities: Sequence[Entity]
    links: Sequence[Link]
    truncated: bool


@dataclass(frozen=True)
class Suggestion:
    """Two persons who may belong together, with what speaks for and against it."""

    first: Entity
    second: Entity
    band: Band
    reasons_for: Sequence[str]
    reasons_against: Sequence[str]
    model_sha256: str


@dataclass(frozen=True)
class TypeHypothesis:
    """The type that a case may be of, with what speaks for and against it."""

    case: Entity
    case_type: str
    band: Band
    reasons_for: Sequence[str]
    reasons_against: Sequence[str]
    model_sha256: str


class RecordReader(Protocol):
    """Read access to the country's records under the access policy."""

    def check(self) -> None:
        """Return if the database answers. Raises Unavailable."""

    def search(self, query: str, *, kind: EntityKind | None, who: Justification) -> Sequence[Entity]:
        """Return at most MOST_HITS entities in whose names or numbers every word of ``query`` occurs."""

    def get_entity(self, entity: str, *, who: Justification) -> Entity:
        """Return one entity. Raises NotFound."""

    def get_neighbourhood(self, entity: str, *, hops: int, who: Justification) -> Neighbourhood:
        """Return what is within ``hops`` links of ``entity``, at most MOST_NEIGHBOURS entities. Raises NotFound."""

    def list_suggestions(self, *, case: str | None, who: Justification) -> Sequence[Suggestion]:
        """Return the strongest suggestions, of one case's parties or of all. Raises NotFound for an unknown case."""

    def get_type_hypothesis(self, case: str, *, who: Justification) -> TypeHypothesis:
        """Return what the country's model thinks of a case. Raises NotFound if case or hypothesis is not there."""


def not_found() -> NotFound:
    """Return the one answer for what does not exist and for what the caller may not know of."""
    return NotFound("There is no such record, or it may not be shown for this purpose.")


def band_of(score: float) -> Band:
    """Return the band of a score in [0, 1]."""
    if score >= 0.9:
        return Band.STRONG
    return Band.MODERATE if score >= 0.75 else Band.WEAK
