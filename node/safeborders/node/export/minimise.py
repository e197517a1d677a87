"""Takes names and identifiers out of a record, and keeps what links and patterns need.

The rule is an allow-list: only words of closed vocabularies, dates, numbers and codes of a known form pass. Every other
text is either left out or, where a row is nothing without it (a number, a plate), replaced by a keyed pseudonym.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.roles import CaseRole
from safeborders.models.ontology.loader import load_indicators
from safeborders.node.export.pseudonyms import Pseudonyms
from safeborders.node.services.outgoing import ExportRow, Record

_K = EntityKind
_COUNTRY = re.compile(r"[A-Z]{2}")
_NUTS = re.compile(r"[A-Z]{2}[0-9A-Z]{0,1}[0-9]{0,2}")
_SECTOR = re.compile(r"[A-U](\.?[0-9]{1,4})?")  # ISIC
_OFFENCE = re.compile(r"[0-9]{4,6}")  # ICCS
_ROLES = frozenset(role.value for role in CaseRole)

KEPT: Mapping[EntityKind, frozenset[str]] = {
    _K.CASE: frozenset({"case_kind", "status", "opened_on", "closed_on", "type_label"}),
    _K.EPISODE: frozenset({"stage", "started_on", "ended_on", "date_precision"}),
    _K.PERSON: frozenset({"sex"}),
    _K.ORGANISATION: frozenset(),
    _K.PHONE: frozenset(),
    _K.DEVICE: frozenset(),
    _K.ONLINE_ACCOUNT: frozenset(),
    _K.FINANCIAL_ACCOUNT: frozenset({"account_kind"}),
    _K.VEHICLE: frozenset(),
    _K.IDENTITY_DOCUMENT: frozenset({"document_kind", "forged"}),
    _K.PLACE: frozenset({"place_kind"}),
}
"""Properties that pass as they are: closed vocabularies, dates, truth values."""

CODES: Mapping[str, re.Pattern[str]] = {
    "offence_code": _OFFENCE,
    "sector": _SECTOR,
    "plate_country": _COUNTRY,
    "issuer": _COUNTRY,
    "nuts3": _NUTS,
}
"""Properties that pass when they have the form of their code; anybody may have written a name there."""

REPLACED: frozenset[str] = frozenset({"ref", "number", "equipment_hash", "service", "handle", "reference", "plate"})
"""Texts that a row must have; equal ones stay equal within one export."""


def minimise(row: ExportRow, pseudonyms: Pseudonyms) -> ExportRow:
    """Return ``row`` without names and identifiers."""
    record = _MINIMISERS[str(row.record["record"])](row.record, pseudonyms)
    return ExportRow(record, {name: value for name, value in row.beside.items() if name == "effective_category"})


def _entity(record: Record, pseudonyms: Pseudonyms) -> Record:
    kind = EntityKind(str(record["kind"]))
    given: dict[str, object] = record["properties"]  # type: ignore[assignment]  # entities always have them
    properties: Record = {}
    for name, value in given.items():
        if (
            name in KEPT[kind]
            or (name in CODES and CODES[name].fullmatch(str(value)))
            or (name == "form" and value in _forms())
        ):
            properties[name] = value
        elif name in REPLACED or (name == "name" and kind is _K.ORGANISATION):
            properties[name] = pseudonyms.of_value(f"{kind.value}.{name}", str(value))
    return {**record, "id": pseudonyms.of_entity(str(record["id"])), "properties": properties}


def _link(record: Record, pseudonyms: Pseudonyms) -> Record:
    ends = {end: pseudonyms.of_entity(str(record[end])) for end in ("source", "target")}
    return {**record, **ends, "id": pseudonyms.of_value("link", str(record["id"]))}


def _status(record: Record, pseudonyms: Pseudonyms) -> Record:
    return {**record, **_ends(record, pseudonyms, "person", "case")}


def _label(record: Record, pseudonyms: Pseudonyms) -> Record:
    value = str(record["value"])
    known = record["name"] == "role" and value in _ROLES
    said = value if known else pseudonyms.of_value("label", value)
    return {**record, **_ends(record, pseudonyms, "entity", "case"), "value": said}


def _indicators(record: Record, pseudonyms: Pseudonyms) -> Record:
    return {**record, **_ends(record, pseudonyms, "case", "person")}


def _ends(record: Record, pseudonyms: Pseudonyms, *names: str) -> Record:
    return {name: pseudonyms.of_entity(str(record[name])) for name in names if name in record}


def _is_code(name: str, value: object) -> bool:
    """Return whether a text has the form of its code, so that no name can hide in it."""
    if name == "form":
        return value in _forms()
    return name in CODES and CODES[name].fullmatch(str(value)) is not None


@cache
def _forms() -> frozenset[str]:
    return frozenset(code.code.removeprefix("frm.") for code in load_indicators() if code.code.startswith("frm."))


_MINIMISERS: Mapping[str, Callable[[Record, Pseudonyms], Record]] = {
    "entity": _entity,
    "link": _link,
    "status": _status,
    "label": _label,
    "indicators": _indicators,
}
