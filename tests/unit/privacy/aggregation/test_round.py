"""A round of honest countries opens to exactly the sum over those who are left."""

import numpy as np
import pytest
from benchmarks.circle import Circle, build_circle, play_round, upload_all
from numpy.typing import NDArray

from safeborders.models.domain.countries import Country
from safeborders.privacy.aggregation.errors import (
    AggregationRefused,
    Contradiction,
    OutOfOrder,
    TooFewParties,
    Unconfirmed,
)

LENGTH = 50


@pytest.fixture(name="circle", scope="module")
def _circle() -> Circle:
    return build_circle()


def updates_of(circle: Circle) -> dict[Country, NDArray[np.int64]]:
    chance = np.random.default_rng(1)
    return {country: chance.integers(-(10**6), 10**6, LENGTH) for country in circle.countries}


@pytest.mark.parametrize("absent", [(), ("it",), ("it", "ro", "wb")])
def test_the_sum_over_the_survivors_is_exact(absent: tuple[str, ...]) -> None:
    circle = build_circle()
    updates = updates_of(circle)
    gone = [Country(name) for name in absent]
    total = play_round(circle, circle.context(length=LENGTH), updates, absent=gone)
    assert (total == sum(updates[country] for country in circle.countries if country not in gone)).all()


def test_control_a_sum_with_one_wrong_mask_is_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    circle = build_circle()
    updates = updates_of(circle)
    monkeypatch.setattr("safeborders.privacy.aggregation.aggregator._undo", lambda _reveal: [])
    total = play_round(circle, circle.context(length=LENGTH), updates)
    assert (total != sum(updates.values())).mean() > 0.9


def test_below_the_floor_nothing_is_opened() -> None:
    circle = build_circle()
    gone = [Country(name) for name in ("it", "ro", "wb", "fi")]
    with pytest.raises(TooFewParties):
        play_round(circle, circle.context(length=LENGTH), updates_of(circle), absent=gone)


def test_a_survivor_that_falls_silent_voids_the_round() -> None:
    circle = build_circle()
    context = circle.context(length=LENGTH)
    aggregator = upload_all(circle, context, updates_of(circle))
    survivors = aggregator.close_uploads()
    for country in circle.countries:
        aggregator.add_confirmation(circle.parties[country].confirm(survivors, context=context))
    confirmations = aggregator.close_confirmations()
    for country in circle.countries[:-1]:
        aggregator.add_reveal(circle.parties[country].reveal(confirmations, context=context))
    with pytest.raises(Unconfirmed):
        aggregator.open_sum()


def test_every_answer_is_repeated_and_never_changed(circle: Circle) -> None:
    context, updates = circle.context(length=LENGTH, run="again"), updates_of(circle)
    adverts = circle.adverts(context)
    assert circle.adverts(context) == adverts
    party = circle.parties[Country.GR]
    first = party.mask(updates[Country.GR], context=context, adverts=adverts)
    assert party.mask(updates[Country.GR], context=context, adverts=adverts) == first
    with pytest.raises(Contradiction):
        party.mask(updates[Country.GR] + 1, context=context, adverts=adverts)


def test_steps_out_of_order_are_refused(circle: Circle) -> None:
    context = circle.context(length=LENGTH, run="order")
    party = circle.parties[Country.GR]
    with pytest.raises(OutOfOrder):
        party.mask(np.zeros(LENGTH, dtype=np.int64), context=context, adverts={})
    party.advertise(context)
    with pytest.raises(OutOfOrder):
        party.reveal({}, context=context)
    with pytest.raises(AggregationRefused):
        party.mask(np.zeros(LENGTH, dtype=np.int64), context=context, adverts={})
