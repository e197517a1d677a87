r"""The federated scorer of ties: a linear model over near predictors, and the examples that train it with privacy.

A near predictor of a pair depends on the two, their neighbours and the links among those, and on nobody else. So an
example is attributed to all of them, and the bound on examples per person (decision 0041) makes it sound: deleting a
person deletes every example that the person could change.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from safeborders.models.architecture import TaskArchitecture
from safeborders.models.protocol.plan import Task
from safeborders.node.graph.ranking import CURATION_KEY, keyed_ranks, pair_identifiers
from safeborders.node.graph.ties import Ties
from safeborders.node.graph.topology import NEAR, Ends, Floats, Network, topological_predictors
from safeborders.node.learning.attribution import Attributions, bound_contributions
from safeborders.node.learning.hiding import hide
from safeborders.privacy.units import AttributedExamples

CENTRES: dict[str, tuple[float, float]] = {
    "common_neighbours": (0.5, 0.5),
    "jaccard": (0.15, 0.15),
    "degree_product": (2.0, 1.2),
    "degree_sum": (1.8, 0.6),
    "smaller_degree": (1.0, 0.6),
    "paths_of_three": (0.8, 0.8),
}
"""Public constants: subtract the first, divide by the second. Not a mean of anybody's records."""
_LONGEST = 2.0
"""Inputs beyond this many units are cut, so that no hub fills the clipping bound."""
HIDDEN_SHARE = 0.2
NEGATIVES_PER_POSITIVE = 2
ARCHITECTURE = TaskArchitecture(Task.LINKS, (len(NEAR), 2))


@dataclass(frozen=True)
class TopologyPrior:
    """A released scorer with the record of its release.

    Attributes:
        flat: The parameters in the order of ``ARCHITECTURE``.
        epsilon: Of each country's messages for the whole training, at ``delta``.
        delta: Its delta.
        trained_on: The command that made it.
    """

    flat: tuple[float, ...]
    epsilon: float
    delta: float
    trained_on: str

    def odds(self, network: Network, ends: Ends) -> Floats:
        """Return the log-odds of each pair."""
        width = len(NEAR)
        weights = np.asarray(self.flat[: 2 * width]).reshape(2, width)
        bias = np.asarray(self.flat[2 * width :])
        inputs = near_inputs(network, ends).astype(np.float64)
        return np.asarray(inputs @ (weights[1] - weights[0]) + bias[1] - bias[0])

    def save(self, path: Path) -> None:
        """Write the scorer and its record as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def load_topology_prior(path: Path) -> TopologyPrior:
    """Read what ``TopologyPrior.save`` wrote.

    Raises:
        ValueError: If it is of another shape than this version's.
    """
    stored = json.loads(path.read_text(encoding="utf-8"))
    prior = TopologyPrior(**{**stored, "flat": tuple(stored["flat"])})
    if len(prior.flat) != ARCHITECTURE.length:
        raise ValueError(f"{path.name} must hold {ARCHITECTURE.length} parameters: it is of another version.")
    return prior


def near_inputs(network: Network, ends: Ends) -> NDArray[np.float32]:
    """Return the inputs of the federated scorer: near predictors in public units."""
    columns = topological_predictors(network, ends, names=tuple(NEAR))
    centres, sizes = np.array([CENTRES[name] for name in NEAR]).T
    return np.asarray(np.clip((columns - centres) / sizes, -_LONGEST, _LONGEST), dtype=np.float32)


def curate_topology_examples(ties: Ties, *, limit: int, key: bytes = CURATION_KEY) -> AttributedExamples:
    """Return links that are hidden again, near misses and strangers, each person being part of at most ``limit``.

    Which links are hidden is drawn from a public seed: it is curation, before the privacy boundary.
    """
    generator = np.random.default_rng(int.from_bytes(key[:4], "big"))
    hidden = hide(ties, generator, share=HIDDEN_SHARE)
    wanted = NEGATIVES_PER_POSITIVE * len(hidden.positives)
    drawn = [generator.permutation(pairs)[:wanted] for pairs in (hidden.near, hidden.strangers)]
    pairs = np.concatenate([hidden.positives, *drawn])
    labels = (np.arange(len(pairs)) < len(hidden.positives)).astype(np.int64)
    about = _attributions(hidden.observed.network.table, pairs)
    names = [str(number) for number in range(ties.count)]
    first, second = ([names[index] for index in side] for side in pairs.T)
    ranks = keyed_ranks(pair_identifiers(first, second), key=key)
    kept = bound_contributions(about, limit=limit, ranks=ranks)
    own = about.only(kept)
    return AttributedExamples(
        inputs=near_inputs(hidden.observed.network, (pairs[kept, 0], pairs[kept, 1])),
        labels=labels[kept],
        starts=own.starts,
        persons=own.persons,
        examples_per_person=limit,
    )


def _attributions(table: csr_array, pairs: NDArray[np.int64]) -> Attributions:
    """Return the two of each pair and all neighbours of either."""
    around = (table[pairs[:, 0]] + table[pairs[:, 1]]).tocoo()
    every = np.arange(len(pairs))
    examples = np.concatenate([every, every, around.row.astype(np.int64)])
    persons = np.concatenate([pairs[:, 0], pairs[:, 1], around.col.astype(np.int64)])
    codes = np.unique(examples * table.shape[0] + persons)
    return Attributions.of_pairs(codes // table.shape[0], codes % table.shape[0], count=len(pairs))
