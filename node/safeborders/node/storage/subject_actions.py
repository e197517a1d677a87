"""What is done to the records of one data subject: restrict, release, rectify, review; and who must be told."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, delete, exists, insert, not_, or_, select, update

from safeborders.kit.errors import Conflict, NotFound
from safeborders.kit.ids import uuid7
from safeborders.models.domain.relations import KEEPING, RelationKind
from safeborders.node.storage.admission import ENTITY, LINK
from safeborders.node.storage.base import plain_table
from safeborders.node.storage.entities import PersonRow
from safeborders.node.storage.learning_tables import (
    CaseTypeHypothesisRow,
    RoleDecisionRow,
    RoleHypothesisRow,
    SuggestedLinkRow,
)
from safeborders.node.storage.lifecycle_dates import Transaction, raise_snapshot_mark
from safeborders.node.storage.lifecycle_erasure import (
    FOUND_WRONG,
    Ground,
    enter_erasures,
    erase_links,
)
from safeborders.node.storage.lifecycle_tables import CorrectionNoticeRow, HandlingReleaseRow, RestrictionRow
from safeborders.node.storage.resolution_store import records_of
from safeborders.node.storage.tables import LabelRow, PersonIndicatorRow, PersonStatusRow

_PERSON = plain_table(PersonRow)
_RESTRICTION = plain_table(RestrictionRow)
_RELEASE = plain_table(HandlingReleaseRow)
_NOTICE = plain_table(CorrectionNoticeRow)
_INDICATOR = plain_table(PersonIndicatorRow)
_STATUS, _LABEL = plain_table(PersonStatusRow), plain_table(LabelRow)
_DECISION = plain_table(RoleDecisionRow)


@dataclass(frozen=True)
class Correction:
    """What a rectification changes.

    Attributes:
        values: New values of the person's columns.
        match_key: The key under which the new name is found; None leaves the old one.
        indicators: New values of facts about the person; None makes a fact unknown.
        dropped: Identifiers of links, statuses, labels and decisions on roles that are wrong as a whole.
    """

    values: Mapping[str, object]
    match_key: str | None
    indicators: Mapping[str, bool | None]
    dropped: tuple[str, ...]


def restrict_person(connection: Transaction, person: str, *, now: datetime) -> int:
    """Restrict a person, all links of the person and what is on record for nobody else; return how many rows."""
    changed = 0
    for table, name, rows in (
        (LINK, "link", or_(LINK.c.source == person, LINK.c.target == person)),
        (ENTITY, "entity", or_(ENTITY.c.id == person, _only_on_record_for(person))),
    ):
        ours = exists(select(_RESTRICTION.c.row_id).where(_RESTRICTION.c.row_id == table.c.id))
        held = select(_RESTRICTION.c.row_id).where(_RESTRICTION.c.person_id == person)
        wanted = select(table.c.id).where(rows, or_(table.c.restricted.is_(False), ours), table.c.id.not_in(held))
        ids = list(connection.execute(wanted).scalars())
        if ids:
            common = {"person_id": person, "row_table": name, "since": now}
            connection.execute(insert(_RESTRICTION), [{**common, "row_id": one} for one in ids])
            connection.execute(update(table).where(table.c.id.in_(ids)).values(restricted=True, rev=table.c.rev + 1))
        changed += len(ids)
    if changed:
        raise_snapshot_mark(connection)
    return changed


def release_person(connection: Transaction, records: Sequence[str]) -> int:
    """Lift what :func:`restrict_person` restricted for a person's records, unless another person keeps it restricted.

    Raises:
        Conflict: If nothing was restricted for this person here.
    """
    held = list(
        connection.execute(select(_RESTRICTION.c.row_id).where(_RESTRICTION.c.person_id.in_(records))).scalars()
    )
    if not held:
        raise Conflict("Nothing is restricted for this person here: a restriction of the source is lifted by its file.")
    connection.execute(delete(_RESTRICTION).where(_RESTRICTION.c.person_id.in_(records)))
    others = select(_RESTRICTION.c.row_id)
    for table in (ENTITY, LINK):
        free = and_(table.c.id.in_(held), table.c.id.not_in(others))
        connection.execute(update(table).where(free).values(restricted=False, rev=table.c.rev + 1))
    raise_snapshot_mark(connection)
    return len(held)


def extend_restrictions(connection: Transaction, *, now: datetime) -> None:
    """Restrict what came on record for restricted persons since."""
    persons = list(connection.execute(select(_RESTRICTION.c.person_id).distinct()).scalars())
    for record in sorted({record for person in persons for record in records_of(connection, person)}):
        restrict_person(connection, record, now=now)


def rectify_person(
    connection: Transaction, records: Sequence[str], *, correction: Correction, ground: Ground
) -> list[str]:
    """Correct all records of a person, and forget what was derived from the wrong ones; return what was changed.

    Raises:
        Conflict: If something to be dropped does not belong to this person.
    """
    for record in records:
        _rectify_record(connection, record, correction=correction)
    changed = [*correction.values, *correction.indicators]
    changed += [_drop(connection, records, identifier, ground=ground) for identifier in correction.dropped]
    raise_snapshot_mark(connection)
    return changed


def _rectify_record(connection: Transaction, person: str, *, correction: Correction) -> None:
    if correction.values:
        connection.execute(update(_PERSON).where(_PERSON.c.id == person).values(correction.values))
    if correction.match_key is not None:
        connection.execute(update(ENTITY).where(ENTITY.c.id == person).values(match_key=correction.match_key or None))
    _set_indicators(connection, person, correction.indicators)
    connection.execute(update(ENTITY).where(ENTITY.c.id == person).values(rev=ENTITY.c.rev + 1))
    forget_hypotheses(connection, person)


def forget_hypotheses(connection: Transaction, person: str) -> None:
    """Delete what the country's model derived from a person's records; the next run derives it anew."""
    suggested = plain_table(SuggestedLinkRow)
    connection.execute(delete(suggested).where(or_(suggested.c.first_id == person, suggested.c.second_id == person)))
    cases = select(LINK.c.target).where(LINK.c.kind == RelationKind.PARTY_TO, LINK.c.source == person)
    connection.execute(delete(CaseTypeHypothesisRow).where(CaseTypeHypothesisRow.case_id.in_(cases)))
    told = plain_table(RoleHypothesisRow)  # reasons about others in these cases may speak of this person too
    connection.execute(delete(told).where(or_(told.c.person_id == person, told.c.case_id.in_(cases))))


def review_person(connection: Transaction, person: str, *, on: date) -> None:
    """Write down that somebody found a person's records still needed; the policy counts the next review from there."""
    connection.execute(update(ENTITY).where(ENTITY.c.id == person).values(reviewed_on=on))
    touching = or_(LINK.c.source == person, LINK.c.target == person)
    connection.execute(update(LINK).where(touching).values(reviewed_on=on))


