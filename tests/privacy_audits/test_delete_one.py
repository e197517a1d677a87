"""Delete one person: with the same coins, the sum moves by at most the person's drawn examples times clip_norm.

This is the premise of the accountant, checked on the real engine for every person of generated countries, hubs
included. The controls break one bound each and must be caught.
"""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from safeborders.models.architecture import TaskArchitecture
from safeborders.models.gnn.perceptron import build_perceptron
from safeborders.models.protocol.plan import Task
from safeborders.node.learning.attribution import Attributions, bound_contributions
from safeborders.privacy.dpsgd import engine
from safeborders.privacy.dpsgd.clipping import Desk
from safeborders.privacy.dpsgd.engine import clipped_sum
from safeborders.privacy.rounding import chunk_slack
from safeborders.privacy.units import AttributedExamples
from sbtest.plans import make_task
from sbtest.wrong_clipping import unclipped

pytestmark = pytest.mark.audit

WIDTHS = (7, 6, 3)
CLIP_NORM = 0.8


def make_country(seed: int, *, limit: int, hub: bool) -> AttributedExamples:
    """Return curated examples about groups of persons; person 0 is in every second example when ``hub``."""
    generator = np.random.default_rng(seed)
    count, people = 90, 60
    examples = np.repeat(np.arange(count), 3)
    persons = generator.integers(1, people, len(examples))
    if hub:
        examples, persons = (
            np.r_[examples, np.arange(0, count, 2)],
            np.r_[persons, np.zeros(count // 2, dtype=np.int64)],
        )
    table = Attributions.of_pairs(examples, persons, count=count)
    kept = bound_contributions(table, limit=limit, ranks=generator.integers(0, 2**63, count).astype(np.uint64))
    about = table.only(kept)
    inputs = (generator.normal(size=(count, WIDTHS[0])) * 3).astype(np.float32)
    return AttributedExamples(
        inputs=inputs[kept],
        labels=generator.integers(0, WIDTHS[-1], count)[kept],
        starts=about.starts,
        persons=about.persons,
        examples_per_person=limit,
    )


def worst_ratio(country: AttributedExamples, *, seed: int, limit: int, bits: int = 16) -> float:
    """Return the largest movement over all persons in units of what the accountant allows for the coins thrown.

    The last rows take the places of those that go, as in the proof.
    """
    generator = np.random.default_rng(seed)
    model = build_perceptron(
        TaskArchitecture(Task.TYPOLOGY, WIDTHS), generator.normal(0, 0.7, 6 * 8 + 3 * 7).astype(np.float32)
    )
    mechanism = make_task(Task.TYPOLOGY, clip_norm=CLIP_NORM, quantisation_bits=bits)
    drawn = generator.permutation(np.flatnonzero(generator.random(country.count) < 0.6))
    owners = np.repeat(np.arange(country.count), np.diff(country.starts))

    def total(order: NDArray[np.int64]) -> NDArray[np.int64]:
        inputs = (torch.from_numpy(country.inputs[order]),)
        return clipped_sum(model, inputs, labels=country.labels[order], mechanism=mechanism)

    whole, worst = total(drawn), 0.0
    own_weight = 1 + 4 * chunk_slack(positions=1, dimension=len(whole), grid=2**bits)
    for person in np.unique(country.persons):
        left = drawn.copy()
        gone = np.flatnonzero(np.isin(drawn, owners[country.persons == person]))
        for place in gone[::-1]:
            left[place] = left[-1]
            left = left[:-1]
        allowed = min(len(gone), limit) * own_weight * 2**bits
        moved = float(np.linalg.norm((whole - total(left)).astype(np.float64)))
        worst = max(worst, moved / allowed if allowed else math.inf if moved else 0.0)
    return worst


@pytest.mark.parametrize("limit", [1, 3])
@pytest.mark.parametrize("hub", [False, True])
def test_no_person_moves_the_sum_by_more_than_the_accountant_allows(limit: int, hub: bool) -> None:
    ratios = [worst_ratio(make_country(seed, limit=limit, hub=hub), seed=seed, limit=limit) for seed in range(3)]
    assert max(ratios) <= 1
    assert max(ratios) > 0.95  # the bound is attained: the audit looks where it matters


def test_control_a_broken_bound_on_contributions_is_caught() -> None:
    country = make_country(1, limit=90, hub=True)  # curation that keeps everything, sold as one example per person
    assert worst_ratio(country, seed=1, limit=1) > 1


def test_control_gradients_that_are_not_clipped_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Desk, "clip", unclipped)
    assert worst_ratio(make_country(1, limit=1, hub=False), seed=1, limit=1) > 1


def test_control_statistics_beside_a_full_gradient_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "GRADIENT_SHARE", 1.0)
    assert worst_ratio(make_country(1, limit=1, hub=False), seed=1, limit=1) > 1


@pytest.mark.parametrize("bits", [8, 12, 20])
def test_on_every_grid_a_person_moves_the_sum_by_at_most_the_accounted_sensitivity(bits: int) -> None:
    assert worst_ratio(make_country(2, limit=1, hub=False), seed=2, limit=1, bits=bits) <= 1
