"""Small graphs, and a rooted model over one or two hops of several relations, for audits of the private engine."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from safeborders.models.graph.csr import CuratedGraph, build_relation
from safeborders.privacy.dpsgd.bookkeeping import BookKeepingModule
from safeborders.privacy.dpsgd.rooted_sampling import NOBODY, NeighbourRule, RootedBatch, gather
from safeborders.privacy.relational import RootedGaussian
from safeborders.privacy.rounding import CHUNK_ROWS

FEATURES = 5
CLASSES = 3
LIMITS = {"phone": 4, "case": 3}
GRID = 2**20


class RelationalSage(nn.Module):
    """Logits from a root's own row and from masked means over each relation's lists, and over the lists behind them."""

    def __init__(self, hops: int) -> None:
        super().__init__()
        self.own = nn.Linear(FEATURES, 6)
        self.first = nn.ModuleDict({name: nn.Linear(FEATURES, 6, bias=False) for name in LIMITS})
        pairs = [f"{one}_{other}" for one in LIMITS for other in LIMITS] if hops == 2 else []
        self.second = nn.ModuleDict({name: nn.Linear(FEATURES, 6) for name in pairs})
        self.act = nn.Tanh()
        self.out = nn.Linear(6, CLASSES)

    def forward(self, own: torch.Tensor, *lists: torch.Tensor) -> torch.Tensor:
        total = self.own(own)
        layers = [*self.first.values(), *self.second.values()]
        for layer, rows, mask in zip(layers, lists[::2], lists[1::2], strict=True):
            total = total + (self.act(layer(rows)) * mask.unsqueeze(-1)).flatten(1, -2).sum(1)
        logits: torch.Tensor = self.out(self.act(total))
        return logits


@dataclass(frozen=True, eq=False)
class RootedCountry:
    """A graph with features and labels."""

    graph: CuratedGraph
    rows: NDArray[np.float32]
    labels: NDArray[np.int64]

    def tensors(self, batch: RootedBatch) -> tuple[torch.Tensor, ...]:
        """Return the model's inputs for a sample."""
        inputs = [self.rows[batch.roots]]
        for part in (*batch.first.values(), *batch.second.values()):
            inputs += [gather(self.rows, part.persons), (part.persons != NOBODY).astype(np.float32)]
        return tuple(torch.from_numpy(tensor) for tensor in inputs)

    def clipped(self, model: BookKeepingModule, batch: RootedBatch, *, clip_norm: float) -> NDArray[np.int64]:
        """Return the engine's integers for a sample."""
        labels = torch.from_numpy(self.labels[batch.roots])
        loss = nn.functional.cross_entropy(model(*self.tensors(batch)), labels, reduction="sum")
        loss.backward()  # type: ignore[no-untyped-call]  # torch
        return model.clipped_integers(clip_norm=clip_norm, grid=GRID)


def make_graph(edges: Mapping[str, NDArray[np.int64]], *, count: int, seed: int) -> CuratedGraph:
    """Return the mutual top-K of the edges, by random public ranks."""
    generator = np.random.default_rng(seed)
    relations = {}
    for name, limit in LIMITS.items():
        pairs = np.unique(np.sort(edges[name].reshape(-1, 2), axis=1), axis=0)
        ranks = generator.integers(0, 2**63, len(pairs)).astype(np.uint64)
        attributes = np.zeros((len(pairs), 0), dtype=np.float32)
        relations[name] = build_relation(pairs, attributes, count=count, limit=limit, ranks=ranks)
    return CuratedGraph(relations)


def make_country(kind: str, *, seed: int, count: int = 24) -> RootedCountry:
    """Return a random, hub or star graph, with features and labels."""
    generator = np.random.default_rng(seed)
    hubs = np.stack([np.zeros(count - 1, dtype=np.int64), np.arange(1, count)], axis=1)
    edges = {}
    for name in LIMITS:
        drawn = generator.integers(0, count, (2 * count, 2))
        edges[name] = {"random": drawn, "hub": np.concatenate([hubs, drawn]), "star": hubs}[kind]
    rows = (3 * generator.normal(size=(count, FEATURES))).astype(np.float32)
    return RootedCountry(make_graph(edges, count=count, seed=seed), rows, generator.integers(0, CLASSES, count))


def make_model(hops: int, *, seed: int) -> BookKeepingModule:
    """Return the model with book-keeping around it."""
    torch.manual_seed(seed)
    return BookKeepingModule(RelationalSage(hops), block_rows=CHUNK_ROWS).train()


def make_rules(hops: int) -> tuple[NeighbourRule, ...]:
    """Return coins that truncate now and then."""
    return tuple(NeighbourRule(name, (0.6, 0.5)[:hops], (2, 2)[:hops]) for name in LIMITS)


def make_event(hops: int, *, dimension: int, rate: float = 0.6) -> RootedGaussian:
    """Return what the accountant prices for ``make_rules``."""
    relations = tuple((LIMITS[rule.relation], *rule.keep) for rule in make_rules(hops))
    return RootedGaussian("audit", rate, 4.0, relations, grid=GRID, dimension=dimension, positions=4)
