"""Erasure: an entity with everything that hangs on it, what only it kept on record, and an entry in the ledger."""

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, column, delete, exists, func, insert, inspect, or_, select, table

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import KEEPING
from safeborders.node.storage.admission import ENTITY, LINK
from safeborders.node.storage.base import plain_table
from safeborders.node.storage.erased_subjects import mark_erased
from safeborders.node.storage.lifecycle_dates import (
    THING_RANK,
    Transaction,
    raise_snapshot_mark,
    rules_joined_to_entities,
)
from safeborders.node.storage.lifecycle_tables import (
    ErasureRow,
    RetentionRuleRow,
    ReviewFlagRow,
)
from safeborders.node.storage.resolution_store import forget_persons

_ERASURE = plain_table(ErasureRow)
_RULE = plain_table(RetentionRuleRow)
_FLAG = plain_table(ReviewFlagRow)
_CHUNK = 500  # identifiers in one statement
_NEVER_ORPHANS = (EntityKind.CASE, EntityKind.PERSON)

WITHOUT_FOREIGN_KEY: Mapping[str, tuple[str, ...]] = {
    "suggested_link": ("first_id", "second_id"),
    "case_type_hypothesis": ("case_id",),
    "role_hypothesis": ("person_id", "case_id"),
    "role_decision": ("person_id", "case_id"),
    "review_flag": ("row_id",),
    "handling_release": ("row_id",),
    "restriction": ("row_id",),
    "import_history": ("row_id", "first_id", "second_id"),  # what rows were before an import replaced them
    "entity_link": ("first_id", "second_id"),  # candidates and decisions of entity resolution
    "person_record": ("record_id",),
}
"""Columns that name entities and links without a foreign key, by table; what they say is erased with its subject.

A test looks for such columns in every table: a new one stands here, or is a journal's, which keeps identifiers only.
"""

RETENTION, REQUEST, ORPHAN, RECTIFICATION = "retention", "request", "orphan", "rectification"
SOURCE_DATE = "the date that the source stated"
FOUND_WRONG = "found wrong"
LAST_HOLDER = "nothing is left that it belonged to"


@dataclass(frozen=True)
class Ground:
    """Why rows are erased.

    Attributes:
        why: One of the four words of the ledger.
        at: When.
        reference: Of a request; "" for the nightly job.
        actor: Who erases, as the audit log calls them.
    """

    why: str
    at: datetime
    reference: str = ""
    actor: str = "node"


@dataclass(frozen=True)
class Erasure:
    """One entry of the ledger."""

    at: datetime
    kind: str
    why: str
    rule: str
    reference: str


def erase_entities(connection: Transaction, rules: Mapping[str, str], *, ground: Ground) -> dict[str, int]:
    """Erase entities and, after them, what they alone kept on record; return how many of each kind are gone.

    Args:
        connection: The caller's transaction.
        rules: By which rule each entity goes, by identifier.
        ground: Why.
    """
    gone: dict[str, int] = {}
    while rules:
        kept_by_them = _kept_by(connection, list(rules))
        for kind, number in _erase(connection, rules, ground=ground).items():
            gone[kind] = gone.get(kind, 0) + number
        rules = dict.fromkeys(_without_keeper(connection, kept_by_them), LAST_HOLDER)
        ground = Ground(why=ORPHAN, at=ground.at, reference=ground.reference)
    if gone:
        raise_snapshot_mark(connection)
    return gone


def erase_links(connection: Transaction, rules: Mapping[str, str], *, ground: Ground) -> dict[str, int]:
    """Erase links, and what they alone kept on record; return how many of each kind are gone."""
    gone: dict[str, int] = {}
    targets: list[str] = []
    for chunk in _chunks(list(rules)):
        rows = connection.execute(select(LINK.c.id, LINK.c.kind, LINK.c.target).where(LINK.c.id.in_(chunk))).all()
        enter_erasures(connection, [(row.id, row.kind.value, rules[row.id]) for row in rows], ground=ground)
        _forget(connection, chunk)
        connection.execute(delete(LINK).where(LINK.c.id.in_(chunk)))
        targets += [row.target for row in rows if row.kind in KEEPING]
        for row in rows:
            gone[row.kind.value] = gone.get(row.kind.value, 0) + 1
    if gone:
        raise_snapshot_mark(connection)
    orphans = dict.fromkeys(_without_keeper(connection, targets), LAST_HOLDER)
    after = Ground(why=ORPHAN, at=ground.at, reference=ground.reference)
    return {**gone, **erase_entities(connection, orphans, ground=after)}


def entities_past_retention(connection: Transaction, *, today: date, most: int) -> dict[str, str]:
    """Return at most ``most`` entities whose time is over, with the rule that says so."""
    over = (
        select(ENTITY.c.id, ENTITY.c.retain_until, ENTITY.c.stated_retain_until, _RULE.c.name)
        .select_from(rules_joined_to_entities())
        .where(ENTITY.c.retain_until < today)
        .limit(most)
    )
    return {
        row.id: _rule_that_ended(row.stated_retain_until, row.name, counted=row.retain_until)
        for row in connection.execute(over)
    }


def links_past_retention(connection: Transaction, *, today: date, most: int) -> dict[str, str]:
    """Return at most ``most`` links whose time is over, with the rule that says so."""
    name = connection.execute(select(_RULE.c.name).where(_RULE.c.rank == THING_RANK)).scalars().first()
    policy = f"{name.partition(':')[0]}: link" if name else None
    over = select(LINK.c.id, LINK.c.retain_until, LINK.c.stated_retain_until).where(LINK.c.retain_until < today)
    over = over.limit(most)
    return {
        row.id: _rule_that_ended(row.stated_retain_until, policy, counted=row.retain_until)
        for row in connection.execute(over)
    }


