"""Review and retention dates in bulk: what the source stated, cut by the national policy's rules."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    FromClause,
    Select,
    Subquery,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    true,
    union,
    update,
)

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.statuses import DataSubjectCategory
from safeborders.node.storage.admission import ENTITY, LINK, RANKS, status_rank
from safeborders.node.storage.base import plain_table
from safeborders.node.storage.lifecycle_tables import RestrictionRow, RetentionRuleRow, SnapshotRow
from safeborders.node.storage.tables import PersonStatusRow

Transaction = Connection
"""An open transaction of the country's database, for callers that hand it on and ask it nothing."""

THING_RANK = -1
_RULE = plain_table(RetentionRuleRow)
_STATUS = plain_table(PersonStatusRow)
_RESTRICTION = plain_table(RestrictionRow)
_UNKNOWN = RANKS[DataSubjectCategory.UNKNOWN]


@dataclass(frozen=True)
class Rule:
    """One rule of the policy, as the database joins it."""

    subject: str
    sensitivity: str
    rank: int
    review_days: int
    retain_days: int
    name: str


def put_rules(connection: Transaction, rules: Sequence[Rule]) -> None:
    """Put ``rules`` in place of all earlier ones."""
    connection.execute(delete(_RULE))
    connection.execute(insert(_RULE), [asdict(rule) for rule in rules])


def apply_rules(connection: Transaction, *, report_id: str | None) -> None:
    """Set both dates of one report's rows, and of what else depends on a status of that report; None means all rows.

    A date is never later than the source stated. An entity's rule is that of its person's category, by all statuses on
    record; a link's the shortest of the persons whom it joins.
    """
    for table, chosen, in_scope in (
        (ENTITY, _rules_of_entities(report_id), _entities_of(report_id)),
        (LINK, _rules_of_links(report_id), _links_of(report_id)),
    ):
        unstated = and_(table.c.stated_retain_until.is_(None), in_scope)
        connection.execute(
            update(table)
            .where(unstated)
            .values(stated_review_due=table.c.review_due, stated_retain_until=table.c.retain_until)
        )
        values = _dates(table, chosen, is_postgres=connection.dialect.name == "postgresql")
        differs = or_(*(table.c[name] != value for name, value in values.items()))
        connection.execute(update(table).where(table.c.id == chosen.c.id, differs).values(values))


def restrict_again(connection: Transaction) -> None:
    """Put back the restrictions that data subjects obtained: an import does not know of them."""
    for table, name in ((ENTITY, "entity"), (LINK, "link")):
        wanted = select(_RESTRICTION.c.row_id).where(_RESTRICTION.c.row_table == name)
        connection.execute(
            update(table).where(table.c.restricted.is_(False), table.c.id.in_(wanted)).values(restricted=True)
        )


def raise_snapshot_mark(connection: Transaction) -> None:
    """Tell whoever read the records before that they must be read again."""
    table = plain_table(SnapshotRow)
    connection.execute(update(table).values(number=table.c.number + 1))


def read_snapshot_mark(connection: Transaction) -> int:
    """Return the number that rises when rows may no longer be used as before."""
    return int(connection.execute(select(SnapshotRow.number)).scalar_one())


def _entities_of(report_id: str | None) -> ColumnElement[bool]:
    if report_id is None:
        return true()
    return or_(ENTITY.c.report_id == report_id, ENTITY.c.id.in_(_judged_in(report_id)))


def _links_of(report_id: str | None) -> ColumnElement[bool]:
    if report_id is None:
        return true()
    touched = union(
        select(LINK.c.id).where(LINK.c.report_id == report_id),
        select(LINK.c.id).where(LINK.c.source.in_(_judged_in(report_id))),
        select(LINK.c.id).where(LINK.c.target.in_(_judged_in(report_id))),
    )
    return LINK.c.id.in_(select(touched.subquery().c.id))


def _judged_in(report_id: str) -> Select[tuple[str]]:
    """Persons of whom the report says what they are."""
    return select(_STATUS.c.person_id).where(_STATUS.c.report_id == report_id)


def is_rule_of_entity() -> ColumnElement[bool]:
    """Return the condition that joins each entity to its one rule."""
    rank = case((ENTITY.c.kind == EntityKind.PERSON, _rank_of(ENTITY.c.id)), else_=THING_RANK)
    return and_(_RULE.c.rank == rank, _RULE.c.sensitivity == ENTITY.c.sensitivity)


def _rules_of_entities(report_id: str | None) -> Subquery:
    return (
        select(ENTITY.c.id, _RULE.c.review_days, _RULE.c.retain_days)
        .select_from(ENTITY)
        .join(_RULE, is_rule_of_entity())
        .where(_entities_of(report_id))
        .subquery("chosen")
    )


def _rules_of_links(report_id: str | None) -> Subquery:
    ends = [
        case((kind == EntityKind.PERSON, _rank_of(end)), else_=THING_RANK)
        for end, kind in ((LINK.c.source, LINK.c.source_kind), (LINK.c.target, LINK.c.target_kind))
    ]
    ranked = (
        select(LINK.c.id, LINK.c.sensitivity, ends[0].label("first"), ends[1].label("second"))
        .where(_links_of(report_id))
        .subquery("ranked")
    )
    persons = or_(
        and_(ranked.c.first != THING_RANK, _RULE.c.rank == ranked.c.first),
        and_(ranked.c.second != THING_RANK, _RULE.c.rank == ranked.c.second),
        and_(ranked.c.first == THING_RANK, ranked.c.second == THING_RANK, _RULE.c.rank == THING_RANK),
    )
    return (
        select(
            ranked.c.id,
            func.min(_RULE.c.review_days).label("review_days"),
            func.min(_RULE.c.retain_days).label("retain_days"),
        )
        .select_from(ranked)
        .join(_RULE, and_(_RULE.c.sensitivity == ranked.c.sensitivity, persons))
        .group_by(ranked.c.id)
        .subquery("chosen")
    )


def _rank_of(person: ColumnElement[str]) -> ColumnElement[int]:
    """The strongest category on record, whenever it held: what ended still says why the person is kept."""
    rank = select(func.min(status_rank())).where(_STATUS.c.person_id == person).scalar_subquery()
    return func.coalesce(rank, _UNKNOWN)


def _dates(table: FromClause, chosen: Subquery, *, is_postgres: bool) -> dict[str, ColumnElement[date]]:
    def after(start: ColumnElement[date], days: ColumnElement[int]) -> ColumnElement[date]:
        return start + days if is_postgres else func.date(start, func.printf("+%d days", days))

    def earlier(first: ColumnElement[date], second: ColumnElement[date]) -> ColumnElement[date]:
        return func.least(first, second) if is_postgres else func.min(first, second)

    recorded = cast(func.timezone("UTC", table.c.recorded_at), Date) if is_postgres else table.c.recorded_at
    retain_until = earlier(table.c.stated_retain_until, after(recorded, chosen.c.retain_days))
    review_due = case(
        (table.c.reviewed_on.is_(None), earlier(table.c.stated_review_due, after(recorded, chosen.c.review_days))),
        else_=after(table.c.reviewed_on, chosen.c.review_days),
    )
    return {"retain_until": retain_until, "review_due": earlier(review_due, retain_until)}
