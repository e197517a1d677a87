"""The parts of a query as functions of a row: entities, links, statuses, labels, indicators."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from safeborders.node.ingest.denied import is_denied
from safeborders.node.ingest.sources.csv_values import BadCell, Columns, Getter, Row, Text, compile_value
from safeborders.node.ingest.sources.keys import import_key
from safeborders.node.ingest.sources.mapping import (
    EntityPart,
    Filtered,
    IndicatorsPart,
    LabelPart,
    LinkPart,
    Query,
    StatusPart,
    Value,
)

Record = dict[str, object]
Maker = Callable[[Row], Record | None]
Makers = Callable[[Row], Iterator[Record]]


class CompiledQuery:
    """A query for one file.

    Attributes:
        may_wait: Whether a link may name an entity of a later row, so that the file must be read twice.
    """

    def __init__(self, query: Query, columns: Columns) -> None:
        self._passes = _filter(query, columns)
        self._keys = {name: _key(part, columns) for name, part in query.entities.items()}
        self._entities = [
            _entity(part, self._keys[name], columns=columns, keys=self._keys)
            for name, part in query.entities.items()
            if not part.reference
        ]
        compiler = _Compiler(columns, self._keys)
        self._links = [
            *(compiler.link(part) for part in query.links),
            *(compiler.status(part) for part in query.statuses),
            *(compiler.label(part) for part in query.labels),
            *(compiler.indicators(part) for part in query.indicators),
        ]
        self.may_wait = bool(self._entities) and any(part.reference for part in query.entities.values())

    def entities(self, row: Row) -> Iterator[Record]:
        """Yield the entities that ``row`` states. Raises BadCell."""
        if self._passes(row):
            for make in self._entities:
                record = make(row)
                if record is not None:
                    yield record

    def links(self, row: Row) -> Iterator[Record]:
        """Yield what ``row`` says about entities. Raises BadCell."""
        if self._passes(row):
            for make in self._links:
                record = make(row)
                if record is not None:
                    yield record


class _Compiler:
    """Makes functions of the parts that name entities by their keys."""

    def __init__(self, columns: Columns, keys: Mapping[str, Text]) -> None:
        self._columns = columns
        self._keys = keys

    def link(self, part: LinkPart) -> Maker:
        source, target = self._keys[part.source], self._keys[part.target]
        own = [self._columns.text(column) for column in part.keys]
        properties = self._values(part.properties)
        kind, prefix, as_is = part.kind, part.key_literal or part.kind, part.as_is

        def make(row: Row) -> Record | None:
            ends = source(row), target(row)
            if ends[0] is None or ends[1] is None:
                return None
            cells = [read(row) or "" for read in own]
            key = cells[0] if as_is else import_key(prefix, [ends[0], ends[1], *cells])
            record: Record = {"record": "link", "id": key, "kind": kind, "source": ends[0], "target": ends[1]}
            if properties:
                record["properties"] = _made(properties, row)
            return record

        return self._finish(part, make, envelope=part.envelope)

    def status(self, part: StatusPart) -> Maker:
        person, case = self._keys[part.person], self._keys[part.case] if part.case else None
        named = {"category": part.category, "decided_by": part.decided_by}
        named |= {name: value for name in ("valid_from", "valid_to") if (value := getattr(part, name))}
        values = self._values(named)

        def make(row: Row) -> Record | None:
            who, made = person(row), _made(values, row)
            if who is None or "category" not in made:
                return None
            return {"record": "status", "person": who, **_case_of(case, row), **made}

        return self._finish(part, make, envelope=part.envelope)

    def label(self, part: LabelPart) -> Maker:
        entity, case = self._keys[part.entity], self._keys[part.case] if part.case else None
        values = self._values({"value": part.value, **({"labelled_on": part.labelled_on} if part.labelled_on else {})})

        def make(row: Row) -> Record | None:
            what, made = entity(row), _made(values, row)
            if what is None or "value" not in made:
                return None
            return {"record": "label", "name": part.name, "entity": what, **_case_of(case, row), **made}

        return self._finish(part, make, envelope=part.envelope)

    def indicators(self, part: IndicatorsPart) -> Maker:
        place, name = ("case", part.case) if part.person is None else ("person", part.person)
        whose, values = self._keys[str(name)], self._values(part.values)

        def make(row: Row) -> Record | None:
            return {"record": "indicators", place: whose(row), "values": _made(values, row)}

        return self._finish(part, make, envelope=part.envelope)

    def _values(self, values: Mapping[str, Value]) -> list[tuple[str, Getter]]:
        return [(name, compile_value(value, self._columns, keys=self._keys)) for name, value in values.items()]

    def _finish(self, part: Filtered, make: Maker, *, envelope: Mapping[str, Value]) -> Maker:
        return _finished(make, passes=_filter(part, self._columns), envelope=self._values(envelope))


def _entity(part: EntityPart, key: Text, *, columns: Columns, keys: Mapping[str, Text]) -> Maker:
    values = {name: value for name, value in part.properties.items() if not is_denied(name)}
    denied = dict.fromkeys(name for name in part.properties if is_denied(name))
    properties = [(name, compile_value(value, columns, keys=keys)) for name, value in values.items()]
    envelope = [(name, compile_value(value, columns, keys=keys)) for name, value in part.envelope.items()]
    kind, once = part.kind, part.once
    seen: set[int] = set()

    def make(row: Row) -> Record | None:
        name = key(row)
        if name is None:
            if part.once or not part.keys:
                return None
            raise BadCell(part.keys[0], "The cells that identify the entity are empty: fill them, or filter the row.")
        if once:
            if hash(name) in seen:
                return None
            seen.add(hash(name))
        return {"record": "entity", "id": name, "kind": kind, "properties": {**_made(properties, row), **denied}}

    return _finished(make, passes=_filter(part, columns), envelope=envelope)


def _finished(make: Maker, *, passes: Callable[[Row], bool], envelope: Sequence[tuple[str, Getter]]) -> Maker:
    def finished(row: Row) -> Record | None:
        if not passes(row):
            return None
        record = make(row)
        if record is not None:
            record["envelope"] = _made(envelope, row)
        return record

    def filtered(row: Row) -> Record | None:
        return make(row) if passes(row) else None

    if envelope:
        return finished
    return make if passes is _always else filtered


def _made(values: Sequence[tuple[str, Getter]], row: Row) -> Record:
    return {name: value for name, read in values if (value := read(row)) is not None}


def _case_of(case: Text | None, row: Row) -> Record:
    """Return the case that a row names; nothing where it names none."""
    key = case(row) if case else None
    return {} if key is None else {"case": key}


def _key(part: EntityPart, columns: Columns) -> Text:
    prefix = part.key_literal or part.kind
    if not part.keys:
        constant = import_key(prefix, [])
        return lambda _row: constant
    if part.key_lookup is not None:
        reads = [columns.looked_up(part.keys[0], part.key_lookup)]
    else:
        reads = [columns.text(column) for column in part.keys]
    if len(reads) == 1:
        read_one = reads[0]
        if part.as_is:
            return read_one

        def one(row: Row) -> str | None:
            cell = read_one(row)
            return None if cell is None else import_key(prefix, (cell,))

        return one

    def several(row: Row) -> str | None:
        cells = [read(row) for read in reads]
        return import_key(prefix, [cell or "" for cell in cells]) if any(cells) else None

    return several


def _filter(part: Filtered, columns: Columns) -> Callable[[Row], bool]:
    wanted = [(columns.place(name), _cells(cells)) for name, cells in part.filters.items()]
    unwanted = [(columns.place(name), _cells(cells)) for name, cells in part.filters_not.items()]
    if not wanted and not unwanted:
        return _always

    def passes(row: Row) -> bool:
        return all(row[place] in cells for place, cells in wanted) and not any(
            row[place] in cells for place, cells in unwanted
        )

    return passes


def _always(_row: Row) -> bool:
    return True


def _cells(given: str | list[str]) -> frozenset[str]:
    return frozenset([given] if isinstance(given, str) else given)
