"""A small country in which some persons are recorded twice, for tests of resolution on a real database."""

from datetime import date
from pathlib import Path

from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import CaseKind, CaseStatus, DatePrecision, EntityKind, Sex
from safeborders.models.domain.governance import SourceGrade
from safeborders.models.domain.relations import ENDS, RelationKind
from safeborders.models.domain.selectors import match_key
from safeborders.models.domain.statuses import DataSubjectCategory, StatusAuthority
from safeborders.models.domain.typology import CaseType
from safeborders.node.storage.database import Store
from safeborders.node.storage.entities import ENTITY_CLASSES
from safeborders.node.storage.tables import LinkRow, MoIndicatorRow, PersonStatusRow, SourceReportRow
from sbtest.casebook import NOW, envelope
from sbtest.stores import copied_store

ADULT, ADULT_AGAIN = "adult-a", "adult-b"  # one letter swapped
CHILD, CHILD_AGAIN = "child-a", "child-b"  # a victim, in Cyrillic and in Latin
LAWYER, LAWYER_AGAIN = "lawyer-a", "lawyer-b"
TWIN, OTHER_TWIN = "twin-a", "twin-b"
THIRD = "adult-c"  # the adult once more, with the year of birth only
_GIVEN = ("Ioana", "Mihai", "Elena", "Vasile", "Cristina", "Sorin", "Bianca", "Florin")
_SURNAMES = ("Dumitru", "Lungu", "Olaru", "Bradea", "Cioca", "Stanciu", "Munteanu")


def make_template(migrated: Path, folder: Path) -> Path:
    """Return a filled and closed copy of the ``migrated`` encrypted database for tests to copy."""
    path = folder / "doubles_test.db"
    with copied_store(migrated, path) as store:
        fill(store)
    return path


def fill(store: Store) -> None:
    """Write the records."""
    with store.session() as session:
        report = {"id": "r", "name": "f", "issuer": "police", "sha256": "0" * 64, "received_at": NOW}
        session.add(SourceReportRow(**report, rows=1, denied=0))
    for number in range(40):
        name = f"{_GIVEN[number % 8]} {_SURNAMES[number % 7]}"
        add_person(store, f"filler-{number:02}", name=name, born=date(1950 + number, 1 + number % 12, 1 + number % 28))
    add_person(store, ADULT, name="Corneliu Țăranu", born=date(1980, 5, 17))
    add_person(store, ADULT_AGAIN, name="Corneilu Taranu", born=date(1980, 5, 17))
    add_person(store, THIRD, name="Taranu Corneliu", born=date(1980, 1, 1), birth_precision=DatePrecision.YEAR)
    add_person(store, CHILD, name="Десислава Щерева", born=date(2014, 2, 3), sex=Sex.FEMALE)
    add_person(store, CHILD_AGAIN, name="Desislava Shtereva", born=date(2014, 3, 2), sex=Sex.FEMALE)
    add_person(store, LAWYER, name="Andrei Marinescu", born=date(1970, 7, 7))
    add_person(store, LAWYER_AGAIN, name="Andrei Marinescu", born=date(1970, 7, 7))
    add_person(store, TWIN, name="Radu Ionescu", born=date(1991, 9, 9))
    add_person(store, OTHER_TWIN, name="Dan Ionescu", born=date(1991, 9, 9))
    for known in (ADULT, ADULT_AGAIN, THIRD, TWIN, OTHER_TWIN):  # nobody of unknown category is learnt from
        add_status(store, known, DataSubjectCategory.SUSPECT)
    add_status(store, CHILD, DataSubjectCategory.VICTIM_PRESUMED)
    add_status(store, CHILD_AGAIN, DataSubjectCategory.SUSPECT)
    add_status(store, LAWYER, DataSubjectCategory.PROFESSIONAL)
    add_entity(store, EntityKind.PLACE, "home", place_kind="private", address="Strada Morii 4")
    for twin in (TWIN, OTHER_TWIN):
        add_link(store, RelationKind.STAYS_AT, (twin, "home"))


def add_person(store: Store, record: str, *, name: str, born: date, **values: object) -> None:
    """Write a man down whose birth date is known to the day, unless ``values`` say otherwise."""
    own = {"pseudonym": record, "sex": Sex.MALE, "birth_precision": DatePrecision.DAY, **values}
    key = match_key(EntityKind.PERSON, name, country=Country.RO)
    add_entity(store, EntityKind.PERSON, record, name=name, birth_date=born, match_key=key, **own)


def add_case(store: Store, name: str, *, label: CaseType | None = CaseType.T3) -> None:
    """Write a case with one known indicator down."""
    add_entity(
        store, EntityKind.CASE, name, ref=name, case_kind=CaseKind.JUDICIAL, status=CaseStatus.ACTIVE,
        opened_on=date(2024, 1, 1), type_label=label,
    )  # fmt: skip
    with store.session() as session:
        session.add(
            MoIndicatorRow(
                case_id=name, code="ctl.threats", value=True, report_id="r", source_grade=SourceGrade.A, info_grade=1,
                recorded_at=NOW,
            )
        )  # fmt: skip


def add_entity(store: Store, kind: EntityKind, record: str, **values: object) -> None:
    """Write an entity down; values of its envelope may be among ``values``."""
    usual = envelope()
    own = {key: value for key, value in values.items() if key not in usual}
    changed = {key: value for key, value in values.items() if key in usual}
    with store.session() as session:
        session.add(ENTITY_CLASSES[kind](id=record, import_key=f"key-{record}", **own, **envelope(**changed)))


def add_status(store: Store, person: str, category: DataSubjectCategory) -> None:
    """Write down what a person is to the law."""
    with store.session() as session:
        session.add(
            PersonStatusRow(
                id=f"{person}-{category}"[:36], person_id=person, category=category, decided_by=StatusAuthority.POLICE,
                report_id="r", source_grade=SourceGrade.A, info_grade=1, recorded_at=NOW,
            )
        )  # fmt: skip


def add_link(
    store: Store, kind: RelationKind, ends: tuple[str, str], *, role: str | None = None, **changes: object
) -> None:
    """Write a link down."""
    kinds = ENDS[kind]
    assert kinds is not None
    with store.session() as session:
        session.add(
            LinkRow(
                id="-".join((kind, *ends)), kind=kind, source=ends[0], source_kind=kinds[0], target=ends[1],
                target_kind=kinds[1], role=role, **envelope(**changes),
            )
        )  # fmt: skip
