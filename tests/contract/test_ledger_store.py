"""One suite for every place where a ledger can be kept."""

from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import DatabaseError, DBAPIError

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.clock import system_clock
from safeborders.kit.transparency.sql_log import record_of
from safeborders.models.domain.materials import Material
from safeborders.node.access.errors import EventNotRecorded
from safeborders.node.storage.agreement_store import SqlDecisionJournal
from safeborders.node.storage.audit import LOG
from safeborders.node.storage.database import Store
from safeborders.node.storage.ledger_store import SqlActivationStore, SqlLedgerStore
from safeborders.privacy.activations import Activation, ActivationStore
from safeborders.privacy.agreement.decisions import Decision, Point, Reason
from safeborders.privacy.errors import BudgetExhausted, LedgerDamaged, LostReservation, PlanChanged, ReleaseRefused
from safeborders.privacy.ledger import EntryState, LedgerEntry, LedgerStore, PrivacyLedger, Reservation
from sbtest.ledger import InMemoryActivationStore, InMemoryLedgerStore, make_charge, make_event
from sbtest.stores import DATABASES

DELTA = 1e-5


@pytest.fixture(params=DATABASES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """A migrated database."""
    opened: Store = request.getfixturevalue(request.param)
    return opened.engine


@pytest.fixture(params=["memory", *DATABASES])
def store(request: pytest.FixtureRequest) -> LedgerStore:
    if request.param == "memory":
        return InMemoryLedgerStore()
    opened: Store = request.getfixturevalue(request.param)
    return SqlLedgerStore(opened.engine)


def open_ledger(store: LedgerStore, *, cap: float = 8.0, period: str = "1") -> PrivacyLedger:
    return PrivacyLedger(store, cap_epsilon=cap, delta=DELTA, period=period)


def states(ledger: PrivacyLedger) -> list[EntryState]:
    return [entry.state for entry in ledger.list_entries()]


def test_a_round_is_reserved_stored_and_released_each_in_a_row_of_its_own(store: LedgerStore) -> None:
    ledger = open_ledger(store)
    reservation = ledger.reserve(make_charge())
    assert reservation.is_new
    ledger.store(reservation, payload=b"update")
    ledger.release("run-1", round_number=1)
    ledger.release("run-1", round_number=1)
    assert states(ledger) == [EntryState.RESERVED, EntryState.STORED, EntryState.RELEASED]
    assert [entry.number for entry in ledger.list_entries()] == [1, 2, 3]


def test_the_same_round_is_charged_once_also_after_a_restart(store: LedgerStore) -> None:
    first = open_ledger(store).reserve(make_charge())
    ledger = open_ledger(store)
    again = ledger.reserve(make_charge())
    assert (again.charge, again.is_new) == (first.charge, False)
    assert states(ledger) == [EntryState.RESERVED]


@pytest.mark.parametrize(
    "other",
    [
        make_charge(plan="other"),
        make_charge(model="other"),
        make_charge(noise=5.0),
        make_charge(round_number=2, plan="x"),
    ],
)
def test_another_plan_or_model_for_a_priced_run_is_refused_without_a_trace(store: LedgerStore, other: object) -> None:
    open_ledger(store).reserve(make_charge())
    ledger = open_ledger(store)
    with pytest.raises(PlanChanged):
        ledger.reserve(other)  # type: ignore[arg-type]  # parametrised
    assert states(ledger) == [EntryState.RESERVED]


def test_a_charge_over_the_cap_is_refused_once_in_the_rows_and_charges_nothing(store: LedgerStore) -> None:
    ledger = open_ledger(store, cap=1.0)
    ledger.reserve(make_charge())
    spent = ledger.spent_epsilon()
    for _ in range(3):
        with pytest.raises(BudgetExhausted):
            ledger.reserve(make_charge(run="run-2", noise=0.5))
    assert states(ledger) == [EntryState.RESERVED, EntryState.REFUSED]
    assert ledger.spent_epsilon() == spent
    assert ledger.reserve(make_charge(run="run-3", noise=40.0)).is_new  # what still fits, fits


def test_the_stored_bytes_are_the_bytes_after_any_restart(store: LedgerStore) -> None:
    ledger = open_ledger(store)
    ledger.store(ledger.reserve(make_charge()), payload=b"\x00\xffupdate")
    assert open_ledger(store).get_payload("run-1", round_number=1) == b"\x00\xffupdate"


def test_a_reservation_without_bytes_after_a_restart_is_lost_and_stays_spent(store: LedgerStore) -> None:
    open_ledger(store).reserve(make_charge())
    ledger = open_ledger(store)
    spent = ledger.spent_epsilon()
    known = ledger.reserve(make_charge())
    with pytest.raises(LostReservation):
        ledger.get_payload("run-1", round_number=1)
    with pytest.raises(ReleaseRefused):  # nobody may train for it again
        ledger.store(known, payload=b"second")
    with pytest.raises(ReleaseRefused):
        ledger.release("run-1", round_number=1)
    assert ledger.spent_epsilon() == spent > 0


def test_a_second_update_for_a_round_is_thrown_away(store: LedgerStore) -> None:
    ledger = open_ledger(store)
    reservation = ledger.reserve(make_charge())
    ledger.store(reservation, payload=b"first")
    with pytest.raises(ReleaseRefused):
        ledger.store(reservation, payload=b"second")
    assert ledger.get_payload("run-1", round_number=1) == b"first"


def test_nothing_leaves_for_a_round_that_was_never_charged(store: LedgerStore) -> None:
    ledger = open_ledger(store)
    stranger = Reservation(charge=make_charge(), state=EntryState.RESERVED, is_new=True)
    with pytest.raises(ReleaseRefused):
        ledger.store(stranger, payload=b"free of charge")
    with pytest.raises(ReleaseRefused):
        ledger.get_payload("run-1", round_number=1)
    assert states(ledger) == []


def test_two_ledgers_on_one_store_see_each_others_charges(store: LedgerStore) -> None:
    one, two = open_ledger(store, cap=2.0), open_ledger(store, cap=2.0)
    granted = 0
    for number in range(1, 40):
        try:
            (one if number % 2 else two).reserve(make_charge(round_number=number))
        except BudgetExhausted:
            break
        granted += 1
    alone = open_ledger(InMemoryLedgerStore(), cap=2.0)
    for number in range(1, granted + 1):
        alone.reserve(make_charge(round_number=number))
    with pytest.raises(BudgetExhausted):
        alone.reserve(make_charge(round_number=granted + 1))
    assert one.spent_epsilon() == two.spent_epsilon() == alone.spent_epsilon() <= 2.0


def test_a_new_period_starts_with_the_whole_budget_and_remembers_the_rounds(store: LedgerStore) -> None:
    old = open_ledger(store, period="2026")
    old.reserve(make_charge())
    new = open_ledger(store, period="2027")
    assert new.spent_epsilon() == 0
    assert not new.reserve(make_charge()).is_new
    assert old.spent_epsilon() > 0


def test_a_whole_run_is_proven_in_its_first_round(store: LedgerStore) -> None:
    ledger = open_ledger(store, cap=8.0)
    horizon = (make_event(steps=30),)
    assert all(ledger.reserve(make_charge(round_number=n), horizon=horizon).is_new for n in range(1, 31))
    assert ledger.spent_epsilon() <= 8.0


@pytest.mark.parametrize("table", ["ledger_entry", "outbox", "activation"])
@pytest.mark.parametrize("verb", ["UPDATE {} SET run = 'x'", "DELETE FROM {}"])
def test_the_database_itself_refuses_to_change_a_row(engine: Engine, table: str, verb: str) -> None:
    fill(engine)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text(verb.format(table)))
    with engine.begin() as connection:
        assert connection.execute(text(f"SELECT count(*) FROM {table} WHERE run = 'run-1'")).scalar_one() > 0  # noqa: S608  # constants


