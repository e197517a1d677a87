"""Ours: stage A (encoder), stage B (relational head), both private; stage C (propagation, gate, calibration) at home.

Stage C sees the validation labels and never a training label.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.utility.graph_file import BenchmarkGraph, neighbour_means
from benchmarks.utility.training import Recipe, noise_for, train_private, training_event
from safeborders.models.gnn.perceptron import build_perceptron, logits_of
from safeborders.models.gnn.relational import head_weights, public_projection, relational_rows, touched_rows
from safeborders.models.graph.csr import CuratedGraph
from safeborders.node.graph.ranking import keyed_folds
from safeborders.node.learning.relational_gate import FOLDS, Gated, GateProblem, open_gate
from safeborders.privacy.dpsgd.class_sums import ClassSum, private_class_sum
from safeborders.privacy.events import Event

ENCODER = Recipe(hidden=0, steps=40, clip_norm=10**0.5, rate=8.0, patience=0.0045)
INPUT_LENGTH = 3.0
"""Length of the encoder's inputs: the bias then takes a tenth of the clipping bound."""
NEIGHBOURS = 4
HEAD_WIDTH = 64
HEAD_NOISE = 10**0.5 / 2
"""Noise of the head over noise of the encoder: a fifth of the budget (of inverse variance) for five touched rows."""


@dataclass(frozen=True)
class OurModel:
    """What was released, and what stage C made of it at home."""

    encoder: NDArray[np.float64]
    gated: Gated
    noise: float
    events: tuple[Event, ...]


def train_ours(graph: BenchmarkGraph, *, epsilon: float) -> OurModel:
    """Train both stages at one epsilon together and let stage C choose."""
    shape = ENCODER.architecture(graph.features.shape[1], graph.classes)
    curated = CuratedGraph({"linked": graph.curated(limit=NEIGHBOURS)})
    touched = touched_rows(curated)
    projected = _projected(graph)

    def head_release(noise: float) -> ClassSum:
        return ClassSum(graph.classes, projected.shape[1], touched=touched, noise_multiplier=noise * HEAD_NOISE)

    def events(noise: float) -> tuple[Event, ...]:
        return training_event("encoder", shape, noise=noise, steps=ENCODER.steps), head_release(noise).event(
            name="head"
        )

    noise = noise_for(events, epsilon=epsilon)
    inputs = graph.features * np.float32(INPUT_LENGTH)
    flat = train_private(
        inputs[graph.train], graph.labels[graph.train], recipe=ENCODER, noise=noise, classes=graph.classes
    )
    encoder = logits_of(build_perceptron(shape, flat), inputs)
    rows = relational_rows(curated, projected, members=graph.members)
    released = private_class_sum(
        rows[graph.train], graph.labels[graph.train], touched=touched, release=head_release(noise)
    )
    head = neighbour_means(graph, projected) @ head_weights(released, classes=graph.classes)
    gated = open_gate(gate_problem(graph), encoder=encoder, head=head)
    return OurModel(encoder=encoder, gated=gated, noise=noise, events=events(noise))


def gate_problem(graph: BenchmarkGraph) -> GateProblem:
    """Return what stage C may see: the graph and the validation labels."""
    labels = np.full(graph.count, -1, dtype=np.int64)
    labels[graph.judged] = graph.labels[graph.judged]
    folds = keyed_folds((f"n{index}" for index in range(graph.count)), count=FOLDS)
    return GateProblem(labels=labels, folds=folds, edges=graph.edges, weights=np.ones(2 * len(graph.pairs)))


def _projected(graph: BenchmarkGraph) -> NDArray[np.float64]:
    width = graph.features.shape[1]
    if width <= HEAD_WIDTH:
        return graph.features.astype(np.float64)
    return np.asarray(graph.features @ public_projection(width, to=HEAD_WIDTH, seed=1))
