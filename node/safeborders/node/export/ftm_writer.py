"""Writes FollowTheMoney's JSON lines; what its schemata cannot carry stands under ``safeborders``.

The extension holds exactly what our own reader would not get from FollowTheMoney's properties: each line is decoded
again while it is written, so nothing that a record holds can be lost on the way. Free texts (``namesMentioned``,
``indexText``, ``summary``, ``description``, ``notes``) are never written: FollowTheMoney's own tools copy names there.
"""

import re
from collections.abc import Callable, Mapping
from typing import BinaryIO, cast

import orjson

from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.relations import RelationKind
from safeborders.node.ingest.sources.ftm_entities import decode
from safeborders.node.ingest.sources.ftm_extension import KEY, LINK_ENDS, VERSION
from safeborders.node.ingest.sources.keys import ftm_identifier
from safeborders.node.services.outgoing import ExportRow, Record

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_K = EntityKind
_R = RelationKind
Ftm = dict[str, list[str]]
_PERIOD = (("startDate", "valid_from"), ("endDate", "valid_to"))


class FtmWriter:
    """Writes one entity or link a line.

    Args:
        file: Where the lines go.
        dataset: Name of the data set that the lines say they are from.
    """

    def __init__(self, file: BinaryIO, *, dataset: str) -> None:
        self._file = file
        self._datasets = [dataset]

    def write(self, row: ExportRow) -> None:
        """Write one row."""
        kind = row.record["record"]
        build = {"entity": _entity, "link": _link}.get(str(kind), _note)
        line = build(row.record)
        line["datasets"] = self._datasets
        if row.beside:
            cast("Record", line[KEY])["beside"] = row.beside
        self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def finish(self) -> None:
        """Do nothing: the last line is the last row."""


def _entity(record: Record) -> Record:
    kind = EntityKind(str(record["kind"]))
    properties = cast("Record", record["properties"])
    schema, values = _ENCODERS[kind](properties)
    understood = decode(kind, values, schema=schema, drop=_ignore)
    missing = {
        name: properties.get(name)
        for name in {**properties, **understood}
        if properties.get(name) != understood.get(name)
    }
    extension = {"version": VERSION, "kind": kind.value, "properties": missing, "envelope": record.get("envelope", {})}
    return {"id": ftm_identifier(str(record["id"])), "schema": schema, "properties": values, KEY: extension}


def _link(record: Record) -> Record:
    kind = RelationKind(str(record["kind"]))
    properties, envelope = cast("Record", record.get("properties", {})), cast("Record", record.get("envelope", {}))
    role = properties.get("role")
    schema = _schema_of(kind, role)
    source, target = LINK_ENDS[schema]
    values: Ftm = {end: [ftm_identifier(str(record[name]))] for end, name in ((source, "source"), (target, "target"))}
    if schema not in {"Payment", "Similar"}:
        values[_WORDS.get(schema, "role")] = [str(role or kind.value)]
    if kind is _R.POSSIBLY_SAME and properties.get("score") is not None:
        values["confidenceScore"] = [str(properties["score"])]
    if schema != "Similar":  # the one edge without a period
        values |= {ftm: [str(envelope[ours])] for ftm, ours in _PERIOD if envelope.get(ours)}
    extension = {"version": VERSION, "kind": kind.value, "properties": properties, "envelope": envelope}
    return {"id": ftm_identifier(str(record["id"])), "schema": schema, "properties": values, KEY: extension}


def _note(record: Record) -> Record:
    """Return a Note about the person, entity or case that a status, label or indicators are about."""
    about = record.get("person") or record.get("entity") or record.get("case")
    name = f"{record['record']}:{record.get('name', record.get('category', ''))}:{about}:{record.get('case', '')}"
    extension = {"version": VERSION, "row": record}
    values = {"name": [str(record["record"])], "entity": [ftm_identifier(str(about))]}
    return {"id": ftm_identifier(name), "schema": "Note", "properties": values, KEY: extension}


def _schema_of(kind: RelationKind, role: object) -> str:
    if kind is _R.WORKS_FOR:
        return "Directorship" if role == "director" else "Employment"
    if kind is _R.DRIVES and role == "owner":
        return "Ownership"
    return _SCHEMATA.get(kind, "UnknownLink")


