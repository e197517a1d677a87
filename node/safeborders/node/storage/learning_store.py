"""The country's database as learning sees it: reads what may be learnt from, writes what the country's model thinks.

A row enters only if its country allows training on it, it is not restricted, neither its review nor its retention is
overdue, its handling code is not H2, and its purposes include the run's; a person only if somebody decided what he or
she is to the law (storage.admission decides all of it). A case with a party that may not be
learnt from keeps its place but loses its label: the label says something about that person too.
"""

from collections.abc import Mapping, Sequence, Set
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Engine, delete, insert, not_, or_, select, union

from safeborders.kit.clock import Clock, system_clock
from safeborders.kit.db import for_reading
from safeborders.models.domain.entities import EntityKind, Stage
from safeborders.models.domain.governance import Purpose
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.roles import CaseRole
from safeborders.models.domain.statuses import VICTIM_CATEGORIES, DataSubjectCategory, effective_category
from safeborders.models.graph.indicators import CASE_TYPES, INDICATORS
from safeborders.node.graph.records import CASE, EPISODE, PERSON, Records, Relation
from safeborders.node.learning.outcomes import LEARNING, Outcomes, Reason
from safeborders.node.storage.admission import (
    ENTITY,
    LINK,
    entity_may_be_learnt_from,
    holds_on,
    may_be_learnt_from,
)
from safeborders.node.storage.base import Base
from safeborders.node.storage.case_suspects import KnownPeople, find_suspects, suspects_of
from safeborders.node.storage.entities import CaseRow, EntityRow, EpisodeRow
from safeborders.node.storage.learning_tables import CaseTypeHypothesisRow, RoleHypothesisRow, SuggestedLinkRow
from safeborders.node.storage.lifecycle_dates import read_snapshot_mark
from safeborders.node.storage.merged_persons import unite_persons
from safeborders.node.storage.resolution_store import load_persons
from safeborders.node.storage.tables import MoIndicatorRow, PersonStatusRow

_EPOCH = date(1970, 1, 1)
_CASE_KINDS = (RelationKind.PARTY_TO, RelationKind.INVOLVED_IN)


class SqlLearningStore:
    """A ``LearningStore`` on the country's database.

    Args:
        engine: The open database.
        clock: Says which rows are overdue.
    """

    def __init__(self, engine: Engine, *, clock: Clock = system_clock) -> None:
        self._engine = engine
        self._clock = clock

    def load_records(self, purposes: Purpose = LEARNING) -> Records:
        """Return what may be learnt from for one of ``purposes``, in a stable order."""
        today = self._clock().date()
        with for_reading(self._engine).connect() as connection:
            merged = load_persons(connection)
            persons_of = unite_persons(connection, _entities(connection, today, purposes=purposes), merged=merged)
            ids, places = persons_of.ids, persons_of.places
            cases = places.get(CASE, {})
            labels = _labels(connection, cases)
            withheld = [*_cases_with_withheld_parties(connection, today, purposes=purposes), *persons_of.withheld_cases]
            for case in withheld:
                if case in cases:
                    labels[cases[case]] = -1
            categories = _categories(connection, merged, today=today)
            persons = ids.get(PERSON, ())
            victims = {record for record in places.get(PERSON, {}) if categories.get(record) in VICTIM_CATEGORIES}
            professional = [categories.get(person) is DataSubjectCategory.PROFESSIONAL for person in persons]
            usable = may_be_learnt_from(LINK, purposes=purposes, today=today)
            relations = _relations(connection, places, usable=usable, victims=victims)
            known = KnownPeople(ids, places, relations, categories)
            return Records(
                ids=ids,
                relations=relations,
                professional=np.array(professional, dtype=np.bool_),
                indicators=_indicators(connection, cases),
                case_type=labels,
                stages=_stages(connection, places.get(EPISODE, {})),
                suspects=suspects_of(find_suspects(connection, known, today=today)),
            )

    def snapshot_mark(self) -> str:
        """Return a mark that changes with the day and whenever rows may no longer be used as before."""
        with for_reading(self._engine).connect() as connection:
            return f"{self._clock().date()}:{read_snapshot_mark(connection)}"

    def load_source_keys(self) -> Mapping[str, str]:
        """Return what the source files call each case and person, by our identifier."""
        table = EntityRow.__table__.c
        wanted = table.kind.in_([EntityKind.CASE, EntityKind.PERSON])
        with for_reading(self._engine).connect() as connection:
            rows = connection.execute(select(table.id, table.import_key).where(wanted)).all()
        return {row.id: row.import_key for row in rows}

    def replace_outcomes(self, outcomes: Outcomes, *, run: str, model_sha256: str) -> None:
        """Put the hypotheses of a run in place of all earlier ones, in one transaction."""
        origin = {"run": run, "model_sha256": model_sha256, "created_at": self._clock()}
        rows: dict[type[Base], list[dict[str, Any]]] = {
            SuggestedLinkRow: [
                {"first_id": link.first_id, "second_id": link.second_id, "score": link.score, **_why(link.reasons)}
                for link in outcomes.links
            ],
            CaseTypeHypothesisRow: [
                {
                    "case_id": case.case_id,
                    "case_type": case.case_type,
                    "probability": case.probabilities[case.case_type],
                    "probabilities": dict(case.probabilities),
                    **_why(case.reasons),
                }
                for case in outcomes.cases
            ],
            RoleHypothesisRow: [
                {
                    "person_id": one.person_id,
                    "case_id": one.case_id,
                    "role": one.role,
                    "probability": one.probabilities[one.role],
                    "probabilities": dict(one.probabilities),
                    **_why(one.reasons),
                }
                for one in outcomes.roles
            ],
        }
        with self._engine.begin() as connection:
            for table, new in rows.items():
                connection.execute(delete(table))
                if new:
                    connection.execute(insert(table), [{**row, **origin} for row in new])


