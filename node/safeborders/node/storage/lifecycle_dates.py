"""Review and retention dates in bulk: what the source stated, cut by the national policy's rules."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Date,
    FromClause,
    Select,
    Table,
    and_,
    case,
    cast,
    delete,
    false,
    func,
    insert,
    or_,
    select,
    text,
    update,
)

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.statuses import DataSubjectCategory
from safeborders.node.storage.admission import ENTITY, LINK, RANKS, status_rank
from safeborders.node.storage.base import plain_table
from safeborders.node.storage.lifecycle_tables import RestrictionRow, RetentionRuleRow, SnapshotRow
from safeborders.node.storage.tables import PersonStatusRow, SourceReportRow

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


def apply_rules(connection: Transaction, *, report_id: str, is_import: bool) -> None:
    """Set both dates of one report's rows, and of what else depends on a status of that report.

    A date is never later than the source stated. An entity's rule is that of its person's category, by all statuses on
    record; a link's the shortest of the persons whom it joins.

    Args:
        connection: The caller's transaction.
        report_id: Whose rows.
        is_import: Whether the report's rows were written just now, so that their dates are what the source states.
    """
    is_postgres = connection.dialect.name == "postgresql"
    for table, chosen in ((ENTITY, _rules_of_entities(report_id)), (LINK, _rules_of_links(report_id))):
        fresh = table.c.report_id == report_id if is_import else false()
        values = _dates(table, chosen, fresh=fresh, is_postgres=is_postgres)
        differs = or_(*(table.c[name].is_distinct_from(value) for name, value in values.items()))
        connection.execute(update(table).where(table.c.id == chosen.c.id, differs).values(values))


def list_reports(connection: Transaction) -> list[str]:
    """Return the identifiers of all source reports."""
    return list(connection.execute(select(SourceReportRow.id).order_by(SourceReportRow.id)).scalars())


def restrict_again(connection: Transaction) -> None:
    """Put back the restrictions that data subjects obtained: an import does not know of them."""
    for table, name in ((ENTITY, "entity"), (LINK, "link")):
        wanted = select(_RESTRICTION.c.row_id).where(_RESTRICTION.c.row_table == name)
        connection.execute(
            update(table).where(table.c.restricted.is_(False), table.c.id.in_(wanted)).values(restricted=True)
        )


def holds_restricted(connection: Transaction, *, report_id: str, run: int) -> bool:
    """Tell whether a data subject's restriction lies on a row that undoing this import would delete."""
    return any(
        connection.execute(
            text(
                f"SELECT 1 FROM {name} AS row JOIN restriction ON restriction.row_id = row.id"  # noqa: S608  # constants
                " WHERE row.report_id = :report AND NOT EXISTS (SELECT 1 FROM import_history AS old"
                " WHERE old.run = :run AND old.row_table = :name AND old.row_id = row.id) LIMIT 1"
            ),
            {"report": report_id, "run": run, "name": name},
        ).first()
        for name in ("entity", "link")
    )


def raise_snapshot_mark(connection: Transaction) -> None:
    """Tell whoever read the records before that they must be read again."""
    table = plain_table(SnapshotRow)
    connection.execute(update(table).values(number=table.c.number + 1))


def read_snapshot_mark(connection: Transaction) -> int:
    """Return the number that rises when rows may no longer be used as before."""
    return int(connection.execute(select(SnapshotRow.number)).scalar_one())


def rules_joined_to_entities() -> FromClause:
    """Return entities with their one rule; where no policy was ever applied the rule is NULL."""
    ranks = _ranks()
    rank = case((ENTITY.c.kind == EntityKind.PERSON, func.coalesce(ranks.c.rank, _UNKNOWN)), else_=THING_RANK)
    rule = and_(_RULE.c.rank == rank, _RULE.c.sensitivity == ENTITY.c.sensitivity)
    return ENTITY.outerjoin(ranks, ranks.c.person_id == ENTITY.c.id).outerjoin(_RULE, rule)


