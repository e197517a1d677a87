"""Networks over rooted samples: the relational head of stage B, and rooted GraphSAGE with one or two hops.

A row is a root with the lists of neighbours that its coins kept. Every list is a pair of tensors: *messages* (what a
neighbour and the link to it say; zeros in free places) and *shares* (how much each counts: faded by the link's age and
divided by how many were kept). Row i depends on row i of the inputs alone, so that the private engine may clip row by
row. The same parameters are used thick at home, on every link of a country's own graph (``whole_logits``).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import nn

from safeborders.models.gnn.relational import MessageRule, faded
from safeborders.models.graph.csr import CuratedGraph, CuratedRelation

Floats32 = NDArray[np.float32]


class KeptLists(Protocol):
    """Lists of kept neighbours, -1 in free places; what the rooted sampler draws."""

    @property
    def persons(self) -> NDArray[np.int64]:
        """Shape (..., F)."""

    @property
    def links(self) -> NDArray[np.int64]:
        """Positions of the links in the relation, shape (..., F)."""


class KeptSample(Protocol):
    """One step's roots and whom they see; ``second`` is empty with one hop."""

    @property
    def roots(self) -> NDArray[np.int64]:
        """Shape (B,)."""

    @property
    def first(self) -> Mapping[str, KeptLists]:
        """Lists of the roots by relation."""

    @property
    def second(self) -> Mapping[tuple[str, str], KeptLists]:
        """Lists of those lists' members by both relations."""


class RelationalHead(nn.Module):
    """Residual logits, linear in what each relation's neighbours say: logits = own + W [mean message per relation].

    Args:
        message: Length of a message.
        relations: Number of relations.
        classes: Number of classes.

    Shape:
        - own: :math:`(B, K)`, the encoder's logits, taken as given.
        - lists: per relation messages :math:`(B, F, D)` and shares :math:`(B, F)`.
        - output: :math:`(B, K)`.
    """

    def __init__(self, message: int, *, relations: int, classes: int) -> None:
        super().__init__()
        self.out = nn.Linear(message * relations, classes, bias=False, device="meta").to_empty(device="cpu")

    def forward(self, own: torch.Tensor, *lists: torch.Tensor) -> torch.Tensor:
        """Return the logits of each root."""
        logits: torch.Tensor = own + self.out(_heard(lists))
        return logits


class RootedSage(nn.Module):
    """GraphSAGE with means per relation (Hamilton et al., NeurIPS 2017) on the dense lists of a rooted sample.

    With two hops the root and every member of its lists pass through the inner layer as stacked positions.

    Args:
        widths: Own inputs, hidden units, classes.
        message: Length of a message; its first numbers are the neighbour's own inputs.
        relations: Number of relations.
        hops: 1 or 2.

    Shape:
        - own: :math:`(B, I)`.
        - lists: messages and shares as for ``RelationalHead``; with two hops then those of each pair of relations, of
          :math:`(B, F, F_2, D)` and :math:`(B, F, F_2)`.
        - output: :math:`(B, K)`.
    """

    def __init__(self, widths: tuple[int, int, int], *, message: int, relations: int, hops: int) -> None:
        super().__init__()
        self._inputs, hidden, classes = widths
        self._relations, self._hops = relations, hops
        outer = hidden * (1 + relations * (hops == 2))
        self.inner = nn.Linear(self._inputs + message * relations, hidden, device="meta").to_empty(device="cpu")
        self.outer = nn.Linear(outer, classes, device="meta").to_empty(device="cpu")
        self.act = nn.Tanh()

    def forward(self, own: torch.Tensor, *lists: torch.Tensor) -> torch.Tensor:
        """Return the logits of each root."""
        first = lists[: 2 * self._relations]
        rows = torch.cat([own, _heard(first)], dim=1)
        seen = self.act(self.inner(rows)) if self._hops == 1 else self._look_beyond(rows, lists)
        logits: torch.Tensor = self.outer(seen)
        return logits

    def _look_beyond(self, rows: torch.Tensor, lists: tuple[torch.Tensor, ...]) -> torch.Tensor:
        """Return the hidden units of the root beside the means of those of its lists' members, in one inner pass."""
        first = lists[: 2 * self._relations]
        stacked = [rows.unsqueeze(1)]
        for number, messages in enumerate(first[::2]):
            begin = 2 * self._relations * (1 + number)
            beyond = _heard(lists[begin : begin + 2 * self._relations])
            stacked.append(torch.cat([messages[..., : self._inputs], beyond], dim=2))
        seen = self.act(self.inner(torch.cat(stacked, dim=1)))
        parts, start = [seen[:, 0]], 1
        for shares in first[1::2]:
            stop = start + shares.shape[1]
            parts.append((seen[:, start:stop] * shares.unsqueeze(-1)).sum(1))
            start = stop
        return torch.cat(parts, dim=1)

    def whole(self, own: Floats32, *, means: Sequence[csr_array], said: Floats32) -> Floats32:
        """Return the logits of all nodes when everybody hears everybody (``whole_logits``)."""
        with torch.no_grad():
            seen = self.act(self.inner(torch.from_numpy(np.concatenate([own, said], axis=1))))
            if self._hops == 2:
                beyond = [torch.from_numpy((table @ seen.numpy()).astype(np.float32)) for table in means]
                seen = torch.cat([seen, *beyond], dim=1)
            logits: Floats32 = self.outer(seen).numpy()
        return logits


