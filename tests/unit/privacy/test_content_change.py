"""The Lemma of stage B against brute force: never below the truth, attained, and the tempting short cuts are caught."""

import itertools
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from dp_accounting.pld import privacy_loss_distribution as pld
from numpy.typing import NDArray
from opacus.accountants import PRVAccountant
from scipy.special import ndtr

from safeborders.privacy.accountant import _price_rooted_gaussian, epsilon, register_price
from safeborders.privacy.content_change import content_change_delta, dominating_distribution, movement_law
from safeborders.privacy.relational import RootedGaussian

LOSSES = np.array([0.0, 0.1, 0.5, 1.0, 2.0, 4.0])
NUMERIC = 1e-9  # what the brute force's own integration may err by
LATTICE = 0.5  # all contributions are multiples of it, so that sums stay on few points

Law = dict[float, float]
Bound = Callable[[NDArray[np.float64], RootedGaussian], NDArray[np.float64]]


def rooted(*, rate: float, noise: float, relations: tuple[tuple[float, ...], ...], steps: int = 1) -> RootedGaussian:
    """An event whose rounding costs nothing: the Lemma alone is looked at."""
    return ExactEvent("t", rate, noise, relations, grid=2**40, dimension=1, steps=steps)


@dataclass(frozen=True)
class ExactEvent(RootedGaussian):
    """Without the engine's slack."""

    @property
    def _slack(self) -> float:
        return 0.0


register_price(ExactEvent, price=_price_rooted_gaussian)


@dataclass(frozen=True)
class Slot:
    """One other root: its law when it does not see the person, and what it adds when it does, with and without."""

    silent: Law
    with_person: float
    without_person: float


