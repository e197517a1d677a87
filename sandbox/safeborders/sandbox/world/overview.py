"""What is in a world, counted from its files and its ground truth for people who want to practise in it."""

import csv
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from safeborders.kit.errors import NotFound
from safeborders.models.domain.countries import DEMONSTRATION
from safeborders.sandbox.world.files import TRUTH_FOLDER


@dataclass
class CountryOverview:
    """One country: ``unknown`` is the share of indicators that nobody recorded, the others are counts."""

    cases: int = 0
    persons: int = 0
    doubles: int = 0
    networks: int = 0
    abroad: int = 0
    hubs: int = 0
    unknown: float = 0.0


@dataclass
class Overview:
    """All countries, the traps by kind, the hidden links, and how unequal the mixes of types are in bits."""

    countries: dict[str, CountryOverview]
    traps: dict[str, int] = field(default_factory=dict)
    hidden: int = 0
    divergence: float = 0.0

    def as_document(self) -> Mapping[str, object]:
        """Return what is printed as JSON."""
        return asdict(self)


def read_table(world: Path, name: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a table of the ground truth.

    Raises:
        NotFound: If there is no such table.
    """
    path = world / TRUTH_FOLDER / f"{name}.csv"
    if not path.is_file():
        raise NotFound(f"There is no world in {world}: make one with `safeborders world create --out {world}`.")
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def read_records(world: Path, country: str) -> Iterator[dict[str, object]]:
    """Yield the rows of a country's import files, without headers."""
    for path in sorted((world / country).glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            yield from (row for row in map(json.loads, file) if row["record"] != "header")


def look_at(world: Path) -> Overview:
    """Return what is in the world in the folder ``world``.

    Raises:
        NotFound: If there is none.
    """
    present = [country.value for country in DEMONSTRATION if (world / country.value).is_dir()]
    overview = Overview({country: CountryOverview() for country in present})
    types: dict[str, Counter[str]] = {country: Counter() for country in present}
    networks: dict[str, set[str]] = {country: set() for country in present}
    for case in read_table(world, "gt_cases"):
        overview.countries[case["country"]].cases += 1
        types[case["country"]][case["type"]] += 1
        networks[case["country"]].add(case["network"])
    _count_persons(world, overview)
    for crossing in read_table(world, "gt_crossborder"):
        if crossing["is_negative"] == "0":
            overview.countries[crossing["node_a"]].abroad += 1
            overview.countries[crossing["node_b"]].abroad += 1
    for hub in read_table(world, "gt_hubs"):
        overview.countries[hub["country"]].hubs += 1
    for name, row in overview.countries.items():
        row.networks = len(networks[name] - {""})
        row.unknown = _unknown(world, name)
    overview.traps = dict(Counter(pair["kind"] for pair in read_table(world, "gt_look_alikes")).most_common())
    overview.hidden = sum(link["hidden"] == "1" for link in read_table(world, "gt_links"))
    overview.divergence = jensen_shannon(list(types.values()))
    return overview


def jensen_shannon(mixes: list[Counter[str]]) -> float:
    """Return the Jensen-Shannon divergence in bits of several mixes, each with the same weight."""
    shares = [{key: count / mix.total() for key, count in mix.items()} for mix in mixes if mix.total()]
    if not shares:
        return 0.0
    keys = {key for share in shares for key in share}
    middle = {key: sum(share.get(key, 0.0) for share in shares) / len(shares) for key in keys}
    return _entropy(middle) - sum(map(_entropy, shares)) / len(shares)


def _entropy(shares: Mapping[str, float]) -> float:
    return -sum(share * math.log2(share) for share in shares.values() if share > 0.0)


def _count_persons(world: Path, overview: Overview) -> None:
    seen: dict[str, set[str]] = {country: set() for country in overview.countries}
    for person in read_table(world, "gt_persons"):
        country = person["person"].partition("-")[0]
        row = overview.countries[country]
        row.persons += 1
        row.doubles += person["true_entity"] in seen[country]
        seen[country].add(person["true_entity"])


def _unknown(world: Path, country: str) -> float:
    unknown = recorded = 0
    for row in read_records(world, country):
        if row["record"] == "indicators":
            values = row["values"]
            assert isinstance(values, dict)  # noqa: S101  # the world wrote it
            unknown += sum(value is None for value in values.values())
            recorded += len(values)
    return unknown / recorded if recorded else 0.0