@dataclass(frozen=True, eq=False)
class Speakers:
    """What nodes say on a graph: their own numbers, and rules for the links.

    Attributes:
        graph: Links.
        features: What each node says of itself, a function of its own record and public numbers. Shape (N, D).
        rules: What links of each relation carry; a plain message where one is missing.
    """

    graph: CuratedGraph
    features: Floats32
    rules: Mapping[str, MessageRule]

    def lists(self, sample: KeptSample) -> Iterator[Floats32]:
        """Yield messages and shares of all lists of ``sample``, in the order that the networks take them."""
        for name, kept in sample.first.items():
            yield from self._list(name, kept)
        for (_, name), kept in sample.second.items():
            yield from self._list(name, kept)

    def means(self) -> list[csr_array]:
        """Return, per relation, the table that takes the faded mean over all of a node's neighbours."""
        return [self._shares(name, relation) for name, relation in self.graph.relations.items()]

    def said(self) -> Floats32:
        """Return what every node hears when every link counts: the mean messages of all relations side by side."""
        parts: list[Floats32] = []
        for name, relation in self.graph.relations.items():
            table = self._shares(name, relation)
            parts.append((table @ self.features).astype(np.float32))
            carried = carried_attributes(relation, self._rule(name))
            if carried.shape[1]:
                places = (table.data, np.arange(len(carried)), relation.starts)
                links = csr_array(places, shape=(len(self), len(carried)))
                parts.append((links @ carried).astype(np.float32))
        return np.concatenate(parts, axis=1)

    def __len__(self) -> int:
        return self.graph.count

    def _rule(self, name: str) -> MessageRule:
        return self.rules.get(name, MessageRule())

    def _list(self, name: str, kept: KeptLists) -> Iterator[Floats32]:
        relation, there = self.graph.relations[name], kept.persons >= 0
        said = np.concatenate([self.features, np.zeros((1, self.features.shape[1]), dtype=np.float32)])
        carried = carried_attributes(relation, self._rule(name))
        carried = np.concatenate([carried, np.zeros((1, carried.shape[1]), dtype=np.float32)])
        fading = np.append(faded(relation.attributes, self._rule(name)), 0.0)
        nowhere = np.where(there, kept.links, len(carried) - 1)
        yield np.concatenate([said[np.where(there, kept.persons, len(said) - 1)], carried[nowhere]], axis=-1)
        yield (fading[nowhere] / np.maximum(there.sum(axis=-1, keepdims=True), 1)).astype(np.float32)

    def _shares(self, name: str, relation: CuratedRelation) -> csr_array:
        degrees = np.diff(relation.starts)
        shares = faded(relation.attributes, self._rule(name)) / np.repeat(np.maximum(degrees, 1), degrees)
        return csr_array((shares, relation.targets, relation.starts), shape=(len(self), len(self)))


def carried_attributes(relation: CuratedRelation, rule: MessageRule) -> Floats32:
    """Return what the links of a relation say beside their ends: every attribute but the age, which fades instead."""
    columns = [column for column in range(relation.attributes.shape[1]) if column != rule.age_column]
    return np.nan_to_num(relation.attributes[:, columns]).astype(np.float32)


def whole_logits(module: nn.Module, speakers: Speakers, *, own: Floats32) -> NDArray[np.float64]:
    """Return the logits of all nodes over every link: how a country infers on its own graph.

    Args:
        module: A ``RelationalHead`` or ``RootedSage``.
        speakers: The country's own graph.
        own: The encoder's logits for a head, the nodes' inputs for a rooted GraphSAGE. Shape (N, *).
    """
    if isinstance(module, RootedSage):
        return module.whole(own, means=speakers.means(), said=speakers.said()).astype(np.float64)
    with torch.no_grad():
        weights: Floats32 = next(module.parameters()).numpy()
    return np.asarray(own.astype(np.float64) + speakers.said() @ weights.T.astype(np.float64))


def _heard(lists: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the mean messages of all lists side by side; the places are the last axis but one of the messages."""
    pairs = zip(lists[::2], lists[1::2], strict=True)
    return torch.cat([(messages * shares.unsqueeze(-1)).sum(-2) for messages, shares in pairs], dim=-1)
