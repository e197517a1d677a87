"""How well records of one person are found in the synthetic world: ``python -m benchmarks.resolution --json``.

The world is made anew from the seed, each country's file is imported into its own encrypted database, and the strong
candidates are united as if a human had accepted them all. Only then are the answers read. Seeds up to 120 were used for
development: take another, or none for one drawn by chance.
"""

import argparse
import csv
import json
import resource
import secrets
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

from sqlalchemy import select

from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.node.ingest.country_import import import_country
from safeborders.node.resolution.clusters import Clusters, Pair
from safeborders.node.resolution.decisions import ordered, unite
from safeborders.node.resolution.profiles import Register
from safeborders.node.resolution.scoring import STRONG_FROM, find_candidates
from safeborders.node.storage.database import Place, open_store
from safeborders.node.storage.entities import EntityRow
from safeborders.node.storage.resolution_reader import load_register
from safeborders.sandbox.world.creation import create_world, write_world
from safeborders.sandbox.world.sizes import scaled_size

_NOW = datetime(2026, 11, 24, tzinfo=UTC)
DEVELOPMENT_SEEDS = range(121)


@dataclass(frozen=True)
class Result:
    """How one country did.

    Attributes:
        pairs: Pairs of records that are one person in truth.
        found: Pairs that would be one person.
        right: Those of them that are.
        hubs_merged: Pairs that would be one person and touch an innocent hub's record.
        seconds: For reading and comparing, without the import.
        peak_mib: The process's peak of memory so far: one country's own only when it is measured alone.
    """

    country: str
    records: int
    pairs: int
    found: int
    right: int
    hubs_merged: int
    seconds: float
    peak_mib: float = 0.0

    @property
    def precision(self) -> float:
        """Share of found pairs that are right; 1 when none was found."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of true pairs that were found; 1 when there is none."""
        return self.right / self.pairs if self.pairs else 1.0


def measure(*, preset: str, seed: int, countries: Sequence[Country] = DEMONSTRATION) -> list[Result]:
    """Make a world and resolve the records of each country."""
    with tempfile.TemporaryDirectory(prefix="safeborders-resolution-") as folder:
        world = Path(folder) / "world"
        create_world(preset=preset, seed=seed, out=world)
        truth = _truth(world / "ground_truth" / "gt_persons.csv")
        return [_resolve(world, country, truth=truth) for country in countries]


def measure_large(*, persons: int, seed: int, country: Country) -> list[Result]:
    """Make a world of one country with so many persons and resolve its records."""
    with tempfile.TemporaryDirectory(prefix="safeborders-resolution-") as folder:
        world = Path(folder) / "world"
        size = scaled_size(persons, countries=[country])
        write_world(size, seed=seed, out=world, progress=lambda done, total: None)
        return [_resolve(world, country, truth=_truth(world / "ground_truth" / "gt_persons.csv"))]


def _resolve(world: Path, country: Country, *, truth: Mapping[str, Mapping[str, str]]) -> Result:
    store = open_store(Place(path=world / f"{country.value}.db", key_hex=secrets.token_hex(32)))
    store.upgrade()
    import_country(store, world / country.value, country=country, now=lambda: _NOW, progress=lambda done, total: None)
    started = time.perf_counter()
    with store.transaction() as connection:
        register = load_register(connection, today=_NOW.date())
        united = united_pairs(register)
        seconds = time.perf_counter() - started
        peak = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
        table = EntityRow.__table__.c
        keys = {row.id: row.import_key for row in connection.execute(select(table.id, table.import_key))}
    store.close()
    found = {ordered(keys[first], keys[second]) for first, second in united}
    compared = [keys[one.id] for one in register.profiles]
    same = set(_true_pairs(compared, truth))
    hubs = {record for record in compared if truth[record]["role"] == "professional"}
    return Result(
        country=country.value,
        records=len(compared),
        pairs=len(same),
        found=len(found),
        right=len(found & same),
        hubs_merged=sum(bool(hubs & set(pair)) for pair in found),
        seconds=round(seconds, 3),
        peak_mib=peak,
    )


def united_pairs(register: Register) -> set[Pair]:
    """Return all pairs of records that would be one person if a human accepted every strong candidate."""
    accepted = unite(register, find_candidates(register), score_from=STRONG_FROM, same=(), different=())
    persons = Clusters((one.first, one.second) for one in accepted).members()
    return {ordered(*pair) for records in persons.values() for pair in combinations(records, 2)}


def _truth(path: Path) -> dict[str, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["person"]: row for row in csv.DictReader(file)}


def _true_pairs(records: Sequence[str], truth: Mapping[str, Mapping[str, str]]) -> Iterator[Pair]:
    of_person: dict[str, list[str]] = defaultdict(list)
    for record in records:
        of_person[truth[record]["true_entity"]].append(record)
    for same in of_person.values():
        yield from (ordered(*pair) for pair in combinations(same, 2))


def total(results: Sequence[Result]) -> Result:
    """Return the sums over all countries."""
    return Result(
        country="all",
        records=sum(one.records for one in results),
        pairs=sum(one.pairs for one in results),
        found=sum(one.found for one in results),
        right=sum(one.right for one in results),
        hubs_merged=sum(one.hubs_merged for one in results),
        seconds=round(sum(one.seconds for one in results), 3),
        peak_mib=max(one.peak_mib for one in results),
    )


def main() -> None:
    """Print precision, recall, hubs merged and seconds of each country."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="demo", choices=("tiny", "demo", "bench"))
    parser.add_argument("--scale", type=int, help="persons of one country, instead of a preset")
    parser.add_argument("--seed", type=int, default=None, help="absent: one drawn by chance, and printed")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seed = secrets.randbelow(10**6) + len(DEVELOPMENT_SEEDS) if options.seed is None else options.seed
    if options.scale:
        results = measure_large(persons=options.scale, seed=seed, country=Country.GR)
    else:
        results = measure(preset=options.preset, seed=seed)
    results.append(total(results))
    if options.json:
        rows = [{**asdict(one), "precision": one.precision, "recall": one.recall} for one in results]
        size = {"scale": options.scale} if options.scale else {"preset": options.preset}
        sys.stdout.write(json.dumps({**size, "seed": seed, "results": rows}) + "\n")
        return
    sys.stdout.write(f"{f'{options.scale:,} persons' if options.scale else f'preset {options.preset}'}, seed {seed}\n")
    for one in results:
        sys.stdout.write(
            f"{one.country:4} {one.records:8} records  precision {one.precision:.4f}  recall {one.recall:.4f}"
            f"  hubs merged {one.hubs_merged}  {one.seconds:.2f} s  {one.peak_mib:.0f} MiB\n"
        )


if __name__ == "__main__":
    main()
