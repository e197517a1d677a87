"""The mapping file of a CSV delivery: which column means what, and what may be done with the rows.

It follows FollowTheMoney's mappings (``queries``, ``entities``, ``keys``, ``properties``) and adds what those lack: the
``envelope``, links of our kinds, indicators, statuses and labels. See configs/mappings for examples.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal, Self, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from safeborders.kit.strict_yaml import YamlRefused, parse_yaml
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import RelationKind
from safeborders.node.ingest.sources.refusals import BadMapping, MappingWithoutEnvelope

LARGEST_BYTES = 256 * 1024


def _word_of(vocabulary: type[StrEnum]) -> Callable[[str], str]:
    """Return the check that a text is a word of ``vocabulary``."""

    def check(text: str) -> str:
        if text not in set(vocabulary):
            raise ValueError("it must be one of the model's kinds")
        return text

    return check


_Name = Annotated[str, Field(min_length=1, max_length=120)]
_Scalar = str | int | float | bool
_Kind = Annotated[str, AfterValidator(_word_of(EntityKind))]
_Relation = Annotated[str, AfterValidator(_word_of(RelationKind))]
_Encoding = Literal["utf-8", "iso-8859-1", "iso-8859-2", "iso-8859-5", "iso-8859-7", "iso-8859-15",
                    "cp1250", "cp1251", "cp1252", "cp1253"]  # fmt: skip


class _Part(BaseModel):
    """A part of a mapping: unknown keys are refused, nothing is converted, values are never echoed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Value(_Part):
    """How one value is made from a row.

    Attributes:
        literal: The value itself.
        column: The column that it stands in.
        columns: Several columns, put together with ``join``; empty ones are left out unless ``keep_empty``.
        entity: An entity of the query whose key is the value.
        lookup: A table of the mapping in which the column's cell is looked up.
        values: What each cell means; null for nothing. A cell that is not named is an error unless ``others`` is set.
        others: What every other cell means: ``keep`` it, or take it for ``nothing``.
        present: What any cell that is not empty means.
        format: How a date is written, in the letters of strptime.
        age_on: The day on which the cell was an age in years; the value becomes the year of birth, which may be one
            too late.
        type: What the value is.
        decimals: To how many decimals a number is rounded.
        split: What separates the items of a list.
    """

    literal: _Scalar | list[_Scalar] | None = None
    column: _Name | None = None
    columns: Annotated[list[_Name], Field(min_length=1, max_length=20)] | None = None
    join: Annotated[str, Field(max_length=8)] = " "
    keep_empty: bool = False
    entity: _Name | None = None
    lookup: _Name | None = None
    values: dict[str, _Scalar | None] | None = None
    others: Literal["keep", "nothing"] | None = None
    present: _Scalar | None = None
    format: Annotated[str, Field(max_length=40)] | None = None
    age_on: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")] | None = None
    type: Literal["text", "integer", "number", "boolean", "date", "list"] = "text"
    decimals: Annotated[int, Field(ge=0, le=6)] | None = None
    split: Annotated[str, Field(min_length=1, max_length=4)] = ";"

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        origins = [self.literal is not None, self.column is not None, self.columns is not None, self.entity is not None]
        if sum(origins) != 1:
            raise ValueError("give exactly one of literal, column, columns and entity")
        if self.lookup is not None and self.column is None:
            raise ValueError("a lookup needs the column to look up")
        return self


class Filtered(_Part):
    """What every part of a query can have: conditions on the row."""

    filters: dict[_Name, str | list[str]] = {}
    filters_not: dict[_Name, str | list[str]] = {}


class EntityPart(Filtered):
    """An entity that a row states, or names only (``reference``).

    Attributes:
        keys: Columns that identify it.
        key_literal: What is put before them, so that keys of several kinds stay apart.
        key_lookup: A table in which the one key is looked up first.
        reference: The row only names it; it stands above, or in the database.
        as_is: The one key is the import key itself, as our own export writes it.
        once: Take it from the first row that states it; later rows only name it.
    """

    kind: _Kind
    keys: list[_Name] = []
    key_literal: Annotated[str, Field(max_length=40)] = ""
    key_lookup: _Name | None = None
    as_is: bool = False
    reference: bool = False
    once: bool = False
    properties: dict[_Name, Value] = {}
    envelope: dict[_Name, Value] = {}

    @model_validator(mode="after")
    def _has_key(self) -> Self:
        if not self.keys and not self.key_literal:
            raise ValueError("give keys or a key_literal")
        if self.key_lookup is not None and len(self.keys) != 1:
            raise ValueError("a key_lookup takes exactly one key")
        return self


