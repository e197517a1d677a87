"""FollowTheMoney's JSON lines as rows: entities first, then what joins them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO, cast

import orjson

from safeborders.models.domain.entities import EntityKind
from safeborders.node.ingest.denied import is_denied
from safeborders.node.ingest.errors import BadSourceRow, Reject, UnknownProperty, UnknownVocabulary
from safeborders.node.ingest.sources import ftm_entities, ftm_links
from safeborders.node.ingest.sources.ftm_attached import (
    REFERENCES,
    TYPED,
    Record,
    build_link,
    entity_of_value,
    links_of_values,
    value_key,
)
from safeborders.node.ingest.sources.ftm_entities import Values
from safeborders.node.ingest.sources.ftm_extension import LINK_ENDS, Extension, read_extension
from safeborders.node.ingest.sources.ftm_model import ENTITY_SCHEMATA, WITHOUT_PLACE, known_properties
from safeborders.node.ingest.sources.keys import foreign_key
from safeborders.node.ingest.sources.kind_index import KindIndex
from safeborders.node.ingest.sources.lines import read_lines
from safeborders.node.ingest.sources.native import parse_object
from safeborders.node.ingest.sources.rows import SourceRow

_CARRIED, _DENIED, _DROPPED = 1, 2, 3
_DONE, _JOINS, _JOINS_DENIED = 0, 1, 2
"""What the first pass leaves of a line for the second: nothing, links, or links with denied properties to count."""


class _BadLine(Exception):
    """A line that cannot be read, with the reason for its reject."""

    def __init__(self, code: str, column: str, sentence: str) -> None:
        super().__init__(code)
        self.reject = (code, column, sentence)


class _Line:
    """One line: the entity or edge that it states."""

    __slots__ = ("extension", "identifier", "kind", "properties", "schema")

    def __init__(self, content: bytes | None, *, checked: bool = False) -> None:
        self.identifier, self.schema, self.properties, self.extension = _parse(content, checked=checked)
        kind = self.extension.entity_kind if self.extension else None
        self.kind = kind or ENTITY_SCHEMATA.get(self.schema)

    @property
    def is_edge(self) -> bool:
        return self.schema in ftm_links.EDGES

    @property
    def states_row(self) -> bool:
        """Whether its extension is a whole row of ours, and nothing else of the line is read."""
        return self.extension is not None and self.extension.row is not None


class FtmReader:
    """Reads FollowTheMoney's JSON lines; nested entities are refused, properties without a place are counted.

    The second pass reads only lines that the first found good and joining something, and does not check them again:
    whether the file stayed the same is the importer's to see to, before anything of it is kept.

    Args:
        envelope: What may be done with every row that does not say so itself, because FollowTheMoney cannot say it.
    """

    def __init__(self, envelope: Mapping[str, object]) -> None:
        self.envelope = envelope
        self.dropped: dict[str, int] = {}
        self._kinds = KindIndex()
        self._values: set[int] = set()  # hashes of the keys of values that became entities
        self._actions: dict[tuple[str, EntityKind | None], dict[str, int]] = {}

    def __call__(self, file: BinaryIO) -> Iterator[SourceRow | Reject]:
        """Yield the rows of all entities, then of all links; a bad line yields its reason."""
        left = bytearray()  # one byte for each line
        yield from self._first_pass(file, left)
        file.seek(0)
        for (number, content), todo in zip(read_lines(file), left, strict=False):
            if todo:
                for record in self._links(_Line(content, checked=True), denies=todo == _JOINS_DENIED):
                    yield SourceRow(number, record)

    def _first_pass(self, file: BinaryIO, left: bytearray) -> Iterator[SourceRow | Reject]:
        for number, content in read_lines(file):
            left.append(_DONE)
            if content is not None and not content.strip():
                continue
            try:
                line = _Line(content)
                denied = self._check(line)
            except _BadLine as bad:
                yield Reject(number, *bad.reject)
                continue
            left[-1] = _rest(line, denies=bool(denied))
            for record in self._entities(line, denied):
                yield SourceRow(number, record)

    def _entities(self, line: _Line, denied: dict[str, None]) -> Iterator[Record]:
        if line.states_row:
            return
        if line.is_edge:
            numbers = ftm_links.called_numbers(line.schema, line.properties)
            yield from (record for record in numbers if self._is_new(str(record["id"])))
            return
        if line.kind is None:
            self._drop(line.schema)
            return
        key = foreign_key(line.identifier)
        properties = ftm_entities.decode(line.kind, line.properties, schema=line.schema, drop=self._drop)
        own = {name: value for name, value in properties.items() if value is not None}
        record: Record = {"record": "entity", "id": key, "kind": line.kind.value, "properties": {**own, **denied}}
        if line.extension is not None:
            line.extension.apply(record)
        self._kinds.add(key, line.kind)
        yield record
        for name, typed in TYPED.get(line.kind, {}).items():
            for value in line.properties.get(name, ()):
                if self._is_new(value_key(typed, value)):
                    yield entity_of_value(typed, value)

    def _links(self, line: _Line, *, denies: bool) -> Iterator[Record]:
        if line.extension is not None and line.extension.row is not None:
            yield line.extension.row
        elif line.is_edge:
            yield from self._edge(line, self._check(line, count=False) if denies else {})
        elif line.kind is not None:
            key = foreign_key(line.identifier)
            yield from links_of_values(line.kind, key, values=line.properties)
            yield from self._references(line, key)

    def _edge(self, line: _Line, denied: dict[str, None]) -> Iterator[Record]:
        if line.extension is not None and line.extension.link_kind is not None:
            link = line.extension.build_link(line.identifier, schema=line.schema, values=line.properties)
            records: Iterator[Record] = iter((link,))
        else:
            records = ftm_links.links_of_edge(
                line.identifier, schema=line.schema, values=line.properties, kinds=self._kinds, drop=self._drop
            )
        for record in records:
            yield {**record, "properties": {**cast("Record", record["properties"]), **denied}} if denied else record

    def _references(self, line: _Line, key: str) -> Iterator[Record]:
        for name, reference in REFERENCES.get(cast("EntityKind", line.kind), {}).items():
            for other in map(foreign_key, dict.fromkeys(line.properties.get(name, ()))):
                ends = (other, key) if reference.backwards else (key, other)
                if reference.backwards and self._kinds.find(other) not in (EntityKind.PERSON, None):
                    self._drop(name)  # only persons drive, bear and hold here
                    continue
                yield build_link(reference.relation, source=ends[0], target=ends[1], role=reference.role)

    def _check(self, line: _Line, *, count: bool = True) -> dict[str, None]:
        """Return the denied properties, emptied; count what is dropped; raise for what nobody knows."""
        if line.states_row:
            return {}
        if not _fits(line):
            raise _BadLine(BadSourceRow.code, "safeborders", _OTHER_SORT)
        actions = self._actions.get((line.schema, line.kind)) or self._learn(line)
        denied: dict[str, None] = {}
        for name, values in line.properties.items():
            action = actions.get(name) or self._action_of(name)
            if action == _CARRIED:
                if type(values) is not list or not _are_texts(values):
                    raise _BadLine(BadSourceRow.code, name, _NESTED)
            elif action == _DENIED:
                denied[name] = None
            elif count:
                self._drop(name)
        return denied

    def _action_of(self, name: str) -> int:
        if is_denied(name):
            return _DENIED
        raise _BadLine(UnknownProperty.code, _plain(name), _UNKNOWN_PROPERTY)

    def _learn(self, line: _Line) -> dict[str, int]:
        known = known_properties(line.schema)
        if not _fits(line):
            raise _BadLine(
                BadSourceRow.code, "safeborders", "The extension is of another sort than the schema: remove it."
            )
        if not known or not (line.kind or line.is_edge or line.schema in WITHOUT_PLACE):
            raise _BadLine(UnknownVocabulary.code, "schema", _UNKNOWN_SCHEMA)
        if line.is_edge:
            carried = ftm_links.CARRIED.get(line.schema, frozenset())
        elif line.kind is not None:
            attached = (*TYPED.get(line.kind, ()), *REFERENCES.get(line.kind, ()))
            carried = ftm_entities.CARRIED[line.kind].union(attached)
        else:
            carried = frozenset()
        actions = {name: _DENIED if is_denied(name) else _CARRIED if name in carried else _DROPPED for name in known}
        self._actions[line.schema, line.kind] = actions
        return actions

    def _is_new(self, key: str) -> bool:
        if hash(key) in self._values:
            return False
        self._values.add(hash(key))
        return True

    def _drop(self, name: str) -> None:
        self.dropped[name] = self.dropped.get(name, 0) + 1


def _fits(line: _Line) -> bool:
    """Return whether the extension, if there is one, is of the schema's sort."""
    if line.extension is None:
        return True
    return line.schema in LINK_ENDS if line.extension.link_kind is not None else not line.is_edge


