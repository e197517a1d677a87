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
        family_name: Stem and ending of the surname, before it is inflected.
        maiden: A woman's surname at birth if she bears another, else "".
        patronymic: The father's name as the language adds it, "" where it does not.
        language: Whose names the person bears.
        role: The part in cases; it never changes in this world.
        network: The network's name, "" outside any.
        phones: Numbers in use; the first is the main one.
        home: Where the person stays, once anything says so.
        travels: First and last days of transports that the person took part in.
    """

    key: str
    given: str
    surname: str
    family_name: tuple[str, str]
    maiden: str
    patronymic: str
    language: str
    female: bool
    born: date
    country: Country
    role: CaseRole | None = None
    network: str = ""
    phones: "list[Selector]" = field(default_factory=list)
    accounts: "list[Selector]" = field(default_factory=list)
    money: "list[Selector]" = field(default_factory=list)
    vehicles: "list[Selector]" = field(default_factory=list)
    documents: "list[Selector]" = field(default_factory=list)
    home: "Selector | None" = None
    travels: list[tuple[date, date]] = field(default_factory=list)


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
        close: Whether they work together by the group's plan; False for friends of friends.
    """

    first: Individual
    second: Individual
    since: date
    kin: str = ""
    close: bool = True


@dataclass(eq=False, slots=True)
class Cell:
    """A network's part in one country; ``seen`` are members who must turn up in a case, for what they share abroad."""

    country: Country
    members: list[Individual] = field(default_factory=list)
    contacts: list[Individual] = field(default_factory=list)
    victims: list[Individual] = field(default_factory=list)
    ties: list[Tie] = field(default_factory=list)
    places: list[Selector] = field(default_factory=list)
    vehicles: list[Selector] = field(default_factory=list)
    seen: list[Individual] = field(default_factory=list)
    cases: int = 0


@dataclass(eq=False, slots=True)
class Network:
    """A planted network; ``outside`` says whether it also works in a country that takes no part."""

    name: str
    case_type: CaseType
    home: Country
    active: tuple[date, date]
    cells: list[Cell]
    shared: "list[Selector | Individual]" = field(default_factory=list)
    firm: str = ""
    outside: bool = False


@dataclass(frozen=True, slots=True)
class CaseTruth:
    """What a case really is: ``case_type`` is "atypical" for a mixture of two."""

    case: str
    case_type: str
    network: str
    country: Country


@dataclass(frozen=True, slots=True)
class CaseRisk:
    """What makes a case urgent: about the case, never about a person.

    Attributes:
        minor_age: A victim below 14 years on the day the case was opened.
        multi_victim: More than one victim.
        multi_country: Its network works in more than one country, or the child was taken across a border.
        active_network: Its network was active in the world's last year.
        ongoing_episode: An episode has no end.
        priority: The label: three or more of the five, flipped with a small chance.
    """

    case: str
    minor_age: bool
    multi_victim: bool
    multi_country: bool
    active_network: bool
    ongoing_episode: bool
    priority: bool


@dataclass(frozen=True, slots=True)
class LookAlike:
    """Two records of one country that look like one person or thing and are not, or a number that means nothing.

    Attributes:
        kind: twins, siblings, namesakes, family_phone, recycled_phone or resold_vehicle.
        through: The record of the phone or vehicle that both used, "" for persons who only look alike.
    """

    kind: str
    first: str
    second: str
    through: str = ""


@dataclass(frozen=True, slots=True)
class HubTruth:
    """An innocent hub: a person, number, vehicle or place that many cases touch."""

    record: str
    kind: str
    country: Country
