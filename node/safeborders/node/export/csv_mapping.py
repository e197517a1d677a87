"""The mapping that reads our own CSV export back, made from the model so that it never lags behind."""

from collections.abc import Iterable

import yaml

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import ENDS, RelationKind
from safeborders.models.ontology.loader import load_indicators
from safeborders.node.ingest.fields import ENVELOPE, LINK_PROPERTIES, PROPERTIES

_TYPES = {
    "purposes": "list",
    "citizenships": "list",
    "info_grade": "integer",
    "count": "integer",
    "sum_band": "integer",
    "score": "number",
    "latitude": "number",
    "longitude": "number",
    **dict.fromkeys(("restricted", "train_ok", "share_ok", "forged"), "boolean"),
}
_PROVENANCE = ("source_grade", "info_grade", "recorded_at")
_CLOSED: dict[str, object] = {
    "regime": "LED",
    "purposes": ["P4"],
    "legal_basis": "none stated",
    "source_grade": "X",
    "info_grade": 4,
    "statement_kind": "assessment",
    "handling": "H3",
    "sensitivity": "minor_victim",
    "recorded_at": "1970-01-01T00:00:00+00:00",
    "review_due": "1970-01-01",
    "retain_until": "1970-01-01",
    "restricted": True,
    "train_ok": False,
    "share_ok": False,
}
"""Every row has its own envelope; one that somebody emptied is of no use to anybody."""

_Values = dict[str, object]


def mapping_bytes() -> bytes:
    """Return the mapping file's content."""
    queries = [*(_entity(kind) for kind in EntityKind), *(_link(kind) for kind in RelationKind)]
    document = {
        "form": {"defused": True},
        "envelope": _CLOSED,
        "queries": [*queries, _statuses(), _labels(), _indicators("case"), _indicators("person")],
    }
    note = b"# Reads this folder back: safeborders node import --format csv --mapping mapping.yaml\n"
    return note + yaml.dump(document, Dumper=_Plain, sort_keys=False).encode()


class _Plain(yaml.SafeDumper):
    """Writes what is said twice twice, because our own reader refuses aliases."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _entity(kind: EntityKind) -> _Values:
    part = {
        "kind": kind.value,
        "keys": ["key"],
        "as_is": True,
        "properties": _columns(PROPERTIES[kind]),
        "envelope": _columns(ENVELOPE),
    }
    return {"csv": f"{kind.value}.csv", "entities": {"it": part}}


def _link(kind: RelationKind) -> _Values:
    source, target = ENDS[kind] or (EntityKind.PERSON, EntityKind.PERSON)
    ends = {"source": _named(source.value, "source"), "target": _named(target.value, "target")}
    part = {"kind": kind.value, "source": "source", "target": "target", "keys": ["key"], "as_is": True}
    return {
        "csv": f"link_{kind.value}.csv",
        "entities": ends,
        "links": [{**part, "properties": _columns(LINK_PROPERTIES), "envelope": _columns(ENVELOPE)}],
    }


def _statuses() -> _Values:
    said = {name: {"column": name} for name in ("category", "decided_by", "valid_from", "valid_to")}
    entities = {"person": _named("person", "person"), "case": _named("case", "case")}
    part = {"person": "person", "case": "case", **said, "envelope": _columns(_PROVENANCE)}
    return {"csv": "status.csv", "entities": entities, "statuses": [part]}


def _labels() -> _Values:
    said = {name: {"column": name} for name in ("value", "labelled_on")}
    part = {"entity": "it", "case": "case", **said, "envelope": _columns(_PROVENANCE)}
    entities = {"it": _named("person", "entity"), "case": _named("case", "case")}
    labels = [{**part, "name": name, "filters": {"name": name}} for name in ("network", "role")]
    return {"csv": "label.csv", "entities": entities, "labels": labels}


def _indicators(whose: str) -> _Values:
    values = {one.code: {"column": one.code, "type": "boolean"} for one in load_indicators()}
    part = {whose: whose, "values": values, "envelope": _columns(_PROVENANCE)}
    file = "indicators.csv" if whose == "case" else "person_indicators.csv"
    return {"csv": file, "entities": {whose: _named(whose, whose)}, "indicators": [part]}


def _named(kind: str, column: str) -> _Values:
    return {"kind": kind, "keys": [column], "as_is": True, "reference": True}


def _columns(names: Iterable[str]) -> _Values:
    columns: _Values = {}
    for name in names:
        columns[name] = {"column": name}
        if name in _TYPES:
            columns[name] = {"column": name, "type": _TYPES[name], **({"split": "+"} if _TYPES[name] == "list" else {})}
    return columns
