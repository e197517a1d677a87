"""What the audit log promises, on each database: every change of its past is seen, and named."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from threading import Thread

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from safeborders.kit.canonical import canonical_json
from safeborders.kit.signing import public_key_hex
from safeborders.kit.transparency.checkpoint import cosign
from safeborders.kit.transparency.errors import ExportRefused, LogDamaged
from safeborders.kit.transparency.export import Wanted, check_export, export_lines
from safeborders.kit.transparency.identity import LogIdentity, origin_of
from safeborders.kit.transparency.keeping import sign_checkpoint, verify
from safeborders.kit.transparency.merkle import leaf_hash
from safeborders.kit.transparency.sql_log import GENESIS, next_chain
from safeborders.kit.transparency.stored import SqlWitnessMemory
from safeborders.kit.transparency.witness import HistoryForked, Seen, Witness
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.countries import Country
from safeborders.node.access.errors import EventNotRecorded
from safeborders.node.storage.audit import LOG, TABLES, SqlAuditLog
from safeborders.node.storage.base import Base
from safeborders.node.storage.database import Store

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.generate()
IDENTITY = LogIdentity(origin=origin_of("test", Country.GR), log_key=public_key_hex(KEY), witness_keys={})


@pytest.fixture
def log(store: Store) -> SqlAuditLog:
    log = SqlAuditLog(store.engine)
    for number in range(1, 11):
        log.record(look(number), at=NOW)
    return log


def look(number: int) -> AuditEvent:
    return AuditEvent(
        Operation.CONSULTATION,
        action="lookup.search",
        actor="token-1",
        purpose="P2",
        case_reference="GR-2026-17",
        objects=(f"person-{number}",),
    )


def tamper(store: Store, change: Callable[[Connection], None]) -> None:
    """Do what an administrator of the database can: switch the triggers off, change rows, switch them on again."""
    with store.engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            for table in ("audit_leaf", "audit_checkpoint"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        else:
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all()
            for name in names:
                connection.execute(text(f"DROP TRIGGER {name}"))
        change(connection)


def test_the_migrated_schema_is_the_declared_one(store: Store) -> None:
    with store.engine.connect() as connection:
        changes = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    assert [change for change in changes if "audit" in repr(change)] == []


def test_an_untouched_log_is_whole(log: SqlAuditLog) -> None:
    sign_checkpoint(log, identity=IDENTITY, key=KEY)
    verdict = verify(log, identity=IDENTITY)
    assert verdict.is_whole
    assert (verdict.size, verdict.reason) == (10, "")


def test_rows_cannot_be_changed_by_any_statement(store: Store, log: SqlAuditLog) -> None:
    for statement in (
        "UPDATE audit_leaf SET leaf = chain WHERE number = 3",
        "DELETE FROM audit_leaf WHERE number = 10",
        "DELETE FROM audit_leaf",
    ):
        with pytest.raises(DBAPIError, match="append-only"), store.transaction() as connection:
            connection.execute(text(statement))
    if store.engine.dialect.name == "sqlite":
        with pytest.raises(DBAPIError, match="append-only"), store.transaction() as connection:
            connection.execute(
                text("REPLACE INTO audit_leaf SELECT number, chain, leaf FROM audit_leaf WHERE number=2")
            )


def edit_record(connection: Connection) -> None:
    connection.execute(text("UPDATE audit_record SET content = replace(content, 'P2', 'P5') WHERE number = 4"))


def edit_leaf(connection: Connection) -> None:
    connection.execute(text("UPDATE audit_leaf SET leaf = chain WHERE number = 4"))


def delete_record(connection: Connection) -> None:
    connection.execute(text("DELETE FROM audit_record WHERE number = 4"))


def delete_row(connection: Connection) -> None:
    connection.execute(text("DELETE FROM audit_record WHERE number = 4"))
    connection.execute(text("DELETE FROM audit_leaf WHERE number = 4"))


def swap_rows(connection: Connection) -> None:
    for before, after in ((4, 99), (5, 4), (99, 5)):
        connection.execute(text("UPDATE audit_record SET number = :to WHERE number = :of"), {"of": before, "to": after})
        connection.execute(text("UPDATE audit_leaf SET number = :to WHERE number = :of"), {"of": before, "to": after})


@pytest.mark.parametrize("change", [edit_record, edit_leaf, delete_record, delete_row, swap_rows])
def test_one_changed_row_is_named(store: Store, log: SqlAuditLog, change: Callable[[Connection], None]) -> None:
    tamper(store, change)
    verdict = verify(log, identity=IDENTITY)
    assert (verdict.first_bad, verdict.last_bad) == (4, 4)
    assert "ow 4" in verdict.reason


def rewrite_from_four(connection: Connection) -> None:
    """Change row 4 and make everything after it fit again, as somebody who knows the program could."""
    chain = GENESIS
    for number in range(1, 11):
        content = connection.execute(
            text("SELECT content FROM audit_record WHERE number = :number"), {"number": number}
        ).scalar_one()
        if number == 4:
            content = canonical_json({**json.loads(content), "purpose": "P5"}).decode()
        leaf = leaf_hash(content.encode()).hex()
        chain = next_chain(chain, leaf=leaf)
        values = {"number": number, "content": content, "leaf": leaf, "chain": chain}
        connection.execute(text("UPDATE audit_record SET content = :content WHERE number = :number"), values)
        connection.execute(text("UPDATE audit_leaf SET leaf = :leaf, chain = :chain WHERE number = :number"), values)


def rewrite_and_forget(connection: Connection) -> None:
    rewrite_from_four(connection)
    connection.execute(text("DELETE FROM audit_checkpoint"))


def test_a_consistent_rewrite_is_seen_by_the_signed_checkpoint(store: Store, log: SqlAuditLog) -> None:
    sign_checkpoint(log, identity=IDENTITY, key=KEY)
    tamper(store, rewrite_from_four)
    verdict = verify(log, identity=IDENTITY)
    assert (verdict.first_bad, verdict.last_bad) == (1, 10)
    with pytest.raises(LogDamaged):  # and the fork is never signed
        sign_checkpoint(log, identity=IDENTITY, key=KEY)


def test_control_without_a_checkpoint_a_consistent_rewrite_is_not_seen(store: Store, log: SqlAuditLog) -> None:
    tamper(store, rewrite_from_four)
    assert verify(log, identity=IDENTITY).is_whole


def cut_off(connection: Connection) -> None:
    connection.execute(text("DELETE FROM audit_record WHERE number > 7"))
    connection.execute(text("DELETE FROM audit_leaf WHERE number > 7"))
    connection.execute(text("DELETE FROM audit_checkpoint"))


def test_a_truncated_log_is_seen_by_a_checkpoint_that_another_keeps(store: Store, log: SqlAuditLog) -> None:
    checkpoint, _ = sign_checkpoint(log, identity=IDENTITY, key=KEY)
    note = checkpoint.to_text(log_key=IDENTITY.log_key, witness_keys={})
    tamper(store, cut_off)
    verdict = verify(log, identity=IDENTITY, others=[note])
    assert (verdict.first_bad, verdict.last_bad) == (8, 10)
    assert verify(log, identity=IDENTITY).is_whole  # control: alone, the log cannot know


def test_a_witness_does_not_cosign_a_forked_log(store: Store, log: SqlAuditLog) -> None:
    witness_key = Ed25519PrivateKey.generate()
    witness = Witness(witness_key, memory=SqlWitnessMemory(store.engine, TABLES), clock=lambda: NOW)
    first, _ = sign_checkpoint(log, identity=IDENTITY, key=KEY)
    given = witness.cosign(first, log_key=IDENTITY.log_key, old=0, proof=[])
    seen = first.with_cosignature("it", given)
    assert seen.count_witnesses({"it": public_key_hex(witness_key)}) == 1
    tamper(store, rewrite_and_forget)
    log.record(look(11), at=NOW)
    forked, tree = sign_checkpoint(log, identity=IDENTITY, key=KEY)
    with pytest.raises(HistoryForked):
        witness.cosign(
            forked, log_key=IDENTITY.log_key, old=witness.seen_of(IDENTITY.origin), proof=tree.consistency_proof(10)
        )
    assert replace(forked, cosignatures={"it": cosign(first, at=1, key=witness_key)}).count_witnesses({}) == 0


def test_a_growing_log_is_cosigned_again(store: Store, log: SqlAuditLog) -> None:
    key = Ed25519PrivateKey.generate()
    witness = Witness(key, memory=SqlWitnessMemory(store.engine, TABLES), clock=lambda: NOW)
    first, _ = sign_checkpoint(log, identity=IDENTITY, key=KEY)
    witness.cosign(first, log_key=IDENTITY.log_key, old=0, proof=[])
    log.record(look(11), at=NOW)
    second, tree = sign_checkpoint(log, identity=IDENTITY, key=KEY)
    given = witness.cosign(second, log_key=IDENTITY.log_key, old=10, proof=tree.consistency_proof(10))
    assert second.with_cosignature("it", given).is_cosigned_by("it", public_key_hex(key))


def test_a_failed_transaction_leaves_no_row_and_no_gap(store: Store, log: SqlAuditLog) -> None:
    with pytest.raises(ValueError, match="never a text"), store.transaction() as connection:
        LOG.append(connection, look(11).to_record(NOW)) and AuditEvent(Operation.CONTROL, action="no good", actor="")
    assert log.record(look(11), at=NOW) == 11
    assert verify(log, identity=IDENTITY).is_whole


def test_many_writers_make_one_history(store: Store, log: SqlAuditLog) -> None:
    def write() -> None:
        for number in range(8):
            log.record(look(number), at=NOW)

    threads = [Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert verify(log, identity=IDENTITY).size == 42
    assert verify(log, identity=IDENTITY).is_whole


def test_a_log_that_cannot_be_written_stops_the_action(store: Store, log: SqlAuditLog) -> None:
    with store.transaction() as connection:
        connection.execute(text("ALTER TABLE audit_record RENAME TO away"))
    with pytest.raises(EventNotRecorded):
        log.record(look(11), at=NOW)


def test_erased_records_leave_their_hashes_and_a_row_that_says_so(log: SqlAuditLog) -> None:
    log.erase_records(first=2, last=5, at=NOW)
    with log.reading() as connection:
        kept = [entry.number for entry in LOG.entries(connection) if entry.content is not None]
    assert kept == [1, 6, 7, 8, 9, 10, 11]
    assert verify(log, identity=IDENTITY).is_whole


def test_an_export_is_checked_without_a_node(log: SqlAuditLog) -> None:
    lines = export_of(log)
    checked = check_export(lines, log_key=IDENTITY.log_key)
    assert (checked.rows, checked.is_complete) == (10, True)
    some = check_export([lines[0], lines[3], lines[5]], log_key=IDENTITY.log_key)
    assert (some.rows, some.is_complete) == (2, False)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lines: [lines[0], lines[1].replace("P2", "P5"), *lines[2:]],
        lambda lines: [lines[0], lines[2], lines[1]],
        lambda lines: [lines[0], lines[2], lines[2]],
        lambda lines: [lines[0], lines[1].replace('"number": 1,', '"number": 2,')],
        lambda lines: [lines[0].replace("\\n10\\n", "\\n11\\n"), *lines[1:]],
        lambda lines: lines[1:],
        lambda lines: [],
        lambda lines: [lines[0], "{}"],
        lambda lines: ["[]"],
        lambda lines: [lines[0].replace("safeborders.audit-export", "another.export"), *lines[1:]],
        lambda lines: [lines[0].replace('"version": 1', '"version": 2'), *lines[1:]],
    ],
)
def test_an_altered_export_is_refused(log: SqlAuditLog, spoil: Callable[[list[str]], list[str]]) -> None:
    with pytest.raises(ExportRefused):
        check_export(spoil(export_of(log)), log_key=IDENTITY.log_key)


def test_an_export_of_another_log_is_refused(log: SqlAuditLog) -> None:
    with pytest.raises(ExportRefused):
        check_export(export_of(log), log_key="0" * 64)


def export_of(log: SqlAuditLog, *, wanted: Wanted = lambda _: True) -> list[str]:
    checkpoint, tree = sign_checkpoint(log, identity=IDENTITY, key=KEY)
    with log.reading() as connection:
        return list(
            export_lines(LOG.entries(connection), checkpoint=checkpoint, tree=tree, identity=IDENTITY, wanted=wanted)
        )


def test_an_export_leaves_out_what_was_not_asked_for_and_what_was_erased(log: SqlAuditLog) -> None:
    log.erase_records(first=1, last=8, at=NOW)
    lines = export_of(log, wanted=lambda record: record.get("objects") != ["person-9"])
    told = [json.loads(json.loads(line)["content"])["number"] for line in lines[1:]]
    assert told == [10, 11]
    assert not check_export(lines, log_key=IDENTITY.log_key).is_complete


def test_a_checkpoint_under_another_key_than_the_logs_is_not_signed(log: SqlAuditLog) -> None:
    with pytest.raises(ValueError, match="log's own"):
        sign_checkpoint(log, identity=IDENTITY, key=Ed25519PrivateKey.generate())


def test_two_processes_of_a_witness_cannot_both_go_on_from_one_memory(store: Store, log: SqlAuditLog) -> None:
    memory = SqlWitnessMemory(store.engine, TABLES)
    first, second = Seen(3, b"1" * 32), Seen(4, b"2" * 32)
    memory.remember("log", first, before=None)
    for stale in (None, second):
        with pytest.raises(HistoryForked):
            memory.remember("log", second, before=stale)
    assert memory.find("log") == first
    memory.remember("log", second, before=first)  # control
    assert memory.find("log") == second


@pytest.mark.parametrize("field", ["action", "actor", "outcome"])
def test_an_event_holds_no_text(field: str) -> None:
    with pytest.raises(ValueError, match="never a text"):
        replace(look(1), **{field: "Maria Papadopoulou"})  # type: ignore[arg-type]  # one of three text fields
    with pytest.raises(ValueError, match="never a text"):
        replace(look(1), facts={"note": "seen in the bar"})