class LinkPart(Filtered):
    """A link between two entities of the query; with ``as_is`` its one key is its import key."""

    kind: _Relation
    source: _Name
    target: _Name
    keys: list[_Name] = []
    as_is: bool = False
    key_literal: Annotated[str, Field(max_length=40)] = ""
    properties: dict[_Name, Value] = {}
    envelope: dict[_Name, Value] = {}


class StatusPart(Filtered):
    """What a person is to the law."""

    person: _Name
    case: _Name | None = None
    category: Value
    decided_by: Value
    valid_from: Value | None = None
    valid_to: Value | None = None
    envelope: dict[_Name, Value] = {}


class LabelPart(Filtered):
    """What somebody said about an entity."""

    name: Literal["network", "role"]
    entity: _Name
    case: _Name | None = None
    value: Value
    labelled_on: Value | None = None
    envelope: dict[_Name, Value] = {}


class IndicatorsPart(Filtered):
    """What is known of a case, or of one person in it (name one of both); what a row does not say stays unknown."""

    case: _Name | None = None
    person: _Name | None = None
    values: dict[_Name, Value]
    envelope: dict[_Name, Value] = {}

    @model_validator(mode="after")
    def _is_about_one(self) -> Self:
        if (self.case is None) == (self.person is None):
            raise ValueError("indicators are those of a case or of a person: name one of the two")
        return self


class Query(Filtered):
    """What the rows of one file mean; ``csv`` names it and may be left out when there is only one file."""

    csv: _Name | None = None
    entities: dict[_Name, EntityPart]
    links: list[LinkPart] = []
    statuses: list[StatusPart] = []
    labels: list[LabelPart] = []
    indicators: list[IndicatorsPart] = []

    @model_validator(mode="after")
    def _ends_exist(self) -> Self:
        ends = [end for link in self.links for end in (link.source, link.target)]
        ends += [end for status in self.statuses for end in (status.person, status.case) if end]
        ends += [end for label in self.labels for end in (label.entity, label.case) if end]
        ends += [end for part in self.indicators for end in (part.case, part.person) if end]
        if not set(ends) <= self.entities.keys():
            raise ValueError("a link, status, label or indicator names an entity that the query does not have")
        return self


class Lookup(_Part):
    """A table that lies beside the file: cells of ``key`` stand for those of ``value``."""

    csv: _Name
    key: _Name
    value: _Name


class Form(_Part):
    """How the files are written.

    Attributes:
        empty: Cells that mean that nothing is known.
        defused: Whether formulas were made harmless by our own export, so that it is undone here.
    """

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    encoding: _Encoding = "utf-8"
    empty: list[str] = [""]
    defused: bool = False


class CsvMapping(_Part):
    """A whole mapping file.

    Attributes:
        envelope: What may be done with every row that does not say otherwise.
        ignored: Files of the delivery that are left out on purpose.
    """

    form: Form = Form()
    envelope: dict[_Name, _Scalar | list[_Scalar]]
    lookups: dict[_Name, Lookup] = {}
    ignored: list[_Name] = []
    queries: Annotated[list[Query], Field(min_length=1, max_length=200)]


def parse_mapping(content: bytes) -> CsvMapping:
    """Return the mapping that a file's content states.

    Raises:
        BadMapping: If it is no plain YAML, or has an unknown, missing or bad key; the sentence names its path.
        MappingWithoutEnvelope: If it does not say what may be done with the rows.
    """
    document = parse_operator_yaml(content, what="mapping")
    if not document.get("envelope"):
        raise MappingWithoutEnvelope(
            "The mapping has no envelope, so nobody would know what may be done with the rows: add the block."
        )
    try:
        return CsvMapping.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_input=False, include_context=False, include_url=False)[0]
        where = ".".join(str(part) for part in found["loc"]) or "the mapping"
        raise BadMapping(f"The mapping cannot be used at {where} ({found['msg']}): correct it there.") from None


