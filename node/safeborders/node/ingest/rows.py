"""Turns rows of the import format into rows of the database, or says why not; it knows only the file, no database."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from safeborders.kit.ids import stable_id, stable_ids
from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import ENDS, ROLES, RelationKind
from safeborders.models.domain.selectors import match_key
from safeborders.models.domain.statuses import DataSubjectCategory, StatusAuthority
from safeborders.models.ontology.loader import load_indicators
from safeborders.node.ingest.columns import PROVENANCE, TABLE_OF_KIND
from safeborders.node.ingest.denied import denied_name
from safeborders.node.ingest.errors import (
    BadSourceRow,
    EnvelopeMissing,
    IngestError,
    UnknownProperty,
    UnknownVocabulary,
)
from safeborders.node.ingest.fields import (
    ENVELOPE,
    LINK_PROPERTIES,
    NAMED_BY,
    PROPERTIES,
    Field,
    Reader,
    bad_value,
    day,
    one_of,
    text,
    word,
)

Row = list[object]
TableRow = tuple[str, Row]

_CACHED_KEYS = 100_000
_KEY = text(64)
_CATEGORY = word(DataSubjectCategory)
_AUTHORITY = word(StatusAuthority)
_LABEL = one_of(frozenset({"network", "role"}))
_ALLOWED = {
    "entity": frozenset({"record", "id", "kind", "properties", "envelope"}),
    "link": frozenset({"record", "id", "kind", "source", "target", "properties", "envelope"}),
    "indicators": frozenset({"record", "case", "person", "values", "envelope"}),
    "status": frozenset({"record", "person", "case", "category", "decided_by", "valid_from", "valid_to", "envelope"}),
    "label": frozenset({"record", "name", "value", "entity", "case", "labelled_on", "envelope"}),
}
_UNKNOWN_PROPERTY = "A row has a property that nobody knows: remove it or map it."


class _Form:
    """The properties of one kind, compiled: where each goes and who reads it."""

    __slots__ = ("blank", "names", "places", "required")

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self.names = tuple(fields)
        self.places = {name: (index, field.read) for index, (name, field) in enumerate(fields.items())}
        self.required = tuple(index for index, field in enumerate(fields.values()) if field.required)
        self.blank: Row = [None] * len(self.names)


@dataclass(frozen=True, slots=True)
class _Kind:
    kind: EntityKind
    table: str
    form: _Form
    named_by: int


_KINDS = {
    kind.value: _Kind(
        kind=kind,
        table=TABLE_OF_KIND[kind.value],
        form=_Form(fields),
        named_by=list(fields).index(NAMED_BY[kind]) if kind in NAMED_BY else -1,
    )
    for kind, fields in PROPERTIES.items()
}
_RELATIONS = {
    kind.value: (
        (ends[0].value, ends[1].value) if ends else (None, None),
        ROLES.get(kind, frozenset()),
    )
    for kind, ends in ((kind, ENDS[kind]) for kind in RelationKind)
}
_LINK = _Form(LINK_PROPERTIES)
_ROLE = _LINK.names.index("role")
_ENVELOPE = _Form(ENVELOPE)
_PROVENANCE = tuple(_ENVELOPE.names.index(name) for name in PROVENANCE)


class RowReader:
    """Reads the rows of one file in their order.

    Whether what a row names exists is the database's to say. The ends' kinds follow from the link's, except for
    POSSIBLY_SAME, whose kinds stay None.

    Args:
        country: Whose file it is.
        defaults: The envelope of the file's header, not yet checked.

    Attributes:
        denied: How often each kind of property was dropped unread.
        named: Identifiers that rows named since the caller last emptied it.

    Raises:
        IngestError: If a default has a wrong form.
    """

    def __init__(self, country: Country, defaults: Mapping[str, object]) -> None:
        self.denied: dict[str, int] = {}
        self.named: set[str] = set()
        self._country = country
        self._codes = frozenset(indicator.code for indicator in load_indicators())
        self._defaults: Row = _ENVELOPE.blank.copy()
        self._update(self._defaults, defaults)
        complete = all(self._defaults[index] is not None for index in _ENVELOPE.required)
        self._complete: Row | None = self._defaults if complete else None
        self._read_by: Mapping[object, Callable[[Mapping[str, object]], list[TableRow]]] = {
            "entity": self._entity,
            "link": self._link,
            "indicators": self._indicators,
            "status": self._status,
            "label": self._label,
        }
        self.identifier = lru_cache(maxsize=_CACHED_KEYS)(stable_ids("entity", country.value))
        self._link_identifier = stable_ids("link", country.value)

    def read(self, row: Mapping[str, object]) -> list[TableRow]:
        """Return the table rows of ``row``.

        Raises:
            IngestError: If the row cannot be accepted; its class says why, its column where.
        """
        record = row.get("record")
        if type(record) is not str or record not in _ALLOWED:
            raise UnknownVocabulary("A row is of no known sort: correct the row.").at("record")
        if not row.keys() <= _ALLOWED[record]:
            unknown = sorted(row.keys() - _ALLOWED[record])[0]
            raise UnknownProperty(_UNKNOWN_PROPERTY).at(unknown)
        return self._read_by[record](row)

    def _entity(self, row: Mapping[str, object]) -> list[TableRow]:
        kind = _KINDS.get(cast("str", row.get("kind"))) if type(row.get("kind")) is str else None
        if kind is None:
            raise UnknownVocabulary("A row is of an unknown kind: correct the row.").at("kind")
        key = cast("str", _value(row, "id", _KEY))
        identifier = self.identifier(key)
        properties = self._properties(row.get("properties"), kind.form)
        name = properties[kind.named_by] if kind.named_by >= 0 else None
        match = match_key(kind.kind, cast("str", name), country=self._country) or None if name is not None else None
        envelope = self._envelope_of(row)
        own: Row = [identifier, *properties]
        if kind.kind is EntityKind.PERSON:
            own.append(f"P-{identifier[19:23]}{identifier[24:]}")
        return [("entity", [identifier, kind.kind.value, key, match, *envelope]), (kind.table, own)]

    def _link(self, row: Mapping[str, object]) -> list[TableRow]:
        kind = row.get("kind")
        relation = _RELATIONS.get(kind) if type(kind) is str else None
        if relation is None:
            raise UnknownVocabulary("A link is of an unknown kind: correct the row.").at("kind")
        (source_kind, target_kind), roles = relation
        source, target = self._reference(row, "source"), self._reference(row, "target")
        if source == target:
            raise BadSourceRow("A link joins a thing to itself: correct the row.").at("target")
        properties = self._properties(row.get("properties"), _LINK)
        if properties[_ROLE] is not None and properties[_ROLE] not in roles:
            raise UnknownVocabulary("A link carries a role that its kind does not know: correct the row.").at("role")
        identifier = self._link_identifier(cast("str", _value(row, "id", _KEY)))
        ends = (source, source_kind, target, target_kind)
        return [("link", [identifier, kind, *ends, *properties, *self._envelope_of(row)])]

    def _indicators(self, row: Mapping[str, object]) -> list[TableRow]:
        """Return one row per known value; what nobody recorded gets no row, and no row means unknown."""
        if row.get("case") is not None and row.get("person") is not None:
            raise BadSourceRow("Indicators are those of a case or of a person: name one of the two.").at("person")
        table, place = ("mo_indicator", "case") if row.get("person") is None else ("person_indicator", "person")
        whose = self._reference(row, place)
        values = row.get("values")
        if type(values) is not dict:
            raise bad_value("an object of indicators").at("values")
        if not values.keys() <= self._codes:
            raise UnknownVocabulary("A row names an unknown indicator: correct the row.").at("values")
        provenance = self._provenance(row)
        rows: list[TableRow] = []
        for code, value in values.items():
            if value is not None:
                if type(value) is not bool:
                    raise bad_value("true, false or null").at(code)
                rows.append((table, [whose, code, value, *provenance]))
        return rows

    def _status(self, row: Mapping[str, object]) -> list[TableRow]:
        person = self._reference(row, "person")
        case = None if row.get("case") is None else self._reference(row, "case")
        category, since = _value(row, "category", _CATEGORY), _optional(row, "valid_from", day)
        identifier = stable_id("status", person, case or "", str(category), str(since))
        decided = _value(row, "decided_by", _AUTHORITY)
        until = _optional(row, "valid_to", day)
        return [
            ("person_status", [identifier, person, case, category, decided, since, until, *self._provenance(row)]),
        ]

    def _label(self, row: Mapping[str, object]) -> list[TableRow]:
        entity = self._reference(row, "entity")
        case = None if row.get("case") is None else self._reference(row, "case")
        name = cast("str", _value(row, "name", _LABEL))
        value, labelled = _value(row, "value", _KEY), _optional(row, "labelled_on", day)
        identifier = stable_id("label", entity, case or "", name)
        return [("label", [identifier, entity, case, name, value, labelled, *self._provenance(row)])]

    def _reference(self, row: Mapping[str, object], place: str) -> str:
        identifier = self.identifier(cast("str", _value(row, place, _KEY)))
        self.named.add(identifier)
        return identifier

    def _properties(self, given: object, form: _Form) -> Row:
        row = form.blank.copy()
        if given is not None:
            if type(given) is not dict:
                raise bad_value("an object of properties").at("properties")
            self._update(row, given, form)
        for index in form.required:
            if row[index] is None:
                raise BadSourceRow("A row lacks a value that its kind needs: complete the row.").at(form.names[index])
        return row

    def _update(self, row: Row, given: Mapping[str, object], form: _Form = _ENVELOPE) -> None:
        places = form.places
        for name, value in given.items():
            place = places.get(name)
            if place is None:
                self._drop(name, form)
            elif value is not None:
                try:
                    row[place[0]] = place[1](value)
                except IngestError as error:
                    raise error.at(name) from None

    def _drop(self, name: str, form: _Form) -> None:
        """Count a denied property; in an envelope, and when nobody knows it, refuse it."""
        denied = denied_name(name)
        if denied is None or form is _ENVELOPE:
            raise UnknownProperty(_UNKNOWN_PROPERTY).at(name)
        self.denied[denied] = self.denied.get(denied, 0) + 1

    def _envelope_of(self, row: Mapping[str, object]) -> Row:
        own = row.get("envelope")
        if own is None:
            if self._complete is not None:
                return self._complete
            envelope = self._defaults
        else:
            if type(own) is not dict:
                raise bad_value("an object").at("envelope")
            envelope = self._defaults.copy()
            self._update(envelope, own)
        for index in _ENVELOPE.required:
            if envelope[index] is None:
                raise EnvelopeMissing(
                    "A row does not say what may be done with it: complete its envelope or the header's."
                ).at(_ENVELOPE.names[index])
        return envelope

    def _provenance(self, row: Mapping[str, object]) -> Row:
        envelope = self._envelope_of(row)
        return [envelope[index] for index in _PROVENANCE]


def _value(row: Mapping[str, object], place: str, read: Reader) -> object:
    try:
        return read(row.get(place))
    except IngestError as error:
        raise error.at(place) from None


def _optional(row: Mapping[str, object], place: str, read: Reader) -> object:
    return None if row.get(place) is None else _value(row, place, read)
