"""What the memory of secure aggregation promises, on each database and over a restart."""

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from benchmarks.circle import Circle, build_circle
from sqlalchemy import text

from safeborders.models.domain.countries import Country
from safeborders.node.storage.aggregation import SqlSessionStore
from safeborders.node.storage.base import Base
from safeborders.node.storage.database import Store
from safeborders.privacy.aggregation.errors import Contradiction, OutOfOrder
from safeborders.privacy.aggregation.party import AggregationParty, Identity

LENGTH = 16


@pytest.fixture
def circle(store: Store) -> Circle:
    """Return nine countries of which Greece remembers in the database."""
    circle = build_circle()
    circle.parties[Country.GR] = restarted(circle, store)
    return circle


def restarted(circle: Circle, store: Store) -> AggregationParty:
    identity = Identity(Country.GR, circle.keys[Country.GR], circle.roster)
    return AggregationParty(identity, sessions=SqlSessionStore(store.engine))


def test_the_migrated_schema_is_the_declared_one(store: Store) -> None:
    with store.engine.connect() as connection:
        changes = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    assert [change for change in changes if "aggregation" in repr(change)] == []


def test_a_restart_repeats_the_same_answers(store: Store, circle: Circle) -> None:
    context, update = circle.context(length=LENGTH), np.arange(LENGTH)
    adverts = circle.adverts(context)
    sent = circle.parties[Country.GR].mask(update, context=context, adverts=adverts)
    again = restarted(circle, store)
    assert again.advertise(context) == adverts[Country.GR]
    assert again.mask(update, context=context, adverts=adverts) == sent
    with pytest.raises(Contradiction):
        again.mask(update + 1, context=context, adverts=adverts)


def test_control_a_country_without_memory_would_answer_twice(circle: Circle) -> None:
    context = circle.context(length=LENGTH)
    forgetful = build_circle(circle.countries).parties[Country.GR]
    assert forgetful.advertise(context) != circle.parties[Country.GR].advertise(context)


def test_a_round_is_masked_for_one_circle_only_also_after_a_restart(store: Store, circle: Circle) -> None:
    everybody = circle.context(length=LENGTH)
    fewer = circle.context(length=LENGTH, parties=circle.countries[:-1])
    circle.parties[Country.GR].mask(np.arange(LENGTH), context=everybody, adverts=circle.adverts(everybody))
    circle.parties[Country.GR] = restarted(circle, store)
    with pytest.raises(Contradiction):
        circle.parties[Country.GR].mask(np.arange(LENGTH), context=fewer, adverts=circle.adverts(fewer))


def test_a_forgotten_round_is_never_played_again(store: Store, circle: Circle) -> None:
    first, second = circle.context(length=LENGTH), circle.context(length=LENGTH, round=2)
    party, sessions = circle.parties[Country.GR], SqlSessionStore(store.engine)
    party.mask(np.arange(LENGTH), context=first, adverts=circle.adverts(first))
    party.advertise(second)
    sessions.forget("spring", before_round=2)
    with store.engine.connect() as connection:
        kept = connection.execute(text("SELECT content FROM aggregation_session WHERE round = 1")).scalar_one()
    assert kept is None
    for context in (first, circle.context(length=LENGTH, parties=circle.countries[:-1])):
        with pytest.raises(Contradiction):
            party.advertise(context)
    with pytest.raises(OutOfOrder):
        party.mask(np.arange(LENGTH), context=first, adverts=circle.adverts(second))
    assert sessions.find(second.sha256()) is not None


def test_two_processes_cannot_take_the_round_two_ways(store: Store, circle: Circle) -> None:
    context, sessions = circle.context(length=LENGTH), SqlSessionStore(store.engine)
    circle.parties[Country.GR].advertise(context)
    session = sessions.find(context.sha256())
    assert session is not None
    sessions.keep(session.model_copy(update={"transcript_sha256": "1" * 64}), before=session)
    with pytest.raises(Contradiction):
        sessions.keep(session.model_copy(update={"transcript_sha256": "2" * 64}), before=session)
    with pytest.raises(Contradiction):
        sessions.keep(session, before=None)


def test_two_processes_cannot_mask_one_round_for_two_circles_at_the_same_time(store: Store, circle: Circle) -> None:
    """Both looked before either kept: the database itself lets one of them keep its mask."""
    everybody = circle.context(length=LENGTH)
    fewer = circle.context(length=LENGTH, parties=circle.countries[:-1])
    sessions = SqlSessionStore(store.engine)
    party = circle.parties[Country.GR]
    party.advertise(everybody)
    party.advertise(fewer)
    first, second = sessions.find(everybody.sha256()), sessions.find(fewer.sha256())
    assert first is not None
    assert second is not None
    masked = {"transcript_sha256": "1" * 64, "vector_sha256": "2" * 64}
    sessions.keep(first.model_copy(update=masked), before=first)
    with pytest.raises(Contradiction):
        sessions.keep(second.model_copy(update=masked), before=second)
    assert sessions.find_masked("spring", round_number=1) == first.model_copy(update=masked)
    assert sessions.find(fewer.sha256()) == second
