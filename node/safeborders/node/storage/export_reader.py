"""Reads out what may leave the country's database, under the policy of access_visibility and stricter."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from enum import Enum
from itertools import groupby
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    RowMapping,
    Select,
    and_,
    or_,
    select,
)
from sqlalchemy.exc import DBAPIError

from safeborders.kit.db import for_reading
from safeborders.kit.errors import Unavailable
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.governance import PURPOSE_CODES, Handling
from safeborders.models.domain.roles import NOT_OFFENDING, CaseRole
from safeborders.models.domain.statuses import VICTIM_CATEGORIES, DataSubjectCategory
from safeborders.node.access.callers import Justification
from safeborders.node.services.outgoing import ExportRow, Record
from safeborders.node.storage.access_visibility import (
    ENTITY,
    LINK,
    find_named,
    is_visible,
    load_categories,
    table_of,
)
from safeborders.node.storage.tables import (
    LabelRow,
    MoIndicatorRow,
    PersonIndicatorRow,
    PersonStatusRow,
    SourceReportRow,
)

_STATUS = PersonStatusRow.__table__
_LABEL = LabelRow.__table__
_OF_CASE, _OF_PERSON = MoIndicatorRow.__table__, PersonIndicatorRow.__table__
_REPORT = SourceReportRow.__table__
_BATCH = 1000
_MAY_LEAVE = (Handling.H0, Handling.H1)
_PROVENANCE = ("source_grade", "info_grade", "recorded_at")
_ENVELOPE = (
    "regime", "purposes", "legal_basis", *_PROVENANCE, "statement_kind", "handling", "sensitivity", "review_due",
    "retain_until", "restricted", "train_ok", "share_ok", "valid_from", "valid_to",
)  # fmt: skip
_NAMED = frozenset({"name", "other_names", "birth_date", "birth_precision", "citizenships"})
_OFFENDING = frozenset(role.value for role in CaseRole) - {role.value for role in NOT_OFFENDING}


class SqlExportReader:
    """Reads one snapshot of the database; what is not visible for the purpose does not exist.

    Args:
        connection: A transaction that sees one snapshot.
        who: Who takes the records out, and why.
        today: Nothing whose review or retention ended before this day leaves.
    """

    def __init__(self, connection: Connection, *, who: Justification, today: date) -> None:
        self._connection = connection
        self._who = who
        self._today = today
        self._reports = {row.id: row.name for row in connection.execute(select(_REPORT.c.id, _REPORT.c.name))}

    def entity_ids(self) -> Generator[Sequence[str], None, None]:
        """Yield batches of the identifiers of all entities that leave."""
        for batch in self._batches(select(ENTITY.c.id).where(self._leaves(ENTITY)).order_by(ENTITY.c.id)):
            yield [row["id"] for row in batch]

    def rows(self) -> Generator[ExportRow, None, None]:
        """Yield entities, links, statuses, labels and indicators, in this order."""
        for kind in EntityKind:
            yield from self._entities(kind)
        yield from self._links()
        yield from self._statuses()
        yield from self._labels()
        yield from self._indicators(_OF_CASE, whose=_OF_CASE.c.case_id, named="case")
        yield from self._indicators(_OF_PERSON, whose=_OF_PERSON.c.person_id, named="person")

    def _leaves(self, table: FromClause) -> ColumnElement[bool]:
        visible = is_visible(table, who=self._who, today=self._today)
        return and_(visible, table.c.review_due >= self._today, table.c.handling.in_(_MAY_LEAVE))

    def _entities(self, kind: EntityKind) -> Iterator[ExportRow]:
        own = table_of(kind)
        names = [column.name for column in own.columns if column.name not in {"id", "pseudonym"}]
        columns = [own.c[name].label(f"own_{name}") for name in names]
        statement = (
            select(ENTITY, *columns)
            .join(own, own.c.id == ENTITY.c.id)
            .where(ENTITY.c.kind == kind, self._leaves(ENTITY))
            .order_by(ENTITY.c.id)
        )
        for batch in self._batches(statement):
            persons = [row["id"] for row in batch] if kind is EntityKind.PERSON else []
            categories = load_categories(self._connection, persons, today=self._today)
            named = find_named(self._connection, persons, who=self._who, today=self._today)
            for row in batch:
                properties = {name: _plain(name, value) for name in names if (value := row[f"own_{name}"]) is not None}
                beside = self._beside(row)
                if kind is EntityKind.PERSON:
                    category = categories.get(row["id"], DataSubjectCategory.UNKNOWN)
                    beside["effective_category"] = category.value
                    properties = _shown(properties, identity=_may_name(row["id"], category, named=named))
                record: Record = {"record": "entity", "id": row["import_key"], "kind": kind.value}
                yield ExportRow({**record, "properties": properties, "envelope": _envelope(row)}, beside)

    def _links(self) -> Iterator[ExportRow]:
        source, target = ENTITY.alias("source_entity"), ENTITY.alias("target_entity")
        ends = (source.c.import_key.label("source_key"), target.c.import_key.label("target_key"))
        statement = (
            select(LINK, *ends)
            .join(source, source.c.id == LINK.c.source)
            .join(target, target.c.id == LINK.c.target)
            .where(self._leaves(LINK), self._leaves(source), self._leaves(target))
            .order_by(LINK.c.id)
        )
        for batch in self._batches(statement):
            acting = [row["source"] for row in batch if row["role"] in _OFFENDING]
            categories = load_categories(self._connection, acting, today=self._today)
            for row in batch:
                properties = {
                    name: row[name] for name in ("role", "count", "sum_band", "score") if row[name] is not None
                }
                if row["role"] in _OFFENDING and categories.get(row["source"]) in VICTIM_CATEGORIES:
                    properties["role"] = (
                        CaseRole.VICTIM.value
                    )  # never shown in an offending role (Dir. 2011/36, art. 8)
                record: Record = {"record": "link", "id": row["id"], "kind": row["kind"].value}
                joined = {"source": row["source_key"], "target": row["target_key"]}
                record |= {**joined, "properties": properties, "envelope": _envelope(row)}
                yield ExportRow(record, self._beside(row))

    def _statuses(self) -> Iterator[ExportRow]:
        for row in self._about(_STATUS, whom=_STATUS.c.person_id, case=_STATUS.c.case_id):
            record: Record = {"record": "status", "person": row["about_key"], "category": row["category"].value}
            record["decided_by"] = row["decided_by"].value
            record |= _dates(row, "valid_from", "valid_to")
            yield self._finish(record, row)

    def _labels(self) -> Iterator[ExportRow]:
        for row in self._about(_LABEL, whom=_LABEL.c.entity_id, case=_LABEL.c.case_id):
            record: Record = {"record": "label", "name": row["name"], "entity": row["about_key"], "value": row["value"]}
            record |= _dates(row, "labelled_on")
            yield self._finish(record, row)

    def _indicators(self, table: FromClause, *, whose: ColumnElement[str], named: str) -> Iterator[ExportRow]:
        statement = (
            select(table, ENTITY.c.import_key.label("about_key"))
            .join(ENTITY, ENTITY.c.id == whose)
            .where(self._leaves(ENTITY), table.c.value.is_not(None))
            .order_by(whose, table.c.code)
        )
        for _, group in groupby(self._stream(statement), key=lambda row: row["about_key"]):
            rows = list(group)
            values = {row["code"]: row["value"] for row in rows}
            record: Record = {"record": "indicators", named: rows[0]["about_key"], "values": values}
            yield self._finish(record, rows[0])

    def _about(self, table: FromClause, *, whom: ColumnElement[str], case: ColumnElement[str]) -> Iterator[RowMapping]:
        about, court_case = ENTITY.alias("about"), ENTITY.alias("in_case")
        statement = (
            select(table, about.c.import_key.label("about_key"), court_case.c.import_key.label("case_key"))
            .join(about, about.c.id == whom)
            .outerjoin(court_case, court_case.c.id == case)
            .where(self._leaves(about), or_(case.is_(None), self._leaves(court_case)))
            .order_by(table.c.id)
        )
        yield from self._stream(statement)

    def _finish(self, record: Record, row: RowMapping) -> ExportRow:
        if row.get("case_key") is not None:
            record["case"] = row["case_key"]
        record["envelope"] = {name: _plain(name, row[name]) for name in _PROVENANCE}
        return ExportRow(record, self._beside(row))

    def _beside(self, row: RowMapping) -> dict[str, str]:
        return {"source_report": self._reports.get(row["report_id"], "")} if self._who.sees_names else {}

    def _stream(self, statement: Select[Any]) -> Iterator[RowMapping]:
        for batch in self._batches(statement):
            yield from batch

    def _batches(self, statement: Select[Any]) -> Iterator[Sequence[RowMapping]]:
        """Yield the rows in batches; the cursor is closed when whoever reads them stops."""
        with self._connection.execute(statement.execution_options(yield_per=_BATCH)) as result:
            yield from result.mappings().partitions(_BATCH)


@contextmanager
def read_snapshot(engine: Engine) -> Iterator[Connection]:
    """Yield a connection that sees the database as it is now, until the end; writers go on. Raises Unavailable."""
    options = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    try:
        with for_reading(engine).execution_options(**options).begin() as connection:
            yield connection
    except DBAPIError as error:
        raise Unavailable("The node's database does not answer: try again later.") from error


def _shown(properties: Record, *, identity: bool) -> Record:
    """Return what may be said of a person: without name, birth and citizenship where nobody may name the person."""
    return {name: value for name, value in properties.items() if identity or name not in _NAMED}


def _may_name(person: str, category: DataSubjectCategory, *, named: Mapping[str, bool]) -> bool:
    """Return whether a person's name may leave: a victim's only to the case that the victim is a party to."""
    return person in named and (category not in VICTIM_CATEGORIES or named[person])


def _envelope(row: RowMapping) -> Record:
    return {name: _plain(name, row[name]) for name in _ENVELOPE if row[name] is not None}


def _dates(row: RowMapping, *names: str) -> Record:
    return {name: cast("date", row[name]).isoformat() for name in names if row[name] is not None}


def _plain(name: str, value: object) -> object:
    """Return a column's value as the import format spells it."""
    if name == "purposes":
        return [code for code, purpose in PURPOSE_CODES.items() if purpose.value & cast("int", value)]
    if name == "citizenships":
        return cast("str", value).split()
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, date | datetime) else value
