"""What the journal of look-ups and the tokens promise, on each database."""

from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from safeborders.kit.errors import Conflict, NotFound
from safeborders.models.domain.governance import Purpose
from safeborders.node.access.callers import Caller, Justification, Role
from safeborders.node.access.errors import LookupNotRecorded
from safeborders.node.access.journal import Lookup, Outcome
from safeborders.node.storage.access import SqlLookupJournal, SqlTokens
from safeborders.node.storage.access_tables import LookupRow, TokenRow
from safeborders.node.storage.base import Base
from safeborders.node.storage.database import Store

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def make_lookup(number: int = 1) -> Lookup:
    """Return a look-up that shows one object."""
    who = Justification(Caller(token="t", name="maria", role=Role.INVESTIGATOR), Purpose.NETWORK, "GR-1")
    return Lookup(
        justification=who, at=NOW, operation="search", outcome=Outcome.ANSWERED, object_ids=(f"person-{number}",)
    )


def test_look_ups_are_read_as_they_were_recorded_and_in_their_order(store: Store) -> None:
    journal = SqlLookupJournal(store.engine)
    for number in range(5):
        journal.record(make_lookup(number))

    assert list(journal.list_lookups()) == [make_lookup(number) for number in range(5)]


@pytest.mark.parametrize("statement", ["UPDATE lookup SET name = 'x'", "DELETE FROM lookup", "TRUNCATE lookup"])
def test_what_is_recorded_stays(store: Store, statement: str) -> None:
    journal = SqlLookupJournal(store.engine)
    journal.record(make_lookup())

    with pytest.raises(DBAPIError), store.transaction() as connection:
        connection.execute(text(statement))

    assert list(journal.list_lookups()) == [make_lookup()]


def test_a_journal_that_cannot_be_written_says_so(store: Store) -> None:
    with store.transaction() as connection:
        connection.execute(text("ALTER TABLE lookup RENAME TO gone"))

    with pytest.raises(LookupNotRecorded):
        SqlLookupJournal(store.engine).record(make_lookup())


def test_a_token_finds_its_holder_until_it_is_revoked(store: Store) -> None:
    tokens = SqlTokens(store.engine)
    secret = tokens.create_token("maria", role=Role.ANALYST, now=NOW)
    caller = tokens.find_caller(secret)
    tokens.revoke_token("maria", now=NOW)

    assert caller is not None
    assert (caller.name, caller.role) == ("maria", Role.ANALYST)
    assert tokens.find_caller(secret) is None
    assert tokens.find_caller("sbn_invented") is None


def test_a_name_has_one_token_at_a_time(store: Store) -> None:
    tokens = SqlTokens(store.engine)
    first = tokens.create_token("maria", role=Role.ANALYST, now=NOW)
    with pytest.raises(Conflict):
        tokens.create_token("maria", role=Role.ANALYST, now=NOW)
    tokens.revoke_token("maria", now=NOW)

    assert tokens.create_token("maria", role=Role.ANALYST, now=NOW) != first


def test_a_name_without_a_token_cannot_be_revoked(store: Store) -> None:
    with pytest.raises(NotFound):
        SqlTokens(store.engine).revoke_token("nobody", now=NOW)


def test_the_migration_makes_the_tables_that_the_code_declares(store: Store) -> None:
    ours = {TokenRow.__tablename__, LookupRow.__tablename__}
    with store.engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)

    assert [one for one in differences if ours & set(str(one).replace("'", " ").split())] == []
