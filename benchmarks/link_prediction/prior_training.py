"""Train the federated scorer of ties with privacy on nine countries of generated networks: the path, not the weights.

Each country curates its own examples and sends noised sums for a fixed number of rounds, each message under its own
epsilon against everybody; the coordinator takes momentum steps. Engine, noise and accountant are the product's.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.link_prediction.covert import covert_country
from safeborders.models.architecture import STATISTICS, Architecture
from safeborders.models.defaults import MODEL_SEED, MOMENTUM
from safeborders.models.gnn.perceptron import build_perceptron
from safeborders.models.protocol.plan import Task, TaskPlan
from safeborders.node.graph.ties import Ties
from safeborders.node.learning.topology_prior import ARCHITECTURE, TopologyPrior, curate_topology_examples
from safeborders.privacy.accountant import epsilon
from safeborders.privacy.calibration import noise_multiplier_for
from safeborders.privacy.dpsgd.engine import private_sum
from safeborders.privacy.relational import RootedGaussian
from safeborders.privacy.units import AttributedExamples

EPSILON, DELTA = 4.0, 1e-5
ROUNDS, SAMPLING_RATE, CLIP_NORM, RATE = 30, 0.5, 2.0, 2.0
PER_PERSON = 2
BITS = 16


COUNTRIES, NETWORKS = 9, 25


def covert_countries(*, seed: int) -> list[Ties]:
    """Return the networks of ``COUNTRIES`` countries; none is one that the benchmark scores."""
    return [covert_country(NETWORKS, seed=seed + number) for number in range(COUNTRIES)]


def train_prior(networks: Sequence[Ties], *, trained_on: str) -> TopologyPrior:
    """Train on several countries' networks; each country's messages keep ``EPSILON`` at ``DELTA``."""
    countries = [curate_topology_examples(ties, limit=PER_PERSON) for ties in networks]

    def events(noise: float) -> list[RootedGaussian]:
        return [
            RootedGaussian(
                task="topology",
                sampling_rate=SAMPLING_RATE,
                noise_multiplier=noise,
                relations=(),
                grid=2**BITS,
                dimension=ARCHITECTURE.update_length,
                steps=ROUNDS,
                copies=PER_PERSON,
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
