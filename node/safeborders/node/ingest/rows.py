"""Turns one line of an import file into rows of the database, or says why not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from safeborders.kit.ids import stable_id
from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import RelationKind, may_carry, may_connect
from safeborders.models.domain.selectors import match_key
from safeborders.models.domain.statuses import DataSubjectCategory, StatusAuthority
from safeborders.models.ontology.loader import load_indicators
from safeborders.node.ingest.denied import is_denied
from safeborders.node.ingest.errors import (
    BadSourceRow,
    EnvelopeMissing,
    RepeatedKey,
    UnknownProperty,
    UnknownReference,
    UnknownVocabulary,
)
from safeborders.node.ingest.fields import (
    ENVELOPE,
    LINK_PROPERTIES,
    NAMED_BY,
    PROPERTIES,
    Field,
    bad_value,
    day,
    text,
    word,
)

Columns = dict[str, object]
TableRow = tuple[str, Columns]

_PROVENANCE = ("source_grade", "info_grade", "recorded_at")
_KINDS = {kind.value: kind for kind in EntityKind}
_RELATIONS = {kind.value: kind for kind in RelationKind}
_KEY = text(64)
_CATEGORY = word(DataSubjectCategory)
_AUTHORITY = word(StatusAuthority)
_LABELS = frozenset({"network", "role"})
_ALLOWED = {
    "entity": frozenset({"record", "id", "kind", "properties", "envelope"}),
    "link": frozenset({"record", "id", "kind", "source", "target", "properties", "envelope"}),
    "indicators": frozenset({"record", "case", "values", "envelope"}),
    "status": frozenset({"record", "person", "case", "category", "decided_by", "valid_from", "valid_to", "envelope"}),
    "label": frozenset({"record", "name", "value", "entity", "case", "labelled_on", "envelope"}),
}


@dataclass
class RowReader:
    """Reads the rows of one file in their order; a row may name only what stands above it or in the database.

    Args:
        country: Whose file it is.
        report_id: The report that every row comes from.
        defaults: The envelope of the file's header, not yet checked.
        known: Kinds of the entities that the database already has, by identifier.

    Attributes:
        denied: How often each kind of property was dropped unread.
    """

    country: Country
    report_id: str
    defaults: Mapping[str, object]
    known: Mapping[str, EntityKind]
    denied: dict[str, int] = field(default_factory=dict)
    _seen: dict[str, tuple[str, EntityKind]] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _envelope: Columns = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._codes = frozenset(indicator.code for indicator in load_indicators())
        unknown = self.defaults.keys() - ENVELOPE.keys()
        if unknown:
            raise UnknownProperty("The header's envelope has a property that nobody knows: correct the header.")
        defaults = {name: ENVELOPE[name].read(value) for name, value in self.defaults.items()}
        self._envelope = {
            **dict.fromkeys(ENVELOPE),
            **defaults,
            "node": self.country.value,
            "report_id": self.report_id,
            "rev": 1,
        }

    def read(self, row: Mapping[str, object]) -> Iterator[TableRow]:
        """Yield the table rows of ``row``.

        Raises:
            IngestError: If the row cannot be accepted; its class says why.
        """
        record = row.get("record")
        allowed = _ALLOWED.get(record) if isinstance(record, str) else None
        if allowed is None:
            raise UnknownVocabulary("A row is of no known sort: correct the row.")
        if not row.keys() <= allowed:
            raise UnknownProperty("A row has a property that nobody knows: remove it or map it.")
        reader = {
            "entity": self._entity,
            "link": self._link,
            "indicators": self._indicators,
            "status": self._status,
            "label": self._label,
        }[cast("str", record)]
        return reader(row)

    def identifier(self, key: str) -> str:
        """Return the identifier that the import key ``key`` always gives in this country."""
        return stable_id("entity", self.country.value, key)

    def _entity(self, row: Mapping[str, object]) -> Iterator[TableRow]:
        kind = _KINDS.get(str(row.get("kind")))
        if kind is None:
            raise UnknownVocabulary("A row is of an unknown kind: correct the row.")
        key = cast("str", _KEY(row.get("id")))
        identifier = self.identifier(key)
        if key in self._seen or self.known.get(identifier, kind) is not kind:
            raise RepeatedKey("A row has a name that is taken: give it another.")
        properties = self._properties(row.get("properties", {}), PROPERTIES[kind])
        envelope = self._envelope_of(row)
        name = properties.get(NAMED_BY.get(kind, ""))
        self._seen[key] = identifier, kind
        yield (
            "entity",
            {
                "id": identifier,
                "kind": kind,
                "import_key": key,
                "match_key": match_key(kind, name, country=self.country) or None if isinstance(name, str) else None,
                **envelope,
            },
        )
        if kind is EntityKind.PERSON:
            properties["pseudonym"] = f"P-{identifier[19:23]}{identifier[24:]}"
        yield kind.value, {"id": identifier, **properties}

    def _link(self, row: Mapping[str, object]) -> Iterator[TableRow]:
        kind = _RELATIONS.get(str(row.get("kind")))
        if kind is None:
            raise UnknownVocabulary("A link is of an unknown kind: correct the row.")
        source, source_kind = self._reference(row.get("source"))
        target, target_kind = self._reference(row.get("target"))
        if source == target or not may_connect(kind, source=source_kind, target=target_kind):
            raise BadSourceRow("A link joins what its kind may not join: correct the row.")
        properties = self._properties(row.get("properties", {}), LINK_PROPERTIES)
        if not may_carry(kind, role=cast("str | None", properties["role"])):
            raise UnknownVocabulary("A link carries a role that its kind does not know: correct the row.")
        identifier = self._once(stable_id("link", self.country.value, cast("str", _KEY(row.get("id")))))
        ends = {"source": source, "source_kind": source_kind, "target": target, "target_kind": target_kind}
        yield "link", {"id": identifier, "kind": kind, **ends, **properties, **self._envelope_of(row)}

    def _indicators(self, row: Mapping[str, object]) -> Iterator[TableRow]:
        """Yield one row per known value; what nobody recorded gets no row, and no row means unknown."""
        case = self._reference_to(EntityKind.CASE, row.get("case"))
        self._once(f"indicators {case}")
        values = row.get("values")
        if not isinstance(values, dict):
            raise bad_value()
        if not values.keys() <= self._codes:
            raise UnknownVocabulary("A row names an unknown indicator: correct the row.")
        provenance = self._provenance(row)
        for code, value in values.items():
            if value is not None:
                if not isinstance(value, bool):
                    raise bad_value()
                yield "mo_indicator", {"case_id": case, "code": code, "value": value, **provenance}

    def _status(self, row: Mapping[str, object]) -> Iterator[TableRow]:
        person = self._reference_to(EntityKind.PERSON, row.get("person"))
        case = None if row.get("case") is None else self._reference_to(EntityKind.CASE, row["case"])
        category, since = _CATEGORY(row.get("category")), row.get("valid_from")
        yield (
            "person_status",
            {
                "id": self._once(stable_id("status", person, case or "", str(category), str(since))),
                "person_id": person,
                "case_id": case,
                "category": category,
                "decided_by": _AUTHORITY(row.get("decided_by")),
                "valid_from": None if since is None else day(since),
                "valid_to": None if row.get("valid_to") is None else day(row["valid_to"]),
                **self._provenance(row),
            },
        )

    def _label(self, row: Mapping[str, object]) -> Iterator[TableRow]:
        entity, _ = self._reference(row.get("entity"))
        case = None if row.get("case") is None else self._reference_to(EntityKind.CASE, row["case"])
        name = str(row.get("name"))
        if name not in _LABELS:
            raise UnknownVocabulary("A label is of an unknown sort: correct the row.")
        yield (
            "label",
            {
                "id": self._once(stable_id("label", entity, case or "", name)),
                "entity_id": entity,
                "case_id": case,
                "name": name,
                "value": _KEY(row.get("value")),
                "labelled_on": None if row.get("labelled_on") is None else day(row["labelled_on"]),
                **self._provenance(row),
            },
        )

    def _once(self, name: str) -> str:
        if name in self._taken:
            raise RepeatedKey("A row says again what one above it says: keep one of them.")
        self._taken.add(name)
        return name

    def _reference(self, key: object) -> tuple[str, EntityKind]:
        name = cast("str", _KEY(key))
        if name in self._seen:
            return self._seen[name]
        identifier = self.identifier(name)
        kind = self.known.get(identifier)
        if kind is None:
            raise UnknownReference("A row names something that stands neither above it nor in the database: add it.")
        return identifier, kind

    def _reference_to(self, wanted: EntityKind, key: object) -> str:
        identifier, kind = self._reference(key)
        if kind is not wanted:
            raise BadSourceRow("A row is about another kind of thing than it says: correct the row.")
        return identifier

    def _properties(self, given: object, fields: Mapping[str, Field]) -> Columns:
        if not isinstance(given, dict):
            raise bad_value()
        columns: Columns = dict.fromkeys(fields)
        for name, value in given.items():
            field_ = fields.get(name)
            if field_ is None:
                if not is_denied(name):
                    raise UnknownProperty("A row has a property that nobody knows: remove it or map it.")
                self.denied[name.lower()] = self.denied.get(name.lower(), 0) + 1
            elif value is not None:
                columns[name] = field_.read(value)
        if any(field_.required and columns[name] is None for name, field_ in fields.items()):
            raise bad_value()
        return columns

    def _envelope_of(self, row: Mapping[str, object]) -> Columns:
        own = row.get("envelope")
        envelope = self._envelope.copy()
        if own is not None:
            if not isinstance(own, dict):
                raise bad_value()
            if not own.keys() <= ENVELOPE.keys():
                raise UnknownProperty("A row's envelope has a property that nobody knows: correct the row.")
            envelope.update({name: ENVELOPE[name].read(value) for name, value in own.items()})
        if None in map(envelope.__getitem__, _REQUIRED):
            raise EnvelopeMissing("A row does not say what may be done with it: complete its envelope or the header's.")
        return envelope

    def _provenance(self, row: Mapping[str, object]) -> Columns:
        envelope = self._envelope_of(row)
        return {"report_id": self.report_id, **{name: envelope[name] for name in _PROVENANCE}}


_REQUIRED = tuple(name for name, field_ in ENVELOPE.items() if field_.required)
