"""What is true, in tables that no node reads; evaluation joins them with a node's records by import key."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import combinations, product
from pathlib import Path
from types import TracebackType
from typing import Self

from safeborders.sandbox.world.register import KnownTie, Register
from safeborders.sandbox.world.truth import CaseRisk, CaseTruth, Network, Selector

TABLES = {
    "gt_cases": ("case", "type", "network", "country"),
    "gt_persons": ("person", "true_entity", "role", "category", "network"),
    "gt_links": ("src", "dst", "kind", "planted", "hidden"),
    "gt_crossborder": ("entity", "node_a", "id_a", "node_b", "id_b", "selector", "variation", "is_negative"),
    "gt_networks": ("network", "type", "home", "countries", "first_day", "last_day", "shared"),
    "gt_risk": (
        "case",
        "minor_age",
        "multi_victim",
        "multi_country",
        "active_network",
        "ongoing_episode",
        "priority",
    ),
    "gt_hubs": ("record", "kind", "country"),
    "gt_look_alikes": ("kind", "first", "second", "through"),
}
"""The tables of domain.md 6.5 and two of ours: innocent hubs, and pairs that look alike and are not."""


@dataclass(frozen=True)
class Truth:
    """Everything that the ground truth of a part of the world is made of."""

    registers: Sequence[Register]
    networks: Sequence[Network]
    cases: Sequence[CaseTruth] = field(default_factory=tuple)
    risks: Sequence[CaseRisk] = field(default_factory=tuple)
    ties: Sequence[tuple[KnownTie, bool]] = field(default_factory=tuple)
    negatives: Sequence[tuple[Selector, Selector]] = field(default_factory=tuple)


class GroundTruth:
    """Writes the tables into ``folder``, part by part."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._tables = {}
        for name, columns in TABLES.items():
            file = self._stack.enter_context((self._folder / f"{name}.csv").open("w", encoding="utf-8", newline=""))
            self._tables[name] = csv.writer(file, lineterminator="\n")
            self._tables[name].writerow(columns)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, truth: Truth) -> None:
        """Append what ``truth`` says to each table."""
        rows: dict[str, Iterable[Sequence[object]]] = {
            "gt_cases": ((one.case, one.case_type, one.network, one.country.value) for one in truth.cases),
            "gt_persons": _persons(truth.registers),
            "gt_links": ((t.first, t.second, t.kind.value, int(t.planted), int(hidden)) for t, hidden in truth.ties),
            "gt_crossborder": (*_crossing(truth), *_negatives(truth)),
            "gt_networks": map(_network, truth.networks),
            "gt_risk": map(_risk, truth.risks),
            "gt_hubs": ((h.record, h.kind, h.country.value) for one in truth.registers for h in one.hubs),
            "gt_look_alikes": (
                (pair.kind, pair.first, pair.second, pair.through)
                for one in truth.registers
                for pair in one.look_alikes
            ),
        }
        for name, table in rows.items():
            self._tables[name].writerows(table)


def _network(one: Network) -> Sequence[object]:
    places = [cell.country.value for cell in one.cells] + (["outside"] if one.outside else [])
    shared = dict.fromkeys(what.key for what in one.shared)
    first, last = one.active
    return (
        one.name,
        one.case_type.value,
        one.home.value,
        " ".join(places),
        first.isoformat(),
        last.isoformat(),
        " ".join(shared),
    )


def _risk(one: CaseRisk) -> Sequence[object]:
    reasons = (one.minor_age, one.multi_victim, one.multi_country, one.active_network, one.ongoing_episode)
    return (one.case, *map(int, reasons), int(one.priority))


def _persons(registers: Sequence[Register]) -> Iterator[Sequence[object]]:
    for register in registers:
        for record, one in register.persons.items():
            role = one.role.value if one.role else ""
            yield record, one.key, role, register.categories.get(record, ""), one.network


def _crossing(truth: Truth) -> Iterator[Sequence[object]]:
    """Whatever two countries have a record of."""
    for here, there in combinations(truth.registers, 2):
        for key in (key for key in here.records if key in there.records):
            for a, b in product(here.records[key], there.records[key]):
                kind = "person" if a in here.persons else here.selectors[a].kind.value
                varied = int(here.writings[a] != there.writings[b])
                yield key, here.country.value, a, there.country.value, b, kind, varied, 0


def _negatives(truth: Truth) -> Iterator[Sequence[object]]:
    """Equal numbers of different people."""
    holders = {key: register for register in truth.registers for key in register.records}
    for first, second in truth.negatives:
        here, there = holders[first.key], holders[second.key]
        a, b = here.records[first.key][0], there.records[second.key][0]
        entity = f"{first.key}|{second.key}"
        yield entity, here.country.value, a, there.country.value, b, first.kind.value, 0, 1