def parse_envelope(content: bytes) -> dict[str, object]:
    """Return the envelope that a file's content states; whoever reads rows checks its words.

    Raises:
        BadMapping: If it is no plain YAML, or no mapping of names to values.
    """
    document = parse_operator_yaml(content, what="envelope")
    return cast("dict[str, object]", document.get("envelope", document))


def parse_operator_yaml(content: bytes, *, what: str) -> dict[str, object]:
    """Return the keys and values of a YAML file of the operator's, with dates as text."""
    if len(content) > LARGEST_BYTES:
        raise BadMapping(f"The {what} is larger than 256 KiB: it cannot be one.")
    try:
        document = parse_yaml(content.decode("utf-8"), largest_bytes=LARGEST_BYTES)
    except YamlRefused as error:
        raise BadMapping(f"The {what} is no plain YAML {error}: correct it there.") from None
    except UnicodeDecodeError:
        raise BadMapping(f"The {what} is not UTF-8: save it as that.") from None
    if not isinstance(document, dict):
        raise BadMapping(f"The {what} must hold keys and values: see the examples in configs/mappings.")
    _check_keys(document, path="")
    envelope = document.get("envelope", document)
    if isinstance(envelope, dict):
        envelope.update({name: _text_of_date(value) for name, value in envelope.items()})
    return document


def files_in_order(mapping: CsvMapping, names: Sequence[str]) -> list[str]:
    """Return those of ``names`` that the mapping reads, in the order of its queries.

    Raises:
        BadMapping: If a file is neither read nor ignored.
    """
    read = list(dict.fromkeys(query.csv for query in mapping.queries if query.csv is not None))
    if len(read) == 0 and len(names) == 1:
        return list(names)
    beside = {lookup.csv for lookup in mapping.lookups.values()}
    left = [name for name in names if name not in read and name not in beside and name not in mapping.ignored]
    if left:
        raise BadMapping("A file of the folder is neither read nor ignored by the mapping: add it to one of them.")
    return [name for name in read if name in names]


def columns_of(queries: Iterable[Query]) -> dict[str, str]:
    """Return the column that each property is read from, for sentences; properties of several columns are left out."""
    found: dict[str, set[str | None]] = {}
    for name, value in (pair for query in queries for pair in _values_of(query)):
        found.setdefault(name, set()).add(value.column)
    return {name: column for name, columns in found.items() if len(columns) == 1 and (column := columns.pop())}


def _values_of(query: Query) -> Iterator[tuple[str, Value]]:
    for entity in query.entities.values():
        yield from (*entity.properties.items(), *entity.envelope.items())
    for link in query.links:
        yield from (*link.properties.items(), *link.envelope.items())
    for about in query.indicators:
        yield from (*about.values.items(), *about.envelope.items())
    for status in query.statuses:
        yield from (("category", status.category), ("decided_by", status.decided_by), *status.envelope.items())


def lookups_of(mapping: CsvMapping, file_name: str) -> frozenset[str]:
    """Return the names of the tables that values of this file are looked up in."""
    queries = [query.model_dump() for query in mapping.queries if query.csv in (None, file_name)]
    return frozenset(_named_tables(queries)) & mapping.lookups.keys()


def companions_of(mapping: CsvMapping, file_name: str) -> frozenset[str]:
    """Return the names of the files that must lie beside this one, because values are looked up in them."""
    return frozenset(mapping.lookups[name].csv for name in lookups_of(mapping, file_name))


def _named_tables(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        yield from (str(part[name]) for name in ("lookup", "key_lookup") if part.get(name))
        part = list(part.values())
    if isinstance(part, list):
        for item in part:
            yield from _named_tables(item)


def _text_of_date(value: object) -> object:
    return value.isoformat() if isinstance(value, date | datetime) else value


def _check_keys(value: object, *, path: str) -> None:
    """Refuse keys that YAML took for a number, a truth value or a date."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise BadMapping(f"The key under {path or 'the top'} is no text: put it into quotation marks.")
            _check_keys(item, path=f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            _check_keys(item, path=f"{path}.{place}")
