"""Whom a role hypothesis may be about: the one place that decides, for training, for the model at home and for answers.

A person is a suspect of a case here if all of this is on record: a status of suspect or convict in that very case, a
link to it or to one of its episodes, an age of eighteen or more on the day it was opened, and nowhere, under no record
of the person, in no case, the status of a victim (non-punishment, Directive 2011/36, article 8). A person whose status
is none, or any other, an age that nobody knows, a link as a witness, victim or professional: each of them is a no.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Select, and_, or_, select, true

from safeborders.models.domain.ages import is_minor
from safeborders.models.domain.entities import DatePrecision
from safeborders.models.domain.facts import Fact
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.roles import NOT_OFFENDING, OFFENDING_ROLES
from safeborders.models.domain.statuses import SHARED_CATEGORIES, DataSubjectCategory, effective_category
from safeborders.node.graph.records import CASE, PERSON, Relation, Suspects
from safeborders.node.graph.suspects import links_to_cases
from safeborders.node.storage.admission import holds_on
from safeborders.node.storage.base import plain_table
from safeborders.node.storage.entities import CaseRow, PersonRow
from safeborders.node.storage.learning_tables import RoleDecisionRow
from safeborders.node.storage.resolution_tables import PersonRecordRow
from safeborders.node.storage.tables import LabelRow, PersonStatusRow

_CASE, _PERSON = plain_table(CaseRow), plain_table(PersonRow)
_STATUS, _LABEL, _DECISION = plain_table(PersonStatusRow), plain_table(LabelRow), plain_table(RoleDecisionRow)
_MERGED = plain_table(PersonRecordRow)
_NEUTRAL = tuple(role.value for role in NOT_OFFENDING)
_FEW = 500  # records that are asked for by name; of more, all rows are read

Pair = tuple[int, int]
"""Position of a person and of a case."""


@dataclass(frozen=True)
class KnownPeople:
    """What was read before about the persons and cases in question.

    Attributes:
        ids: One identifier per person and case; positions refer to them.
        places: Position of every record of them, by type; the records of one person share a position.
        relations: Links that may be used.
        categories: What the law sees in each person today, over all records and all cases.
    """

    ids: Mapping[str, tuple[str, ...]]
    places: Mapping[str, Mapping[str, int]]
    relations: tuple[Relation, ...]
    categories: Mapping[str, DataSubjectCategory]


def suspects_of(stated: Mapping[Pair, Collection[str]]) -> Suspects:
    """Return as arrays what :func:`find_suspects` found; whose part people state in several ways is left out."""
    usable = {pair: roles for pair, roles in stated.items() if not roles or _is_one(roles)}
    table = np.array(sorted(usable), dtype=np.int64).reshape(-1, 2)
    roles = [usable[pair] for pair in sorted(usable)]
    return Suspects(
        person=table[:, 0],
        case=table[:, 1],
        role=np.array([OFFENDING_ROLES.index(next(iter(one))) if one else -1 for one in roles], dtype=np.int64),
    )


def find_suspects(connection: Connection, known: KnownPeople, *, today: date) -> dict[Pair, Collection[str]]:
    """Return the suspects of the cases in ``known``, each with the parts that people stated: none, one, or several."""
    shared = {place for place, name in enumerate(known.ids[PERSON]) if known.categories.get(name) in SHARED_CATEGORIES}
    accused = {pair for pair in _accused(connection, known, today=today) if pair[0] in shared}
    pairs = np.array(sorted(accused & _adults(connection, known, pairs=accused)), dtype=np.int64).reshape(-1, 2)
    cases = max(len(known.ids[CASE]), 1)
    on_record, parts = links_to_cases(known.relations, cases=cases)
    codes = pairs[:, 0] * cases + pairs[:, 1]
    usable = np.isin(codes, on_record) & ~np.isin(codes, on_record[np.isin(parts, _NEUTRAL)])
    sources = _stated(connection, known)
    found = {(int(person), int(case)) for person, case in pairs[usable]}
    return {pair: next((roles[pair] for roles in sources if pair in roles), ()) for pair in sorted(found)}


def _is_one(roles: Collection[str]) -> bool:
    return len(roles) == 1 and next(iter(roles)) in OFFENDING_ROLES


def _accused(connection: Connection, known: KnownPeople, *, today: date) -> set[Pair]:
    """Return who is a suspect or convict in which case by the statuses in that case that hold today."""
    wanted = select(_STATUS.c.person_id, _STATUS.c.case_id, _STATUS.c.category)
    held = _said(connection, wanted.where(_STATUS.c.case_id.is_not(None), holds_on(today)), known)
    return {pair for pair, categories in held.items() if effective_category(categories) in SHARED_CATEGORIES}


def _adults(connection: Connection, known: KnownPeople, *, pairs: Iterable[Pair]) -> set[Pair]:
    """Return the pairs in which the person was an adult beyond doubt, under every record, when the case was opened."""
    days = connection.execute(select(_CASE.c.id, _CASE.c.opened_on).where(_among(_CASE.c.id, known.places[CASE])))
    opened = {known.places[CASE][row.id]: row.opened_on for row in days if row.id in known.places[CASE]}
    accused = select(_STATUS.c.person_id).where(_STATUS.c.category.in_(SHARED_CATEGORIES))
    one_of_many = _PERSON.c.id.in_(select(_MERGED.c.record_id))
    columns = (_PERSON.c.id, _PERSON.c.birth_date, _PERSON.c.birth_precision)
    births: dict[int, list[tuple[date, DatePrecision | None]]] = {}
    asked = and_(_among(_PERSON.c.id, known.places[PERSON]), or_(_PERSON.c.id.in_(accused), one_of_many))
    rows = connection.execute(select(*columns).where(asked, _PERSON.c.birth_date.is_not(None)))
    for record, birth, precision in rows:
        if record in known.places[PERSON]:
            births.setdefault(known.places[PERSON][record], []).append((birth, precision))
    adults = set()
    for person, case in pairs:
        facts = {is_minor(birth, precision, on=opened[case]) for birth, precision in births.get(person, ())}
        if Fact.NO in facts and Fact.YES not in facts:
            adults.add((person, case))
    return adults


def _stated(connection: Connection, known: KnownPeople) -> list[Mapping[Pair, Collection[str]]]:
    """Return which parts people stated, the source that counts most first: labels, decisions here, links."""
    labels = select(_LABEL.c.entity_id, _LABEL.c.case_id, _LABEL.c.value)
    decisions = select(_DECISION.c.person_id, _DECISION.c.case_id, _DECISION.c.role)
    found: list[Mapping[Pair, Collection[str]]] = [
        _said(connection, labels.where(_LABEL.c.name == "role", _LABEL.c.case_id.is_not(None)), known),
        _said(connection, decisions.where(_DECISION.c.confirmed), known),
    ]
    cases = max(len(known.ids[CASE]), 1)
    for kind in (RelationKind.PARTY_TO, RelationKind.INVOLVED_IN):
        some = [one for one in known.relations if one.kind in (kind, RelationKind.HAS_EPISODE)]
        codes, parts = links_to_cases(some, cases=cases)
        said: dict[Pair, set[str]] = {}
        for code, part in zip(codes[parts != ""], parts[parts != ""], strict=True):
            said.setdefault((int(code) // cases, int(code) % cases), set()).add(str(part))
        found.append(said)
    return found


def _said(connection: Connection, wanted: Select[Any], known: KnownPeople) -> dict[Pair, set[Any]]:
    """Return what rows of person, case and word say, by positions; rows about anybody else are left out."""
    persons, cases = known.places[PERSON], known.places[CASE]
    found: dict[Pair, set[Any]] = {}
    asked = wanted.where(_among(wanted.selected_columns[0], persons))
    for record, case, word in connection.execute(asked):
        if record in persons and case in cases:
            found.setdefault((persons[record], cases[case]), set()).add(word)
    return found


def _among(column: ColumnElement[str], records: Collection[str]) -> ColumnElement[bool]:
    return column.in_(records) if len(records) <= _FEW else true()
