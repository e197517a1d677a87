"""What every registry promises, on each implementation."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from safeborders.kit.errors import Conflict, NotFound, Unavailable
from safeborders.models.domain.countries import Country
from safeborders.server.registry.audit import CoordinatorLog
from safeborders.server.registry.records import Registry, Reply, ReplyState, RunState
from safeborders.server.registry.roster import RosterState
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.storage.opening import open_registry_database
from sbtest.history import START, make_certificate, make_identity, make_model, make_plan, make_round, write_run
from sbtest.registry import InMemoryRegistry
from sbtest.watching import records_of

Opener = Callable[[], Registry]
"""Opens the same registry once more, as a restarted coordinator does."""


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Opener]:
    engines = []

    def open_again() -> Registry:
        engines.append(open_registry_database(f"sqlite:///{tmp_path / 'registry_test.db'}"))
        return SqlRegistry(engines[-1])

    yield open_again
    for engine in engines:
        engine.dispose()


@pytest.fixture
def memory() -> Opener:
    registry = InMemoryRegistry()
    return lambda: registry


@pytest.fixture
def postgres(empty_database: str) -> Iterator[Opener]:
    engines = []

    def open_again() -> Registry:
        engines.append(open_registry_database(empty_database))
        return SqlRegistry(engines[-1])

    yield open_again
    for engine in engines:
        engine.dispose()


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def reopen(request: pytest.FixtureRequest) -> Opener:
    opener: Opener = request.getfixturevalue(request.param)
    return opener


@pytest.fixture
def registry(reopen: Opener) -> Registry:
    return reopen()


def test_a_started_run_gives_back_its_plan_and_its_first_model(registry: Registry) -> None:
    registry.start_run(make_plan(), initial=make_model("run-1", number=0), now=START)

    assert registry.get_plan("run-1") == make_plan()
    assert registry.get_latest_model("run-1") == make_model("run-1", number=0)


def test_starting_the_same_run_twice_changes_nothing(registry: Registry) -> None:
    write_run(registry, done=2)

    registry.start_run(make_plan(), initial=make_model("run-1", number=0), now=START)

    assert registry.get_latest_model("run-1").round == 2


def test_a_run_cannot_take_another_plan(registry: Registry) -> None:
    registry.start_run(make_plan(), initial=make_model("run-1", number=0), now=START)

    with pytest.raises(Conflict):
        registry.start_run(make_plan(rounds=13), initial=make_model("run-1", number=0), now=START)

    assert registry.get_plan("run-1") == make_plan()


def test_unknown_runs_are_not_found(registry: Registry) -> None:
    with pytest.raises(NotFound):
        registry.get_plan("none")
    with pytest.raises(NotFound):
        registry.get_latest_model("none")
    with pytest.raises(NotFound):
        registry.get_run_state("none")
    with pytest.raises(NotFound):
        registry.set_run_state("none", RunState.RUNNING, now=START)
    with pytest.raises(NotFound):
        registry.save_round(make_round("none", number=1), model=make_model("none", number=1))


@pytest.mark.parametrize("state", list(RunState))
def test_the_state_of_a_run_is_read_back_after_reopening(reopen: Opener, state: RunState) -> None:
    registry = reopen()
    registry.start_run(make_plan(), initial=make_model("run-1", number=0), now=START)
    assert registry.get_run_state("run-1") is RunState.WAITING

    registry.set_run_state("run-1", state, now=START)

    assert reopen().get_run_state("run-1") is state


def test_a_saved_round_makes_the_newest_model_and_survives_reopening(reopen: Opener) -> None:
    write_run(reopen(), done=3)

    newest = reopen().get_latest_model("run-1")

    assert newest == make_model("run-1", number=3)
    assert newest.parent_sha256 == make_model("run-1", number=2).sha256


@pytest.mark.parametrize("number", [0, 1, 2, 4, 7])
def test_only_the_next_round_may_be_saved(registry: Registry, number: int) -> None:
    write_run(registry, done=2)

    with pytest.raises(Conflict):
        registry.save_round(make_round("run-1", number=number), model=make_model("run-1", number=number))

    assert registry.get_latest_model("run-1").round == 2
    registry.save_round(make_round("run-1", number=3), model=make_model("run-1", number=3))


def test_a_model_of_another_round_is_refused_and_leaves_no_trace(registry: Registry) -> None:
    write_run(registry, done=1)

    with pytest.raises((ValueError, Conflict)):
        registry.save_round(make_round("run-1", number=2), model=make_model("run-1", number=3))

    assert registry.get_latest_model("run-1").round == 1


def test_a_sequence_only_ever_grows_per_country(registry: Registry) -> None:
    registry.record_sequence(Country.GR, sequence=5)
    registry.record_sequence(Country.BG, sequence=1)
    registry.record_sequence(Country.GR, sequence=2**53 - 1)

    for replayed in (5, 2**53 - 1):
        with pytest.raises(Conflict):
            registry.record_sequence(Country.GR, sequence=replayed)


def test_a_sequence_is_remembered_after_reopening(reopen: Opener) -> None:
    reopen().record_sequence(Country.GR, sequence=5)

    with pytest.raises(Conflict):
        reopen().record_sequence(Country.GR, sequence=5)


def test_contact_and_sequence_do_not_disturb_each_other(registry: Registry) -> None:
    registry.record_contact(Country.GR, now=START)
    registry.record_sequence(Country.GR, sequence=1)
    registry.record_contact(Country.GR, now=START + timedelta(seconds=1))

    with pytest.raises(Conflict):
        registry.record_sequence(Country.GR, sequence=1)


def test_two_coordinators_cannot_both_save_a_round(reopen: Opener) -> None:
    first, second = reopen(), reopen()
    write_run(first, done=1)

    with ThreadPoolExecutor(2) as pool:
        work = [pool.submit(_try_to_save, registry) for registry in (first, second)]
        outcomes = sorted(future.result() for future in work)

    assert outcomes == ["refused", "saved"]
    assert first.get_latest_model("run-1").round == 2


def _try_to_save(registry: Registry) -> str:
    try:
        registry.save_round(make_round("run-1", number=2), model=make_model("run-1", number=2))
    except Conflict:
        return "refused"
    return "saved"


def test_what_cannot_be_written_down_does_not_happen(tmp_path: Path) -> None:
    engine = open_registry_database(f"sqlite:///{tmp_path / 'registry_test.db'}")
    registry, roster = SqlRegistry(engine), SqlRoster(engine)
    registry.start_run(make_plan(), initial=make_model("run-1", number=0), now=START)
    roster.admit(Country.GR, identity=make_identity(1), certificate=make_certificate(Country.GR), now=START)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit_record RENAME TO away"))
    changes: tuple[Callable[[], object], ...] = (
        lambda: registry.set_run_state("run-1", RunState.RUNNING, now=START),
        lambda: registry.save_round(make_round("run-1", number=1), model=make_model("run-1", number=1)),
        lambda: roster.revoke(Country.GR, now=START),
        lambda: roster.admit(
            Country.IT, identity=make_identity(2), certificate=make_certificate(Country.IT, number=2), now=START
        ),
    )
    for change in changes:
        with pytest.raises(Unavailable):
            change()
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE away RENAME TO audit_record"))
    assert registry.get_run_state("run-1") is RunState.WAITING
    assert registry.get_latest_model("run-1").round == 0
    assert [(entry.country, entry.state) for entry in roster.list_roster()] == [(Country.GR, RosterState.ENROLLED)]
    registry.set_run_state("run-1", RunState.RUNNING, now=START)  # control: with the log it does
    told = [record["action"] for record in records_of(CoordinatorLog(engine))]
    assert told == ["run.start", "member.admit", "run.state"]
    engine.dispose()


def test_who_is_in_a_model_counts_rounds_that_taught_it_something(registry: Registry) -> None:
    write_run(registry, done=0)
    states = (ReplyState.ACCEPTED, ReplyState.REJECTED, ReplyState.MISSING, ReplyState.REFUSED)
    countries = (Country.GR, Country.IT, Country.PL, Country.RO)
    replies = tuple(Reply(one, state, "", 1.0, 8) for one, state in zip(countries, states, strict=True))
    first = replace(make_round("run-1", number=1), replies=replies)
    registry.save_round(first, model=make_model("run-1", number=1))
    everybody = tuple(Reply(one, ReplyState.ACCEPTED, "", 1.0, 8) for one in countries)
    void = replace(make_round("run-1", number=2), replies=everybody, statistics=(), is_void=True)
    same = replace(make_model("run-1", number=1), round=2)
    registry.save_round(void, model=same)
    assert registry.list_contributors("run-1") == {Country.GR}
    assert registry.get_latest_model("run-1") == same


def test_the_headers_of_a_rounds_keys_are_kept_with_them(reopen: Opener) -> None:
    registry = reopen()
    write_run(registry, done=0)
    notes = registry.notes_of("run-1", round_number=1)
    assert (notes.find_adverts(), notes.find_echoes()) == (b"", b"")
    notes.keep_adverts(b"keys", echoes=b"headers")
    notes.keep_adverts(b"keys", echoes=b"of a second asking")
    again = reopen().notes_of("run-1", round_number=1)
    assert (again.find_adverts(), again.find_echoes()) == (b"keys", b"headers")
    with pytest.raises(Conflict):
        again.keep_adverts(b"others", echoes=b"headers")
