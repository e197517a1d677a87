"""One country's records and what is true of them, indexed for making exercises."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from safeborders.models.domain.countries import Country
from safeborders.sandbox.world.overview import read_records, read_table

Row = Mapping[str, object]

CONTACTS = frozenset({"CALLED", "CONTACTED", "PAID"})
"""Kinds of link between two things of the same kind."""

_HOLDING = frozenset({"USES", "CONTROLS", "HOLDS", "DRIVES", "BEARS", "STAYS_AT"})


@dataclass(frozen=True)
class Link:
    """A link as the country's file has it; dates and grades are "" where the file leaves them to its header."""

    name: str
    kind: str
    source: str
    target: str
    role: str
    count: str
    first_day: str
    last_day: str
    grade: str

    @property
    def ends(self) -> frozenset[str]:
        """The two records."""
        return frozenset((self.source, self.target))


class Casebook:
    """What the file of ``country`` says, by record, and the ground truth about it."""

    def __init__(self, world: Path, country: Country) -> None:
        self.world = world
        self.country = country.value
        self.entities: dict[str, tuple[str, Mapping[str, str]]] = {}
        self.links: list[Link] = []
        self.statuses: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        self.indicators: dict[str, Mapping[str, bool | None]] = {}
        for row in read_records(world, self.country):
            self._take(row)
        self.by_end: dict[str, list[Link]] = defaultdict(list)
        for link in self.links:
            self.by_end[link.source].append(link)
            self.by_end[link.target].append(link)
        self._read_truth()

    def table(self, name: str) -> Iterable[Mapping[str, str]]:
        """Return a table of the ground truth of the whole world."""
        return read_table(self.world, name)

    def written(self, record: str) -> str:
        """Return how the file names a record: a name, a number, an address."""
        properties = self.entities[record][1]
        names = ("name", "number", "plate", "handle", "reference", "address", "ref", "stage")
        return next((properties[name] for name in names if name in properties), record)

    def kind(self, record: str) -> str:
        """Return the kind of a record."""
        return self.entities[record][0]

    def people_of(self, case: str) -> list[str]:
        """Return the persons who are party to a case."""
        return sorted({link.source for link in self.by_end[case] if link.kind == "PARTY_TO"})

    def cases_of(self, person: str) -> list[str]:
        """Return the cases to which a person is party."""
        return sorted({link.target for link in self.by_end[person] if link.kind == "PARTY_TO"})

    def holders(self, thing: str) -> list[Link]:
        """Return who used, drove, held, bore or stayed at a thing, the earliest first."""
        held = [link for link in self.by_end[thing] if link.kind in _HOLDING and link.target == thing]
        return sorted(held, key=lambda link: (link.first_day, link.name))

    def things_of(self, person: str) -> set[str]:
        """Return what a person uses, drives, holds, bears or stays at."""
        return {link.target for link in self.by_end[person] if link.kind in _HOLDING and link.source == person}

    def network_cases(self, network: str) -> list[str]:
        """Return the cases of a planted network in this country."""
        return sorted(case for case, name in self.networks.items() if name == network)

    def _take(self, row: Mapping[str, object]) -> None:
        if row["record"] == "entity":
            properties = row["properties"]
            assert isinstance(properties, dict)  # noqa: S101  # the world wrote it
            plain = {key: _plain(value) for key, value in properties.items()}
            self.entities[str(row["id"])] = (str(row["kind"]), plain)
        elif row["record"] == "link":
            self.links.append(_link(row))
        elif row["record"] == "status":
            status = (str(row["category"]), str(row.get("case", "")), str(row["valid_from"]))
            self.statuses[str(row["person"])].append(status)
        elif row["record"] == "indicators":
            values = row["values"]
            assert isinstance(values, dict)  # noqa: S101  # the world wrote it
            self.indicators[str(row["case"])] = values

    def _read_truth(self) -> None:
        prefix = f"{self.country}-"
        cases = [case for case in self.table("gt_cases") if case["country"] == self.country]
        self.networks = {case["case"]: case["network"] for case in cases}
        self.types = {case["case"]: case["type"] for case in cases}
        persons = [person for person in self.table("gt_persons") if person["person"].startswith(prefix)]
        self.true_entity = {person["person"]: person["true_entity"] for person in persons}
        self.role = {person["person"]: person["role"] for person in persons}
        self.records: dict[str, list[str]] = defaultdict(list)
        for record, entity in self.true_entity.items():
            self.records[entity].append(record)
        links = [link for link in self.table("gt_links") if link["src"].startswith(prefix)]
        self.true_ties = {frozenset((one["src"], one["dst"])) for one in links if one["planted"] == "1"}
        self.hidden = sorted((one["src"], one["dst"]) for one in links if one["hidden"] == "1")
        self.noise = {frozenset((one["src"], one["dst"])) for one in links if one["planted"] == "0"}
        self.hubs = {hub["record"]: hub["kind"] for hub in self.table("gt_hubs") if hub["country"] == self.country}
        self.look_alikes = [pair for pair in self.table("gt_look_alikes") if pair["first"].startswith(prefix)]


def _link(row: Row) -> Link:
    properties, envelope = row.get("properties", {}), row.get("envelope", {})
    assert isinstance(properties, dict)  # noqa: S101  # the world wrote it
    assert isinstance(envelope, dict)  # noqa: S101  # the world wrote it
    grade = f"{envelope.get('source_grade', '')}{envelope.get('info_grade', '')}"
    return Link(
        name=str(row["id"]),
        kind=str(row["kind"]),
        source=str(row["source"]),
        target=str(row["target"]),
        role=str(properties.get("role", "")),
        count=str(properties.get("count", "")),
        first_day=str(envelope.get("valid_from", "")),
        last_day=str(envelope.get("valid_to", "")),
        grade=grade or "B2",
    )


def _plain(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
