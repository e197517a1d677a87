"""The methods that others publish, on the same graph, split, engine, noise and accountant.

``dp_mlp``: a perceptron under DP-SGD, no graph. ``gap``: GAP with node-level privacy (Sajadmanesh et al., USENIX
Security 2023), our one-hop version with equal shares of the budget. ``rooted_sage``: GraphSAGE on rooted samples with
neighbour coins (privacy.md 4.3). ``nonprivate_sage``: two-layer GraphSAGE over all links, without any privacy.
Features of the first three: the public 256-wide random projection of privacy.md 6.2.
"""

import math
import warnings

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import nn

from benchmarks.utility.graph_file import BenchmarkGraph, unit_rows
from benchmarks.utility.linear_sage import build_rooted_sage, rooted_rows, row_width, whole_rows
from benchmarks.utility.training import BITS, DELTA, Recipe, declared_size, noise_for, train_private, training_event
from safeborders.models.gnn.perceptron import build_perceptron, logits_of
from safeborders.models.gnn.relational import public_projection
from safeborders.models.graph.csr import CuratedGraph, CuratedRelation
from safeborders.privacy.dpsgd.bookkeeping import BookKeepingModule
from safeborders.privacy.dpsgd.noise import discrete_gaussian
from safeborders.privacy.dpsgd.private_training import PrivateLoss, PrivateOptimizer, PrivateStep, calibrated
from safeborders.privacy.dpsgd.rooted_sampling import NeighbourRule, RootedSampler
from safeborders.privacy.events import Event
from safeborders.privacy.relational import StatisticRelease

WIDTH = 256
INPUT_LENGTH = 3.0
MLP = Recipe(hidden=64, steps=100, clip_norm=1.0, rate=8.0, patience=0.0045)
WORDS_MLP = Recipe(hidden=16, steps=40, clip_norm=1.0, rate=6.0, patience=0.0066)
GAP_LINKS = 32
GAP_EMBEDDING = 32
GAP_HEAD = Recipe(hidden=0, steps=40, clip_norm=10**0.5, rate=8.0, patience=0.0045)
SAGE_HIDDEN = 0
SAGE_STEPS = 80
SAGE_RATE = 4.0
SAGE_PATIENCE = 0.0045
SAGE_LINKS = 8
SAGE_KEEP = 0.125
SAGE_MOST = 4
FULL_SAGE_EPOCHS = 120


def dp_mlp(graph: BenchmarkGraph, *, epsilon: float) -> NDArray[np.float64]:
    """Return the logits of a private perceptron that sees no graph."""
    return _private_mlp(graph, _projected(graph), recipe=MLP, epsilon=epsilon)


def dp_mlp_words(graph: BenchmarkGraph, *, epsilon: float) -> NDArray[np.float64]:
    """Return the logits of a private perceptron with the same inputs as ours; slow, and stronger than the usual one."""
    inputs = graph.features * np.float32(INPUT_LENGTH)
    return _private_mlp(graph, inputs, recipe=WORDS_MLP, epsilon=epsilon)


def _private_mlp(
    graph: BenchmarkGraph, inputs: NDArray[np.float32], *, recipe: Recipe, epsilon: float
) -> NDArray[np.float64]:
    shape = recipe.architecture(inputs.shape[1], graph.classes)
    noise = noise_for(lambda guess: [training_event("mlp", shape, noise=guess, steps=recipe.steps)], epsilon=epsilon)
    labels = graph.labels[graph.train]
    flat = train_private(inputs[graph.train], labels, recipe=recipe, noise=noise, classes=graph.classes)
    return logits_of(build_perceptron(shape, flat), inputs)


