"""The hidden links of a synthetic world, country by country, as a network with known answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.federation_value import open_country
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.node.graph.persons import build_person_graph
from safeborders.node.graph.records import PERSON, Records
from safeborders.node.learning.hiding import Hidden, draw_near, draw_strangers, pairs_of
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.sandbox.scoring import Truth, load_truth
from safeborders.sandbox.world.creation import create_world


@dataclass(frozen=True, eq=False)
class HiddenWorld:
    """One country: what its node may learn from, and the links that no import file held."""

    country: Country
    records: Records
    hidden: Hidden


def load_world(preset: str, *, seed: int, folder: Path) -> Iterator[HiddenWorld]:
    """Create the world of ``seed`` in ``folder``, import it and yield its countries with their hidden links."""
    create_world(preset=preset, seed=seed, out=folder / "world")
    truth = load_truth(folder / "world" / "ground_truth")
    for country in DEMONSTRATION:
        store = open_country(country, folder)
        learning = SqlLearningStore(store.engine)
        records, keys = learning.load_records(), learning.load_source_keys()
        store.close()
        yield HiddenWorld(country, records, _hidden(records, [keys[name] for name in records.ids[PERSON]], truth=truth))


def _hidden(records: Records, names: list[str], *, truth: Truth) -> Hidden:
    """Return hidden links, strangers and near misses; a pair that truly belongs together is none of the latter two."""
    ties, place = build_person_graph(records).ties, {name: number for number, name in enumerate(names)}

    def codes(links: frozenset[tuple[str, str]]) -> np.ndarray:
        ends = [sorted((place[a], place[b])) for a, b in links if a in place and b in place]
        return np.unique([first * ties.count + second for first, second in ends]).astype(np.int64)

    generator = np.random.default_rng(0)
    linked = np.union1d(codes(truth.linked), ties.codes)
    return Hidden(
        observed=ties,
        positives=pairs_of(np.setdiff1d(codes(truth.hidden), ties.codes), ties.count),
        strangers=draw_strangers(linked, ties.count, generator=generator),
        near=draw_near(ties.network, linked, generator=generator),
    )