def _why(reasons: Sequence[Reason]) -> dict[str, Any]:
    return {"reasons": [{"text": reason.text, "weight": reason.weight} for reason in reasons]}


def _entities(connection: Connection, today: date, *, purposes: Purpose) -> dict[str, tuple[str, ...]]:
    usable = entity_may_be_learnt_from(ENTITY, purposes=purposes, today=today)
    rows = connection.execute(select(ENTITY.c.kind, ENTITY.c.id).where(usable).order_by(ENTITY.c.id))
    found: dict[str, list[str]] = {CASE: [], PERSON: []}
    for kind, identifier in rows:
        found.setdefault(kind.value, []).append(identifier)
    return {kind: tuple(found[kind]) for kind in sorted(found)}


def _relations(
    connection: Connection,
    places: Mapping[str, Mapping[str, int]],
    *,
    usable: ColumnElement[bool],
    victims: Set[str],
) -> tuple[Relation, ...]:
    """Read the links; whoever is a victim anywhere is a victim in every case (non-punishment, domain.md 0.7)."""
    table = LINK.c
    rows = connection.execute(
        select(
            table.kind, table.source_kind, table.target_kind, table.source, table.target,
            table.role, table.valid_from, table.valid_to,
        )
        .where(usable)
        .order_by(table.id)
    )  # fmt: skip
    groups: dict[tuple[str, str, str], list[tuple[int, int, str, float, float]]] = {}
    for kind, source_kind, target_kind, source, target, role, since, until in rows:
        at = places.get(source_kind.value, {}).get(source)
        to = places.get(target_kind.value, {}).get(target)
        if at is not None and to is not None and not (at == to and source_kind is target_kind):
            part = CaseRole.VICTIM.value if kind in _CASE_KINDS and source in victims else role or ""
            key = (kind.value, source_kind.value, target_kind.value)
            groups.setdefault(key, []).append((at, to, part, _days(since), _days(until)))
    return tuple(Relation.of_links(key[0], key[1:], links=groups[key]) for key in sorted(groups))


def _days(day: date | None) -> float:
    return float("nan") if day is None else float((day - _EPOCH).days)


def _labels(connection: Connection, cases: Mapping[str, int]) -> NDArray[np.int64]:
    labels = np.full(len(cases), -1, dtype=np.int64)
    table = CaseRow.__table__.c
    for case, label in connection.execute(select(table.id, table.type_label).where(table.type_label.is_not(None))):
        if case in cases and label.value in CASE_TYPES:
            labels[cases[case]] = CASE_TYPES.index(label.value)
    return labels


def _stages(connection: Connection, episodes: Mapping[str, int]) -> NDArray[np.int64]:
    places = {stage: place for place, stage in enumerate(Stage)}
    stages = np.zeros(len(episodes), dtype=np.int64)
    table = EpisodeRow.__table__.c
    for episode, stage in connection.execute(select(table.id, table.stage)):
        if episode in episodes:
            stages[episodes[episode]] = places[stage]
    return stages


def _indicators(connection: Connection, cases: Mapping[str, int]) -> NDArray[np.float32]:
    values = np.full((len(cases), len(INDICATORS)), np.nan, dtype=np.float32)
    columns = {code: column for column, code in enumerate(INDICATORS)}
    table = MoIndicatorRow.__table__.c
    rows = connection.execute(select(table.case_id, table.code, table.value).where(table.value.is_not(None)))
    for case, code, value in rows:
        if case in cases and code in columns:
            values[cases[case], columns[code]] = float(value)
    return values


def _categories(connection: Connection, merged: Mapping[str, str], *, today: date) -> dict[str, DataSubjectCategory]:
    """Return what the law sees in the person of each record, over all records of that person."""
    table = PersonStatusRow.__table__.c
    held: dict[str, set[DataSubjectCategory]] = {}
    for record, category in connection.execute(select(table.person_id, table.category).where(holds_on(today))):
        held.setdefault(merged.get(record, record), set()).add(category)
    effective = {person: effective_category(categories) for person, categories in held.items()}
    return effective | {record: effective[person] for record, person in merged.items() if person in effective}


def _cases_with_withheld_parties(connection: Connection, today: date, *, purposes: Purpose) -> list[str]:
    link, person = LINK.c, ENTITY
    withheld = or_(
        not_(may_be_learnt_from(LINK, purposes=purposes, today=today)),
        not_(entity_may_be_learnt_from(ENTITY, purposes=purposes, today=today)),
    )
    parties = (
        select(link.target).join(person, person.c.id == link.source).where(link.kind == RelationKind.PARTY_TO, withheld)
    )
    involved = (
        select(link.target)
        .join(person, person.c.id == link.source)
        .where(link.kind == RelationKind.INVOLVED_IN, withheld)
    )
    of_episodes = select(link.source).where(link.kind == RelationKind.HAS_EPISODE, link.target.in_(involved))
    return list(connection.execute(union(parties, of_episodes)).scalars())
