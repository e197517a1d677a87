"""Retention: dates by the national policy, and the nightly job that erases, flags and restricts again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from safeborders.configs.retention import THING, RetentionPolicy
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.governance import Sensitivity
from safeborders.models.domain.statuses import DataSubjectCategory
from safeborders.node.storage.admission import RANKS
from safeborders.node.storage.audit import record_event
from safeborders.node.storage.database import Store
from safeborders.node.storage.lifecycle_dates import (
    THING_RANK,
    Rule,
    Transaction,
    apply_rules,
    list_reports,
    put_rules,
    restrict_again,
)
from safeborders.node.storage.lifecycle_erasure import (
    RETENTION,
    Ground,
    count_flags,
    entities_past_retention,
    erase_entities,
    erase_links,
    flag_reviews,
    last_entry,
    links_past_retention,
)
from safeborders.node.storage.subject_actions import extend_restrictions

_BATCH = 2_000  # rows erased in one transaction, so that nobody waits long for the database

_Find = Callable[..., dict[str, str]]
_Erase = Callable[..., dict[str, int]]


@dataclass(frozen=True)
class RetentionReport:
    """What the nightly job did.

    Attributes:
        as_of: The day that it took for today.
        erased: How many of each kind are gone, those included that nothing was left to belong to.
        flagged: How many rows somebody must look at again.
    """

    as_of: date
    erased: dict[str, int] = field(default_factory=dict)
    flagged: int = 0


def set_dates(connection: Transaction, *, report_id: str | None, policy: RetentionPolicy | None) -> None:
    """Give the rows of one import their dates by ``policy``, and put back restrictions that a file cannot know of.

    A date is never later than the source stated. Rows of earlier imports are dated anew where their person got a status
    by this one. Called once inside the import's transaction, after its last row: what that row holds then is what the
    source stated.

    Args:
        connection: The import's transaction.
        report_id: The import's report; None for everything on record.
        policy: The national policy; None keeps the source's dates (a demonstration).
    """
    if policy is not None:
        put_rules(connection, _rules(policy))
        for report in list_reports(connection) if report_id is None else [report_id]:
            apply_rules(connection, report_id=report, is_import=report_id is not None)
    restrict_again(connection)


def run_retention(
    store: Store,
    *,
    policy: RetentionPolicy | None,
    now: datetime,
    as_of: date,
    actor: str = "node",
) -> RetentionReport:
    """Erase what is past its retention, flag what is past its review, and keep restrictions whole.

    Each batch is erased together with its entries in the ledger; whatever a stopped run left is done by the next. Who
    keeps files that were computed from records calls :func:`remove_derived` when anything was erased.

    Args:
        store: The country's database.
        policy: The national policy; None goes by the dates on record.
        now: For the ledger.
        as_of: What counts as today.
        actor: Who runs it, as the audit log calls them.
    """
    _renew_dates(store, policy)
    with store.transaction() as connection:
        restrict_again(connection)
        extend_restrictions(connection, now=now)
    ground = Ground(why=RETENTION, at=now, actor=actor)
    erased: dict[str, int] = {}
    steps: tuple[tuple[_Find, _Erase], ...] = (
        (entities_past_retention, erase_entities),
        (links_past_retention, erase_links),
    )
    for find, erase in steps:
        while gone := _erase_batch(store, find, erase=erase, ground=ground, as_of=as_of):
            for kind, number in gone.items():
                erased[kind] = erased.get(kind, 0) + number
    with store.transaction() as connection:
        flagged = flag_reviews(connection, today=as_of)
    return RetentionReport(as_of=as_of, erased=erased, flagged=flagged)


def _renew_dates(store: Store, policy: RetentionPolicy | None) -> None:
    """Date everything anew, one report at a time, so that nobody waits long for the database."""
    if policy is None:
        return
    with store.transaction() as connection:
        put_rules(connection, _rules(policy))
        reports = list_reports(connection)
    for report_id in reports:
        with store.transaction() as connection:
            apply_rules(connection, report_id=report_id, is_import=False)


def _erase_batch(store: Store, find: _Find, *, erase: _Erase, ground: Ground, as_of: date) -> dict[str, int]:
    with store.transaction() as connection:
        over = find(connection, today=as_of, most=_BATCH)
        gone = erase(connection, over, ground=ground)
        if gone:
            _record(connection, gone, ground=ground)
        return gone


def _record(connection: Transaction, gone: Mapping[str, int], *, ground: Ground) -> None:
    """Enter the batch in the audit log, in its own transaction; the ledger's entries say what, and by which rule."""
    entry = f"erasure_ledger:{last_entry(connection)}"
    facts = {"rows": sum(gone.values())}
    event = AuditEvent(Operation.ERASURE, action="retention.run", actor=ground.actor, objects=(entry,), facts=facts)
    record_event(connection, event, at=ground.at)


def list_due(store: Store) -> list[dict[str, object]]:
    """Return how many rows of each kind wait for a review, and since when the oldest does."""
    with store.transaction() as connection:
        return [
            {"kind": kind, "rows": rows, "oldest": oldest.isoformat()} for kind, rows, oldest in count_flags(connection)
        ]


def remove_derived(folder: Path | None) -> None:
    """Remove files that were computed from records, because they name who is erased; the next run writes them anew."""
    for path in sorted(folder.glob("*.json")) if folder is not None else ():
        path.unlink(missing_ok=True)


def _rules(policy: RetentionPolicy) -> list[Rule]:
    subjects: list[tuple[DataSubjectCategory | None, int]] = [(None, THING_RANK)]
    subjects += [(category, RANKS[category]) for category in DataSubjectCategory]
    return [
        Rule(
            subject=THING if category is None else category.value,
            sensitivity=sensitivity.value,
            rank=rank,
            review_days=policy.period(category, sensitivity).review_after,
            retain_days=policy.period(category, sensitivity).retain_for,
            name=policy.rule_name(category, sensitivity),
        )
        for category, rank in subjects
        for sensitivity in Sensitivity
    ]
