"""Reads of the country's records for investigators, under the policy of access_visibility."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, and_, or_, select, text
from sqlalchemy.exc import DBAPIError

from safeborders.kit.clock import Clock
from safeborders.kit.db import for_reading
from safeborders.kit.errors import Unavailable
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import RelationKind
from safeborders.node.access.callers import Justification
from safeborders.node.services.folding import fold, matches
from safeborders.node.services.records import (
    MOST_HITS,
    MOST_NEIGHBOURS,
    MOST_SUGGESTIONS,
    Entity,
    Link,
    Neighbourhood,
    Suggestion,
    TypeHypothesis,
    band_of,
    not_found,
)
from safeborders.node.storage.access_visibility import (
    ENTITY,
    LINK,
    find_same_person,
    is_visible,
    show_entities,
    show_link,
    table_of,
)
from safeborders.node.storage.learning_tables import CaseTypeHypothesisRow, SuggestedLinkRow

_SUGGESTED = SuggestedLinkRow.__table__
_HYPOTHESIS = CaseTypeHypothesisRow.__table__
_MOST_LINKS = 1000
_SEARCHED: dict[EntityKind, tuple[str, ...]] = {
    EntityKind.PERSON: ("name", "other_names", "pseudonym"),
    EntityKind.ORGANISATION: ("name",),
    EntityKind.CASE: ("ref",),
    EntityKind.PHONE: ("number",),
    EntityKind.ONLINE_ACCOUNT: ("handle",),
    EntityKind.FINANCIAL_ACCOUNT: ("reference",),
    EntityKind.VEHICLE: ("plate", "vin"),
    EntityKind.IDENTITY_DOCUMENT: ("number",),
    EntityKind.PLACE: ("address",),
}


class SqlRecordReader:
    """Implements services.records.RecordReader on the country's database."""

    def __init__(self, engine: Engine, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def check(self) -> None:
        """Return if the database answers and has its tables. Raises Unavailable."""
        with self._connection() as connection:
            connection.execute(text("SELECT 1 FROM lookup LIMIT 1"))

    def search(self, query: str, *, kind: EntityKind | None, who: Justification) -> Sequence[Entity]:
        """Return at most MOST_HITS entities in whose names or numbers every word of ``query`` occurs."""
        wanted = fold(query)
        with self._connection() as connection:
            kinds = [kind] if kind else list(_SEARCHED)
            hits = [identifier for one in kinds for identifier in self._find(connection, one, wanted=wanted, who=who)]
            together = find_same_person(connection, hits[:MOST_HITS])
            # A person found under one spelling is shown with all records, next to the one that was found.
            whole = [record for hit in hits[:MOST_HITS] for record in (hit, *_others(hit, together))]
            return list(self._show(connection, list(dict.fromkeys(whole))[:MOST_HITS], who=who).values())

    def get_entity(self, entity: str, *, who: Justification) -> Entity:
        """Return one entity. Raises NotFound."""
        with self._connection() as connection:
            return self._get(connection, entity, who=who)

    def get_neighbourhood(self, entity: str, *, hops: int, who: Justification) -> Neighbourhood:
        """Return what is within ``hops`` links of ``entity``, at most MOST_NEIGHBOURS entities. Raises NotFound."""
        with self._connection() as connection:
            found = {entity: self._get(connection, entity, who=who)}
            others = _others(entity, find_same_person(connection, [entity]))
            found |= self._show(connection, others, who=who)
            frontier, truncated = list(found), False
            for _ in range(hops):
                ends = [end for end in self._ends(connection, frontier, who=who) if end not in found]
                shown = self._show(connection, ends, who=who)
                room = MOST_NEIGHBOURS - len(found)
                truncated = truncated or len(shown) > room
                frontier = list(shown)[:room]
                found.update({identifier: shown[identifier] for identifier in frontier})
            links = self._links(connection, found, who=who)
            return Neighbourhood(
                list(found.values()), links[:_MOST_LINKS], truncated=truncated or len(links) > _MOST_LINKS
            )

    def list_suggestions(self, *, case: str | None, who: Justification) -> Sequence[Suggestion]:
        """Return the strongest suggestions, of one case's parties or of all. Raises NotFound for an unknown case."""
        with self._connection() as connection:
            statement = select(_SUGGESTED).order_by(_SUGGESTED.c.score.desc(), _SUGGESTED.c.first_id)
            if case is not None:
                parties = self._parties(connection, case, who=who)
                statement = statement.where(
                    or_(_SUGGESTED.c.first_id.in_(parties), _SUGGESTED.c.second_id.in_(parties))
                )
            visible = select(ENTITY.c.id).where(is_visible(ENTITY, who=who, today=self._clock().date()))
            both = and_(_SUGGESTED.c.first_id.in_(visible), _SUGGESTED.c.second_id.in_(visible))
            rows = connection.execute(statement.where(both).limit(MOST_SUGGESTIONS)).mappings().all()
            ids = {row[end] for row in rows for end in ("first_id", "second_id")}
            shown = self._show(connection, sorted(ids), who=who)
            person = find_same_person(connection, ids)
            return [
                Suggestion(
                    first=shown[row["first_id"]],
                    second=shown[row["second_id"]],
                    band=band_of(row["score"]),
                    reasons_for=[reason["text"] for reason in row["reasons"] if reason["weight"] > 0],
                    reasons_against=[reason["text"] for reason in row["reasons"] if reason["weight"] < 0],
                    model_sha256=row["model_sha256"],
                )
                for row in rows
                # merged since the model spoke: a person is not linked with itself
                if person.get(row["first_id"], row["first_id"]) != person.get(row["second_id"], row["second_id"])
            ]

    def get_type_hypothesis(self, case: str, *, who: Justification) -> TypeHypothesis:
        """Return what the country's model thinks of a case. Raises NotFound if case or hypothesis is not there."""
        with self._connection() as connection:
            shown = self._get(connection, case, who=who)
            row = connection.execute(select(_HYPOTHESIS).where(_HYPOTHESIS.c.case_id == case)).mappings().one_or_none()
            if row is None:
                raise not_found()
            return TypeHypothesis(
                case=shown,
                case_type=row["case_type"],
                band=band_of(row["probability"]),
                reasons_for=[reason["text"] for reason in row["reasons"] if reason["weight"] > 0],
                reasons_against=[reason["text"] for reason in row["reasons"] if reason["weight"] < 0],
                model_sha256=row["model_sha256"],
            )

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        try:
            with for_reading(self._engine).begin() as connection:
                yield connection
        except DBAPIError as error:
            raise Unavailable("The node's database does not answer: try again later.") from error

    def _find(self, connection: Connection, kind: EntityKind, *, wanted: str, who: Justification) -> list[str]:
        if kind not in _SEARCHED:
            return []
        own = table_of(kind)
        columns = [own.c[name] for name in _SEARCHED[kind]]
        visible = is_visible(ENTITY, who=who, today=self._clock().date())
        rows = connection.execute(
            select(own.c.id, *columns).join(ENTITY, ENTITY.c.id == own.c.id).where(visible).order_by(own.c.id)
        )
        found = []
        for identifier, *values in rows:
            if matches(wanted, fold(" ".join(value for value in values if value))):
                found.append(identifier)
                if len(found) == MOST_HITS:
                    break
        return found

    def _show(self, connection: Connection, ids: Sequence[str], *, who: Justification) -> dict[str, Entity]:
        return show_entities(connection, ids, who=who, today=self._clock().date())

    def _get(self, connection: Connection, entity: str, *, who: Justification) -> Entity:
        shown = self._show(connection, [entity], who=who)
        if entity not in shown:
            raise not_found()
        return shown[entity]

    def _ends(self, connection: Connection, frontier: Sequence[str], *, who: Justification) -> list[str]:
        touching = or_(LINK.c.source.in_(frontier), LINK.c.target.in_(frontier))
        visible = is_visible(LINK, who=who, today=self._clock().date())
        rows = connection.execute(
            select(LINK.c.source, LINK.c.target).where(touching, visible).order_by(LINK.c.id).limit(_MOST_LINKS)
        )
        return list(dict.fromkeys(end for row in rows for end in row))

    def _links(self, connection: Connection, entities: dict[str, Entity], *, who: Justification) -> list[Link]:
        inside = and_(LINK.c.source.in_(entities), LINK.c.target.in_(entities))
        visible = is_visible(LINK, who=who, today=self._clock().date())
        rows = connection.execute(select(LINK).where(inside, visible).order_by(LINK.c.id).limit(_MOST_LINKS + 1))
        return [show_link(row, entities=entities) for row in rows.mappings()]

    def _parties(self, connection: Connection, case: str, *, who: Justification) -> list[str]:
        if self._get(connection, case, who=who).kind is not EntityKind.CASE:
            raise not_found()
        party = and_(LINK.c.kind == RelationKind.PARTY_TO, LINK.c.target == case)
        visible = is_visible(LINK, who=who, today=self._clock().date())
        return list(connection.execute(select(LINK.c.source).where(party, visible)).scalars())


def _others(record: str, together: Mapping[str, str]) -> list[str]:
    """Return the other records of the same person."""
    person = together.get(record)
    return [other for other, whose in together.items() if whose == person and other != record]
