"""What may be learnt from and what may enter a match filter, as SQL: the one place that decides.

Everything that enters a training tensor or a filter is selected by these conditions. Their twin in plain Python is
``node.lifecycle.admission``; a test compares both, row by row, on both databases.
"""

from datetime import date

from sqlalchemy import ColumnElement, FromClause, and_, case, exists, func, not_, or_, select

from safeborders.models.domain.ages import born_by_for_certain_adults
from safeborders.models.domain.entities import DatePrecision, EntityKind
from safeborders.models.domain.governance import Handling, Purpose, Sensitivity
from safeborders.models.domain.relations import HOLDING
from safeborders.models.domain.statuses import (
    PRECEDENCE,
    SHARED_CATEGORIES,
    VICTIM_CATEGORIES,
    DataSubjectCategory,
)
from safeborders.node.storage.base import plain_table
from safeborders.node.storage.entities import EntityRow, PersonRow
from safeborders.node.storage.lifecycle_tables import HandlingReleaseRow
from safeborders.node.storage.tables import LinkRow, PersonStatusRow

ENTITY = plain_table(EntityRow)
LINK = plain_table(LinkRow)
_PERSON = plain_table(PersonRow)
_STATUS = plain_table(PersonStatusRow)
_RELEASE = plain_table(HandlingReleaseRow)

RANKS = {category: rank for rank, category in enumerate(PRECEDENCE)}
"""Place of each category in the precedence: the smallest of a person's ranks counts."""

IDENTIFIERS = (
    EntityKind.PHONE,
    EntityKind.ONLINE_ACCOUNT,
    EntityKind.FINANCIAL_ACCOUNT,
    EntityKind.VEHICLE,
    EntityKind.IDENTITY_DOCUMENT,
)
"""What a match filter may hold beside persons."""


def may_be_learnt_from(table: FromClause, *, purposes: Purpose, today: date) -> ColumnElement[bool]:
    """Return the condition on the envelope of an entity or a link; a person must pass :func:`is_known` too."""
    return and_(
        table.c.train_ok.is_(True),
        table.c.restricted.is_(False),
        table.c.handling != Handling.H2,
        _is_in_time(table, today),
        table.c.purposes.op("&")(int(purposes)) != 0,
    )


def entity_may_be_learnt_from(table: FromClause, *, purposes: Purpose, today: date) -> ColumnElement[bool]:
    """Return the whole condition on an entity: a person of unknown category is learnt from as little as restricted."""
    known = or_(table.c.kind != EntityKind.PERSON, is_known(table.c.id, today=today))
    return and_(may_be_learnt_from(table, purposes=purposes, today=today), known)


def is_known(person: ColumnElement[str], *, today: date) -> ColumnElement[bool]:
    """Return the condition that somebody decided what the person is, and that the decision holds today."""
    return _rank_of(person, today=today) < RANKS[DataSubjectCategory.UNKNOWN]


def holds_on(day: date) -> ColumnElement[bool]:
    """Return the condition that a status counts on ``day``; a victim's counts for ever."""
    began = or_(_STATUS.c.valid_from.is_(None), _STATUS.c.valid_from <= day)
    lasts = or_(_STATUS.c.valid_to.is_(None), _STATUS.c.valid_to >= day)
    return or_(_STATUS.c.category.in_(VICTIM_CATEGORIES), and_(began, lasts))


def status_rank() -> ColumnElement[int]:
    """Return the rank of a status row's category."""
    return case(dict(RANKS), value=_STATUS.c.category)


def link_may_enter_filter(table: FromClause, *, today: date) -> ColumnElement[bool]:
    """Return the condition on the envelope of an entity or a link; see :func:`may_enter_filter` for the whole."""
    released = exists(select(_RELEASE.c.row_id).where(_RELEASE.c.row_id == table.c.id))
    return and_(
        table.c.share_ok.is_(True),
        table.c.restricted.is_(False),
        or_(table.c.handling == Handling.H0, released),
        table.c.sensitivity == Sensitivity.NORMAL,
        _is_in_time(table, today),
        table.c.purposes.op("&")(int(Purpose.DECONFLICTION)) != 0,
    )


def may_enter_filter(*, today: date) -> ColumnElement[bool]:
    """Return the condition on ``entity``: an adult suspect or convict, or an identifier that only such persons hold."""
    identifier = and_(ENTITY.c.kind.in_(IDENTIFIERS), _only_shared_holders(today))
    person = and_(ENTITY.c.kind == EntityKind.PERSON, _is_shared_person(ENTITY, today))
    return and_(link_may_enter_filter(ENTITY, today=today), or_(person, identifier))


def _is_in_time(table: FromClause, today: date) -> ColumnElement[bool]:
    return and_(table.c.review_due >= today, table.c.retain_until >= today)


def _rank_of(person: ColumnElement[str], *, today: date) -> ColumnElement[int]:
    statuses = select(func.min(status_rank())).where(_STATUS.c.person_id == person, holds_on(today))
    return func.coalesce(statuses.scalar_subquery(), RANKS[DataSubjectCategory.UNKNOWN])


def _is_shared_person(table: FromClause, today: date) -> ColumnElement[bool]:
    ranks = [RANKS[category] for category in SHARED_CATEGORIES]
    return and_(_rank_of(table.c.id, today=today).in_(ranks), _is_adult(table.c.id, today))


def _is_adult(person: ColumnElement[str], today: date) -> ColumnElement[bool]:
    precision, born = _PERSON.c.birth_precision, _PERSON.c.birth_date
    certain = or_(
        *(
            and_(precision == known, born <= born_by_for_certain_adults(today, known))
            for known in (DatePrecision.DAY, DatePrecision.MONTH, DatePrecision.YEAR)
        ),
        and_(precision.is_(None), born <= born_by_for_certain_adults(today, None)),
    )
    return exists(select(_PERSON.c.id).where(_PERSON.c.id == person, certain))


def _only_shared_holders(today: date) -> ColumnElement[bool]:
    """At least one holder by a link that may be shared, and nobody among all holders who may not be."""
    holder = ENTITY.alias("holder")
    holds = and_(LINK.c.target == ENTITY.c.id, LINK.c.kind.in_(HOLDING), holder.c.id == LINK.c.source)
    shared = and_(link_may_enter_filter(holder, today=today), _is_shared_person(holder, today))
    holders = select(LINK.c.id).select_from(LINK).join(holder, holder.c.id == LINK.c.source).correlate(ENTITY)
    return and_(
        exists(holders.where(holds, link_may_enter_filter(LINK, today=today))),
        not_(exists(holders.where(holds, not_(shared)))),
    )
