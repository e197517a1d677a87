"""What is true in the world, whoever knows of it: individuals, selectors, pairs, networks, cases."""

from dataclasses import dataclass, field
from datetime import date

from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.roles import CaseRole
from safeborders.models.domain.typology import CaseType


@dataclass(eq=False, slots=True)
class Individual:
    """A human being of the world.

    Attributes:
        key: The true entity's name in the ground truth.
        role: The part in cases; it never changes in this world.
        network: The network's name, "" outside any.
        phones: Numbers in use; the first is the main one.
        home: Where the person stays, once anything says so.
    """

    key: str
    given: str
    surname: str
    female: bool
    born: date
    country: Country
    role: CaseRole | None = None
    network: str = ""
    phones: "list[Selector]" = field(default_factory=list)
    accounts: "list[Selector]" = field(default_factory=list)
    money: "list[Selector]" = field(default_factory=list)
    vehicles: "list[Selector]" = field(default_factory=list)
    home: "Selector | None" = None


@dataclass(eq=False, slots=True)
class Selector:
    """A phone, plate, document, account or place of the world.

    Attributes:
        key: The true entity's name in the ground truth.
        value: Its number as everybody should write it; a place's address.
        more: Its other properties in import files.
    """

    key: str
    kind: EntityKind
    value: str
    country: Country
    more: dict[str, str | float] = field(default_factory=dict)


@dataclass(eq=False, slots=True)
class Tie:
    """Two individuals who belong together, and since when.

    Attributes:
        kin: Which kind of kin, "" for an association.
    """

    first: Individual
    second: Individual
    since: date
    kin: str = ""


@dataclass(eq=False, slots=True)
class Cell:
    """A network's part in one country."""

    country: Country
    members: list[Individual] = field(default_factory=list)
    contacts: list[Individual] = field(default_factory=list)
    victims: list[Individual] = field(default_factory=list)
    ties: list[Tie] = field(default_factory=list)
    places: list[Selector] = field(default_factory=list)
    vehicles: list[Selector] = field(default_factory=list)
    cases: int = 0


@dataclass(eq=False, slots=True)
class Network:
    """A planted network."""

    name: str
    case_type: CaseType
    home: Country
    active: tuple[date, date]
    cells: list[Cell]
    shared: "list[Selector | Individual]" = field(default_factory=list)
    firm: str = ""


@dataclass(frozen=True, slots=True)
class CaseTruth:
    """What a case really is: ``case_type`` is "atypical" for a mixture of two."""

    case: str
    case_type: str
    network: str
    country: Country
