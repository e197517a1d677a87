"""From a country's records to a PyG ``HeteroData``: typed entities, links with time, projections for inference."""

import re

import numpy as np
import torch
from numpy.typing import NDArray
from torch_geometric.data import HeteroData

from safeborders.node.graph.cases import case_links
from safeborders.node.graph.persons import PersonGraph
from safeborders.node.graph.records import CASE, PERSON, Records

CASE_EDGE = (CASE, "linked_with", CASE)
"""Edge type of the case-case projection; ``edge_weight`` says how strongly."""


def build_graph(records: Records, persons: PersonGraph) -> HeteroData:
    """Return the whole curated graph in a stable order.

    Every entity type has ``num_nodes``; cases have ``indicators`` (NaN unknown) and ``y`` (-1 without a label); every
    recorded relation has ``edge_index`` and ``edge_time`` (first and last known day, NaN unknown); the projections have
    ``edge_index`` and ``edge_weight`` in both directions. No other attribute of an entity is in it.
    """
    graph = HeteroData()
    for entity_type in sorted(records.ids):
        graph[entity_type].num_nodes = records.count(entity_type)
    graph[CASE].indicators = torch.from_numpy(records.indicators)
    graph[CASE].y = torch.from_numpy(records.case_type)
    for relation in records.relations:
        edge = graph[relation.source_type, relation.kind.lower(), relation.target_type]
        edge.edge_index = torch.from_numpy(np.stack([relation.source, relation.target]))
        edge.edge_time = torch.from_numpy(np.stack([relation.since, relation.until], axis=1))
    for name, table in {**persons.contacts, "associated": persons.associates}.items():
        _set_edges(graph, (PERSON, _plain(name), PERSON), ends=np.stack(table.nonzero()), weights=table.data)
    for name, table in persons.bridges.items():
        together = (table @ table.T).tocoo()
        other = together.row != together.col
        ends = np.stack([together.row[other], together.col[other]])
        _set_edges(graph, (PERSON, _plain(name), PERSON), ends=ends, weights=together.data[other])
    edges, weights = case_links(records, persons)
    _set_edges(graph, CASE_EDGE, ends=edges, weights=weights)
    return graph


def _set_edges(
    graph: HeteroData, kind: tuple[str, str, str], *, ends: NDArray[np.integer], weights: NDArray[np.float64]
) -> None:
    edge = graph[kind]
    edge.edge_index = torch.from_numpy(ends.astype(np.int64))
    edge.edge_weight = torch.from_numpy(weights.astype(np.float64))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z_]", "_", f"{name}_with" if name.startswith("shared") else name)
