"""In which order the parser writes the values of each table; the importer puts its own columns behind them."""

from collections.abc import Mapping

from safeborders.models.domain.entities import EntityKind
from safeborders.node.ingest.fields import ENVELOPE, LINK_PROPERTIES, PROPERTIES

PROVENANCE: tuple[str, ...] = ("source_grade", "info_grade", "recorded_at")
_ENVELOPE = tuple(ENVELOPE)

TABLE_OF_KIND: Mapping[str, str] = {
    kind.value: "court_case" if kind is EntityKind.CASE else kind.value for kind in EntityKind
}
"""The table with what only a kind has, by the kind's name."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "entity": ("id", "kind", "import_key", "match_key", *_ENVELOPE),
    **{
        TABLE_OF_KIND[kind.value]: ("id", *properties, *(("pseudonym",) if kind is EntityKind.PERSON else ()))
        for kind, properties in PROPERTIES.items()
    },
    "link": ("id", "kind", "source", "source_kind", "target", "target_kind", *LINK_PROPERTIES, *_ENVELOPE),
    "mo_indicator": ("case_id", "code", "value", *PROVENANCE),
    "person_indicator": ("person_id", "code", "value", *PROVENANCE),
    "person_status": ("id", "person_id", "case_id", "category", "decided_by", "valid_from", "valid_to", *PROVENANCE),
    "label": ("id", "entity_id", "case_id", "name", "value", "labelled_on", *PROVENANCE),
}
"""Columns by table, in an order of tables in which no row refers to a later table."""

KIND_TABLES: tuple[str, ...] = tuple(TABLE_OF_KIND.values())
WITH_ENVELOPE: frozenset[str] = frozenset({"entity", "link"})
WITH_PROVENANCE: frozenset[str] = frozenset(
    {"entity", "link", "mo_indicator", "person_indicator", "person_status", "label"}
)
