"""Everything that is held on one data subject, read for the rights desk: restricted and overdue rows too."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, func, or_, select, update

from safeborders.kit.errors import NotFound
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.governance import PURPOSE_CODES
from safeborders.node.storage.access_visibility import label_of, load_categories, table_of
from safeborders.node.storage.admission import ENTITY, LINK
from safeborders.node.storage.base import Base, plain_table
from safeborders.node.storage.entities import PersonRow
from safeborders.node.storage.learning_tables import RoleDecisionRow, RoleHypothesisRow, SuggestedLinkRow
from safeborders.node.storage.lifecycle_dates import Transaction
from safeborders.node.storage.lifecycle_tables import CorrectionNoticeRow, RestrictionRow, ReviewFlagRow
from safeborders.node.storage.tables import (
    LabelRow,
    MoIndicatorRow,
    PersonIndicatorRow,
    PersonStatusRow,
    SourceReportRow,
)

Document = dict[str, Any]

_PERSON = plain_table(PersonRow)
_REPORT = plain_table(SourceReportRow)
_NOTICE = plain_table(CorrectionNoticeRow)
_HIDDEN = frozenset({"id", "kind", "import_key", "person_id", "entity_id", "source", "target", "row_id"})
_NO_SUCH = "There is no such person: give the pseudonym or the identifier, or look for the name with 'subject find'."


def find_person_id(connection: Transaction, name: str) -> str:
    """Return the identifier of the person with this pseudonym or identifier. Raises NotFound."""
    wanted = or_(_PERSON.c.id == name, _PERSON.c.pseudonym == name)
    found = connection.execute(select(_PERSON.c.id).where(wanted)).scalar_one_or_none()
    if found is None:
        raise NotFound(_NO_SUCH)
    return str(found)


def find_persons(connection: Transaction, *, match_key: str) -> list[Document]:
    """Return pseudonym, birth date and restriction of everybody whose normalised name is ``match_key``."""
    columns = (_PERSON.c.id, _PERSON.c.pseudonym, _PERSON.c.birth_date, ENTITY.c.restricted)
    named = and_(ENTITY.c.kind == EntityKind.PERSON, ENTITY.c.match_key == match_key)
    rows = connection.execute(
        select(*columns).join(ENTITY, ENTITY.c.id == _PERSON.c.id).where(named).order_by(_PERSON.c.pseudonym)
    )
    return [_plain(row, hidden=frozenset()) for row in rows.mappings()]


def names_of(connection: Transaction, person: str) -> list[str]:
    """Return the names of a person, so that free text can be checked for them."""
    row = connection.execute(select(_PERSON.c.name, _PERSON.c.other_names).where(_PERSON.c.id == person)).one()
    return [name for name in row if name]


def regime_of(connection: Transaction, person: str) -> str:
    """Return the law that a person's record is held under: LED or GDPR."""
    return str(connection.execute(select(ENTITY.c.regime).where(ENTITY.c.id == person)).scalar_one().value)


def read_subject(connection: Transaction, person: str, *, today: date) -> Document:
    """Return all that is held on a person, as plain values. Other persons are not named in it."""
    own = connection.execute(
        select(ENTITY, *(column for column in _PERSON.c if column.name != "id"))
        .join(_PERSON, _PERSON.c.id == ENTITY.c.id)
        .where(ENTITY.c.id == person)
    ).mappings().one()  # fmt: skip
    category = load_categories(connection, [person], today=today).get(person)
    statuses = _rows_of(connection, PersonStatusRow, owner="person_id", person=person)
    links = _links_of(connection, person)
    document: Document = {
        "id": person,
        "category": category.value if category else "unknown",
        "person": _plain(own),
        "statuses": statuses,
        "indicators": _rows_of(connection, PersonIndicatorRow, owner="person_id", person=person),
        "labels": _rows_of(connection, LabelRow, owner="entity_id", person=person),
        "role_decisions": _role_decisions(connection, person),
        "links": links,
        "case_indicators": _case_indicators(connection, links),
        "assessments": _assessments(connection, person),
        "restriction": _restriction(connection, person),
        "review_flags": _rows_of(connection, ReviewFlagRow, owner="row_id", person=person),
        "notices": [notice for notice in list_notices(connection) if notice["object_id"] == person],
    }
    parts = (document["person"], *statuses, *document["indicators"], *document["labels"], *links)
    document["sources"] = _sources(connection, {str(part["report_id"]) for part in parts})
    return document


def list_notices(connection: Transaction, *, only_open: bool = False) -> list[Document]:
    """Return the correction notices in the order in which they were made."""
    wanted = select(_NOTICE).order_by(_NOTICE.c.created_at, _NOTICE.c.id)
    if only_open:
        wanted = wanted.where(_NOTICE.c.notified_at.is_(None))
    return [_plain(row, hidden=frozenset()) for row in connection.execute(wanted).mappings()]


