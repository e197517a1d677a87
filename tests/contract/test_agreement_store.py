"""What every store of papers and every journal of decisions promises, on each database and in files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from safeborders.models.domain.materials import Material, Untransferable
from safeborders.node.storage.agreement_store import SqlDecisionJournal, SqlPaperStore
from safeborders.node.storage.agreement_tables import DecisionRow, PaperRow
from safeborders.node.storage.base import Base
from safeborders.node.storage.database import Store
from safeborders.privacy.agreement.cabinet import PaperKind, PaperStore
from safeborders.privacy.agreement.decisions import Decision, DecisionJournal, Point, Reason
from safeborders.privacy.agreement.errors import DecisionNotRecorded
from safeborders.server.registry.papers import FileDecisionJournal, FolderPaperStore
from sbtest.agreements import InMemoryJournal, InMemoryPapers
from sbtest.stores import DATABASES

NOW = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)


def decision(number: int = 0, *, material: Material | Untransferable | None = Material.UPDATE) -> Decision:
    return Decision(
        at=NOW + timedelta(minutes=number),
        point=Point.SEND,
        material=material,
        sender="gr",
        recipient="coordinator",
        purpose="P1",
        is_allowed=number % 2 == 0,
        clause="updates",
        reason=Reason.PERMITTED if number % 2 == 0 else Reason.NOT_MASKED,
        agreement_sha256="a" * 64,
        run="run-1",
    )


Both = tuple[PaperStore, DecisionJournal]


@pytest.fixture(params=["memory", "files", *DATABASES])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Both:
    if request.param == "memory":
        return InMemoryPapers(), InMemoryJournal()
    if request.param == "files":
        return FolderPaperStore(tmp_path / "papers"), FileDecisionJournal(tmp_path / "decisions.jsonl")
    engine = request.getfixturevalue(request.param).engine
    return SqlPaperStore(engine), SqlDecisionJournal(engine)


def test_the_newest_paper_of_a_kind_counts_and_all_are_kept(kept: Both) -> None:
    papers, _ = kept
    assert papers.find_newest(PaperKind.ROSTER) is None
    assert list(papers.list_papers(PaperKind.ROSTER)) == []
    for content in (b"one", b"two\x00\xff", b"one"):
        papers.add(PaperKind.ROSTER, content, at=NOW)
    papers.add(PaperKind.AGREEMENT, b"other", at=NOW)
    assert list(papers.list_papers(PaperKind.ROSTER)) == [b"one", b"two\x00\xff", b"one"]
    assert papers.find_newest(PaperKind.AGREEMENT) == b"other"


def test_decisions_come_back_as_they_were_taken(kept: Both) -> None:
    _, journal = kept
    assert journal.find_latest_at() is None
    assert list(journal.list_decisions()) == []
    taken = [
        decision(2), decision(1, material=Untransferable.RAW_RECORDS), decision(0, material=None),
    ]  # fmt: skip
    for one in taken:
        journal.record(one)
    assert list(journal.list_decisions()) == taken
    assert journal.find_latest_at() == NOW + timedelta(minutes=2)  # the latest, not the last
    journal.record(decision(9))
    assert journal.find_latest_at() == NOW + timedelta(minutes=9)


@pytest.mark.parametrize("table", ["agreement_paper", "agreement_decision"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id + 1", "DELETE FROM {}"])
def test_nothing_can_be_changed_or_taken_out(store: Store, table: str, statement: str) -> None:
    SqlPaperStore(store.engine).add(PaperKind.ROSTER, b"one", at=NOW)
    SqlDecisionJournal(store.engine).record(decision())
    with pytest.raises(DBAPIError, match="append-only"), store.transaction() as connection:
        connection.execute(text(statement.format(table)))
    other = {"postgresql": "TRUNCATE {0}", "sqlite": "INSERT OR REPLACE INTO {0} SELECT * FROM {0}"}
    with pytest.raises(DBAPIError, match="append-only"), store.transaction() as connection:
        connection.execute(text(other[store.engine.dialect.name].format(table)))
    assert SqlPaperStore(store.engine).find_newest(PaperKind.ROSTER) == b"one"
    assert SqlDecisionJournal(store.engine).list_decisions() == [decision()]


def test_a_journal_that_cannot_write_says_so(tmp_path: Path, sqlcipher: Store) -> None:
    with sqlcipher.transaction() as connection:
        connection.execute(text("DROP TABLE agreement_decision"))
    for journal in (SqlDecisionJournal(sqlcipher.engine), FileDecisionJournal(tmp_path / "absent" / "decisions.jsonl")):
        with pytest.raises(DecisionNotRecorded):
            journal.record(decision())


def test_a_damaged_file_of_decisions_is_refused_and_a_torn_last_line_waits(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    journal = FileDecisionJournal(path)
    journal.record(decision())
    path.write_bytes(path.read_bytes() + b'{"at": ')
    assert journal.find_latest_at() == NOW
    path.write_bytes(path.read_bytes() + b"nothing}\n")
    with pytest.raises(DecisionNotRecorded, match="damaged"):
        journal.find_latest_at()
    with pytest.raises(DecisionNotRecorded, match="damaged"):
        journal.list_decisions()


def test_the_migration_makes_the_tables_that_the_code_maps(store: Store) -> None:
    ours = {PaperRow.__tablename__, DecisionRow.__tablename__}
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = [one for one in compare_metadata(context, Base.metadata) if any(name in str(one) for name in ours)]
    assert found == []
