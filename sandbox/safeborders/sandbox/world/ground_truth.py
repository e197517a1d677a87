"""What is true, in tables that no node reads; evaluation joins them with a node's records by import key."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

from safeborders.sandbox.world.files import canaries_of, write_table
from safeborders.sandbox.world.register import KnownTie, Register
from safeborders.sandbox.world.truth import CaseTruth, Network, Selector


@dataclass(frozen=True)
class Truth:
    """Everything that the ground truth is made of."""

    registers: Sequence[Register]
    networks: Sequence[Network]
    cases: Sequence[CaseTruth]
    ties: Sequence[tuple[KnownTie, bool]]
    negatives: Sequence[tuple[Selector, Selector]]


def write_ground_truth(folder: Path, truth: Truth, *, canaries: int) -> None:
    """Write the tables of domain.md 6.5 and the canaries into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    write_table(
        folder / "gt_cases.csv",
        ("case", "type", "network", "country"),
        rows=((one.case, one.case_type, one.network, one.country.value) for one in truth.cases),
    )
    write_table(
        folder / "gt_persons.csv",
        ("person", "true_entity", "role", "category", "network"),
        rows=_persons(truth.registers),
    )
    write_table(
        folder / "gt_links.csv",
        ("src", "dst", "kind", "planted", "hidden"),
        rows=((tie.first, tie.second, tie.kind.value, int(tie.planted), int(hidden)) for tie, hidden in truth.ties),
    )
    columns = ("entity", "node_a", "id_a", "node_b", "id_b", "selector", "variation", "is_negative")
    write_table(folder / "gt_crossborder.csv", columns, rows=[*_crossing(truth), *_negatives(truth)])
    write_table(
        folder / "gt_networks.csv",
        ("network", "type", "home", "countries", "first_day", "last_day", "shared"),
        rows=(
            (
                one.name,
                one.case_type.value,
                one.home.value,
                " ".join(cell.country.value for cell in one.cells),
                one.active[0].isoformat(),
                one.active[1].isoformat(),
                " ".join(dict.fromkeys(what.key for what in one.shared)),
            )
            for one in truth.networks
        ),
    )
    lines = canaries_of(truth.registers, canaries)
    (folder / "canaries.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _persons(registers: Sequence[Register]) -> Iterator[tuple[str, ...]]:
    for register in registers:
        for record, one in register.persons.items():
            role = one.role.value if one.role else ""
            yield record, one.key, role, register.categories.get(record, ""), one.network


def _crossing(truth: Truth) -> Iterator[tuple[object, ...]]:
    """Whatever two countries have a record of."""
    for here, there in combinations(truth.registers, 2):
        for key in (key for key in here.records if key in there.records):
            for a, b in product(here.records[key], there.records[key]):
                kind = "person" if a in here.persons else here.selectors[a].kind.value
                varied = int(here.writings[a] != there.writings[b])
                yield key, here.country.value, a, there.country.value, b, kind, varied, 0


def _negatives(truth: Truth) -> Iterator[tuple[object, ...]]:
    """Equal numbers of different people."""
    holders = {key: register for register in truth.registers for key in register.records}
    for first, second in truth.negatives:
        here, there = holders[first.key], holders[second.key]
        a, b = here.records[first.key][0], there.records[second.key][0]
        entity = f"{first.key}|{second.key}"
        yield entity, here.country.value, a, there.country.value, b, first.kind.value, 0, 1
