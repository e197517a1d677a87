"""Rows of rooted GraphSAGE: what a root and its kept neighbours say, the same from lists and from the whole graph."""

from dataclasses import dataclass

import numpy as np
import torch
from benchmarks.utility.linear_sage import build_rooted_sage, rooted_rows, row_width, whole_rows
from numpy.typing import NDArray
from torch import nn

from safeborders.models.gnn.relational import MessageRule
from safeborders.models.graph.csr import CuratedGraph, build_relation

PAIRS = np.array([[0, 1], [0, 2], [1, 2], [2, 3]])
AGES = np.array([[0.0], [2.0], [4.0], [1.0]], dtype=np.float32)
GRAPH = CuratedGraph({"linked": build_relation(PAIRS, AGES, count=5, limit=3, ranks=np.arange(4, dtype=np.uint64))})
FEATURES = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
RULES = {"linked": MessageRule(age_column=0, half_life_years=2.0)}


@dataclass(frozen=True)
class Lists:
    persons: NDArray[np.int64]
    links: NDArray[np.int64]


def everything_kept() -> Lists:
    relation = GRAPH.relations["linked"]
    persons, links = np.full((5, 3), -1), np.full((5, 3), -1)
    for person in range(5):
        places = np.arange(relation.starts[person], relation.starts[person + 1])
        persons[person, : len(places)], links[person, : len(places)] = relation.targets[places], places
    return Lists(persons, links)


def test_lists_that_keep_everything_give_the_whole_graphs_rows() -> None:
    rows = rooted_rows(GRAPH, FEATURES, roots=np.arange(5), kept={"linked": everything_kept()}, rules=RULES)
    assert rows.shape == (5, row_width(GRAPH, 3))
    np.testing.assert_allclose(rows, whole_rows(GRAPH, FEATURES, rules=RULES), atol=1e-6)
    expected = (FEATURES[1] + 0.5 * FEATURES[2]) / 2
    np.testing.assert_allclose(rows[0, 3:6], expected, atol=1e-6)
    assert not rows[4, 3:].any(), "nobody is heard by a person without links"


def test_the_network_starts_undecided_and_from_public_numbers() -> None:
    first, again = (build_rooted_sage(7, hidden=4, classes=3, seed=5) for _ in range(2))
    rows = torch.ones(2, 7)
    assert not first(rows).any()
    assert torch.equal(*(nn.utils.parameters_to_vector(one.parameters()) for one in (first, again)))
