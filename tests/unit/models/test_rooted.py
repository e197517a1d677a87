"""Rooted networks: thin and thick agree where everything is kept, start undecided, and have the declared size."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from safeborders.models.architecture import Architecture, TaskArchitecture
from safeborders.models.gnn.networks import build_network
from safeborders.models.gnn.relational import MessageRule
from safeborders.models.gnn.rooted import KeptLists, Speakers, whole_logits
from safeborders.models.graph.csr import CuratedGraph, build_relation
from safeborders.models.protocol.plan import Stage, Task

COUNT, INPUTS, CLASSES = 7, 3, 4
MESSAGE = INPUTS + 1  # a link says one number beside its age
RELATIONS = ("people", "things")
RULES = {name: MessageRule(age_column=0, half_life_years=2.0) for name in RELATIONS}
SHAPES = [
    TaskArchitecture(Task.TYPOLOGY, (CLASSES,), stage=Stage.HEAD, relations=RELATIONS, message=MESSAGE, hops=1),
    TaskArchitecture(
        Task.TYPOLOGY, (INPUTS, 5, CLASSES), stage=Stage.SAGE, relations=RELATIONS, message=MESSAGE, hops=1
    ),
    TaskArchitecture(
        Task.TYPOLOGY, (INPUTS, 5, CLASSES), stage=Stage.SAGE, relations=RELATIONS, message=MESSAGE, hops=2
    ),
]


@dataclass(frozen=True)
class Lists:
    persons: NDArray[np.int64]
    links: NDArray[np.int64]


@dataclass(frozen=True)
class Sample:
    roots: NDArray[np.int64]
    first: Mapping[str, KeptLists]
    second: Mapping[tuple[str, str], KeptLists] = field(default_factory=dict)


def make_graph(seed: int = 1) -> CuratedGraph:
    generator = np.random.default_rng(seed)
    relations = {}
    for name in RELATIONS:
        pairs = np.argwhere(np.triu(generator.random((COUNT - 1, COUNT - 1)) < 0.5, k=1))  # the last node is alone
        attributes = np.stack([generator.random(len(pairs)) * 6, generator.random(len(pairs))], axis=1)
        attributes[0, 0] = np.nan
        ranks = np.arange(len(pairs), dtype=np.uint64)
        relations[name] = build_relation(pairs, attributes.astype(np.float32), count=COUNT, limit=COUNT, ranks=ranks)
    return CuratedGraph(relations)


def everything_kept(graph: CuratedGraph, name: str, parents: NDArray[np.int64]) -> Lists:
    """Return lists with all neighbours of ``parents``, -1 being nobody's parent."""
    relation = graph.relations[name]
    persons = np.full((*parents.shape, COUNT), -1)
    links = persons.copy()
    for place in np.ndindex(parents.shape):
        if parents[place] >= 0:
            begin, end = relation.starts[parents[place]], relation.starts[parents[place] + 1]
            found = np.arange(int(begin), int(end))
            persons[place][: len(found)], links[place][: len(found)] = relation.targets[found], found
    return Lists(persons, links)


def whole_sample(graph: CuratedGraph, *, hops: int) -> Sample:
    roots = np.arange(COUNT)
    first = {name: everything_kept(graph, name, roots) for name in RELATIONS}
    if hops == 1:
        return Sample(roots, first)
    pairs = {(a, b): everything_kept(graph, b, first[a].persons) for a in RELATIONS for b in RELATIONS}
    return Sample(roots, first, pairs)


@pytest.mark.parametrize("shape", SHAPES, ids=["head", "sage-1", "sage-2"])
def test_a_sample_that_keeps_everything_gives_what_the_whole_graph_gives(shape: TaskArchitecture) -> None:
    generator = np.random.default_rng(3)
    graph, features = make_graph(), generator.normal(size=(COUNT, INPUTS)).astype(np.float32)
    own = generator.normal(size=(COUNT, CLASSES)).astype(np.float32) if shape.stage is Stage.HEAD else features
    module = build_network(shape, generator.normal(size=shape.length).astype(np.float32))
    speakers = Speakers(graph, features, RULES)
    lists = speakers.lists(whole_sample(graph, hops=shape.hops))
    with torch.no_grad():
        thin = module(torch.from_numpy(own), *map(torch.from_numpy, lists)).numpy()
    thick = whole_logits(module, speakers, own=own)
    np.testing.assert_allclose(thin, thick, atol=1e-4)
    assert np.abs(thick - whole_logits(module, Speakers(graph, -features, RULES), own=own)).max() > 0.1  # it is heard


def test_a_message_fades_with_the_age_of_its_link_and_unknown_ages_count_half() -> None:
    pairs, ranks = np.array([[0, 1], [0, 2], [0, 3]]), np.arange(3, dtype=np.uint64)
    ages = np.array([[0.0, 0.0], [4.0, 0.0], [np.nan, 0.0]], dtype=np.float32)
    graph = CuratedGraph({"people": build_relation(pairs, ages, count=4, limit=3, ranks=ranks)})
    said = Speakers(graph, np.eye(4, dtype=np.float32), RULES).said()
    np.testing.assert_allclose(said[0], np.array([0, 1, 0.25, 0.5, 0]) / 3, atol=1e-6)


def test_a_head_that_has_learnt_nothing_adds_nothing() -> None:
    shape = SHAPES[0]
    module = build_network(shape, Architecture((shape,)).initial_parameters(7))
    own = np.random.default_rng(0).normal(size=(COUNT, CLASSES)).astype(np.float32)
    speakers = Speakers(make_graph(), np.ones((COUNT, INPUTS), dtype=np.float32), RULES)
    np.testing.assert_array_equal(whole_logits(module, speakers, own=own), own)


@pytest.mark.parametrize("shape", SHAPES[1:], ids=["sage-1", "sage-2"])
def test_a_rooted_sage_starts_undecided_from_public_numbers(shape: TaskArchitecture) -> None:
    flat, again = (Architecture((shape,)).initial_parameters(7) for _ in range(2))
    assert np.array_equal(flat, again)
    assert flat.any()
    features = np.ones((COUNT, INPUTS), dtype=np.float32)
    assert not whole_logits(build_network(shape, flat), Speakers(make_graph(), features, RULES), own=features).any()


@pytest.mark.parametrize("shape", SHAPES, ids=["head", "sage-1", "sage-2"])
def test_the_layout_is_the_order_of_the_modules_parameters(shape: TaskArchitecture) -> None:
    module = build_network(shape, np.arange(shape.length, dtype=np.float32))
    sizes = [tuple(parameter.shape) for parameter in module.parameters()]
    assert sizes == [size for _, size in shape.layout]
    with pytest.raises(ValueError, match="must have"):
        build_network(shape, np.zeros(shape.length + 1, dtype=np.float32))