def add_notice(
    connection: Transaction, person: str, *, fields: Sequence[str], recipients: Sequence[Mapping[str, str]],
    ground: Ground,
) -> None:  # fmt: skip
    """Record that recipients must be told; without recipients there is nobody to tell."""
    if recipients:
        row = {
            "id": uuid7(), "object_id": person, "fields": list(fields), "action": ground.why,
            "reference": ground.reference, "recipients": [dict(one) for one in recipients],
            "created_at": ground.at, "notified_at": None,
        }  # fmt: skip
        connection.execute(insert(_NOTICE), [row])


def release_handling(connection: Transaction, row: str, *, provider: str, reference: str, now: datetime) -> None:
    """Write down that the provider of a row allowed its dissemination in spite of its handling code.

    Raises:
        NotFound: If no entity and no link has this identifier.
    """
    names = [
        name
        for table, name in ((ENTITY, "entity"), (LINK, "link"))
        if connection.execute(select(table.c.id).where(table.c.id == row)).first()
    ]
    if not names:
        raise NotFound("No record has this identifier: take it from 'subject show' or the node's API.")
    connection.execute(delete(_RELEASE).where(_RELEASE.c.row_id == row))
    said = {"provider": provider, "reference": reference, "released_at": now}
    connection.execute(insert(_RELEASE), [{"row_id": row, "row_table": names[0], **said}])


def _only_on_record_for(person: str) -> ColumnElement[bool]:
    """Entities that a person keeps on record and nobody else does."""
    kept = and_(LINK.c.target == ENTITY.c.id, LINK.c.kind.in_(KEEPING))
    mine = exists(select(LINK.c.id).where(kept, LINK.c.source == person))
    others = exists(select(LINK.c.id).where(kept, LINK.c.source != person))
    return and_(mine, not_(others))


def _set_indicators(connection: Transaction, person: str, values: Mapping[str, bool | None]) -> None:
    if not values:
        return
    own = select(ENTITY.c.report_id, ENTITY.c.source_grade, ENTITY.c.info_grade, ENTITY.c.recorded_at)
    provenance = connection.execute(own.where(ENTITY.c.id == person)).mappings().one()
    _delete_indicators(connection, person, values)
    rows = [{"person_id": person, "code": code, "value": value, **provenance} for code, value in values.items()]
    connection.execute(insert(_INDICATOR), rows)


def _delete_indicators(connection: Transaction, person: str, codes: Collection[str]) -> None:
    connection.execute(delete(_INDICATOR).where(_INDICATOR.c.person_id == person, _INDICATOR.c.code.in_(codes)))


def _drop(connection: Transaction, records: Sequence[str], identifier: str, *, ground: Ground) -> str:
    ours = or_(LINK.c.source.in_(records), LINK.c.target.in_(records))
    link = connection.execute(select(LINK.c.kind).where(LINK.c.id == identifier, ours)).scalar_one_or_none()
    if link is not None:
        erase_links(connection, {identifier: FOUND_WRONG}, ground=ground)
        return f"link {link.value}"
    for table, owner, name in (
        (_STATUS, _STATUS.c.person_id, "status"),
        (_LABEL, _LABEL.c.entity_id, "label"),
        (_DECISION, _DECISION.c.person_id, "role decision"),
    ):
        found = connection.execute(delete(table).where(table.c.id == identifier, owner.in_(records)))
        if found.rowcount:
            enter_erasures(connection, [(identifier, name, FOUND_WRONG)], ground=ground)
            return name
    raise Conflict("One of the things to drop does not belong to this person: take identifiers from 'subject show'.")
