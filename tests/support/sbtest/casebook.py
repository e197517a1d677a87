"""A few hand-made records of one country: a case with its people, a row for another purpose, a restricted row."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Table, insert

from safeborders.models.domain.entities import CaseKind, CaseStatus, DatePrecision, EntityKind
from safeborders.models.domain.governance import (
    Handling,
    Purpose,
    Regime,
    Sensitivity,
    SourceGrade,
    StatementKind,
)
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.statuses import DataSubjectCategory, StatusAuthority
from safeborders.node.storage.database import Store
from safeborders.node.storage.entities import ENTITY_CLASSES, EntityRow, PersonRow
from safeborders.node.storage.learning_tables import CaseTypeHypothesisRow, RoleHypothesisRow, SuggestedLinkRow
from safeborders.node.storage.tables import LinkRow, PersonStatusRow, SourceReportRow

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
EVERY = int(Purpose.TYPOLOGY | Purpose.NETWORK | Purpose.DECONFLICTION)

CASE, CHILD, UNCLE, DRIVER, PHONE = "case-1", "person-child", "person-uncle", "person-driver", "phone-1"
CARRIER = "person-carrier"
RESTRICTED, TYPOLOGY_ONLY, OVERDUE = "person-restricted", "person-typology", "person-overdue"
INVISIBLE = (RESTRICTED, TYPOLOGY_ONLY, OVERDUE)
CASE_REFERENCE = "GR-2026-0001"
NAMES = {
    CHILD: "Ελένη Παπαδοπούλου",
    UNCLE: "Georgi Ivanov",
    DRIVER: "Łukasz Wójcik",
    RESTRICTED: "Restricted Rita",
    TYPOLOGY_ONLY: "Typology Tom",
    OVERDUE: "Overdue Olga",
}


def fill(store: Store) -> None:
    """Write the records. The child is a victim, and in another case was recorded as a recruiter and suspect."""
    with store.session() as session:
        session.add(
            SourceReportRow(id="r", name="f.csv", issuer="police", sha256="0" * 64, received_at=NOW, rows=9, denied=0)
        )
        session.flush()
        session.add(
            _entity(EntityKind.CASE, CASE, ref=CASE_REFERENCE, case_kind=CaseKind.INVESTIGATION,
                    status=CaseStatus.ACTIVE, opened_on=date(2026, 1, 1))
        )  # fmt: skip
        session.add(_entity(EntityKind.PHONE, PHONE, number="+30 210 1234567"))
        for person, name in NAMES.items():
            session.add(_entity(EntityKind.PERSON, person, pseudonym=f"P-{person[7:]}", name=name))
        session.flush()
        session.add_all(_statuses())
        session.add_all(_links())
        session.add_all(_suggestions())
        session.add(_hypothesis())


def envelope(**changes: object) -> dict[str, object]:
    """Return a governance envelope that lets a row be seen for P1, P2 and P3."""
    return {
        "report_id": "r", "source_grade": SourceGrade.A, "info_grade": 2, "recorded_at": NOW, "node": "gr",
        "regime": Regime.LED, "purposes": EVERY, "legal_basis": "law", "statement_kind": StatementKind.FACT,
        "handling": Handling.H0, "sensitivity": Sensitivity.NORMAL, "review_due": date(2030, 1, 1),
        "retain_until": date(2030, 1, 1), "restricted": False, "train_ok": True, "share_ok": True, "rev": 1, **changes,
    }  # fmt: skip


def add_people(store: Store, count: int) -> None:
    """Write ``count`` persons who all use the one phone."""
    with store.transaction() as connection:
        ids = [f"crowd-{number:05}" for number in range(count)]
        common, own = (_table(row) for row in (EntityRow, PersonRow))
        rows = [{"id": one, "kind": EntityKind.PERSON, "import_key": one, **envelope()} for one in ids]
        connection.execute(insert(common), rows)
        connection.execute(insert(own), [{"id": one, "pseudonym": one, "name": f"Crowd {one}"} for one in ids])
        links = [_link(f"l-{one}", RelationKind.USES, (one, PHONE)) for one in ids]
        connection.execute(insert(LinkRow), [_values(link) for link in links])


def add_carrier(store: Store) -> None:
    """Write an adult suspect of the case about whose part the model has a hypothesis and nobody has stated anything."""
    born = {"birth_date": date(1980, 5, 17), "birth_precision": DatePrecision.DAY}
    with store.session() as session:
        session.add(_entity(EntityKind.PERSON, CARRIER, pseudonym="P-carrier", **born))
        session.flush()
        session.add(_status(CARRIER, DataSubjectCategory.SUSPECT, case_id=CASE))
        session.add(_link("l-carrier", RelationKind.PARTY_TO, (CARRIER, CASE)))
        session.add(
            RoleHypothesisRow(
                person_id=CARRIER, case_id=CASE, role="transporter", probability=0.8,
                probabilities={"transporter": 0.8, "recruiter": 0.2}, reasons=[], run="run-1", model_sha256="a" * 64,
                created_at=NOW,
            )
        )  # fmt: skip


def _table(row: type[EntityRow]) -> Table:
    assert isinstance(row.__table__, Table)
    return row.__table__


def _entity(kind: EntityKind, identifier: str, **own: object) -> Any:
    hidden: dict[str, dict[str, object]] = {
        RESTRICTED: {"restricted": True},
        TYPOLOGY_ONLY: {"purposes": int(Purpose.TYPOLOGY)},
        OVERDUE: {"retain_until": date(2026, 11, 1)},
    }
    return ENTITY_CLASSES[kind](id=identifier, import_key=identifier, **own, **envelope(**hidden.get(identifier, {})))


def _statuses() -> list[PersonStatusRow]:
    held = {
        CHILD: (DataSubjectCategory.SUSPECT, DataSubjectCategory.VICTIM_PRESUMED),
        UNCLE: (DataSubjectCategory.SUSPECT,),
    }
    return [_status(person, category) for person, categories in held.items() for category in categories]


def _status(person: str, category: DataSubjectCategory, *, case_id: str | None = None) -> PersonStatusRow:
    return PersonStatusRow(
        id=f"{person}-{category}", person_id=person, case_id=case_id, category=category, report_id="r",
        decided_by=StatusAuthority.POLICE, source_grade=SourceGrade.A, info_grade=1, recorded_at=NOW,
    )  # fmt: skip


def _links() -> list[LinkRow]:
    return [
        _link("l-child", RelationKind.PARTY_TO, (CHILD, CASE), role="recruiter"),
        _link("l-uncle", RelationKind.PARTY_TO, (UNCLE, CASE), role="recruiter"),
        _link("l-restricted", RelationKind.PARTY_TO, (RESTRICTED, CASE), role="recruiter"),
        _link("l-uncle-phone", RelationKind.USES, (UNCLE, PHONE)),
        _link("l-driver-phone", RelationKind.USES, (DRIVER, PHONE)),
        _link("l-hidden", RelationKind.ASSOCIATE, (UNCLE, DRIVER), restricted=True),
    ]


def _link(
    identifier: str, kind: RelationKind, ends: tuple[str, str], *, role: str | None = None, **changes: object
) -> LinkRow:
    source_kind, target_kind = (_kind_of(end) for end in ends)
    return LinkRow(
        id=identifier, kind=kind, source=ends[0], source_kind=source_kind, target=ends[1], target_kind=target_kind,
        role=role, **envelope(**changes),
    )  # fmt: skip


def _kind_of(identifier: str) -> EntityKind:
    kinds = {"case": EntityKind.CASE, "phone": EntityKind.PHONE}
    return kinds.get(identifier.split("-")[0], EntityKind.PERSON)


def _values(row: LinkRow) -> dict[str, object]:
    return {column.key: getattr(row, column.key) for column in LinkRow.__table__.columns}


def _hypothesis() -> CaseTypeHypothesisRow:
    reasons = [{"text": "recorded: a child begs.", "weight": 0.9}, {"text": "this type is rare", "weight": -0.2}]
    return CaseTypeHypothesisRow(
        case_id=CASE, case_type="T5", probability=0.8, probabilities={"T5": 0.8, "T2": 0.2}, reasons=reasons,
        run="run-1", model_sha256="a" * 64, created_at=NOW,
    )  # fmt: skip


def _suggestions() -> list[SuggestedLinkRow]:
    reasons = [{"text": "Both use one phone.", "weight": 1.2}, {"text": "No case in common.", "weight": -0.4}]
    pairs = {(DRIVER, UNCLE): 0.93, (RESTRICTED, UNCLE): 0.99, (CHILD, DRIVER): 0.6}
    return [
        SuggestedLinkRow(
            first_id=first, second_id=second, score=score, reasons=reasons, run="run-1", model_sha256="a" * 64,
            created_at=NOW,
        )
        for (first, second), score in pairs.items()
    ]  # fmt: skip