def test_control_the_same_statements_change_a_table_without_triggers(engine: Engine) -> None:
    fill(engine)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE copied AS SELECT * FROM ledger_entry"))
        connection.execute(text("UPDATE copied SET run = 'x'"))
        connection.execute(text("DELETE FROM copied"))
        assert connection.execute(text("SELECT count(*) FROM copied")).scalar_one() == 0


def test_replacing_or_skipping_a_row_is_refused_too(engine: Engine) -> None:
    fill(engine)
    columns = "state, run, round, plan_sha256, base_model_sha256, events, period, at, payload_sha256"
    copy = f"INSERT {{}} INTO ledger_entry SELECT {{}}, {columns} FROM ledger_entry WHERE number = 1"  # noqa: S608  # constants
    replace = "OR REPLACE" if engine.dialect.name == "sqlite" else ""
    for number in (1, 3):
        with pytest.raises(DatabaseError), engine.begin() as connection:
            connection.execute(text(copy.format(replace, number)))
    if engine.dialect.name == "postgresql":
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(text("TRUNCATE ledger_entry"))


def test_every_connection_syncs_in_full(engine: Engine) -> None:
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2
            assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        else:
            connection.execute(text("SET LOCAL synchronous_commit = on"))
            assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == "on"


def test_a_history_that_this_code_cannot_have_written_stops_the_ledger(engine: Engine) -> None:
    fill(engine)
    with engine.begin() as connection:
        trigger = "ledger_entry_no_update" if engine.dialect.name == "sqlite" else "ledger_entry_no_change"
        target = "" if engine.dialect.name == "sqlite" else " ON ledger_entry"
        connection.execute(text(f"DROP TRIGGER {trigger}{target}"))
        connection.execute(text("UPDATE ledger_entry SET round = 7 WHERE number = 2"))
    with pytest.raises(LedgerDamaged):
        open_ledger(SqlLedgerStore(engine)).spent_epsilon()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", "yesterday"),
        ("events", '{"events":[]}'),
        ("events", ""),
        ("payload_sha256", "1" * 64),
    ],
)
def test_a_row_that_no_version_writes_stops_the_ledger(engine: Engine, column: str, value: str) -> None:
    fill(engine)
    with engine.begin() as connection:
        trigger = "ledger_entry_no_update" if engine.dialect.name == "sqlite" else "ledger_entry_no_change"
        target = "" if engine.dialect.name == "sqlite" else " ON ledger_entry"
        connection.execute(text(f"DROP TRIGGER {trigger}{target}"))
        change = text(f"UPDATE ledger_entry SET {column} = :value WHERE number = 1")  # noqa: S608  # constants
        connection.execute(change, {"value": value})
    with pytest.raises(LedgerDamaged):
        open_ledger(SqlLedgerStore(engine)).reserve(make_charge("run-2"))


