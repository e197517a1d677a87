"""The one place that decides which rows a caller may see; every query that returns records goes through it."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date

from sqlalchemy import ColumnElement, Connection, FromClause, RowMapping, Select, and_, select

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.roles import NOT_OFFENDING, CaseRole
from safeborders.models.domain.statuses import VICTIM_CATEGORIES, DataSubjectCategory, effective_category
from safeborders.node.access.callers import Justification
from safeborders.node.services.records import Entity, Link
from safeborders.node.storage.admission import holds_on
from safeborders.node.storage.entities import ENTITY_CLASSES, CaseRow, EntityRow
from safeborders.node.storage.resolution_tables import PersonRecordRow
from safeborders.node.storage.tables import LinkRow, PersonStatusRow

ENTITY = EntityRow.__table__
LINK = LinkRow.__table__
_STATUS = PersonStatusRow.__table__
_CASE = CaseRow.__table__
_MERGED = PersonRecordRow.__table__

_LABELS: Mapping[EntityKind, tuple[str, ...]] = {
    EntityKind.CASE: ("ref",),
    EntityKind.EPISODE: ("stage",),
    EntityKind.PERSON: ("pseudonym",),
    EntityKind.ORGANISATION: ("name",),
    EntityKind.PHONE: ("number",),
    EntityKind.DEVICE: ("equipment_hash",),
    EntityKind.ONLINE_ACCOUNT: ("service", "handle"),
    EntityKind.FINANCIAL_ACCOUNT: ("reference",),
    EntityKind.VEHICLE: ("plate",),
    EntityKind.IDENTITY_DOCUMENT: ("number",),
    EntityKind.PLACE: ("address", "nuts3"),
}
_IDENTITY: Mapping[EntityKind, frozenset[str]] = {
    EntityKind.PERSON: frozenset({"name", "other_names", "birth_date", "birth_precision", "citizenships"})
}
"""What only an identity reader sees."""


def is_visible(table: FromClause, *, who: Justification, today: date) -> ColumnElement[bool]:
    """Return the condition on a row's envelope: not restricted, within retention, and for the stated purpose.

    Restriction (LED article 16(3)) concerns the person: where one record of a merged person is restricted, all are.
    """
    if table is ENTITY:
        return and_(_own_envelope(table, who=who, today=today), table.c.id.not_in(_records_of_restricted_persons()))
    return _own_envelope(table, who=who, today=today)


def _own_envelope(table: FromClause, *, who: Justification, today: date) -> ColumnElement[bool]:
    return and_(
        table.c.restricted.is_(False),
        table.c.retain_until >= today,
        table.c.purposes.op("&")(who.purpose.value) != 0,
    )


def _records_of_restricted_persons() -> Select[tuple[str]]:
    restricted = select(_MERGED.c.person_id).join(ENTITY, ENTITY.c.id == _MERGED.c.record_id).where(ENTITY.c.restricted)
    return select(_MERGED.c.record_id).where(_MERGED.c.person_id.in_(restricted))


def find_same_person(connection: Connection, records: Collection[str]) -> dict[str, str]:
    """Return all records of the persons of ``records`` that are merged, each with its person; not only ``records``."""
    persons = select(_MERGED.c.person_id).where(_MERGED.c.record_id.in_(records))
    rows = connection.execute(select(_MERGED).where(_MERGED.c.person_id.in_(persons)).order_by(_MERGED.c.record_id))
    return {row.record_id: row.person_id for row in rows}


def table_of(kind: EntityKind) -> FromClause:
    """Return the table with what only entities of ``kind`` have."""
    return ENTITY_CLASSES[kind].__table__


def show_entities(
    connection: Connection, ids: Collection[str], *, who: Justification, today: date
) -> dict[str, Entity]:
    """Return those of ``ids`` that are visible, as this caller may see them."""
    common = ENTITY.c
    envelope = (common.id, common.kind, common.source_grade, common.info_grade, common.statement_kind, common.handling)
    statement = select(*envelope).where(common.id.in_(ids), is_visible(ENTITY, who=who, today=today))
    rows = connection.execute(statement).mappings().all()
    persons = [row["id"] for row in rows if row["kind"] is EntityKind.PERSON]
    categories = load_categories(connection, persons, today=today)
    merged = find_same_person(connection, persons)
    named = find_named(connection, persons, who=who, today=today)
    shown = {}
    for kind in {row["kind"] for row in rows}:
        own = _load_own(connection, kind, [row["id"] for row in rows if row["kind"] is kind])
        for row in rows:
            if row["kind"] is kind:
                category = categories.get(row["id"], DataSubjectCategory.UNKNOWN) if kind is EntityKind.PERSON else None
                identity = row["id"] in named and (category not in VICTIM_CATEGORIES or named[row["id"]])
                entity = _entity(row, own=own[row["id"]], category=category, identity=identity)
                shown[row["id"]] = _with_person(entity, merged=merged)
    return {identifier: shown[identifier] for identifier in ids if identifier in shown}


def load_categories(connection: Connection, persons: Collection[str], *, today: date) -> dict[str, DataSubjectCategory]:
    """Return what the law sees in each person today; a victim in any case, under any record, is one everywhere."""
    person_of = find_same_person(connection, persons)
    records = {*persons, *person_of}
    held_today = and_(_STATUS.c.person_id.in_(records), holds_on(today))
    rows = connection.execute(select(_STATUS.c.person_id, _STATUS.c.category).where(held_today))
    held: dict[str, set[DataSubjectCategory]] = {}
    for record, category in rows:
        held.setdefault(person_of.get(record, record), set()).add(category)
    effective = {person: effective_category(categories) for person, categories in held.items()}
    found = {record: effective.get(person_of.get(record, record)) for record in persons}
    return {record: category for record, category in found.items() if category is not None}


def find_named(connection: Connection, persons: Collection[str], *, who: Justification, today: date) -> dict[str, bool]:
    """Return the persons whose names the caller's scope covers, and whether each is a party to the caller's own case.

    A victim's name needs both (domain.md, L06 and L20-1).
    """
    if not who.sees_names or not persons:
        return {}
    own_case = (
        select(LINK.c.source)
        .join(_CASE, _CASE.c.id == LINK.c.target)
        .join(ENTITY, ENTITY.c.id == _CASE.c.id)
        .where(
            LINK.c.kind == RelationKind.PARTY_TO,
            LINK.c.source.in_(persons),
            _CASE.c.ref == who.case_reference,
            is_visible(LINK, who=who, today=today),
            is_visible(ENTITY, who=who, today=today),
        )
    )
    parties = set(connection.execute(own_case).scalars())
    return {person: person in parties for person in persons}


def show_link(row: RowMapping, *, entities: Mapping[str, Entity]) -> Link:
    """Return a link as it is shown: a victim is never shown in an offending role (Dir. 2011/36, article 8)."""
    role = row["role"]
    is_victim = entities[row["source"]].category in VICTIM_CATEGORIES
    if is_victim and role in set(CaseRole) and CaseRole(role) not in NOT_OFFENDING:
        role = CaseRole.VICTIM.value
    return Link(
        id=row["id"],
        kind=row["kind"],
        source=row["source"],
        target=row["target"],
        role=role,
        valid_from=row["valid_from"],
        valid_to=row["valid_to"],
        source_grade=row["source_grade"].value,
        info_grade=row["info_grade"],
    )


def label_of(kind: EntityKind, own: RowMapping) -> str:
    """Return what an entity is called on a screen."""
    return " ".join(_text(own[column]) for column in _LABELS[kind] if own[column] is not None)


def _load_own(connection: Connection, kind: EntityKind, ids: Collection[str]) -> dict[str, RowMapping]:
    table = table_of(kind)
    rows = connection.execute(select(table).where(table.c.id.in_(ids))).mappings()
    return {row["id"]: row for row in rows}


def _entity(row: RowMapping, *, own: RowMapping, category: DataSubjectCategory | None, identity: bool) -> Entity:
    kind: EntityKind = row["kind"]
    hidden = {"id", "pseudonym", *(() if identity else _IDENTITY.get(kind, ()))}
    return Entity(
        id=row["id"],
        kind=kind,
        label=label_of(kind, own),
        source_grade=row["source_grade"].value,
        info_grade=row["info_grade"],
        statement_kind=row["statement_kind"].value,
        handling=row["handling"].value,
        category=category,
        attributes={name: _text(value) for name, value in own.items() if name not in hidden and value is not None},
    )


def _with_person(entity: Entity, *, merged: Mapping[str, str]) -> Entity:
    """Say which records are one person: those with the same value."""
    if entity.id not in merged:
        return entity
    return replace(entity, attributes={**entity.attributes, "merged_person": merged[entity.id]})


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value.isoformat() if isinstance(value, date) else str(value)
