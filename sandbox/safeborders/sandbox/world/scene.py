"""A case while it is being written."""

from dataclasses import dataclass, field
from datetime import date

from safeborders.models.domain.typology import CaseType
from safeborders.sandbox.world.truth import Individual


@dataclass
class Scene:
    """One case while it is being written."""

    case: str
    opened: date
    case_type: CaseType
    suspects: list[Individual]
    victims: list[Individual] = field(default_factory=list)
    contacts: list[Individual] = field(default_factory=list)

    @property
    def people(self) -> list[Individual]:
        """Everybody in the case."""
        return [*self.suspects, *self.victims, *self.contacts]