def gap(graph: BenchmarkGraph, *, epsilon: float) -> NDArray[np.float64]:
    """Return the logits of GAP: private encoder, noisy sums of embeddings over at most 32 links, private classifier."""
    inputs = _projected(graph)
    encoder = Recipe(hidden=GAP_EMBEDDING, steps=40, clip_norm=1.0, rate=8.0, patience=0.0045)
    first = encoder.architecture(inputs.shape[1], graph.classes)
    second = GAP_HEAD.architecture(2 * GAP_EMBEDDING, graph.classes)
    grid, width = 2**BITS, GAP_EMBEDDING

    def sums(noise: float) -> StatisticRelease:
        sensitivity = math.sqrt(GAP_LINKS) * grid + math.sqrt(graph.count * width)
        share = noise / math.sqrt(encoder.steps)
        return StatisticRelease(
            "sums", sensitivity, deviation=math.ceil(share * sensitivity), coordinates=graph.count * width
        )

    def events(noise: float) -> list[Event]:
        return [
            training_event("encoder", first, noise=noise, steps=encoder.steps),
            sums(noise),
            training_event("classifier", second, noise=noise, steps=GAP_HEAD.steps),
        ]

    noise = noise_for(events, epsilon=epsilon)
    labels = graph.labels[graph.train]
    flat = train_private(inputs[graph.train], labels, recipe=encoder, noise=noise, classes=graph.classes)
    embedded = unit_rows(logits_of(build_perceptron(first, flat)[:-1], inputs))
    heard = np.rint(_bounded_links(graph) @ embedded * grid).astype(np.int64).ravel()
    noisy = heard + discrete_gaussian(len(heard), deviation=int(sums(noise).deviation))
    rows = np.concatenate([embedded, unit_rows(noisy.reshape(embedded.shape))], axis=1)
    rows = (rows * INPUT_LENGTH / math.sqrt(2)).astype(np.float32)
    flat = train_private(rows[graph.train], labels, recipe=GAP_HEAD, noise=noise, classes=graph.classes)
    return logits_of(build_perceptron(second, flat), rows)


