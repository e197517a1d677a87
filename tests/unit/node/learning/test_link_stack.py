"""The local stack of a network of ties, and the scorer that it may refuse."""

import numpy as np
import pytest

from safeborders.node.graph.ties import Ties
from safeborders.node.learning.hiding import hide
from safeborders.node.learning.link_stack import fit_link_stack
from safeborders.node.learning.scores import area_under_curve
from safeborders.node.learning.topology_prior import (
    ARCHITECTURE,
    TopologyPrior,
    curate_topology_examples,
    near_inputs,
)


def cells(seed: int, *, number: int = 8, size: int = 8) -> Ties:
    """Cells whose members mostly know each other."""
    generator = np.random.default_rng(seed)
    cell = np.repeat(np.arange(number), size)
    chance = np.where(cell[:, None] == cell[None, :], 0.6, 0.01)
    pairs = np.argwhere(np.triu(generator.random(chance.shape) < chance, k=1)).astype(np.int64)
    return Ties(pairs, np.zeros(len(pairs), dtype=np.int64), np.full(len(pairs), np.nan), len(cell))


@pytest.fixture(scope="module")
def prior() -> TopologyPrior:
    flat = np.zeros(ARCHITECTURE.length)
    flat[6] = 2.0  # common neighbours speak for a link
    return TopologyPrior(tuple(flat), epsilon=4.0, delta=1e-5, trained_on="by hand")


def test_hidden_links_are_found_and_a_harmful_prior_is_refused(prior: TopologyPrior) -> None:
    hidden = hide(cells(1), np.random.default_rng(1))
    ends = np.concatenate([hidden.positives, hidden.strangers]).T
    labels = (np.arange(len(ends[0])) < len(hidden.positives)).astype(np.int64)
    harmful = TopologyPrior(tuple(-np.array(prior.flat)), epsilon=4.0, delta=1e-5, trained_on="by hand")
    stack = fit_link_stack(hidden.observed, harmful, seed=0)
    assert stack.weight == 0
    assert area_under_curve(stack.scores((ends[0], ends[1])), labels) > 0.65


def test_a_network_without_links_to_learn_from_believes_the_prior(prior: TopologyPrior) -> None:
    lonely = Ties(np.array([[0, 1]]), np.zeros(1, dtype=np.int64), np.array([np.nan]), 4)
    stack = fit_link_stack(lonely, prior, seed=0)
    ends = np.array([0, 2]), np.array([2, 3])
    assert np.array_equal(stack.scores(ends), prior.odds(lonely.network, ends))


def test_hidden_pairs_are_hidden_in_all_layers() -> None:
    ties = cells(2)
    twice = Ties(
        np.concatenate([ties.pairs, ties.pairs]),
        np.repeat([0, 1], len(ties.pairs)),
        np.concatenate([ties.times, ties.times]),
        ties.count,
        kinds=2,
    )
    hidden = hide(twice, np.random.default_rng(3))
    assert not set(map(tuple, hidden.positives.tolist())) & set(map(tuple, hidden.observed.pairs.tolist()))


def test_no_person_is_part_of_more_examples_than_promised_and_neighbours_count() -> None:
    examples = curate_topology_examples(cells(4), limit=2)
    _, shares = np.unique(examples.persons, return_counts=True)
    assert shares.max() <= 2
    assert np.diff(examples.starts).max() > 2, "neighbours of the two are part of an example"


def test_inputs_are_cut_so_that_no_hub_fills_the_bound() -> None:
    star = Ties(
        np.array([[0, other] for other in range(1, 400)]), np.zeros(399, dtype=np.int64), np.full(399, np.nan), 400
    )
    assert np.abs(near_inputs(star.network, (np.array([1]), np.array([2])))).max() <= 2