def test_bytes_changed_behind_the_ledger_never_leave(engine: Engine) -> None:
    fill(engine)
    with engine.begin() as connection:
        trigger = "outbox_no_update" if engine.dialect.name == "sqlite" else "outbox_no_change"
        target = "" if engine.dialect.name == "sqlite" else " ON outbox"
        connection.execute(text(f"DROP TRIGGER {trigger}{target}"))
        connection.execute(text("UPDATE outbox SET payload = :other"), {"other": b"other"})
    with pytest.raises(ReleaseRefused):
        open_ledger(SqlLedgerStore(engine)).get_payload("run-1", round_number=1)


@pytest.mark.parametrize("kind", ["memory", "sql"])
def test_the_last_activation_is_the_one_with_the_highest_sequence(engine: Engine, kind: str) -> None:
    store: ActivationStore = InMemoryActivationStore() if kind == "memory" else SqlActivationStore(engine)
    assert store.find_last() is None
    rows = [Activation(sequence=number, run="run-1", model_sha256="0" * 64, at=system_clock()) for number in (5, 2**40)]
    for row in rows:
        store.add(row)
    assert store.find_last() == rows[-1]


def told(engine: Engine) -> list[dict[str, Any]]:
    """Return what the audit log was told, without numbers and times of its own."""
    with engine.begin() as connection:
        rows = [dict(record_of(entry)) for entry in LOG.entries(connection)]
    return [{name: value for name, value in row.items() if name not in {"number", "salt", "at"}} for row in rows]


def decided(point: Point, clause: str, *, run: str = "run-1", is_allowed: bool = True) -> Decision:
    return Decision(
        at=system_clock(), point=point, material=Material.UPDATE, sender="gr", recipient="coordinator", purpose="P1",
        is_allowed=is_allowed, clause=clause, reason=Reason.PERMITTED, agreement_sha256="1" * 64, run=run,
    )  # fmt: skip