def sum_law(laws: list[Law]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    total: Law = {0.0: 1.0}
    for law in laws:
        grown: Law = {}
        for (a, weight), (b, share) in itertools.product(total.items(), law.items()):
            grown[a + b] = grown.get(a + b, 0.0) + weight * share
        total = grown
    return np.array(list(total)), np.array(list(total.values()))


def mixtures(event: RootedGaussian, own: float, slots: list[Slot]) -> Iterator[tuple[NDArray[np.float64], ...]]:
    """Yield the laws of the step's true sum with the person and without."""
    rate = event.sampling_rate * float(event.relations[0][1])
    for with_person in (True, False):
        root: Law = {0.0: 1 - event.sampling_rate}
        moved = own if with_person else 0.0
        root[moved] = root.get(moved, 0.0) + event.sampling_rate
        laws = [root]
        for slot in slots:
            law = {value: (1 - rate) * share for value, share in slot.silent.items()}
            seen = slot.with_person if with_person else slot.without_person
            law[seen] = law.get(seen, 0.0) + rate
            laws.append(law)
        yield sum_law(laws)


def exact_delta(
    left: tuple[NDArray[np.float64], ...], right: tuple[NDArray[np.float64], ...], *, loss: float, noise: float
) -> float:
    """Return the hockey-stick divergence of two Gaussian mixtures: signs on a grid, masses from their exact cdfs."""
    reach = max(np.abs(left[0]).max(), np.abs(right[0]).max()) + 12 * noise
    grid = np.linspace(-reach, reach, 3001)

    def density(law: tuple[NDArray[np.float64], ...]) -> NDArray[np.float64]:
        return np.exp(-((grid[:, None] - law[0]) ** 2) / (2 * noise**2)) @ law[1]

    gap = density(left) - math.exp(loss) * density(right)
    turns = np.flatnonzero(np.diff(np.sign(gap)) != 0)
    crossings = grid[turns] - gap[turns] * (grid[turns + 1] - grid[turns]) / (gap[turns + 1] - gap[turns])
    edges = np.concatenate([[-np.inf], crossings, [np.inf]])

    def masses(law: tuple[NDArray[np.float64], ...]) -> NDArray[np.float64]:
        return np.diff(ndtr((edges[:, None] - law[0]) / noise) @ law[1])

    return float(np.maximum(masses(left) - math.exp(loss) * masses(right), 0).sum())


def adversarial_slots(count: int) -> Iterator[tuple[float, list[Slot]]]:
    """Yield contributions of extreme kinds, and random ones: own, slots."""
    kinds: list[Law] = [{0.0: 1.0}, {1.0: 1.0}, {-1.0: 1.0}, {-1.0: 0.5, 1.0: 0.5}, {0.0: 0.7, 1.0: 0.3}]
    for silent, own in itertools.product(kinds, (1.0, -1.0)):
        yield own, [Slot(silent, 1.0, -1.0)] * count
        yield own, [Slot(silent, 1.0, 0.0)] * count
    yield 1.0, [Slot(kinds[number % 5], (-1.0) ** number, -((-1.0) ** number)) for number in range(count)]
    generator = np.random.default_rng(count)
    for _ in range(6):
        slots = []
        for _ in range(count):
            values = generator.integers(-2, 3, 3) * LATTICE
            shares = generator.dirichlet(np.ones(3))
            law: Law = {}
            for value, share in zip(values, shares, strict=True):
                law[float(value)] = law.get(float(value), 0.0) + float(share)
            seen = generator.integers(-2, 3, 2) * LATTICE
            slots.append(Slot(law, float(seen[0]), float(seen[1])))
        yield float(generator.integers(-2, 3) * LATTICE), slots


def worst_ratio(bound: Bound, *, noises: tuple[float, ...] = (1.0, 3.0, 10.0)) -> tuple[float, int, int]:
    """Return the largest exact / bound over the grid, the number of violations, and of checks."""
    worst, violations, checks = 0.0, 0, 0
    for noise, count, (rate, keep) in itertools.product(noises, (1, 2, 8), ((0.5, 0.5), (1.0, 0.125), (0.1, 1.0))):
        event = rooted(rate=rate, noise=noise, relations=((count, keep),))
        bounds = bound(LOSSES, event)
        for own, slots in adversarial_slots(count):
            left, right = mixtures(event, own, slots)
            for loss, allowed in zip(LOSSES, bounds, strict=True):
                for one, other in ((left, right), (right, left)):
                    exact = exact_delta(one, other, loss=float(loss), noise=noise)
                    checks += 1
                    violations += exact > allowed + NUMERIC
                    if allowed > 1e-6:
                        worst = max(worst, exact / allowed)
    return worst, violations, checks


def lemma(losses: NDArray[np.float64], event: RootedGaussian) -> NDArray[np.float64]:
    shifts, weights = movement_law(event)
    return content_change_delta(losses, shifts=shifts, weights=weights, noise=event.effective_noise_multiplier)


def with_seen_weight_one(losses: NDArray[np.float64], event: RootedGaussian) -> NDArray[np.float64]:
    """C instead of 2C: as if a changed sample moved by its own norm."""
    shifts, weights = movement_law(event)
    own = shifts % 2
    return content_change_delta(losses, shifts=own + (shifts - own) / 2, weights=weights, noise=event.noise_multiplier)


def add_remove_mixture(losses: NDArray[np.float64], event: RootedGaussian) -> NDArray[np.float64]:
    """Samples that appear and disappear, sold as the price of samples that change."""
    shifts, weights = movement_law(event)
    own = shifts % 2
    law, nothing = (own + (shifts - own) / 2, weights), (np.zeros(1), np.ones(1))
    return np.array(
        [
            max(
                exact_delta(law, nothing, loss=float(loss), noise=event.noise_multiplier),
                exact_delta(nothing, law, loss=float(loss), noise=event.noise_multiplier),
            )
            for loss in losses
        ]
    )


def test_the_lemma_is_never_below_the_truth_and_is_attained() -> None:
    worst, violations, checks = worst_ratio(lemma)
    assert violations == 0
    assert checks > 2_000
    assert worst > 0.999


@pytest.mark.parametrize("shortcut", [with_seen_weight_one, add_remove_mixture])
def test_control_tempting_short_cuts_are_caught(shortcut: Bound) -> None:
    worst, violations, _ = worst_ratio(shortcut, noises=(3.0,))
    assert violations > 100
    assert worst > 1.2


def test_the_distribution_dominates_the_truth_also_at_negative_losses() -> None:
    event = rooted(rate=0.5, noise=3.0, relations=((4, 0.5),))
    priced = dominating_distribution(event, interval=1e-3)
    for own, slots in adversarial_slots(4):
        left, right = mixtures(event, own, slots)
        for loss in (-2.0, -0.5, -0.1, 0.0, 0.05, 0.3, 1.0):
            exact = max(exact_delta(*pair, loss=loss, noise=3.0) for pair in ((left, right), (right, left)))
            assert exact <= float(priced.get_delta_for_epsilon(loss)) + NUMERIC


def test_two_hops_count_every_path_to_a_person_once() -> None:
    event = rooted(rate=0.5, noise=3.0, relations=((3, 0.5, 0.25), (2, 1.0, 0.5)))
    assert list(event.seen_slots()) == [
        (3, 0.25), (2, 0.5), (3 * 2, 0.0625), (3 * 2, 0.125), (2 * 3, 0.125), (2 * 1, 0.25),
    ]  # fmt: skip
    # Brute force on cliques: all persons linked by both relations as far as the limits allow give no more paths.
    assert sum(number for number, _ in event.seen_slots()) == 5 + (3 * 2 + 2 * 3 + 3 * 2 + 2 * 1)


def test_a_person_without_relations_costs_what_the_exact_mixture_costs() -> None:
    for noise, rate, steps in ((4.98, 0.5, 80), (1.0, 0.05, 30), (6.85, 1.0, 40)):
        oracle = PRVAccountant()
        oracle.history = [(noise, rate, steps)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it takes logarithms of zero on purpose
            wanted = float(oracle.get_epsilon(1e-5, eps_error=0.01))
        ours = epsilon([rooted(rate=rate, noise=noise, relations=(), steps=steps)], delta=1e-5)
        assert ours == pytest.approx(wanted, abs=0.02)


def test_the_lemma_for_one_own_root_is_never_below_the_exact_price() -> None:
    for noise, rate in ((1.0, 0.1), (3.0, 0.5), (8.0, 0.9)):
        event = rooted(rate=rate, noise=noise, relations=())
        bounds = lemma(LOSSES, event)
        exact = pld.from_gaussian_mechanism(noise, sampling_prob=rate, use_connect_dots=True)
        for loss, bound in zip(LOSSES, bounds, strict=True):
            assert float(exact.get_delta_for_epsilon(float(loss))) <= bound + 1e-6


@pytest.mark.parametrize(
    ("noise", "rate", "steps", "relation"),
    [(16.0, 0.064, 300, (7, 1.0)), (18.4, 0.5, 80, (8, 0.125)), (10.6, 0.5, 80, (64, 1 / 64)),
     (48.0, 0.5, 80, (4, 1.0)), (8.0, 0.1, 60, (8, 0.25))],
)  # fmt: skip
def test_the_lemma_costs_at_most_half_more_than_the_unproven_mixture(
    noise: float, rate: float, steps: int, relation: tuple[float, ...]
) -> None:
    event = rooted(rate=rate, noise=noise, relations=(relation,), steps=steps)
    shifts, weights = movement_law(event)
    kept = weights > 0
    unproven = pld.from_mixture_gaussian_mechanism(
        noise, shifts[kept].tolist(), (weights[kept] / weights[kept].sum()).tolist(), value_discretization_interval=1e-3
    ).self_compose(steps)
    assert epsilon([event], delta=1e-5) <= 1.5 * float(unproven.get_epsilon_for_delta(1e-5))


GOLDEN = [
    # (noise, rate, steps, K, p): epsilon at delta 1e-5, privacy.md 4.4
    ((16.0, 0.064, 300, 7, 1.0), 5.44),
    ((16.0, 0.064, 300, 16, 0.125), 1.54),
    ((16.0, 0.064, 300, 64, 1 / 32), 1.54),
    ((48.0, 0.5, 80, 4, 1.0), 3.99),
    ((88.0, 0.5, 80, 8, 1.0), 3.98),
]


@pytest.mark.parametrize(("numbers", "golden"), GOLDEN)
def test_the_figures_of_the_specification_come_out(
    numbers: tuple[float, float, int, int, float], golden: float
) -> None:
    noise, rate, steps, limit, keep = numbers
    event = rooted(rate=rate, noise=noise, relations=((limit, keep),), steps=steps)
    assert epsilon([event], delta=1e-5) == pytest.approx(golden, abs=0.02)
