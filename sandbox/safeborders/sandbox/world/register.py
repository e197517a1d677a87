"""What one country knows: its records of the world, with its own spelling, its doubles and its mistakes."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from random import Random

from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import RelationKind
from safeborders.sandbox.world.chance import Serials
from safeborders.sandbox.world.numbers import Numbers
from safeborders.sandbox.world.peoples import load_peoples
from safeborders.sandbox.world.persons import describe_person, person_envelope
from safeborders.sandbox.world.truth import HubTruth, Individual, LookAlike, Selector, Tie
from safeborders.sandbox.world.variation import written_document, written_phone, written_plate

Row = dict[str, object]

_CODES = {kind: "".join(word[0] for word in kind.value.split("_")) for kind in EntityKind} | {
    EntityKind.CASE: "c",
    EntityKind.PERSON: "p",
    EntityKind.PHONE: "t",
    EntityKind.PLACE: "l",
    EntityKind.ORGANISATION: "g",
}
_HOLDING = {
    EntityKind.PHONE: RelationKind.USES,
    EntityKind.ONLINE_ACCOUNT: RelationKind.CONTROLS,
    EntityKind.FINANCIAL_ACCOUNT: RelationKind.HOLDS,
    EntityKind.VEHICLE: RelationKind.DRIVES,
    EntityKind.IDENTITY_DOCUMENT: RelationKind.BEARS,
    EntityKind.PLACE: RelationKind.STAYS_AT,
    EntityKind.ORGANISATION: RelationKind.WORKS_FOR,
}
_VALUES = {
    EntityKind.PHONE: "number",
    EntityKind.ONLINE_ACCOUNT: "handle",
    EntityKind.FINANCIAL_ACCOUNT: "reference",
    EntityKind.VEHICLE: "plate",
    EntityKind.IDENTITY_DOCUMENT: "number",
    EntityKind.PLACE: "address",
    EntityKind.ORGANISATION: "name",
}
_DEFAULT_ROLES = {EntityKind.VEHICLE: "driver", EntityKind.PLACE: "resident", EntityKind.ORGANISATION: "employee"}
_LINK_PROPERTIES = frozenset({"role", "count", "sum_band"})
_MAIN_RECORD = 0.7  # how often a clerk finds the main record of a person who has several; ours
_HELD_BY_DOUBLE = 0.6  # how often a double carries a thing that its person holds; ours, so that doubles can be found
_NAMES = 99_999_989  # the largest prime below 10^8: a record's number tells neither its case nor its double
_CALLS = 5  # median number of calls between two phones; ours


@dataclass(frozen=True, slots=True)
class KnownTie:
    """A link between two persons that the country may write down or not."""

    first: str
    second: str
    kind: RelationKind
    since: date
    kin: str
    planted: bool


class Register:
    """Collects the rows of ``country``'s import file and which record stands for whom."""

    def __init__(self, country: Country, numbers: Numbers, *, chance: Random) -> None:
        self.country = country
        self.chance = chance
        self._numbers = numbers
        self._people = load_peoples()[country]
        self._names = {kind: Serials(_NAMES, chance=chance) for kind in EntityKind}
        self._link_names = Serials(_NAMES, chance=chance)
        self.clear()

    def clear(self) -> None:
        """Forget all rows and records; names of records are never given out again."""
        self.entities: list[Row] = []
        self.links: list[Row] = []
        self.statements: list[Row] = []
        self.ties: list[KnownTie] = []
        self.records: dict[str, list[str]] = {}
        self.persons: dict[str, Individual] = {}
        self.selectors: dict[str, Selector] = {}
        self.writings: dict[str, str] = {}
        self.categories: dict[str, str] = {}
        self.hubs: list[HubTruth] = []
        self.look_alikes: list[LookAlike] = []
        self._written: set[tuple[object, ...]] = set()

    def add(self, kind: EntityKind, properties: Mapping[str, object], *, envelope: Mapping[str, object]) -> str:
        """Write an entity down and return its record's name."""
        name = f"{self.country}-{_CODES[kind]}{self._names[kind].draw_scrambled()}"
        row: Row = {"record": "entity", "id": name, "kind": kind, "properties": properties}
        if envelope:
            row["envelope"] = envelope
        self.entities.append(row)
        return name

    def link(self, kind: RelationKind, ends: tuple[str, str], **more: object) -> None:
        """Write a link down, once; role, count and sum_band are properties, all else goes in the envelope."""
        source, target = ends
        mark = (kind, source, target, more.get("role"), more.get("valid_to"))
        if source == target or mark in self._written:
            return
        self._written.add(mark)
        row: Row = {
            "record": "link",
            "id": f"{self.country}-k{self._link_names.draw_scrambled()}",
            "kind": kind,
            "source": source,
            "target": target,
        }
        properties: Row = {}
        envelope: Row = {}
        for key, value in more.items():
            if key in _LINK_PROPERTIES and value is not None:
                properties[key] = value
            elif value is not None:
                envelope[key] = value.isoformat() if isinstance(value, date) else value
        if properties:
            row["properties"] = properties
        if envelope:
            row["envelope"] = envelope
        self.links.append(row)

    def person(self, one: Individual, *, since: date) -> str:
        """Return a record of ``one``; a person whom the country knows twice has a main record and rarer ones."""
        names = self.records.get(one.key)
        if names is None:
            roll, doubles = self.chance.random(), self._numbers.duplicates
            copies = 3 if roll < doubles.triple else 2 if roll < doubles.triple + doubles.double else 1
            names = [self._write_person(one, copy=copy) for copy in range(copies)]
            self.records[one.key] = names
            for held in (*one.phones, *one.vehicles, *one.money, *one.accounts, *one.documents):
                self.hold(one, held, since=since)
        if len(names) == 1 or self.chance.random() < _MAIN_RECORD:
            return names[0]
        return self.chance.choice(names[1:])

    def selector(self, what: Selector) -> str:
        """Return the record of ``what``."""
        names = self.records.get(what.key)
        if names is None:
            written = self._written_value(what)
            names = [self.add(what.kind, {_VALUES[what.kind]: written, **what.more}, envelope={})]
            self.writings[names[0]] = written
            self.records[what.key] = names
            self.selectors[names[0]] = what
        return names[0]

    def hold(
        self, one: Individual, what: Selector, *, since: date, until: date | None = None, role: str | None = None
    ) -> None:
        """Write down that ``one`` uses, drives, holds, bears or stays at ``what``; mostly in all of its records."""
        self.person(one, since=since)
        for place, record in enumerate(self.records[one.key]):
            if place == 0 or self.chance.random() < _HELD_BY_DOUBLE:
                self.link(
                    _HOLDING[what.kind],
                    (record, self.selector(what)),
                    role=role or _DEFAULT_ROLES.get(what.kind),
                    valid_from=since,
                    valid_to=until,
                )

    def tie(self, tie: Tie, *, planted: bool = True) -> None:
        """Remember that two persons belong together; which of these are withheld is decided at the end."""
        first, second = self.person(tie.first, since=tie.since), self.person(tie.second, since=tie.since)
        if first == second:
            return
        kind = RelationKind.KIN if tie.kin else RelationKind.ASSOCIATE
        self.ties.append(KnownTie(first, second, kind, tie.since, tie.kin, planted))

    def look_alike(self, kind: str, pair: tuple[Individual, Individual], *, through: str = "") -> None:
        """Note for the ground truth that the main records of two persons look like one, or share what means nothing."""
        first, second = (self.records[one.key][0] for one in pair)
        self.look_alikes.append(LookAlike(kind, first, second, through=through))

    def calls(self) -> int:
        """Return a number of calls, log-normal with median 5."""
        return 1 + int(self.chance.lognormvariate(math.log(_CALLS), 1.0))

    def _write_person(self, one: Individual, *, copy: int) -> str:
        properties = describe_person(self.chance, one, country=self.country, copy=copy)
        envelope = person_envelope(self.chance, one, numbers=self._numbers)
        record = self.add(EntityKind.PERSON, properties, envelope=envelope)
        self.persons[record] = one
        self.writings[record] = str(properties["name"])
        return record

    def _written_value(self, what: Selector) -> str:
        if what.kind is EntityKind.PHONE:
            return written_phone(self.chance, what.value, home=self._people)
        if what.kind is EntityKind.VEHICLE:
            return written_plate(self.chance, what.value, script=self._people.plates)
        if what.kind is EntityKind.IDENTITY_DOCUMENT and what.country is not self.country:
            return written_document(self.chance, what.value)
        return what.value