def _once(query: Select[Any], name: str) -> CTE:
    """Let both databases compute a query once: left alone, SQLite computes some of them anew for each row."""
    return query.cte(name).prefix_with("MATERIALIZED")


def _ranks() -> CTE:
    """The strongest category of each person on record, whenever it held: what ended still says why one is kept."""
    strongest = func.min(status_rank()).label("rank")
    return _once(select(_STATUS.c.person_id, strongest).group_by(_STATUS.c.person_id), "ranks")


def _judged_in(report_id: str) -> Select[tuple[str]]:
    """Persons of whom the report says what they are."""
    return select(_STATUS.c.person_id).where(_STATUS.c.report_id == report_id)


def _rules_of_entities(report_id: str) -> CTE:
    chosen = select(ENTITY.c.id, _RULE.c.review_days, _RULE.c.retain_days).select_from(rules_joined_to_entities())
    judged = ENTITY.c.id.in_(_judged_in(report_id))
    chosen = chosen.where(or_(ENTITY.c.report_id == report_id, judged))
    return _once(chosen.where(_RULE.c.rank.is_not(None)), "chosen")


def _rules_of_links(report_id: str) -> CTE:
    ranks = _ranks()
    of_source, of_target = ranks.alias("of_source"), ranks.alias("of_target")
    source = func.coalesce(of_source.c.rank, _UNKNOWN)
    target = func.coalesce(of_target.c.rank, _UNKNOWN)
    from_person, to_person = LINK.c.source_kind == EntityKind.PERSON, LINK.c.target_kind == EntityKind.PERSON
    first_rule, second_rule = _RULE.alias("first_rule"), _RULE.alias("second_rule")
    first = case((from_person, source), (to_person, target), else_=THING_RANK)
    second = case((to_person, target), (from_person, source), else_=THING_RANK)
    joined = (
        LINK.outerjoin(of_source, of_source.c.person_id == LINK.c.source)
        .outerjoin(of_target, of_target.c.person_id == LINK.c.target)
        .join(first_rule, and_(first_rule.c.rank == first, first_rule.c.sensitivity == LINK.c.sensitivity))
        .join(second_rule, and_(second_rule.c.rank == second, second_rule.c.sensitivity == LINK.c.sensitivity))
    )
    days = {
        name: case((first_rule.c[name] < second_rule.c[name], first_rule.c[name]), else_=second_rule.c[name])
        for name in ("review_days", "retain_days")
    }
    chosen = select(LINK.c.id, *(value.label(name) for name, value in days.items())).select_from(joined)
    judged = [end.in_(_judged_in(report_id)) for end in (LINK.c.source, LINK.c.target)]
    chosen = chosen.where(or_(LINK.c.report_id == report_id, *judged))
    return _once(chosen, "chosen")


def _dates(
    table: Table, chosen: CTE, *, fresh: ColumnElement[bool], is_postgres: bool
) -> dict[str, ColumnElement[date]]:
    def after(start: ColumnElement[date], days: ColumnElement[int]) -> ColumnElement[date]:
        return start + days if is_postgres else func.date(start, func.printf("+%d days", days))

    def earlier(first: ColumnElement[date], second: ColumnElement[date]) -> ColumnElement[date]:
        return func.least(first, second) if is_postgres else func.min(first, second)

    def stated(name: str) -> ColumnElement[date]:
        kept = func.coalesce(table.c[f"stated_{name}"], table.c[name])
        return case((fresh, table.c[name]), else_=kept)  # what was written over an older row is what is stated now

    recorded = cast(func.timezone("UTC", table.c.recorded_at), Date) if is_postgres else table.c.recorded_at
    retain_until = earlier(stated("retain_until"), after(recorded, chosen.c.retain_days))
    review_due = case(
        (table.c.reviewed_on.is_(None), earlier(stated("review_due"), after(recorded, chosen.c.review_days))),
        else_=after(table.c.reviewed_on, chosen.c.review_days),
    )
    return {
        "stated_review_due": stated("review_due"),
        "stated_retain_until": stated("retain_until"),
        "retain_until": retain_until,
        "review_due": earlier(review_due, retain_until),
    }
