"""The power goes at any moment: nothing that was acknowledged is lost from the ledger, the outbox and the audit log.

2,000 cuts at random moments over one history of rounds; what nobody had waited for survives by chance, in whole writes
or in sectors (security.md 3, fault 4). The control runs the same program with ``synchronous=NORMAL``, as Flower's own
database has it, and must lose what it acknowledged.
"""

import random
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, event, text

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.migrations import upgrade_schema
from safeborders.kit.transparency.verification import verify_log
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.node.storage.audit import LOG, SqlAuditLog
from safeborders.node.storage.database import MIGRATIONS
from safeborders.node.storage.ledger_store import SqlLedgerStore
from safeborders.privacy.ledger import PrivacyLedger
from sbtest.ledger import make_charge
from sbtest.power import PowerLog, powered_engine

pytestmark = pytest.mark.audit

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
ROUNDS = 12
CUTS = 2000
FIRST = "the schema is there"


@dataclass(frozen=True)
class History:
    """What happened, and what was acknowledged when."""

    log: PowerLog
    begins: int


def play(folder: Path, *, synchronous: str) -> History:
    """Play rounds: charge, store, send, release, each noted in the audit log; every step is acknowledged when done."""
    with powered_engine(folder, synchronous=synchronous) as (engine, log):
        upgrade_schema(engine, scripts=MIGRATIONS)
        log.acknowledge(FIRST)
        begins = len(log.operations)
        ledger = PrivacyLedger(SqlLedgerStore(engine), cap_epsilon=50.0, delta=1e-5)
        audit = SqlAuditLog(engine)
        for number in range(1, ROUNDS + 1):
            reservation = ledger.reserve(make_charge(round_number=number))
            log.acknowledge(f"reserved {number}")
            payload = f"noise of round {number} ".encode() * 400
            ledger.store(reservation, payload=payload)
            log.acknowledge(f"stored {number} {sha256_hex(payload)}")
            row = audit.record(
                AuditEvent(Operation.DISCLOSURE, action="release.update", actor="node", facts={"round": number}), at=NOW
            )
            log.acknowledge(f"audit {row}")
            ledger.release("run-1", round_number=number)
            log.acknowledge(f"released {number}")
    return History(log=log, begins=begins)


def losses_after(engine: Engine, acknowledged: list[str]) -> list[str]:
    """Return what was acknowledged and is gone, or why what is left cannot be used."""
    with engine.connect() as connection:
        if connection.execute(text("PRAGMA integrity_check")).scalar_one() != "ok":
            return ["the database is damaged"]
        states = {(row.state, row.round) for row in connection.execute(text("SELECT state, round FROM ledger_entry"))}
        payloads = {row.round: row.payload for row in connection.execute(text("SELECT round, payload FROM outbox"))}
        entries = list(LOG.entries(connection))
    lost = []
    for what in acknowledged:
        kind, *rest = what.split()
        if kind in {"reserved", "released"} and (kind, int(rest[0])) not in states:
            lost.append(what)
        if kind == "stored" and sha256_hex(payloads.get(int(rest[0]), b"")) != rest[1]:
            lost.append(what)
        if kind == "audit" and int(rest[0]) > len(entries):
            lost.append(what)
    verdict = verify_log(entries, checkpoints=[])
    if not verdict.is_whole:
        lost.append(verdict.reason)
    if any(("reserved", number) not in states for number in payloads):
        lost.append("a payload that nobody charged")
    return lost


def cut_and_look(history: History, folder: Path, *, cuts: int, seed: int) -> list[list[str]]:
    """Return, for each cut, what was lost."""
    chance = random.Random(seed)  # noqa: S311  # chooses where to cut, and must be repeatable
    found = []
    for _ in range(cuts):
        moment = chance.randrange(history.begins, len(history.log.operations) + 1)
        place = folder / "cut"
        place.mkdir()
        history.log.cut(moment, folder=place, chance=chance)
        engine = create_engine(f"sqlite:///{place / 'powered.db'}")
        event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous=OFF"))
        try:
            found.append(losses_after(engine, history.log.acknowledged_before(moment)))
        except Exception as error:  # noqa: BLE001  # whatever a torn file does to SQLite is a loss
            found.append([type(error).__name__])
        finally:
            engine.dispose()
            shutil.rmtree(place)
    return found


def test_no_cut_loses_anything_that_was_acknowledged(tmp_path: Path) -> None:
    history = play(tmp_path, synchronous="FULL")
    assert len(history.log.operations) - history.begins > 300
    found = cut_and_look(history, tmp_path, cuts=CUTS, seed=random.SystemRandom().randrange(2**32))
    assert [losses for losses in found if losses] == []


def test_control_without_full_synchronisation_acknowledged_rows_are_lost(tmp_path: Path) -> None:
    history = play(tmp_path, synchronous="NORMAL")
    found = cut_and_look(history, tmp_path, cuts=200, seed=7)
    assert sum(1 for losses in found if losses) > 100