def flag_reviews(connection: Transaction, *, today: date) -> int:
    """Write anew which rows somebody must look at again, and return how many they are."""
    connection.execute(delete(_FLAG))
    number = 0
    for rows_of, name in ((ENTITY, "entity"), (LINK, "link")):
        due = select(rows_of.c.id, rows_of.c.kind, rows_of.c.review_due).where(rows_of.c.review_due < today)
        rows = [
            {"row_id": row.id, "row_table": name, "kind": row.kind.value, "review_due": row.review_due,
             "flagged_on": today}
            for row in connection.execute(due)
        ]  # fmt: skip
        if rows:
            connection.execute(insert(_FLAG), rows)
        number += len(rows)
    return number


def count_flags(connection: Transaction) -> list[tuple[str, int, date]]:
    """Return of each kind how many rows are flagged for a review, and the earliest date on which one was due."""
    wanted = select(_FLAG.c.kind, func.count(), func.min(_FLAG.c.review_due)).group_by(_FLAG.c.kind)
    return [(row[0], row[1], row[2]) for row in connection.execute(wanted.order_by(_FLAG.c.kind))]


def list_erasures(connection: Transaction, *, identifier: str | None = None) -> list[Erasure]:
    """Return the entries of the ledger in their order; with ``identifier`` those about it only."""
    rows = connection.execute(select(_ERASURE).order_by(_ERASURE.c.number)).all()
    return [
        Erasure(at=row.at, kind=row.kind, why=row.why, rule=row.rule, reference=row.reference)
        for row in rows
        if identifier is None or row.subject_hash == _hash(row.salt, identifier)
    ]


def last_entry(connection: Transaction) -> int:
    """Return the number of the ledger's last entry; 0 before the first."""
    return int(connection.execute(select(func.coalesce(func.max(_ERASURE.c.number), 0))).scalar_one())


def _erase(connection: Transaction, rules: Mapping[str, str], *, ground: Ground) -> dict[str, int]:
    gone: dict[str, int] = {}
    for chunk in _chunks(list(rules)):
        rows = connection.execute(select(ENTITY.c.id, ENTITY.c.kind).where(ENTITY.c.id.in_(chunk))).all()
        enter_erasures(connection, [(row.id, row.kind.value, rules[row.id]) for row in rows], ground=ground)
        persons = [row.id for row in rows if row.kind is EntityKind.PERSON]
        forget_persons(connection, persons, at=ground.at)  # before its decisions go with the rest
        if ground.why == REQUEST:
            mark_erased(connection, persons)
        links = select(LINK.c.id).where(or_(LINK.c.source.in_(chunk), LINK.c.target.in_(chunk)))
        _forget(connection, [*chunk, *connection.execute(links).scalars()])
        connection.execute(delete(ENTITY).where(ENTITY.c.id.in_(chunk)))  # the rest goes by its foreign keys
        for row in rows:
            gone[row.kind.value] = gone.get(row.kind.value, 0) + 1
    return gone


def enter_erasures(connection: Transaction, rows: Sequence[tuple[str, str, str]], *, ground: Ground) -> None:
    """Write an entry for each erased row: identifier, kind, rule."""
    entries = []
    for identifier, kind, rule in rows:
        salt = secrets.token_hex(16)
        about = {"kind": kind, "rule": rule, "salt": salt, "subject_hash": _hash(salt, identifier)}
        entries.append({**about, "at": ground.at, "why": ground.why, "reference": ground.reference})
    if entries:
        connection.execute(insert(_ERASURE), entries)


def _forget(connection: Transaction, rows: Sequence[str]) -> None:
    """Delete what is said about rows where no foreign key reaches."""
    there = set(inspect(connection).get_table_names())
    for name, columns in WITHOUT_FOREIGN_KEY.items():
        if name not in there:
            continue
        loose = table(name, *(column(one) for one in columns))
        for chunk in _chunks(rows):
            connection.execute(delete(loose).where(or_(*(loose.c[one].in_(chunk) for one in columns))))


def _kept_by(connection: Transaction, keepers: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for chunk in _chunks(keepers):
        kept = select(LINK.c.target).where(LINK.c.source.in_(chunk), LINK.c.kind.in_(KEEPING))
        found.update(dict.fromkeys(connection.execute(kept).scalars()))
    return list(found)


def _without_keeper(connection: Transaction, candidates: Sequence[str]) -> list[str]:
    """Return which of ``candidates`` are on record for nothing any more."""
    kept = exists(select(LINK.c.id).where(LINK.c.target == ENTITY.c.id, LINK.c.kind.in_(KEEPING)))
    alone = and_(~kept, ENTITY.c.kind.not_in(_NEVER_ORPHANS))
    found: list[str] = []
    for chunk in _chunks(candidates):
        found += connection.execute(select(ENTITY.c.id).where(ENTITY.c.id.in_(chunk), alone)).scalars()
    return list(dict.fromkeys(found))


def _rule_that_ended(stated: date | None, policy: str | None, *, counted: date) -> str:
    is_stated = stated is None or stated == counted
    return SOURCE_DATE if is_stated or policy is None else policy


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _hash(salt: str, identifier: str) -> str:
    return hashlib.sha256(f"{salt}:{identifier}".encode()).hexdigest()
