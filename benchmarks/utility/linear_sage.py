"""GraphSAGE with one hop on rooted samples, linear or with one hidden layer: a baseline of the benchmark.

A row holds the root's own features and, per relation, the mean of its kept neighbours' features (faded by the age of
the link) and of the kept links' attributes. Row i depends on root i and the neighbours that it kept, nobody else, so
that the private engine may clip row by row (Hamilton et al., NeurIPS 2017, https://arxiv.org/abs/1706.02216).
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from safeborders.models.gnn.relational import MessageRule, faded
from safeborders.models.graph.csr import CuratedGraph


class KeptLists(Protocol):
    """Lists of kept neighbours, -1 in free places; what the rooted sampler draws."""

    @property
    def persons(self) -> NDArray[np.int64]:
        """Shape (B, F)."""

    @property
    def links(self) -> NDArray[np.int64]:
        """Positions of the links in the relation, shape (B, F)."""


def row_width(graph: CuratedGraph, features: int) -> int:
    """Return the length of a row: own features, and per relation features and attributes."""
    attributes = sum(int(relation.attributes.shape[1]) for relation in graph.relations.values())
    return features * (1 + len(graph.relations)) + attributes


def build_rooted_sage(width: int, *, hidden: int, classes: int, seed: int) -> nn.Sequential:
    """Return the network over rows with a public random start and a zero last layer; ``hidden`` 0 is linear."""
    generator = torch.Generator().manual_seed(seed)  # public: it draws no noise and no sample
    last = nn.Linear(hidden or width, classes)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    if not hidden:
        return nn.Sequential(last)
    first = nn.Linear(width, hidden)
    nn.init.xavier_uniform_(first.weight, generator=generator)
    nn.init.zeros_(first.bias)
    return nn.Sequential(first, nn.Tanh(), last)


def rooted_rows(
    graph: CuratedGraph,
    features: NDArray[np.float32],
    *,
    roots: NDArray[np.int64],
    kept: Mapping[str, KeptLists],
    rules: Mapping[str, MessageRule] | None = None,
) -> NDArray[np.float32]:
    """Return one row per root. Shape (B, row_width)."""
    parts = [features[roots]]
    for name, lists in kept.items():
        relation = graph.relations[name]
        there = lists.persons >= 0
        fading = np.where(there, faded(relation.attributes, (rules or {}).get(name, MessageRule()))[lists.links], 0.0)
        shares = (fading / np.maximum(there.sum(axis=1, keepdims=True), 1)).astype(np.float32)
        parts.append(np.einsum("bf,bfd->bd", shares, features[lists.persons]))
        if relation.attributes.shape[1]:
            parts.append(np.einsum("bf,bfa->ba", shares, np.nan_to_num(relation.attributes[lists.links])))
    return np.concatenate(parts, axis=1)


def whole_rows(
    graph: CuratedGraph, features: NDArray[np.float32], *, rules: Mapping[str, MessageRule] | None = None
) -> NDArray[np.float32]:
    """Return the rows of all persons with every link kept: how a country infers on its own graph."""
    everybody = np.arange(graph.count, dtype=np.int64)
    parts = [features]
    for name, relation in graph.relations.items():
        degrees = np.diff(relation.starts)
        owner = np.repeat(everybody, degrees)
        fading = faded(relation.attributes, (rules or {}).get(name, MessageRule()))
        share = (fading / np.maximum(degrees, 1)[owner]).astype(np.float32)[:, None]
        heard = np.zeros_like(features)
        np.add.at(heard, owner, share * features[relation.targets])
        parts.append(heard)
        if relation.attributes.shape[1]:
            said = np.zeros((graph.count, relation.attributes.shape[1]), dtype=np.float32)
            np.add.at(said, owner, share * np.nan_to_num(relation.attributes))
            parts.append(said)
    return np.concatenate(parts, axis=1)
