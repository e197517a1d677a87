"""Train the federated scorer of ties with privacy on the synthetic world's countries: the path, not only the weights.

Each country curates its own examples and sends noised sums for a fixed number of rounds, each message under its own
epsilon against everybody; the coordinator's momentum step does the rest. Engine, noise and accountant are the product's.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from safeborders.models.architecture import STATISTICS, Architecture
from safeborders.models.defaults import MODEL_SEED, MOMENTUM
from safeborders.models.domain.countries import DEMONSTRATION
from safeborders.models.gnn.perceptron import build_perceptron
from safeborders.models.protocol.plan import Task, TaskPlan
from safeborders.node.graph.persons import PersonGraph, build_person_graph
from safeborders.node.graph.ties import Ties
from safeborders.node.ingest.country_import import import_country
from safeborders.node.learning.topology_prior import ARCHITECTURE, TopologyPrior, curate_topology_examples
from safeborders.node.storage.database import Place, open_store
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.privacy.accountant import epsilon
from safeborders.privacy.calibration import noise_multiplier_for
from safeborders.privacy.dpsgd.engine import private_sum
from safeborders.privacy.events import AttributedGaussian
from safeborders.privacy.units import AttributedExamples
from safeborders.sandbox.world.creation import create_world

EPSILON, DELTA = 4.0, 1e-5
ROUNDS, SAMPLING_RATE, CLIP_NORM, RATE = 30, 0.5, 2.0, 0.5
PER_PERSON = 2
BITS = 16
_IMPORTED_AT = datetime(2026, 3, 1, tzinfo=UTC)


def world_networks(*, preset: str, seed: int) -> dict[str, Ties]:
    """Create the synthetic world and return each country's network of persons, by country."""
    found: dict[str, Ties] = {}
    with TemporaryDirectory() as name:
        folder = Path(name)
        create_world(preset=preset, seed=seed, out=folder / "world")
        for country in DEMONSTRATION:
            store = open_store(Place(path=folder / f"{country.value}.db", key_hex="5a" * 32))
            store.upgrade()
            source = folder / "world" / country.value
            import_country(store, source, country=country, now=lambda: _IMPORTED_AT, progress=lambda _done, _all: None)
            records = SqlLearningStore(store.engine).load_records()
            found[country.value] = person_ties(build_person_graph(records))
            store.close()
    return found


def person_ties(graph: PersonGraph) -> Ties:
    """Return who is tied to whom: known association, and contact of any kind; a layer each.

    Cases are left out: all parties to a case form a clique, which no network of an investigation does.
    """
    tables = [graph.associates, sum(graph.contacts.values(), start=csr_array(graph.associates.shape))]
    parts = [_upper(csr_array(table)) for table in tables]
    layers = np.repeat(np.arange(len(parts)), [len(part) for part in parts]).astype(np.int64)
    pairs = np.concatenate(parts)
    return Ties(pairs, layers, np.full(len(pairs), np.nan), graph.count, kinds=len(parts))


def _upper(table: csr_array) -> NDArray[np.int64]:
    entries = (table + table.T).tocoo()
    above = entries.row < entries.col
    return np.stack([entries.row[above], entries.col[above]], axis=1).astype(np.int64)


def train_prior(networks: Sequence[Ties], *, trained_on: str) -> TopologyPrior:
    """Train on several countries' networks; each country's messages keep ``EPSILON`` at ``DELTA``."""
    countries = [curate_topology_examples(ties, limit=PER_PERSON) for ties in networks]

    def events(noise: float) -> list[AttributedGaussian]:
        return [
            AttributedGaussian(
                task="topology",
                sampling_rate=SAMPLING_RATE,
                noise_multiplier=noise,
                examples_per_person=PER_PERSON,
                grid=2**BITS,
                dimension=ARCHITECTURE.update_length,
                steps=ROUNDS,
            )
        ]

    noise = noise_multiplier_for(events, target_epsilon=EPSILON, delta=DELTA)
    flat = _descend(countries, noise=noise)
    spent = epsilon(events(noise), delta=DELTA)
    return TopologyPrior(tuple(float(value) for value in flat), round(spent, 4), DELTA, trained_on)


def _descend(countries: Sequence[AttributedExamples], *, noise: float) -> NDArray[np.float32]:
    sizes = {str(number): max(1, int(float(f"{part.count:.0e}"))) for number, part in enumerate(countries)}
    plan = TaskPlan(
        task=Task.LINKS,
        sampling_rate=SAMPLING_RATE,
        clip_norm=CLIP_NORM,
        noise_multiplier=noise,
        examples_per_person=PER_PERSON,
        quantisation_bits=BITS,
        learning_rate=RATE,
        public_sizes=sizes,
    )
    flat = Architecture((ARCHITECTURE,)).initial_parameters(MODEL_SEED)
    velocity, total = np.zeros(len(flat)), np.zeros(len(flat))
    unit = CLIP_NORM / 2**BITS / (SAMPLING_RATE * sum(sizes.values()))
    for number in range(ROUNDS):
        module = build_perceptron(ARCHITECTURE, flat)
        summed = sum(private_sum(module, part, mechanism=plan) for part in countries)
        velocity = MOMENTUM * velocity + np.asarray(summed)[: -len(STATISTICS)] * unit
        flat = (flat - RATE * velocity).astype(np.float32)
        total += flat if number >= ROUNDS // 2 else 0
    return (total / (ROUNDS - ROUNDS // 2)).astype(np.float32)
