r"""What events cost: exact privacy loss distributions, always rounded to the private side.

One step of ``AttributedGaussian`` is dominated by :math:`N(0, \sigma^2)` against
:math:`\sum_s \mathrm{Bin}(M, q)(s) N(s, \sigma^2)` under add/remove of one person (Choquette-Choo, Ganesh, Steinke and
Thakurta 2024, Corollary 4.7, https://arxiv.org/abs/2310.15526); with M = 1 it is the Poisson-subsampled Gaussian.
Steps, tasks and rounds compose by convolution (dp-accounting, connect-the-dots, Doroshenko et al. 2022, pessimistic).

The noise that runs is a discrete Gaussian while the priced one is continuous and rounded. Over a whole transcript the
two differ in total variation by at most :math:`\tau = \sqrt{\mathrm{KL}/2}` (chain rule and Pinsker), hence the
mechanism is :math:`(\epsilon, \delta' + (1 + e^\epsilon)\tau)`-private when the priced one is
:math:`(\epsilon, \delta')`-private; the returned epsilon already pays for it (docs/decisions/0031).
"""

import math
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from dp_accounting.pld import privacy_loss_distribution as pld
from scipy.stats import binom

from safeborders.privacy.content_change import dominating_distribution
from safeborders.privacy.events import AttributedGaussian, Event, merge_events
from safeborders.privacy.relational import GaussianRelease, MetricRelease, RootedGaussian, StatisticRelease

_INTERVAL = 1e-3  # grid of the privacy loss; on the private side; measured excess of epsilon < 1e-3
_TAIL = 1e-15  # mass that one composition may move to infinity; far below every delta
_STEP = 1e-3  # how much of epsilon the rounding reserve looks ahead
_ATTEMPTS = 64
_LARGEST = 700.0  # exp of more overflows; no cap is near it

Price = Callable[[Any, float], pld.PrivacyLossDistribution]
"""From a single-step event and a grid interval to its privacy loss distribution."""


def epsilon(events: Iterable[Event], *, delta: float) -> float:
    """Return the epsilon, at ``delta``, of everything in ``events`` against whoever sees it all.

    Args:
        events: What was released, in any order; none may be left out.
        delta: In (0, 1).

    Returns:
        An upper bound, 0 for no event, infinity when ``delta`` does not even pay for the rounding of the noise.

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
    whole = None
    for event, steps in sorted(multiset.items(), key=lambda item: repr(item[0])):
        part = _single_step(event).self_compose(steps, _TAIL)
        whole = part if whole is None else whole.compose(part, _TAIL)
    divergence = sum(event.rounding_divergence * steps for event, steps in multiset.items())
    return _epsilon_with_reserve(whole, delta=delta, variation=math.sqrt(divergence / 2))


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
        price: Returns a pessimistic ``PrivacyLossDistribution`` for one step on the given grid.

    Raises:
        ValueError: If ``kind`` already has another price.
    """
    if _PRICES.setdefault(kind, price) is not price:
        raise ValueError(f"kind must have one price. Got a second for {kind.kind}.")


def _price_attributed_gaussian(event: AttributedGaussian, interval: float) -> pld.PrivacyLossDistribution:
    return _mixture(
        event.effective_noise_multiplier,
        examples=event.examples_per_person,
        rate=event.sampling_rate,
        interval=interval,
    )


def _price_rooted_gaussian(event: RootedGaussian, interval: float) -> pld.PrivacyLossDistribution:
    if event.relations:
        return dominating_distribution(event, interval=interval)
    noise = event.effective_noise_multiplier / event.own_weight
    return _mixture(noise, examples=event.copies, rate=event.sampling_rate, interval=interval)


def _mixture(noise: float, *, examples: int, rate: float, interval: float) -> pld.PrivacyLossDistribution:
    """Return the exact price of examples that appear or disappear with a person, each entering with ``rate``."""
    if examples == 1:
        return pld.from_gaussian_mechanism(noise, sampling_prob=rate, value_discretization_interval=interval)
    weights = [float(binom.pmf(count, examples, rate)) for count in range(examples + 1)]
    kept = [(count, weight) for count, weight in enumerate(weights) if weight > 0]
    return pld.from_mixture_gaussian_mechanism(
        noise,
        [float(count) for count, _ in kept],
        [weight for _, weight in kept],
        value_discretization_interval=interval,
    )


def _price_gaussian_release(event: GaussianRelease, interval: float) -> pld.PrivacyLossDistribution:
    return pld.from_gaussian_mechanism(event.effective_noise_multiplier, value_discretization_interval=interval)


_PRICES: dict[type[Event], Price] = {
    AttributedGaussian: _price_attributed_gaussian,
    RootedGaussian: _price_rooted_gaussian,
    MetricRelease: _price_gaussian_release,
    StatisticRelease: _price_gaussian_release,
}


@lru_cache(maxsize=256)
def _single_step(event: Event) -> pld.PrivacyLossDistribution:
    price = _PRICES.get(type(event))
    if price is None:
        raise ValueError(f"event must have a registered price. Got kind {event.kind}.")
    return price(event, _INTERVAL)


def _epsilon_with_reserve(whole: pld.PrivacyLossDistribution, *, delta: float, variation: float) -> float:
    """Return the least epsilon found with delta(epsilon) + (1 + e**epsilon) * variation <= delta."""
    candidate = float(whole.get_epsilon_for_delta(delta))
    for _ in range(_ATTEMPTS):
        reserve = (1 + math.exp(min(candidate + _STEP, _LARGEST))) * variation
        if reserve >= delta:
            return math.inf
        found = float(whole.get_epsilon_for_delta(delta - reserve))
        if found <= candidate + _STEP:
            return found
        candidate = found
    return math.inf  # a slowly climbing search is a refusal, never a guess
