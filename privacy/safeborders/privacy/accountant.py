r"""What events cost: exact privacy loss distributions, always rounded to the private side.

One step of ``AttributedGaussian`` is dominated by :math:`N(0, \sigma^2)` against
:math:`\sum_s \mathrm{Bin}(M, q)(s) N(s, \sigma^2)` under add/remove of one person (Choquette-Choo, Ganesh, Steinke and
Thakurta 2024, Corollary 4.7, https://arxiv.org/abs/2310.15526); with M = 1 it is the Poisson-subsampled Gaussian.
Steps, tasks and rounds compose by convolution (dp-accounting, connect-the-dots, Doroshenko et al. 2022, pessimistic).

The noise that runs is a discrete Gaussian while the priced one is continuous and rounded. Over a whole transcript the
ratio of the two laws is within :math:`e^{\pm\gamma}`, except with a probability :math:`\beta` that Renyi divergences
bound. Where the priced mechanism is :math:`(\epsilon, \delta')`-private, the one that runs is hence
:math:`(\epsilon + 2\gamma, e^\gamma\delta' + \beta + e^{\epsilon + \gamma}\beta)`-private: the returned epsilon already
pays for it (docs/decisions/0183).
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from safeborders.kit.lazy import LazyModule
from safeborders.privacy.content_change import Distribution, dominating_distribution
from safeborders.privacy.events import ROUNDING_MOMENT, AttributedGaussian, Event, merge_events
from safeborders.privacy.relational import GaussianRelease, MetricRelease, RootedGaussian, StatisticRelease

# Imported with the first price: a second of every process that keeps a ledger and prices nothing.
pld: Any = LazyModule("dp_accounting.pld.privacy_loss_distribution")
stats: Any = LazyModule("scipy.stats")

_INTERVAL = 1e-3  # grid of the privacy loss; on the private side; measured excess of epsilon < 1e-3
_TAIL = 1e-15  # mass that one composition may move to infinity; far below every delta
_SHARE = 1e-3  # of delta is for a transcript whose rounding was unlikely
_LOOK_AHEAD = 1.0  # how far epsilon may rise for the rounding; beyond, the noise is too coarse to be priced
_LARGEST_LOSS = 1000.0  # of a mean loss: no cap is near it, and the grid of its distribution would fill the memory
_LARGEST_MOVE = 12.0  # in deviations of the noise: the same for one step
_SMALLEST = 1e-60  # of a divergence: keeps the order below finite

Price = Callable[[Any, float], Distribution | None]
"""From a single-step event and a grid interval to its privacy loss distribution; None where it hides next to nothing,
and the grid would fill the memory of whoever prices a hostile plan."""


def epsilon(events: Iterable[Event], *, delta: float) -> float:
    """Return the epsilon, at ``delta``, of everything in ``events`` against whoever sees it all.

    Args:
        events: What was released, in any order; none may be left out.
        delta: In (0, 1).

    Returns:
        An upper bound, 0 for no event, infinity where the noise is too little or too coarse to be worth a price.

    Raises:
        ValueError: If ``delta`` is out of range, or an event has no price.
    """
    return epsilon_of_multiset(merge_events(events), delta=delta)


def epsilon_of_multiset(multiset: Mapping[Event, int], *, delta: float) -> float:
    """Return ``epsilon`` of single-step events with their numbers of steps; the ledger's form of the same figure."""
    if not 0 < delta < 1:
        raise ValueError(f"delta must be in (0, 1). Got {delta}.")
    if not multiset:
        return 0.0
    if sum(event.mean_loss * steps for event, steps in multiset.items()) > _LARGEST_LOSS:
        return math.inf
    whole = None
    for event, steps in sorted(multiset.items(), key=lambda item: repr(item[0])):
        step = _single_step(event)
        if step is None:
            return math.inf
        part = step.self_compose(steps, _TAIL)
        whole = part if whole is None else whole.compose(part, _TAIL)
    divergences = [(event.rounding_divergence, steps) for event, steps in multiset.items()]
    return _epsilon_with_reserve(whole, delta=delta, divergences=divergences)


def epsilon_sum(events: Iterable[Event], *, honest: int, delta: float, countries: int = 1) -> float:
    """Return the epsilon against an observer who sees only the sum over the countries of a round.

    Args:
        events: One country's events.
        honest: Countries that added their noise and do not collude with the observer: at most the floor of
            participants minus the colluders. The protected country is one of them.
        delta: In (0, 1).
        countries: Countries that put the same person into the sum: all of their moves add up in it.

    Returns:
        An upper bound.
    """
    if countries < 1:
        raise ValueError(f"countries must be >= 1. Got {countries}.")
    return epsilon([event.seen_in_sum(honest).in_countries(countries) for event in events], delta=delta)


