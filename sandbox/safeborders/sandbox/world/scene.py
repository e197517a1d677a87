"""A case while it is being written."""

from dataclasses import dataclass, field
from datetime import date

from safeborders.models.domain.typology import CaseType
from safeborders.sandbox.world.truth import Individual


@dataclass
class Scene:
    """One case while it is being written.

    Attributes:
        alike: Pairs of people of the case who look like one person and are not, with the kind of likeness.
        ongoing: Whether the last episode has no end.
        abroad: Whether the case file says that the child was taken across a border.
    """

    case: str
    opened: date
    case_type: CaseType
    suspects: list[Individual]
    victims: list[Individual] = field(default_factory=list)
    contacts: list[Individual] = field(default_factory=list)
    alike: list[tuple[str, Individual, Individual]] = field(default_factory=list)
    ongoing: bool = False
    abroad: bool = False

    @property
    def people(self) -> list[Individual]:
        """Everybody in the case."""
        return [*self.suspects, *self.victims, *self.contacts]