def rooted_sage(graph: BenchmarkGraph, *, epsilon: float) -> NDArray[np.float64]:
    """Return the logits of private GraphSAGE: neighbour coins in training, all links at inference."""
    inputs = _projected(graph) / np.float32(math.sqrt(2))
    curated = CuratedGraph({"linked": graph.curated(limit=SAGE_LINKS)})
    width = row_width(curated, inputs.shape[1])
    network = build_rooted_sage(width, hidden=SAGE_HIDDEN, classes=graph.classes, seed=1)
    module = BookKeepingModule(network)
    size = declared_size(len(graph.train))
    step = PrivateStep(
        sampling_rate=0.5,
        noise_multiplier=1.0,
        max_grad_norm=math.sqrt(10),
        expected_batch_size=size / 2,
        bits=BITS,
        relations=((SAGE_LINKS, SAGE_KEEP),),
    )
    noise = calibrated(step, dimension=module.dimension, steps=SAGE_STEPS, target_epsilon=epsilon, delta=DELTA)
    step = PrivateStep(**{**vars(step), "noise_multiplier": noise})
    rate = min(SAGE_RATE, SAGE_PATIENCE * size / 2 / noise)
    optimizer = PrivateOptimizer(torch.optim.SGD(network.parameters(), lr=rate, momentum=0.9), module=module, step=step)
    loss = PrivateLoss(nn.CrossEntropyLoss())
    rules = (NeighbourRule("linked", keep=(SAGE_KEEP,), most=(SAGE_MOST,)),)
    sampler = RootedSampler(curated, graph.train, rules=rules, sampling_rate=0.5)
    total = torch.zeros(sum(p.numel() for p in network.parameters()))
    for number in range(SAGE_STEPS):
        batch = sampler.draw()
        rows = rooted_rows(curated, inputs, roots=batch.roots, kept=batch.first)
        outputs = module(torch.from_numpy(rows))
        loss(outputs, torch.from_numpy(graph.labels[batch.roots])).backward()
        optimizer.step()
        if number >= SAGE_STEPS // 2:
            total += nn.utils.parameters_to_vector(network.parameters()).detach()
    nn.utils.vector_to_parameters(total / (SAGE_STEPS - SAGE_STEPS // 2), network.parameters())
    return logits_of(network, whole_rows(CuratedGraph({"linked": _all_links(graph)}), inputs))


def nonprivate_sage(graph: BenchmarkGraph) -> NDArray[np.float64]:
    """Return the logits of two-layer GraphSAGE with mean aggregation over all links, trained without privacy."""
    torch.manual_seed(graph.seed)
    table = graph.adjacency
    degrees = np.asarray(table.sum(axis=1), dtype=np.float64).ravel()
    means = _as_torch(csr_array(table.multiply((1 / np.maximum(degrees, 1))[:, None])))
    words = _as_torch(csr_array(graph.features))
    width = graph.features.shape[1]
    layers = nn.ModuleList(
        [nn.Linear(width, 64), nn.Linear(width, 64), nn.Linear(64, graph.classes), nn.Linear(64, graph.classes)]
    )
    optimizer = torch.optim.Adam(layers.parameters(), lr=0.01, weight_decay=1e-4)
    train, labels = torch.from_numpy(graph.train), torch.from_numpy(graph.labels)

    def forward() -> torch.Tensor:
        own, heard, last_own, last_heard = layers
        linear = torch.sparse.mm(words, own.weight.T) + own.bias
        seen = torch.relu(linear + torch.sparse.mm(means, torch.sparse.mm(words, heard.weight.T) + heard.bias))
        seen = nn.functional.dropout(seen, 0.5, training=layers.training)
        logits: torch.Tensor = last_own(seen) + torch.sparse.mm(means, last_heard(seen))
        return logits

    for _ in range(FULL_SAGE_EPOCHS):
        optimizer.zero_grad()
        nn.functional.cross_entropy(forward()[train], labels[train]).backward()  # type: ignore[no-untyped-call]  # torch
        optimizer.step()
    layers.eval()
    with torch.no_grad():
        logits: NDArray[np.float32] = forward().numpy()
    return logits.astype(np.float64)


def _projected(graph: BenchmarkGraph) -> NDArray[np.float32]:
    width = graph.features.shape[1]
    if width <= WIDTH:
        return graph.features * np.float32(INPUT_LENGTH)
    rows = unit_rows(graph.features @ public_projection(width, to=WIDTH, seed=0))
    return (rows * INPUT_LENGTH).astype(np.float32)


def _bounded_links(graph: BenchmarkGraph) -> csr_array:
    """Return each node's out-links, at most ``GAP_LINKS``, by the receiver."""
    table = graph.adjacency.tocoo()
    rank = np.random.default_rng(graph.seed).permutation(table.nnz)
    order = np.lexsort((rank, table.col))
    sender = table.col[order]
    starts = np.r_[0, np.flatnonzero(np.diff(sender)) + 1]
    place = np.arange(len(sender)) - np.repeat(starts, np.diff(np.r_[starts, len(sender)]))
    kept = order[place < GAP_LINKS]
    return csr_array((np.ones(len(kept)), (table.row[kept], table.col[kept])), shape=table.shape)


def _all_links(graph: BenchmarkGraph) -> CuratedRelation:
    table = graph.adjacency
    table.sort_indices()
    degrees = np.diff(table.indptr)
    return CuratedRelation(
        starts=table.indptr.astype(np.int64),
        targets=table.indices.astype(np.int32),
        attributes=np.zeros((table.nnz, 0), dtype=np.float32),
        limit=int(degrees.max()),
    )


def _as_torch(table: csr_array) -> torch.Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
        return torch.sparse_csr_tensor(
            torch.from_numpy(table.indptr.astype(np.int64)),
            torch.from_numpy(table.indices.astype(np.int64)),
            torch.from_numpy(table.data.astype(np.float32)),
            size=table.shape,
            check_invariants=True,
        )