def epsilon_across(events: Iterable[Event], *, countries: int, delta: float) -> float:
    """Return the epsilon for a person who is present in ``countries`` countries that all release the same ``events``.

    Local releases compose; parallel composition would be wrong for a person who crossed a border.
    """
    if countries < 1:
        raise ValueError(f"countries must be >= 1. Got {countries}.")
    return epsilon([event.times(event.steps * countries) for event in events], delta=delta)


def register_price(kind: type[Event], *, price: Price) -> None:
    """Tell the accountant how to price events of ``kind``; later stages (privacy.md 4.4's Lemma) plug in here.

    Args:
        kind: The class of events.
        price: Returns a pessimistic ``PrivacyLossDistribution`` for one step on the given grid, or None for infinity.

    Raises:
        ValueError: If ``kind`` already has another price.
    """
    if _PRICES.setdefault(kind, price) is not price:
        raise ValueError(f"kind must have one price. Got a second for {kind.kind}.")


def _price_attributed_gaussian(event: AttributedGaussian, interval: float) -> Distribution | None:
    return _mixture(
        event.effective_noise_multiplier,
        examples=event.examples_per_person,
        rate=event.sampling_rate,
        interval=interval,
    )


def _price_rooted_gaussian(event: RootedGaussian, interval: float) -> Distribution | None:
    if event.relations:
        return dominating_distribution(event, interval=interval)
    noise = event.effective_noise_multiplier / event.own_weight
    return _mixture(noise, examples=event.copies, rate=event.sampling_rate, interval=interval)


def _mixture(noise: float, *, examples: int, rate: float, interval: float) -> Distribution | None:
    """Return the exact price of examples that appear or disappear with a person, each entering with ``rate``."""
    if examples > _LARGEST_MOVE * noise:
        return None
    if examples == 1:
        return pld.from_gaussian_mechanism(noise, sampling_prob=rate, value_discretization_interval=interval)
    weights = [float(stats.binom.pmf(count, examples, rate)) for count in range(examples + 1)]
    kept = [(count, weight) for count, weight in enumerate(weights) if weight > 0]
    return pld.from_mixture_gaussian_mechanism(
        noise,
        [float(count) for count, _ in kept],
        [weight for _, weight in kept],
        value_discretization_interval=interval,
    )


def _price_gaussian_release(event: GaussianRelease, interval: float) -> Distribution | None:
    if event.effective_noise_multiplier * _LARGEST_MOVE < 1:
        return None
    return pld.from_gaussian_mechanism(event.effective_noise_multiplier, value_discretization_interval=interval)


_PRICES: dict[type[Event], Price] = {
    AttributedGaussian: _price_attributed_gaussian,
    RootedGaussian: _price_rooted_gaussian,
    MetricRelease: _price_gaussian_release,
    StatisticRelease: _price_gaussian_release,
}


@lru_cache(maxsize=256)
def _single_step(event: Event) -> Distribution | None:
    price = _PRICES.get(type(event))
    if price is None:
        raise ValueError(f"event must have a registered price. Got kind {event.kind}.")
    return price(event, _INTERVAL)


def _epsilon_with_reserve(whole: Distribution, *, delta: float, divergences: Sequence[tuple[float, int]]) -> float:
    """Return an epsilon of the noise that runs, given the price ``whole`` of the noise that is priced.

    Args:
        whole: Price of everything.
        delta: In (0, 1).
        divergences: For each event, the ``rounding_divergence`` of one step, and the steps.
    """
    kept = (1 - _SHARE) * delta
    reach = float(whole.get_epsilon_for_delta(kept)) + _LOOK_AHEAD
    ratio = _log_ratio(divergences, rarity=math.log(2 / (_SHARE * delta)) + reach)
    if math.isinf(ratio):
        return math.inf
    found = float(whole.get_epsilon_for_delta(kept * math.exp(-ratio)))
    # With beta = exp(-rarity), beta and beta * exp(found + ratio) are now at most half the share of delta each.
    return found + 2 * ratio if found + ratio <= reach else math.inf


def _log_ratio(divergences: Sequence[tuple[float, int]], *, rarity: float) -> float:
    r"""Return gamma such that the laws' log ratio is beyond it with probability at most exp(-rarity), both ways.

    The Renyi divergence of order a between both noises, of all steps, is at most a times ``sum`` (docs/decisions/0183)
    for 2 <= a <= 1 / (16 c), c being the largest relative error of a coordinate's law within one deviation; no event's
    divergence is below 4.1 c**2. Markov's inequality does the rest. Infinite where no order is allowed.
    """
    total = max(_SMALLEST, math.fsum(one * steps for one, steps in divergences))
    largest = max(_SMALLEST, *(one for one, _ in divergences))
    highest = math.sqrt(ROUNDING_MOMENT / largest) / 16
    if highest < 2:
        return math.inf
    order = max(2.0, min(highest, math.sqrt(rarity / total)))
    return order * total + rarity / (order - 1)
