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
from safeborders.privacy.dpsgd import clipping, engine
from safeborders.privacy.dpsgd.engine import clipped_sum, privatise
from safeborders.privacy.units import AttributedExamples
from sbtest.plans import make_task

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


def worst_ratio(country: AttributedExamples, *, seed: int, limit: int) -> float:
    """Return the largest movement over all persons in units of what the accountant allows for the coins thrown."""
    generator = np.random.default_rng(seed)
    model = build_perceptron(
        TaskArchitecture(Task.TYPOLOGY, WIDTHS), generator.normal(0, 0.7, 6 * 8 + 3 * 7).astype(np.float32)
    )
    drawn = generator.random(country.count) < 0.6
    owners = np.repeat(np.arange(country.count), np.diff(country.starts))

    def total(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
        return clipped_sum(model, country.inputs[chosen], labels=country.labels[chosen], clip_norm=CLIP_NORM)

    whole, worst = total(drawn), 0.0
    for person in np.unique(country.persons):
        gone = np.zeros(country.count, dtype=np.bool_)
        gone[owners[country.persons == person]] = True
        allowed = min(int((gone & drawn).sum()), limit) * CLIP_NORM
        moved = float(np.linalg.norm(whole - total(drawn & ~gone)))
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
    monkeypatch.setattr(engine, "clip_factors", lambda norms, *, bound: norms * 0 + 1)
    assert worst_ratio(make_country(1, limit=1, hub=False), seed=1, limit=1) > 1


def test_control_statistics_beside_a_full_gradient_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_room(norms: torch.Tensor, *, bound: float) -> torch.Tensor:
        return clipping.clip_factors(norms, bound=bound / clipping.GRADIENT_SHARE)

    monkeypatch.setattr(engine, "clip_factors", without_room)
    assert worst_ratio(make_country(1, limit=1, hub=False), seed=1, limit=1) > 1


@pytest.mark.parametrize("bits", [8, 16])
def test_on_the_grid_a_person_moves_the_sum_by_at_most_the_accounted_sensitivity(
    bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "discrete_gaussian", lambda count, *, deviation: np.zeros(count, dtype=np.int64))
    mechanism = make_task(Task.TYPOLOGY, clip_norm=CLIP_NORM, quantisation_bits=bits)
    country = make_country(2, limit=1, hub=False)
    model = build_perceptron(TaskArchitecture(Task.TYPOLOGY, WIDTHS), np.full(69, 0.3, dtype=np.float32))
    inputs, labels = country.inputs, country.labels
    whole = privatise(clipped_sum(model, inputs, labels=labels, clip_norm=CLIP_NORM), mechanism=mechanism)
    for gone in range(country.count):
        rest = np.arange(country.count) != gone
        less = clipped_sum(model, inputs[rest], labels=labels[rest], clip_norm=CLIP_NORM)
        moved = np.linalg.norm((whole - privatise(less, mechanism=mechanism)).astype(np.float64))
        assert moved <= 2**bits + math.sqrt(len(whole))
