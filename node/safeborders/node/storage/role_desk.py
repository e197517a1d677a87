"""Hypotheses of roles in the node's database: who sees them, what became of them, who decided."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Engine, RowMapping, and_, delete, insert, or_, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from safeborders.kit.clock import Clock
from safeborders.kit.db import for_reading
from safeborders.kit.errors import Conflict, Unavailable
from safeborders.kit.ids import uuid7
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import RelationKind
from safeborders.node.access.callers import Justification
from safeborders.node.access.errors import EventNotRecorded
from safeborders.node.access.journal import Lookup, Outcome
from safeborders.node.graph.records import CASE, EPISODE, PERSON, Relation
from safeborders.node.services.records import Entity, band_of, not_found
from safeborders.node.services.roles import CaseRoles, RoleGuess, RoleVerdict, SuspectRole
from safeborders.node.storage.access import add_lookup, lookup_not_recorded
from safeborders.node.storage.access_visibility import (
    LINK,
    find_same_person,
    is_visible,
    load_categories,
    show_entities,
)
from safeborders.node.storage.audit import record_event
from safeborders.node.storage.base import plain_table
from safeborders.node.storage.case_suspects import KnownPeople, find_suspects
from safeborders.node.storage.learning_tables import RoleDecisionRow, RoleHypothesisRow
from safeborders.node.storage.lifecycle_dates import raise_snapshot_mark

_HYPOTHESIS, _DECISION = plain_table(RoleHypothesisRow), plain_table(RoleDecisionRow)


@dataclass(frozen=True)
class _Suspect:
    """One suspect of the case: all records of the person, what people stated, what the model says."""

    records: Collection[str]
    shown: Entity
    stated: Sequence[str]
    hypothesis: RowMapping | None
    decisions: Mapping[str, RowMapping]


class SqlRoleDesk:
    """Implements services.roles.RoleDesk on the country's database."""

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def list_roles(self, case: str, *, who: Justification) -> CaseRoles:
        """Return the suspects of the caller's own case. Raises NotFound for any other."""
        with _answering(for_reading(self._engine)) as connection:
            shown, suspects = self._look(connection, case, who=who)
            return CaseRoles(case=shown, items=[_item(one) for one in suspects])

    def decide(self, verdict: RoleVerdict, *, who: Justification, at: datetime) -> SuspectRole:
        """Write a decision down. Raises NotFound where there is nothing to decide, Conflict where it has changed."""
        with _answering(self._engine) as connection:
            _, suspects = self._look(connection, verdict.case, who=who)
            one = next((one for one in suspects if verdict.person in one.records), None)
            if one is None:
                raise not_found()
            basis = one.decisions.get(verdict.role) or _open_hypothesis(one, verdict.role)
            key = {name: basis[name] for name in ("person_id", "case_id", "model_sha256")}
            before = and_(*(_DECISION.c[name] == key[name] for name in ("person_id", "case_id")))
            connection.execute(delete(_DECISION).where(before, _DECISION.c.role == verdict.role))
            said = {"role": verdict.role, "confirmed": verdict.confirmed, "note": verdict.note}
            connection.execute(
                insert(_DECISION).values(id=uuid7(), **key, **said, decided_by=who.caller.token, decided_at=at)
            )
            if not verdict.confirmed:
                raise_snapshot_mark(connection)  # a part that was confirmed before teaches nothing from now on
            _record(connection, verdict, who=who, at=at, model=key["model_sha256"])
            _, suspects = self._look(connection, verdict.case, who=who)
            return next(_item(one) for one in suspects if verdict.person in one.records)

    def _look(self, connection: Connection, case: str, *, who: Justification) -> tuple[Entity, Sequence[_Suspect]]:
        today = self._clock().date()
        shown = show_entities(connection, [case], who=who, today=today).get(case)
        if shown is None or shown.kind is not EntityKind.CASE or shown.label != who.case_reference:
            raise not_found()
        known = _known_people(connection, case, who=who, today=today)
        stated = find_suspects(connection, known, today=today)
        names = known.ids[PERSON]
        persons = show_entities(connection, names, who=who, today=today)
        hypotheses, decisions = (
            list(connection.execute(select(table).where(table.c.case_id == case)).mappings())
            for table in (_HYPOTHESIS, _DECISION)
        )
        suspects = []
        for place in (place for place, _ in stated if names[place] in persons):
            records = {record for record, at in known.places[PERSON].items() if at == place}
            suspects.append(
                _Suspect(
                    records=records,
                    shown=persons[names[place]],
                    stated=sorted(stated[place, 0]),
                    hypothesis=next((row for row in hypotheses if row["person_id"] in records), None),
                    decisions={row["role"]: row for row in decisions if row["person_id"] in records},
                )
            )
        return shown, suspects


