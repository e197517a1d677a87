"""Small records for the tests of the law: each row says only what the test is about, the rest is harmless."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import func, select

from safeborders.configs.loading import load_settings
from safeborders.configs.retention import RetentionPolicy
from safeborders.kit.canonical import sha256_hex
from safeborders.models.defaults import ARCHITECTURE, DELTA
from safeborders.models.domain.countries import DEMONSTRATION
from safeborders.models.domain.entities import CaseKind, CaseStatus, DatePrecision, DocumentKind, EntityKind, PlaceKind
from safeborders.models.domain.governance import Purpose, SourceGrade
from safeborders.models.domain.relations import ENDS, RelationKind
from safeborders.models.domain.statuses import DataSubjectCategory, StatusAuthority
from safeborders.models.domain.typology import CaseType
from safeborders.models.graph.features import SPECIFICATION
from safeborders.models.protocol.plan import RunPlan
from safeborders.node.storage.base import Base, plain_table
from safeborders.node.storage.database import Store
from safeborders.node.storage.entities import ENTITY_CLASSES
from safeborders.node.storage.tables import LinkRow, MoIndicatorRow, PersonStatusRow, SourceReportRow
from sbtest.casebook import envelope
from sbtest.house.sources import ROOT
from sbtest.task_plans import tiny_task_plans

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
TODAY = NOW.date()
EVERY_PURPOSE = int(~Purpose(0))
ADULT_BORN = date(1980, 5, 17)
POLICY_FILE = ROOT / "configs" / "policies" / "retention.gr.example.yaml"

_OWN: dict[EntityKind, dict[str, object]] = {
    EntityKind.CASE: {
        "case_kind": CaseKind.JUDICIAL,
        "status": CaseStatus.ACTIVE,
        "opened_on": date(2024, 1, 1),
        "type_label": CaseType.T3,
    },
    EntityKind.PHONE: {"number": "+30 210 1234567"},
    EntityKind.DEVICE: {"equipment_hash": "ab" * 32},
    EntityKind.PLACE: {"place_kind": PlaceKind.PRIVATE, "address": "Odos 1"},
    EntityKind.EPISODE: {"stage": "transport"},
    EntityKind.IDENTITY_DOCUMENT: {"document_kind": DocumentKind.PASSPORT, "number": "AB1"},
}


def policy() -> RetentionPolicy:
    """Return the example policy of the repository."""
    return load_settings(POLICY_FILE, RetentionPolicy)


def law_plan() -> RunPlan:
    """Return a plan of one round for networks (P2)."""
    return RunPlan(
        federation="test",
        run="run-1",
        purpose="P2",
        rounds=1,
        tasks=tiny_task_plans(),
        delta=DELTA,
        architecture_sha256=ARCHITECTURE.sha256(),
        features_sha256=SPECIFICATION.sha256(),
        participants=DEMONSTRATION,
        floor=2,
        deadline_seconds=10.0,
    )


def add_report(store: Store, name: str = "r") -> None:
    """Write a source report, which every row needs."""
    with store.session() as session:
        session.add(
            SourceReportRow(
                id=name,
                name=f"{name}.csv",
                issuer="Hellenic Police",
                sha256=sha256_hex(name.encode()),
                received_at=NOW,
                rows=1,
                denied=0,
            )
        )


def add_entity(store: Store, kind: EntityKind, name: str, /, **columns: object) -> str:
    """Write an entity; ``columns`` are its own or the envelope's. Returns its identifier."""
    own = dict(_OWN.get(kind, {}))
    if kind is EntityKind.CASE:
        own["ref"] = name
    given = {**envelope(purposes=EVERY_PURPOSE), **own, **columns}
    with store.session() as session:
        session.add(ENTITY_CLASSES[kind](id=name, import_key=f"key-{name}", **given))
    return name


def add_person(store: Store, name: str, /, *categories: DataSubjectCategory, **columns: object) -> str:
    """Write an adult with a status per category. Returns the identifier."""
    own = {"pseudonym": f"P-{name}", "birth_date": ADULT_BORN, "birth_precision": DatePrecision.DAY}
    add_entity(store, EntityKind.PERSON, name, **{**own, **columns})
    for category in categories:
        add_status(store, name, category)
    return name


def add_status(store: Store, person: str, category: DataSubjectCategory, **columns: Any) -> None:
    """Write what somebody decided that a person is."""
    given = {"report_id": "r", "decided_by": StatusAuthority.POLICE, **columns}
    with store.session() as session:
        session.add(
            PersonStatusRow(
                id=f"{person}-{category}-{given['report_id']}", person_id=person, category=category,
                source_grade=SourceGrade.A, info_grade=1, recorded_at=NOW, **given,
            )
        )  # fmt: skip


def add_link(
    store: Store, kind: RelationKind, ends: tuple[str, str], *, role: str | None = None, **columns: object
) -> str:
    """Write a link and return its identifier."""
    kinds = ENDS[kind]
    assert kinds is not None
    name = "-".join((kind, *ends))
    with store.session() as session:
        session.add(
            LinkRow(
                id=name, kind=kind, source=ends[0], source_kind=kinds[0], target=ends[1], target_kind=kinds[1],
                role=role, **envelope(**{"purposes": EVERY_PURPOSE, **columns}),
            )
        )  # fmt: skip
    return name


def add_indicator(store: Store, case: str, *, code: str, value: bool | None) -> None:
    """Write what is known about a case."""
    with store.session() as session:
        session.add(
            MoIndicatorRow(
                case_id=case, code=code, value=value, report_id="r", source_grade=SourceGrade.A, info_grade=1,
                recorded_at=NOW,
            )
        )  # fmt: skip


def count(store: Store, table: type[Base]) -> int:
    """Return how many rows a table has."""
    with store.transaction() as connection:
        return connection.execute(select(func.count()).select_from(plain_table(table))).scalar_one()
