"""Our own part of a FollowTheMoney line: what its schemata cannot carry, under the key ``safeborders``.

``{"version": 1, "kind": ..., "properties": {...}, "envelope": {...}}``: ``kind`` is one of our kinds of entity or link,
``properties`` hold what FollowTheMoney's do not say or say otherwise, ``envelope`` is the row's own. A Note with
``{"version": 1, "row": {...}}`` carries a row of the import format for which FollowTheMoney has no schema at all.
"""

from dataclasses import dataclass
from typing import cast

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import RelationKind
from safeborders.node.ingest.sources.ftm_entities import Values, first
from safeborders.node.ingest.sources.keys import foreign_key

KEY = "safeborders"
VERSION = 1

LINK_ENDS: dict[str, tuple[str, str]] = {
    "CourtCaseParty": ("party", "case"),
    "Family": ("relative", "person"),
    "Associate": ("person", "associate"),
    "Employment": ("employee", "employer"),
    "Directorship": ("director", "organization"),
    "Ownership": ("owner", "asset"),
    "Payment": ("payerAccount", "beneficiaryAccount"),
    "Similar": ("candidate", "match"),
    "UnknownLink": ("subject", "object"),
}
"""Properties with a link's source and target, by the schema that it is written as."""

_ENTITIES = {kind.value: kind for kind in EntityKind}
_LINKS = {kind.value: kind for kind in RelationKind}
_ROWS = frozenset({"indicators", "status", "label"})


@dataclass(frozen=True)
class Extension:
    """The extension of one line; ``row`` for a row that is no entity and no link."""

    entity_kind: EntityKind | None
    link_kind: RelationKind | None
    properties: dict[str, object]
    envelope: dict[str, object]
    row: dict[str, object] | None

    def apply(self, record: dict[str, object]) -> None:
        """Put what FollowTheMoney could not say into an entity's row."""
        cast("dict[str, object]", record["properties"]).update(self.properties)
        if self.envelope:
            record["envelope"] = self.envelope

    def build_link(self, identifier: str, *, schema: str, values: Values) -> dict[str, object]:
        """Return the row of a link whose ends are FollowTheMoney's and whose rest is ours."""
        source, target = LINK_ENDS.get(schema, ("subject", "object"))
        period = {"valid_from": first(values, "startDate"), "valid_to": first(values, "endDate")}
        return {
            "record": "link",
            "id": foreign_key(identifier),
            "kind": cast("RelationKind", self.link_kind).value,
            "source": foreign_key(first(values, source) or ""),
            "target": foreign_key(first(values, target) or ""),
            "properties": self.properties,
            "envelope": {**{name: day for name, day in period.items() if day}, **self.envelope},
        }


def read_extension(given: object) -> Extension | None:
    """Return the extension of a line; None when it is none of this version."""
    if not isinstance(given, dict) or given.get("version") != VERSION:
        return None
    kind, row = given.get("kind"), given.get("row")
    properties, envelope = given.get("properties", {}), given.get("envelope", {})
    if not isinstance(properties, dict) or not isinstance(envelope, dict):
        return None
    if row is not None:
        valid = isinstance(row, dict) and row.get("record") in _ROWS
        return Extension(None, None, {}, {}, row) if valid else None
    if not isinstance(kind, str) or (kind not in _ENTITIES and kind not in _LINKS):
        return None
    return Extension(_ENTITIES.get(kind), _LINKS.get(kind), properties, envelope, None)