def mark_notified(connection: Transaction, notice: str, *, now: datetime) -> None:
    """Write down that the recipients of a notice were told. Raises NotFound."""
    open_one = and_(_NOTICE.c.id == notice, _NOTICE.c.notified_at.is_(None))
    if not connection.execute(update(_NOTICE).where(open_one).values(notified_at=now)).rowcount:
        raise NotFound("There is no such open notice: take its identifier from 'subject notices'.")


def _rows_of(connection: Transaction, row: type[Base], *, owner: str, person: str) -> list[Document]:
    table = plain_table(row)
    rows = connection.execute(select(table).where(table.c[owner] == person)).mappings()
    return [{"id": found["id"], **_plain(found)} if "id" in found else _plain(found) for found in rows]


def _links_of(connection: Transaction, person: str) -> list[Document]:
    rows = connection.execute(
        select(LINK).where(or_(LINK.c.source == person, LINK.c.target == person)).order_by(LINK.c.kind, LINK.c.id)
    ).mappings().all()  # fmt: skip
    found = []
    for row in rows:
        is_source = row["source"] == person
        other, kind = (row["target"], row["target_kind"]) if is_source else (row["source"], row["source_kind"])
        # Another person's data are not this person's to see.
        label = "" if kind is EntityKind.PERSON else _label(connection, kind, other)
        found.append(
            {
                "id": row["id"],
                "kind": row["kind"].value,
                "other_kind": kind.value,
                "other": label,
                "other_id": None if kind is EntityKind.PERSON else other,
                **_plain(row, hidden=_HIDDEN | {"source_kind", "target_kind"}),
            }
        )
    return found


def _label(connection: Transaction, kind: EntityKind, identifier: str) -> str:
    table = table_of(kind)
    own = connection.execute(select(table).where(table.c.id == identifier)).mappings().one()
    return label_of(kind, own)


def _case_indicators(connection: Transaction, links: Iterable[Mapping[str, Any]]) -> list[Document]:
    table = plain_table(MoIndicatorRow)
    cases = {link["other_id"]: link["other"] for link in links if link["other_kind"] == EntityKind.CASE.value}
    rows = connection.execute(select(table).where(table.c.case_id.in_(cases)).order_by(table.c.case_id, table.c.code))
    return [{"case": cases[row["case_id"]], **_plain(row)} for row in rows.mappings()]


def _role_decisions(connection: Transaction, person: str) -> list[Document]:
    """What investigators decided on parts in cases; their own words stay out, for they may name somebody else."""
    told = ("id", "case_id", "role", "confirmed", "decided_at", "model_sha256")
    rows = _rows_of(connection, RoleDecisionRow, owner="person_id", person=person)
    return [{name: row[name] for name in told} for row in rows]


def _assessments(connection: Transaction, person: str) -> Document:
    """What the country's model suggests about the person: how many links, with whom is not said, and parts in cases."""
    table = plain_table(SuggestedLinkRow)
    about: ColumnElement[bool] = or_(table.c.first_id == person, table.c.second_id == person)
    rows = connection.execute(
        select(table.c.model_sha256, func.count()).where(about).group_by(table.c.model_sha256)
    ).all()
    roles = _rows_of(connection, RoleHypothesisRow, owner="person_id", person=person)
    models = {*(row[0] for row in rows), *(one["model_sha256"] for one in roles)}
    told = [{name: one[name] for name in ("case_id", "role", "reasons", "model_sha256")} for one in roles]
    return {"suggested_links": sum(row[1] for row in rows), "roles": told, "models": sorted(models)}


def _restriction(connection: Transaction, person: str) -> Document | None:
    table = plain_table(RestrictionRow)
    rows = connection.execute(select(func.min(table.c.since), func.count()).where(table.c.person_id == person)).one()
    return {"since": _value(rows[0]), "rows": rows[1]} if rows[1] else None


def _sources(connection: Transaction, reports: set[str]) -> list[Document]:
    rows = connection.execute(select(_REPORT).where(_REPORT.c.id.in_(reports)).order_by(_REPORT.c.id)).mappings()
    return [{name: _value(row[name]) for name in ("id", "name", "issuer", "received_at")} for row in rows]


def _plain(row: RowMapping, *, hidden: frozenset[str] = _HIDDEN) -> Document:
    return {name: _value(value, name=name) for name, value in row.items() if name not in hidden}


def _value(value: object, *, name: str = "") -> object:
    if name == "purposes" and isinstance(value, int):
        return [code for code, purpose in PURPOSE_CODES.items() if purpose & value]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date) else value