_SCHEMATA: Mapping[RelationKind, str] = {
    _R.PARTY_TO: "CourtCaseParty",
    _R.KIN: "Family",
    _R.ASSOCIATE: "Associate",
    _R.PAID: "Payment",
    _R.POSSIBLY_SAME: "Similar",
}
_WORDS = {"Family": "relationship", "Associate": "relationship"}


def _case(of: Record) -> tuple[str, Ftm]:
    ref = _one(of, "ref")
    dates = {"fileDate": _one(of, "opened_on"), "closeDate": _one(of, "closed_on")}
    return "CourtCase", _full(
        {"name": ref, "caseNumber": ref, "type": _one(of, "case_kind"), "status": _one(of, "status"), **dates}
    )


def _episode(of: Record) -> tuple[str, Ftm]:
    stage = _one(of, "stage")
    precision = str(of.get("date_precision"))
    dates = {"startDate": _cut(_one(of, "started_on"), precision), "endDate": _one(of, "ended_on")}
    return "Event", _full({"name": stage, "keywords": stage, **dates})


def _person(of: Record) -> tuple[str, Ftm]:
    values = _full(
        {
            "name": _one(of, "name"),
            "alias": _one(of, "other_names"),
            "gender": _one(of, "sex"),
            "birthDate": _cut(_one(of, "birth_date"), str(of.get("birth_precision"))),
        }
    )
    countries = cast("list[str] | None", of.get("citizenships"))
    return "Person", {**values, "citizenship": [code.lower() for code in countries]} if countries else values


def _organisation(of: Record) -> tuple[str, Ftm]:
    named = {"name": _one(of, "name"), "legalForm": _one(of, "organisation_kind"), "sector": _one(of, "sector")}
    return "Organization", _full(named)


def _phone(of: Record) -> tuple[str, Ftm]:
    number = _one(of, "number") or ""
    typed = number if _E164.fullmatch(number) else None  # FollowTheMoney takes no other form
    return "UserAccount", _full({"username": number, "phone": typed, "service": "telephone"})


def _device(of: Record) -> tuple[str, Ftm]:
    return "Asset", _full({"name": _one(of, "equipment_hash")})


def _online_account(of: Record) -> tuple[str, Ftm]:
    return "UserAccount", _full({"username": _one(of, "handle"), "service": _one(of, "service")})


def _financial_account(of: Record) -> tuple[str, Ftm]:
    reference, kind = _one(of, "reference"), of.get("account_kind")
    if kind == "wallet":
        return "CryptoWallet", _full({"publicKey": reference})
    if kind == "transfer_service":
        return "BankAccount", _full({"accountNumber": reference, "accountType": "transfer_service"})
    return "BankAccount", _full({"iban": reference})


def _vehicle(of: Record) -> tuple[str, Ftm]:
    plate, country = _one(of, "plate"), (_one(of, "plate_country") or "").lower()
    return "Vehicle", _full({"registrationNumber": plate, "country": country, "model": _one(of, "make")})


def _document(of: Record) -> tuple[str, Ftm]:
    kind, country = _one(of, "document_kind"), (_one(of, "issuer") or "").lower()
    schema = "Passport" if kind == "passport" else "Identification"
    return schema, _full({"number": _one(of, "number"), "country": country, "type": kind})


def _place(of: Record) -> tuple[str, Ftm]:
    numbers = {name: _one(of, name) for name in ("latitude", "longitude")}
    return "Address", _full({"full": _one(of, "address"), **numbers})


def _one(of: Record, name: str) -> str | None:
    value = of.get(name)
    return None if value is None else str(value)


def _full(values: Mapping[str, str | None]) -> Ftm:
    return {name: [value] for name, value in values.items() if value}


def _cut(day: str | None, precision: str) -> str | None:
    """Return as much of a day as is known, which is how FollowTheMoney says it."""
    return day[: {"year": 4, "month": 7}.get(precision, 10)] if day else None


def _ignore(_name: str) -> None:
    """Drop nothing: what is not understood goes into the extension."""


_ENCODERS: Mapping[EntityKind, Callable[[Record], tuple[str, Ftm]]] = {
    _K.CASE: _case,
    _K.EPISODE: _episode,
    _K.PERSON: _person,
    _K.ORGANISATION: _organisation,
    _K.PHONE: _phone,
    _K.DEVICE: _device,
    _K.ONLINE_ACCOUNT: _online_account,
    _K.FINANCIAL_ACCOUNT: _financial_account,
    _K.VEHICLE: _vehicle,
    _K.IDENTITY_DOCUMENT: _document,
    _K.PLACE: _place,
}
