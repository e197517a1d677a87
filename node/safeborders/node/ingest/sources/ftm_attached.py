"""What FollowTheMoney writes into an entity and we keep apart: numbers, addresses, owners, with links to them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import RelationKind
from safeborders.node.ingest.sources.keys import import_key

Record = dict[str, object]

_K = EntityKind
_R = RelationKind


@dataclass(frozen=True)
class TypedValue:
    """A value that becomes an entity, with a link to it from the entity that holds it."""

    kind: EntityKind
    property_: str
    constants: Mapping[str, object]
    relation: RelationKind
    role: str | None = None


@dataclass(frozen=True)
class EntityReference:
    """A property that names another entity; ``backwards`` where the link points from that one to the holder."""

    relation: RelationKind
    role: str | None = None
    backwards: bool = False


_PRIVATE = {"place_kind": "private"}

TYPED: Mapping[EntityKind, Mapping[str, TypedValue]] = {
    _K.PERSON: {
        "phone": TypedValue(_K.PHONE, "number", {}, _R.USES),
        "email": TypedValue(_K.ONLINE_ACCOUNT, "handle", {"service": "email"}, _R.CONTROLS),
        "passportNumber": TypedValue(_K.IDENTITY_DOCUMENT, "number", {"document_kind": "passport"}, _R.BEARS),
        "idNumber": TypedValue(_K.IDENTITY_DOCUMENT, "number", {"document_kind": "identity_card"}, _R.BEARS),
        "address": TypedValue(_K.PLACE, "address", _PRIVATE, _R.STAYS_AT, "resident"),
    },
    _K.ORGANISATION: {"address": TypedValue(_K.PLACE, "address", {"place_kind": "business"}, _R.LOCATED_AT)},
    _K.EPISODE: {
        "location": TypedValue(_K.PLACE, "address", _PRIVATE, _R.AT),
        "address": TypedValue(_K.PLACE, "address", _PRIVATE, _R.AT),
    },
}
"""By the kind of the holder and FollowTheMoney's property."""

REFERENCES: Mapping[EntityKind, Mapping[str, EntityReference]] = {
    _K.PERSON: {"addressEntity": EntityReference(_R.STAYS_AT, "resident")},
    _K.ORGANISATION: {"addressEntity": EntityReference(_R.LOCATED_AT)},
    _K.EPISODE: {
        "addressEntity": EntityReference(_R.AT),
        "startLocation": EntityReference(_R.AT),
        "endLocation": EntityReference(_R.AT),
        "vehicle": EntityReference(_R.USED_VEHICLE),
        "involved": EntityReference(_R.INVOLVED_IN, backwards=True),
        "organizer": EntityReference(_R.INVOLVED_IN, backwards=True),
    },
    _K.IDENTITY_DOCUMENT: {"holder": EntityReference(_R.BEARS, backwards=True)},
    _K.ONLINE_ACCOUNT: {"owner": EntityReference(_R.CONTROLS, backwards=True)},
    _K.FINANCIAL_ACCOUNT: {"holder": EntityReference(_R.HOLDS, backwards=True)},
    _K.VEHICLE: {
        "owner": EntityReference(_R.DRIVES, "owner", backwards=True),
        "operator": EntityReference(_R.DRIVES, "driver", backwards=True),
    },
}
"""By the kind of the holder and FollowTheMoney's property."""


def value_key(typed: TypedValue, value: str) -> str:
    """Return the import key of the entity that ``value`` becomes: the same value is the same entity."""
    return import_key(f"ftm.{typed.kind.value}.{typed.constants.get('document_kind', '')}", [value])


def entity_of_value(typed: TypedValue, value: str) -> Record:
    """Return the row of the entity that ``value`` becomes."""
    properties = {**typed.constants, typed.property_: value}
    return {"record": "entity", "id": value_key(typed, value), "kind": typed.kind.value, "properties": properties}


def links_of_values(kind: EntityKind, key: str, *, values: Mapping[str, list[str]]) -> Iterator[Record]:
    """Yield the links from an entity to what its values became."""
    for name, typed in TYPED.get(kind, {}).items():
        for value in dict.fromkeys(values.get(name, ())):
            yield build_link(typed.relation, source=key, target=value_key(typed, value), role=typed.role)


def build_link(
    relation: RelationKind, *, source: str, target: str, role: str | None = None, key: str | None = None
) -> Record:
    """Return the row of a link; without a ``key`` its ends and role are its name."""
    name = key or import_key(f"ftm.{relation.value}.{role or ''}", [source, target])
    properties = {} if role is None else {"role": role}
    return {
        "record": "link",
        "id": name,
        "kind": relation.value,
        "source": source,
        "target": target,
        "properties": properties,
    }