def _rest(line: _Line, *, denies: bool) -> int:
    """Return what is left of a good line for the second pass."""
    if line.states_row:
        return _JOINS
    if line.is_edge:
        return _JOINS_DENIED if denies else _JOINS
    if line.kind is None:
        return _DONE
    return _DONE if _JOINING[line.kind].isdisjoint(line.properties) else _JOINS


_JOINING = {kind: frozenset((*TYPED.get(kind, ()), *REFERENCES.get(kind, ()))) for kind in EntityKind}
"""Properties of an entity that become links."""


def _are_texts(values: Sequence[object]) -> bool:
    if len(values) == 1:  # nearly always
        return type(values[0]) is str
    return all(type(value) is str for value in values)


def _parse(content: bytes | None, *, checked: bool) -> tuple[str, str, Values, Extension | None]:
    if content is None:
        raise _BadLine(BadSourceRow.code, "", "The line is longer than a megabyte: split the entity that it states.")
    try:
        line = orjson.loads(content) if checked else parse_object(content)
    except BadSourceRow as error:
        raise _BadLine(error.code, "", error.message) from None
    identifier, schema, properties = line.get("id"), line.get("schema"), line.get("properties", {})
    if not isinstance(identifier, str) or not identifier:
        raise _BadLine(BadSourceRow.code, "id", "The entity has no identifier: give it one, as text.")
    if not isinstance(schema, str):
        raise _BadLine(UnknownVocabulary.code, "schema", _UNKNOWN_SCHEMA)
    if not isinstance(properties, dict):
        raise _BadLine(BadSourceRow.code, "properties", "The properties are no JSON object: export the file anew.")
    extension = None
    if "safeborders" in line:
        extension = read_extension(line["safeborders"])
        if extension is None:
            raise _BadLine(BadSourceRow.code, "safeborders", "The extension is of another version or form: remove it.")
    return identifier, schema, properties, extension


def _plain(name: str) -> str:
    """Return a property's name for a reject: somebody may have put a value where names stand."""
    return name if name.isascii() and name.isalnum() and len(name) <= 40 else "properties"


_UNKNOWN_SCHEMA = "The schema is none that this model has a place for: remove the line, or say which of them it is."
_UNKNOWN_PROPERTY = "FollowTheMoney's schema has no such property: correct its name, or remove it."
_OTHER_SORT = "The extension is of another sort than the schema: remove it."
_NESTED = "The property is no list of texts: give identifiers of entities, not the entities themselves, and no numbers."