def test_the_audit_log_is_told_of_each_charge_refusal_and_release_in_their_own_transaction(engine: Engine) -> None:
    ledger = open_ledger(SqlLedgerStore(engine), cap=1.0)
    reservation = ledger.reserve(make_charge())
    with pytest.raises(BudgetExhausted):
        ledger.reserve(make_charge(run="run-2", noise=0.5))
    ledger.store(reservation, payload=b"update")
    ledger.release("run-1", round_number=1)
    charge = {"operation": "decision", "action": "budget.charge", "actor": "learner"}
    release = {"operation": "disclosure", "action": "update.release", "actor": "learner", "outcome": "done"}
    digest = sha256_hex(b"update")
    assert told(engine) == [
        {**charge, "outcome": "done", "facts": {"entry": 1, "run": "run-1", "round": 1}},
        {**charge, "outcome": "refused", "facts": {"entry": 2, "run": "run-2", "round": 1}},
        {
            **release,
            "recipients": ["coordinator"],
            "facts": {"entry": 4, "run": "run-1", "round": 1, "payload": digest},
        },
    ]


def test_a_release_names_the_clause_of_the_last_decision_that_let_an_update_of_its_run_go(engine: Engine) -> None:
    journal = SqlDecisionJournal(engine)
    for decision in (
        decided(Point.SEND, "first"),
        decided(Point.SEND, "updates"),
        decided(Point.SEND, "of-another-run", run="run-2"),
        decided(Point.TRAINING_MESSAGE, "of-another-point"),
        decided(Point.SEND, "refused", is_allowed=False),
    ):
        journal.record(decision)
    fill(engine)
    open_ledger(SqlLedgerStore(engine)).release("run-1", round_number=1)
    (release,) = [one for one in told(engine) if one["action"] == "update.release"]
    assert release["facts"]["clause"] == "updates"


def test_a_row_that_the_audit_log_cannot_take_is_not_written(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit_record RENAME TO away"))
    ledger = open_ledger(SqlLedgerStore(engine))
    with pytest.raises(EventNotRecorded):
        ledger.reserve(make_charge())
    assert states(ledger) == []


def test_an_activation_is_in_the_audit_log_and_comes_back_as_it_was(engine: Engine) -> None:
    store = SqlActivationStore(engine)
    activation = Activation(sequence=3, run="run-1", model_sha256="0" * 64, at=system_clock())
    store.add(activation)
    assert store.find_last() == activation
    assert told(engine) == [
        {
            "operation": "alteration",
            "action": "model.activate",
            "actor": "learner",
            "outcome": "done",
            "facts": {"run": "run-1", "model": "0" * 64, "sequence": 3},
        }
    ]


def test_a_second_process_waits_until_the_first_step_is_over_and_sees_it(engine: Engine) -> None:
    store, seen = SqlLedgerStore(engine), list[int]()

    def look() -> None:
        with store.transaction() as step:
            seen.append(len(step.list_entries(after=0)))

    second = Thread(target=look)
    with store.transaction() as step:
        second.start()
        second.join(0.3)
        assert second.is_alive()  # it waits, however fast this machine is
        step.append(LedgerEntry(1, EntryState.RESERVED, make_charge(), "1", system_clock(), ""))
    second.join(30)
    assert seen == [1]


def test_a_step_waits_for_the_disk_where_the_database_would_not(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        return  # kit.db opens every connection so; shown above
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("SET synchronous_commit = off"))
    with engine.begin() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == "off"  # control
    with SqlLedgerStore(engine).transaction() as step:
        assert step._connection.execute(text("SHOW synchronous_commit")).scalar_one() == "on"


def test_rows_and_payloads_come_back_as_they_were(engine: Engine) -> None:
    store = SqlLedgerStore(engine)
    entry = LedgerEntry(1, EntryState.RESERVED, make_charge(), "2026", system_clock(), "")
    second = LedgerEntry(2, EntryState.STORED, make_charge(round_number=2, noise=9.0), "2027", system_clock(), "1" * 64)
    with store.transaction() as step:
        step.append(entry)
        step.append(second)
        step.add_payload(b"\x00\xff", run="run-1", round_number=2)
    with store.transaction() as step:
        assert step.list_entries(after=0) == [entry, second]
        assert step.list_entries(after=1) == [second]
        assert step.find_payload("run-1", round_number=2) == b"\x00\xff"
        assert step.find_payload("run-1", round_number=1) is step.find_payload("run-2", round_number=2) is None


def fill(engine: Engine) -> None:
    ledger = open_ledger(SqlLedgerStore(engine))
    ledger.store(ledger.reserve(make_charge()), payload=b"update")
    SqlActivationStore(engine).add(Activation(sequence=1, run="run-1", model_sha256="0" * 64, at=system_clock()))
