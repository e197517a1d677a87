"""Reads the country's persons as resolution compares them.

Restricted rows (LED article 16(3)) and rows past their retention take no part; nothing else is left out, because that
two records are one person is a matter of their accuracy (LED article 4(1)(d)), whatever they may be used for.
"""

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import cast

from sqlalchemy import ColumnElement, Connection, Table, and_, select

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.governance import Sensitivity
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.roles import CaseRole
from safeborders.models.domain.statuses import VICTIM_CATEGORIES, DataSubjectCategory
from safeborders.node.resolution.profiles import Holding, Name, Profile, Register
from safeborders.node.storage.entities import EntityRow, IdentityDocumentRow, PersonRow
from safeborders.node.storage.envelope import Envelope
from safeborders.node.storage.tables import LinkRow, PersonStatusRow

_ENTITY = cast("Table", EntityRow.__table__)
_PERSON = cast("Table", PersonRow.__table__)
_DOCUMENT = cast("Table", IdentityDocumentRow.__table__)
_LINK = cast("Table", LinkRow.__table__)
_STATUS = cast("Table", PersonStatusRow.__table__)
_HOLDINGS = (
    RelationKind.USES,
    RelationKind.CONTROLS,
    RelationKind.HOLDS,
    RelationKind.DRIVES,
    RelationKind.BEARS,
    RelationKind.STAYS_AT,
)
_ACQUAINTANCE = (RelationKind.KIN, RelationKind.ASSOCIATE)
_GUARDED = (Sensitivity.VICTIM, Sensitivity.MINOR_VICTIM)
_OF_AGE_YEARS = 18
_PARTED = re.compile(r"[;|/\n]")


def load_register(connection: Connection, *, today: date) -> Register:
    """Return all records of persons that may be compared, in the order of their identifiers."""
    statuses = _statuses(connection)
    holdings = _holdings(connection, today)
    cases, kin = _cases(connection, today), _kin(connection, today)
    own = (_PERSON.c.name, _PERSON.c.other_names, _PERSON.c.sex, _PERSON.c.birth_date, _PERSON.c.birth_precision)
    rows = connection.execute(
        select(_ENTITY.c.id, _ENTITY.c.sensitivity, *own)
        .join(_PERSON, _PERSON.c.id == _ENTITY.c.id)
        .where(_may_be_compared(EntityRow, today))
        .order_by(_ENTITY.c.id)
    )
    profiles = []
    for identifier, sensitivity, name, other_names, sex, born, precision in rows:
        held = statuses.get(identifier, set())
        roles = cases.get(identifier, {})
        everything = {role for case_roles in roles.values() for role in case_roles}
        professional = DataSubjectCategory.PROFESSIONAL in held or CaseRole.PROFESSIONAL.value in everything
        profiles.append(
            Profile(
                id=identifier,
                names=_names(name, other_names),
                born=born,
                precision=precision,
                sex=sex,
                holdings=tuple(holdings.get(identifier, ())),
                cases={case: frozenset(case_roles) for case, case_roles in roles.items()},
                kin=frozenset(kin.get(identifier, ())),
                professional=professional,
                guarded=_is_young(born, today) or sensitivity in _GUARDED or bool(held & VICTIM_CATEGORIES),
            )
        )
    return Register(profiles)


def are_persons(connection: Connection, pair: tuple[str, str]) -> bool:
    """Return whether these are two different records of persons."""
    wanted = select(_ENTITY.c.id).where(_ENTITY.c.id.in_(pair), _ENTITY.c.kind == EntityKind.PERSON)
    return len(connection.execute(wanted).all()) == 2


def is_professional(connection: Connection, record: str) -> bool:
    """Return whether a person is known in a professional role, by a status or in a case."""
    status = select(_STATUS.c.id).where(
        _STATUS.c.person_id == record, _STATUS.c.category == DataSubjectCategory.PROFESSIONAL
    )
    role = select(_LINK.c.id).where(
        _LINK.c.source == record, _LINK.c.kind == RelationKind.PARTY_TO, _LINK.c.role == CaseRole.PROFESSIONAL.value
    )
    return any(connection.execute(wanted.limit(1)).first() is not None for wanted in (status, role))


def _may_be_compared(row: type[Envelope], today: date) -> ColumnElement[bool]:
    return and_(row.restricted.is_(False), row.retain_until >= today)


def _names(name: str | None, other_names: str | None) -> tuple[Name, ...]:
    """The main name, then the others; a comma parts surname and given name, so it does not part two names."""
    texts = [text for text in (name, *_PARTED.split(other_names or "")) if text]
    return tuple(dict.fromkeys(found for found in map(Name.of, texts) if found.words))


def _is_young(born: date | None, today: date) -> bool:
    """Whether the person may be a minor; of unknown age counts as one."""
    return born is None or (born.year + _OF_AGE_YEARS, born.month, born.day) > (today.year, today.month, today.day)


def _statuses(connection: Connection) -> dict[str, set[DataSubjectCategory]]:
    held: dict[str, set[DataSubjectCategory]] = defaultdict(set)
    for person, category in connection.execute(select(_STATUS.c.person_id, _STATUS.c.category)):
        held[person].add(category)
    return held


def _holdings(connection: Connection, today: date) -> dict[str, list[Holding]]:
    series = {
        identifier: f"{kind.value} {issuer}"
        for identifier, kind, issuer in connection.execute(
            select(_DOCUMENT.c.id, _DOCUMENT.c.document_kind, _DOCUMENT.c.issuer).where(_DOCUMENT.c.issuer.is_not(None))
        )
    }
    rows = connection.execute(
        select(
            _LINK.c.source, _LINK.c.valid_from, _LINK.c.valid_to, _ENTITY.c.id, _ENTITY.c.kind, _ENTITY.c.match_key
        )
        .join(_ENTITY, _ENTITY.c.id == _LINK.c.target)
        .where(_LINK.c.kind.in_(_HOLDINGS), _may_be_compared(LinkRow, today), _may_be_compared(EntityRow, today))
        .order_by(_LINK.c.id)
    )  # fmt: skip
    held: dict[str, list[Holding]] = defaultdict(list)
    for person, since, until, identifier, kind, key in rows:
        document = series.get(identifier, "") if kind is EntityKind.IDENTITY_DOCUMENT else ""
        token = f"{kind.value} {document} {key}" if key else f"{kind.value} {identifier}"
        held[person].append(Holding(token=token, kind=kind, since=since, until=until, series=document))
    return held


def _cases(connection: Connection, today: date) -> dict[str, dict[str, set[str]]]:
    parties: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for person, case, role in _links(connection, (RelationKind.PARTY_TO,), today):
        parties[person][case].add(role or "")
    return parties


def _kin(connection: Connection, today: date) -> dict[str, set[str]]:
    known: dict[str, set[str]] = defaultdict(set)
    for first, second, _ in _links(connection, _ACQUAINTANCE, today):
        known[first].add(second)
        known[second].add(first)
    return known


def _links(
    connection: Connection, kinds: tuple[RelationKind, ...], today: date
) -> Iterable[tuple[str, str, str | None]]:
    ends = select(_LINK.c.source, _LINK.c.target, _LINK.c.role)
    wanted = ends.where(_LINK.c.kind.in_(kinds), _may_be_compared(LinkRow, today)).order_by(_LINK.c.id)
    return connection.execute(wanted)