def _record(connection: Connection, verdict: RoleVerdict, *, who: Justification, at: datetime, model: str) -> None:
    """Write who decided into journal and audit log, in the decision's own transaction."""
    objects = (verdict.case, verdict.person)
    lookup = Lookup(who, at, "role.decide", Outcome.ANSWERED, objects, reason=verdict.note, audited=None)
    event = AuditEvent(
        Operation.DECISION,
        action="role.decide",
        actor=who.caller.token,
        outcome="confirmed" if verdict.confirmed else "refused",
        purpose=who.purpose_code,
        case_reference=who.case_reference,
        objects=objects,
        facts={"role": verdict.role, "model": model},
    )
    try:
        add_lookup(connection, lookup)
        record_event(connection, event, at=at)
    except (SQLAlchemyError, EventNotRecorded) as error:
        raise lookup_not_recorded() from error


def _item(one: _Suspect) -> SuspectRole:
    row = one.hypothesis
    is_open = row is not None and not one.stated and row["role"] not in one.decisions
    return SuspectRole(
        person=one.shown, recorded_roles=one.stated, hypothesis=_guess(row) if row is not None and is_open else None
    )


def _guess(row: RowMapping) -> RoleGuess:
    return RoleGuess(
        role=row["role"],
        band=band_of(row["probability"]),
        reasons_for=[reason["text"] for reason in row["reasons"] if reason["weight"] > 0],
        reasons_against=[reason["text"] for reason in row["reasons"] if reason["weight"] < 0],
        model_sha256=row["model_sha256"],
    )


def _open_hypothesis(one: _Suspect, role: str) -> RowMapping:
    if one.hypothesis is None or one.stated:
        raise not_found()
    if one.hypothesis["role"] != role:
        raise Conflict("The hypothesis is another one by now: look at the case again before you decide.")
    return one.hypothesis


def _known_people(connection: Connection, case: str, *, who: Justification, today: date) -> KnownPeople:
    """Return who is linked to the case or to its episodes by links that this caller may see."""
    seen = is_visible(LINK, who=who, today=today)
    owns = and_(LINK.c.kind == RelationKind.HAS_EPISODE, LINK.c.source == case)
    episodes = list(connection.execute(select(LINK.c.target).where(owns, seen).order_by(LINK.c.id)).scalars())
    party = and_(LINK.c.kind == RelationKind.PARTY_TO, LINK.c.target == case)
    involved = and_(LINK.c.kind == RelationKind.INVOLVED_IN, LINK.c.target.in_(episodes))
    rows = connection.execute(
        select(LINK.c.kind, LINK.c.source, LINK.c.target, LINK.c.role).where(or_(party, involved), seen)
    ).all()
    linked = sorted({row.source for row in rows})
    person_of = find_same_person(connection, linked)
    names = sorted({person_of.get(record, record) for record in linked})
    place_of = {name: place for place, name in enumerate(names)}
    places = {record: place_of[person_of.get(record, record)] for record in (*linked, *person_of)}
    scenes = {episode: place for place, episode in enumerate(episodes)}
    unknown = float("nan")
    parties = [(places[r.source], 0, r.role or "", unknown, unknown) for r in rows if r.kind is RelationKind.PARTY_TO]
    present = [
        (places[r.source], scenes[r.target], r.role or "", unknown, unknown)
        for r in rows
        if r.kind is RelationKind.INVOLVED_IN
    ]
    owned = [(0, place, "", unknown, unknown) for place in scenes.values()]
    return KnownPeople(
        ids={PERSON: tuple(names), CASE: (case,)},
        places={PERSON: places, CASE: {case: 0}},
        relations=(
            Relation.of_links(RelationKind.PARTY_TO, (PERSON, CASE), links=parties),
            Relation.of_links(RelationKind.INVOLVED_IN, (PERSON, EPISODE), links=present),
            Relation.of_links(RelationKind.HAS_EPISODE, (CASE, EPISODE), links=owned),
        ),
        categories=load_categories(connection, names, today=today),
    )


@contextmanager
def _answering(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        raise Unavailable("The node's database does not answer: try again later.") from error
