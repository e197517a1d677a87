"""One suite for every database in which people decide which records are one person."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import Table, delete, select, text, update
from sqlalchemy.exc import DBAPIError

from safeborders.kit.errors import NotFound
from safeborders.models.domain.countries import Country
from safeborders.models.domain.normalise.version import NORMALISER
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.statuses import DataSubjectCategory
from safeborders.node.resolution.errors import AlreadyDecided, NeverMerged, NoRule, ToldApart
from safeborders.node.resolution_service import Resolution
from safeborders.node.storage.base import Base
from safeborders.node.storage.database import Store
from safeborders.node.storage.entities import EntityRow
from safeborders.node.storage.resolution_reader import load_register
from safeborders.node.storage.resolution_store import find_contradictions, forget_person, load_persons
from safeborders.node.storage.resolution_tables import CombinationEventRow, EntityLinkRow, NormaliserRow, Verdict
from sbtest import doubles
from sbtest.casebook import NOW
from sbtest.doubles import (
    ADULT,
    ADULT_AGAIN,
    CHILD,
    CHILD_AGAIN,
    LAWYER,
    LAWYER_AGAIN,
    OTHER_TWIN,
    THIRD,
    TWIN,
)

WHY = {"name": "Olga", "note": "seen in person"}


@pytest.fixture
def resolution(doubled: Store) -> Resolution:
    return Resolution(doubled, country=Country.RO, clock=lambda: NOW)


def quiet(done: int) -> None:
    """Tell nobody."""


def rows_of(store: Store, row: type[Base]) -> list[dict[str, Any]]:
    table = row.__table__
    assert isinstance(table, Table)
    with store.transaction() as connection:
        return [dict(one) for one in connection.execute(select(table).order_by(*table.primary_key)).mappings()]


def persons_of(store: Store) -> dict[str, str]:
    with store.transaction() as connection:
        return load_persons(connection)


def operations(store: Store) -> list[tuple[str, str, str, str]]:
    return [
        (row["operation"].value, row["first_id"], row["second_id"], row["actor"])
        for row in rows_of(store, CombinationEventRow)
    ]


def test_a_run_finds_the_doubles_and_neither_twins_nor_professionals(resolution: Resolution) -> None:
    found = resolution.run(tell=quiet)
    pairs = {(one.first, one.second): one for one in resolution.list_pairs(Verdict.OPEN, limit=100)}

    assert {(ADULT, ADULT_AGAIN), (CHILD, CHILD_AGAIN), (ADULT, THIRD)} <= pairs.keys()
    assert not {TWIN, OTHER_TWIN, LAWYER, LAWYER_AGAIN} & {end for pair in pairs for end in pair}
    assert found.candidates == len(pairs)
    assert any("day and month swapped" in str(reason["text"]) for reason in pairs[CHILD, CHILD_AGAIN].reasons)


def test_a_restricted_record_takes_no_part_until_the_restriction_ends(doubled: Store, resolution: Resolution) -> None:
    table = EntityRow.__table__
    assert isinstance(table, Table)
    with doubled.transaction() as connection:
        connection.execute(update(table).where(table.c.id == CHILD).values(restricted=True))
        assert CHILD not in {one.id for one in load_register(connection, today=NOW.date()).profiles}
        connection.execute(update(table).where(table.c.id == CHILD).values(restricted=False))
        assert CHILD in {one.id for one in load_register(connection, today=NOW.date()).profiles}


def test_an_acceptance_names_its_human_and_merges(doubled: Store, resolution: Resolution) -> None:
    resolution.run(tell=quiet)
    resolution.accept((ADULT_AGAIN, ADULT), **WHY)
    pair = resolution.get_pair((ADULT, ADULT_AGAIN))

    assert (pair.verdict, pair.decided_by, pair.note, pair.decided_at, pair.by_rule) == (
        "same", "Olga", "seen in person", NOW, False,
    )  # fmt: skip
    assert persons_of(doubled) == {ADULT: ADULT, ADULT_AGAIN: ADULT}
    assert operations(doubled) == [("accepted", ADULT, ADULT_AGAIN, "Olga")]


def test_undoing_restores_every_row_exactly(doubled: Store, resolution: Resolution) -> None:
    resolution.run(tell=quiet)
    before = rows_of(doubled, EntityLinkRow), persons_of(doubled)
    resolution.accept((ADULT, ADULT_AGAIN), **WHY)
    resolution.reject((ADULT, THIRD), **WHY)
    resolution.accept((TWIN, OTHER_TWIN), **WHY)  # nothing suggested it
    changed = rows_of(doubled, EntityLinkRow)
    for pair in ((TWIN, OTHER_TWIN), (ADULT, THIRD), (ADULT, ADULT_AGAIN)):
        resolution.undo(pair, **WHY)

    assert changed != before[0]  # the control
    assert (rows_of(doubled, EntityLinkRow), persons_of(doubled)) == before
    with pytest.raises(NotFound):
        resolution.undo((ADULT, ADULT_AGAIN), **WHY)


def test_a_professional_is_never_merged_not_even_by_a_human(doubled: Store, resolution: Resolution) -> None:
    with pytest.raises(NeverMerged):
        resolution.accept((LAWYER, LAWYER_AGAIN), **WHY)
    doubles.add_case(doubled, "case-1")
    doubles.add_link(doubled, RelationKind.PARTY_TO, (TWIN, "case-1"), role="professional")
    with pytest.raises(NeverMerged):
        resolution.accept((TWIN, OTHER_TWIN), **WHY)
    assert persons_of(doubled) == {}
    assert operations(doubled) == []


def test_only_records_of_persons_can_be_merged(doubled: Store, resolution: Resolution) -> None:
    doubles.add_case(doubled, "case-1")
    for pair in ((ADULT, "case-1"), (ADULT, "nobody"), (ADULT, ADULT)):
        with pytest.raises(NotFound):
            resolution.accept(pair, **WHY)


def test_a_decision_is_not_overwritten(resolution: Resolution) -> None:
    resolution.reject((ADULT, ADULT_AGAIN), **WHY)
    with pytest.raises(AlreadyDecided):
        resolution.accept((ADULT, ADULT_AGAIN), **WHY)


def test_records_that_a_human_told_apart_are_not_merged_through_a_third(doubled: Store, resolution: Resolution) -> None:
    resolution.reject((ADULT, THIRD), **WHY)
    resolution.accept((ADULT, ADULT_AGAIN), **WHY)
    with pytest.raises(ToldApart):
        resolution.accept((ADULT_AGAIN, THIRD), **WHY)
    assert persons_of(doubled) == {ADULT: ADULT, ADULT_AGAIN: ADULT}


def test_a_later_rejection_that_contradicts_is_kept_and_shown(doubled: Store, resolution: Resolution) -> None:
    resolution.accept((ADULT, ADULT_AGAIN), **WHY)
    resolution.accept((ADULT_AGAIN, THIRD), **WHY)
    assert resolution.standing().contradictions == []
    resolution.reject((ADULT, THIRD), **WHY)

    assert resolution.standing().contradictions == [(ADULT, THIRD)]
    assert len(set(persons_of(doubled).values())) == 1  # one person until a human mends it: the careful side
    resolution.undo((ADULT_AGAIN, THIRD), **WHY)
    assert resolution.standing().contradictions == []


def test_a_second_run_keeps_what_was_decided(doubled: Store, resolution: Resolution) -> None:
    resolution.run(tell=quiet)
    resolution.accept((ADULT, ADULT_AGAIN), **WHY)
    resolution.reject((CHILD, CHILD_AGAIN), **WHY)
    before = [row for row in rows_of(doubled, EntityLinkRow) if row["verdict"] is not Verdict.OPEN]
    resolution.run(tell=quiet)

    assert [row for row in rows_of(doubled, EntityLinkRow) if row["verdict"] is not Verdict.OPEN] == before
    assert {(one.first, one.second) for one in resolution.list_pairs(Verdict.OPEN, limit=99)} >= {(ADULT, THIRD)}


def test_decisions_outlive_an_import_that_is_undone_and_made_again(doubled: Store, resolution: Resolution) -> None:
    resolution.accept((ADULT, ADULT_AGAIN), **WHY)
    table = EntityRow.__table__
    assert isinstance(table, Table)
    with doubled.transaction() as connection:
        connection.execute(delete(table).where(table.c.id == ADULT_AGAIN))
    doubles.add_person(doubled, ADULT_AGAIN, name="Corneilu Taranu", born=date(1980, 5, 17))
    assert persons_of(doubled) == {ADULT: ADULT, ADULT_AGAIN: ADULT}


def test_erasure_forgets_the_record_and_keeps_the_other_two_one_person(doubled: Store, resolution: Resolution) -> None:
    resolution.run(tell=quiet)
    resolution.accept((ADULT, ADULT_AGAIN), **WHY)
    resolution.accept((ADULT, THIRD), name="Petru", note="same card")
    with doubled.transaction() as connection:
        forget_person(connection, ADULT, at=NOW)

    left = rows_of(doubled, EntityLinkRow)
    assert not [row for row in left if ADULT in (row["first_id"], row["second_id"])]
    assert persons_of(doubled) == {ADULT_AGAIN: ADULT_AGAIN, THIRD: ADULT_AGAIN}
    assert resolution.get_pair((ADULT_AGAIN, THIRD)).decided_by == "Petru"
    assert [one[0] for one in operations(doubled)][-3:] == ["carried_over", "forgotten", "forgotten"]


def test_erasure_of_a_record_that_joined_nothing_joins_nothing(doubled: Store, resolution: Resolution) -> None:
    resolution.accept((ADULT, ADULT_AGAIN), **WHY)
    resolution.reject((ADULT, THIRD), **WHY)
    with doubled.transaction() as connection:
        forget_person(connection, ADULT, at=NOW)
        assert find_contradictions(connection) == []
    assert persons_of(doubled) == {}
    assert rows_of(doubled, EntityLinkRow) == []


def test_the_rule_accepts_adults_only_and_only_where_the_profile_says_so(
    doubled: Store, resolution: Resolution
) -> None:
    with pytest.raises(NoRule):
        resolution.accept_by_rule(score_from=None, name="Olga")
    assert resolution.accept_by_rule(score_from=0.95, name="Olga") >= 1
    pair = resolution.get_pair((ADULT, ADULT_AGAIN))

    assert (pair.verdict, pair.by_rule, pair.decided_by) == ("same", True, "Olga")
    assert resolution.get_pair((CHILD, CHILD_AGAIN)).verdict == "open"  # as probable, but a child and a victim
    assert (resolution.get_pair((CHILD, CHILD_AGAIN)).score or 0) >= 0.95
    assert ("automatic", ADULT, ADULT_AGAIN, "Olga") in operations(doubled)


def test_the_rule_leaves_alone_whoever_is_a_victim_under_another_record(doubled: Store, resolution: Resolution) -> None:
    doubles.add_status(doubled, THIRD, DataSubjectCategory.VICTIM_CONFIRMED)
    resolution.accept((ADULT, THIRD), **WHY)
    resolution.accept_by_rule(score_from=0.95, name="Olga")
    assert resolution.get_pair((ADULT, ADULT_AGAIN)).verdict == "open"


def test_the_journal_of_combinations_cannot_be_changed(doubled: Store, resolution: Resolution) -> None:
    resolution.accept((ADULT, ADULT_AGAIN), **WHY)
    for statement in ("DELETE FROM combination_event", "UPDATE combination_event SET actor = 'nobody'"):
        with pytest.raises(DBAPIError, match="append-only"), doubled.transaction() as connection:
            connection.execute(text(statement))
    assert len(rows_of(doubled, CombinationEventRow)) == 1


def test_a_refused_decision_leaves_no_trace(doubled: Store, resolution: Resolution) -> None:
    resolution.accept((ADULT, ADULT_AGAIN), **WHY)
    before = rows_of(doubled, EntityLinkRow), rows_of(doubled, CombinationEventRow)
    with pytest.raises(AlreadyDecided):
        resolution.reject((ADULT, ADULT_AGAIN), **WHY)
    assert (rows_of(doubled, EntityLinkRow), rows_of(doubled, CombinationEventRow)) == before


def test_keys_of_older_rules_are_made_anew(doubled: Store, resolution: Resolution) -> None:
    table = EntityRow.__table__
    assert isinstance(table, Table)
    keys = {row["id"]: row["match_key"] for row in rows_of(doubled, EntityRow)}
    with doubled.transaction() as connection:
        connection.execute(update(table).where(table.c.id == CHILD).values(match_key="made by older rules"))
    assert resolution.run(tell=quiet).reindexed >= 1
    assert rows_of(doubled, NormaliserRow) == [{"id": 1, "version": NORMALISER}]
    assert resolution.run(tell=quiet).reindexed == 0
    renewed = {row["id"]: row["match_key"] for row in rows_of(doubled, EntityRow)}
    assert {record: key for record, key in renewed.items() if keys[record]} == {r: k for r, k in keys.items() if k}


def test_a_pair_is_shown_without_names(resolution: Resolution) -> None:
    resolution.run(tell=quiet)
    shown = str([replace(one) for one in resolution.list_pairs(None, limit=99)])
    assert not any(name in shown for name in ("Corneliu", "Taranu", "Desislava", "1980"))
