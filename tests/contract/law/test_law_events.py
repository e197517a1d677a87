"""LED article 25: each processing is one event in the audit log, in its own transaction, or does not happen."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.governance import Purpose
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.statuses import DataSubjectCategory as Is
from safeborders.node.access.callers import Caller, Justification, Role
from safeborders.node.access.errors import AccessError
from safeborders.node.export.pseudonyms import Pseudonyms
from safeborders.node.export.records import Export, ExportFormat, export_records
from safeborders.node.lifecycle.retention import run_retention
from safeborders.node.lifecycle.rights import Request, RightsDesk
from safeborders.node.resolution_service import Resolution
from safeborders.node.storage.access import SqlLookupJournal
from safeborders.node.storage.audit import TABLES
from safeborders.node.storage.base import Base
from safeborders.node.storage.database import Store
from sbtest.import_files import ROWS, apply, undo, write
from sbtest.legal import NOW, TODAY, add_entity, add_link, add_person, add_report

REQUEST = Request(by="desk.anna", reference="DSR-2026/7", reason="asked for it in writing")
ACTOR = "operator:anna"
PAIR = ("nikos", "nikolaos")


def desk(store: Store) -> RightsDesk:
    return RightsDesk(store, Country.GR, clock=lambda: NOW, actor=ACTOR)


def resolution(store: Store) -> Resolution:
    return Resolution(store, country=Country.GR, clock=lambda: NOW, actor=ACTOR)


def take_in(store: Store, folder: Path) -> None:
    apply(store, write(folder / "a.jsonl", *ROWS))


def take_out(store: Store, folder: Path) -> None:
    who = Justification(Caller(token=ACTOR, name="Anna", role=Role.INVESTIGATOR), Purpose.NETWORK, "GR-1")
    export = Export(ExportFormat.FTM, folder / "out.json", who, Pseudonyms(b"k" * 32, scope="GR-1"))
    export_records(store, export, journal=SqlLookupJournal(store.engine), clock=lambda: NOW)


def decide(store: Store, what: str) -> None:
    getattr(resolution(store), what)(PAIR, name="Anna", note="seen in person")


def make_old(store: Store) -> None:
    add_person(store, "old", Is.SUSPECT, retain_until=TODAY.replace(year=2020), review_due=TODAY.replace(year=2020))


def nothing(store: Store, _folder: Path) -> None:
    """Need nothing beforehand."""


Step = Callable[[Store, Path], object]


@dataclass(frozen=True)
class Case:
    """One operation: what must have been before, what is done, and what its event must say."""

    act: Step
    expected: dict[str, Any]
    before: Step = nothing


def by_desk(operation: str, action: str, **more: Any) -> dict[str, Any]:
    common = {"operation": operation, "action": action, "outcome": "done", "actor": ACTOR, "objects": ["nikos"]}
    return {**common, "purpose": "DR", "case_reference": REQUEST.reference, **more}


def combined(action: str) -> dict[str, Any]:
    return {"operation": "combination", "action": action, "actor": ACTOR, "objects": sorted(PAIR)}


CASES: dict[str, Case] = {
    "import.apply": Case(take_in, {"operation": "collection", "action": "import.apply", "actor": "node"}),
    "import.undo": Case(
        lambda store, _: undo(store, 1),
        {"operation": "collection", "action": "import.undo", "actor": "node"},
        before=take_in,
    ),
    "resolve.accept": Case(lambda store, _: decide(store, "accept"), combined("resolve.accept")),
    "resolve.reject": Case(lambda store, _: decide(store, "reject"), combined("resolve.reject")),
    "resolve.undo": Case(
        lambda store, _: decide(store, "undo"),
        combined("resolve.undo"),
        before=lambda store, _: decide(store, "accept"),
    ),
    "subject.restrict": Case(
        lambda store, _: desk(store).restrict("nikos", request=REQUEST), by_desk("alteration", "subject.restrict")
    ),
    "subject.release": Case(
        lambda store, _: desk(store).release("nikos", request=REQUEST),
        by_desk("alteration", "subject.release"),
        before=lambda store, _: desk(store).restrict("nikos", request=REQUEST),
    ),
    "subject.rectify": Case(
        lambda store, _: desk(store).rectify("nikos", assignments=["sex=male"], dropped=[], request=REQUEST),
        by_desk("alteration", "subject.rectify"),
    ),
    "subject.review": Case(
        lambda store, _: desk(store).review("nikos", request=REQUEST), by_desk("alteration", "subject.review")
    ),
    "subject.erase": Case(
        lambda store, _: desk(store).erase("nikos", request=REQUEST), by_desk("erasure", "subject.erase")
    ),
    "subject.show": Case(
        lambda store, _: desk(store).show("nikos", request=REQUEST),
        by_desk("disclosure", "subject.show", recipients=["data_subject"]),
    ),
    "subject.find": Case(
        lambda store, _: desk(store).find("Nobody Atall", request=REQUEST),
        {"operation": "consultation", "action": "lookup.subject.find", "actor": ACTOR, "purpose": "DR"},
    ),
    "handling.release": Case(
        lambda store, _: desk(store).release_handling("nikos", provider="Europol", request=REQUEST),
        by_desk("alteration", "handling.release"),
    ),
    "retention.run": Case(
        lambda store, _: run_retention(store, policy=None, now=NOW, as_of=TODAY, actor=ACTOR),
        {"operation": "erasure", "action": "retention.run", "actor": ACTOR, "objects": ["erasure_ledger:1"]},
        before=lambda store, _: make_old(store),
    ),
    "export": Case(
        take_out,
        {
            "operation": "disclosure", "action": "export.ftm.pseudonymised", "actor": ACTOR, "purpose": "P2",
            "case_reference": "GR-1", "recipients": ["investigator:ftm"],
            "objects": ["nikolaos", "nikos", "phone"],
        },
    ),
}  # fmt: skip


@pytest.fixture
def records(store: Store) -> Store:
    """Two records of what may be one man, and his telephone."""
    add_report(store)
    for name in PAIR:
        add_person(store, name, Is.SUSPECT, name="Nikos Petrakis")
    add_entity(store, EntityKind.PHONE, "phone")
    for name in PAIR:
        add_link(store, RelationKind.USES, (name, "phone"))
    return store


def events(store: Store) -> list[dict[str, Any]]:
    with store.transaction() as connection:
        rows = connection.execute(select(TABLES.record.c.content).order_by(TABLES.record.c.number)).scalars()
        return [json.loads(row) for row in rows]


def holdings(store: Store) -> dict[str, list[str]]:
    """Return everything on record, save the log that is broken and the journal of attempts."""
    with store.transaction() as connection:
        return {
            table.name: sorted(map(str, connection.execute(select(table)).all()))
            for table in Base.metadata.sorted_tables
            if not table.name.startswith("audit_") and table.name != "lookup"
        }


@pytest.mark.parametrize("name", CASES)
def test_L25_1_each_operation_is_exactly_one_event(records: Store, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    case.before(records, tmp_path)
    before = len(events(records))
    case.act(records, tmp_path)
    (event,) = events(records)[before:]
    assert {key: event.get(key) for key in case.expected} == case.expected
    assert event["at"]
    assert event["outcome"]
    if event["operation"] in {"consultation", "disclosure"}:  # article 25(1): the reason, and for whom
        assert event["purpose"]
        assert event["case_reference"]
    if event["operation"] == "disclosure":
        assert event["recipients"]
    if event["operation"] == "collection":
        assert len(event["facts"]["file_sha256"]) == 64
        assert event["objects"]
    assert "Petrakis" not in json.dumps(event)


@pytest.mark.parametrize("name", CASES)
def test_L25_1_what_cannot_be_recorded_does_not_happen(records: Store, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    case.before(records, tmp_path)
    before = holdings(records)
    with records.transaction() as connection:
        connection.execute(text("ALTER TABLE audit_record RENAME TO gone"))
    with pytest.raises(AccessError):
        case.act(records, tmp_path)
    assert holdings(records) == before
    assert not (tmp_path / "out.json").exists()
    with records.transaction() as connection:  # the control: with the log it does happen
        connection.execute(text("ALTER TABLE gone RENAME TO audit_record"))
    recorded = len(events(records))
    case.act(records, tmp_path)
    assert len(events(records)) == recorded + 1
