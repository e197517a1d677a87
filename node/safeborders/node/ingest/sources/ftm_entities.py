"""FollowTheMoney's entities as ours: which property carries which, in both directions."""

from collections.abc import Callable, Mapping

from safeborders.models.domain.entities import CaseKind, CaseStatus, EntityKind, Stage

Values = Mapping[str, list[str]]
Properties = dict[str, object]
Drop = Callable[[str], None]

_SEXES = frozenset({"female", "male", "other"})
_STAGES = frozenset(stage.value for stage in Stage)
_PRECISION = {len("2009"): "year", len("2009-01"): "month", len("2009-01-31"): "day"}
_REST = {"year": "-01-01", "month": "-01", "day": ""}


def decode(kind: EntityKind, values: Values, *, schema: str, drop: Drop) -> Properties:
    """Return our properties of an entity of ``kind``.

    Args:
        kind: What the entity is here.
        values: FollowTheMoney's properties; every value is a text.
        schema: FollowTheMoney's name for it.
        drop: Told the name of each property whose value the model has no word for.
    """
    return _DECODERS[kind](values, schema, drop)


def first(values: Values, *names: str) -> str | None:
    """Return the first value of the first of the properties ``names`` that has one."""
    for name in names:
        given = values.get(name)
        if given:
            return given[0]
    return None


def read_date(text: str | None) -> tuple[str | None, str | None]:
    """Return a date that may be a year, a month or a day as its first day, with its precision."""
    if text is None:
        return None, None
    day = text[:10]
    precision = _PRECISION.get(len(day))
    return (f"{day}{_REST[precision]}", precision) if precision else (text, None)


def _case(values: Values, _schema: str, drop: Drop) -> Properties:
    kind, status = first(values, "type"), first(values, "status")
    closed = read_date(first(values, "closeDate"))[0]
    if kind is not None and kind not in set(CaseKind):
        drop("type")
        kind = None
    if status is not None and status not in set(CaseStatus):
        drop("status")
        status = None
    return {
        "ref": first(values, "caseNumber", "name"),
        "case_kind": kind or CaseKind.JUDICIAL.value,  # a CourtCase is one
        "status": status or (CaseStatus.CLOSED if closed else CaseStatus.ACTIVE).value,
        "opened_on": read_date(first(values, "fileDate"))[0],
        "closed_on": closed,
    }


def _episode(values: Values, schema: str, _drop: Drop) -> Properties:
    stage = Stage.TRANSPORT.value if schema == "Trip" else None
    started, precision = read_date(first(values, "startDate", "date"))
    return {
        "stage": next((word for word in values.get("keywords", ()) if word in _STAGES), stage),
        "started_on": started,
        "ended_on": read_date(first(values, "endDate"))[0],
        "date_precision": precision,
    }


def _person(values: Values, _schema: str, drop: Drop) -> Properties:
    names = values.get("name") or [" ".join(values.get("firstName", []) + values.get("lastName", []))]
    others = [*names[1:], *(name for key in ("alias", "previousName", "weakAlias") for name in values.get(key, ()))]
    sex = first(values, "gender")
    if sex is not None and sex not in _SEXES:
        drop("gender")
        sex = None
    born, precision = read_date(first(values, "birthDate"))
    codes = [code.upper() for key in ("citizenship", "nationality") for code in values.get(key, ())]
    countries = list(dict.fromkeys(code for code in codes if len(code) == 2))
    if any(len(code) != 2 for code in codes):
        drop("citizenship")
    return {
        "name": names[0] or None,
        "other_names": "; ".join(others) or None,
        "sex": sex,
        "birth_date": born,
        "birth_precision": precision,
        "citizenships": countries or None,
    }


def _organisation(values: Values, schema: str, _drop: Drop) -> Properties:
    kind = {"Company": "company", "PublicBody": "public_body"}.get(schema)
    return {
        "name": first(values, "name"),
        "organisation_kind": first(values, "legalForm") or kind,
        "sector": first(values, "sector"),
    }


def _phone(values: Values, _schema: str, _drop: Drop) -> Properties:
    return {"number": first(values, "username")}


def _device(values: Values, _schema: str, _drop: Drop) -> Properties:
    return {"equipment_hash": first(values, "name")}


def _online_account(values: Values, _schema: str, _drop: Drop) -> Properties:
    return {"service": first(values, "service") or "unknown", "handle": first(values, "username")}


def _financial_account(values: Values, schema: str, _drop: Drop) -> Properties:
    if schema == "CryptoWallet":
        return {"account_kind": "wallet", "reference": first(values, "publicKey", "cryptoAddress", "accountId")}
    kind = "transfer_service" if first(values, "accountType") == "transfer_service" else "iban"
    return {"account_kind": kind, "reference": first(values, "iban", "accountNumber")}


def _vehicle(values: Values, _schema: str, drop: Drop) -> Properties:
    country = first(values, "country")
    if country is not None and len(country) != 2:
        drop("country")
        country = None
    return {
        "plate": first(values, "registrationNumber"),
        "plate_country": country.upper() if country else None,
        "make": first(values, "model"),
    }


def _document(values: Values, schema: str, drop: Drop) -> Properties:
    kind, country = first(values, "type"), first(values, "country")
    if kind not in _DOCUMENTS:
        if kind is not None:
            drop("type")
        kind = "passport" if schema == "Passport" else "identity_card"
    if country is not None and len(country) != 2:
        drop("country")
        country = None
    return {
        "document_kind": kind,
        "number": first(values, "number", "passportNumber"),
        "issuer": country.upper() if country else None,
    }


def _place(values: Values, _schema: str, drop: Drop) -> Properties:
    parts = [text for name in ("street", "street2", "postalCode", "city", "region") for text in values.get(name, ())]
    return {
        "place_kind": "private",  # nothing says what it is used for, and a home needs the most care
        "address": first(values, "full", "address", "name") or ", ".join(parts) or None,
        "latitude": _number(values, "latitude", drop=drop),
        "longitude": _number(values, "longitude", drop=drop),
    }


def _number(values: Values, name: str, *, drop: Drop) -> float | None:
    text = first(values, name)
    if text is None:
        return None
    try:
        return float(text)
    except ValueError:
        drop(name)
        return None


_DOCUMENTS = frozenset({"passport", "identity_card", "residence_permit", "birth_certificate"})

_DECODERS: Mapping[EntityKind, Callable[[Values, str, Drop], Properties]] = {
    EntityKind.CASE: _case,
    EntityKind.EPISODE: _episode,
    EntityKind.PERSON: _person,
    EntityKind.ORGANISATION: _organisation,
    EntityKind.PHONE: _phone,
    EntityKind.DEVICE: _device,
    EntityKind.ONLINE_ACCOUNT: _online_account,
    EntityKind.FINANCIAL_ACCOUNT: _financial_account,
    EntityKind.VEHICLE: _vehicle,
    EntityKind.IDENTITY_DOCUMENT: _document,
    EntityKind.PLACE: _place,
}

CARRIED: Mapping[EntityKind, frozenset[str]] = {
    EntityKind.CASE: frozenset({"type", "status", "caseNumber", "name", "fileDate", "closeDate"}),
    EntityKind.EPISODE: frozenset({"name", "startDate", "date", "endDate", "keywords"}),
    EntityKind.PERSON: frozenset(
        {"name", "firstName", "lastName", "alias", "previousName", "weakAlias", "gender", "birthDate", "citizenship",
         "nationality"}
    ),
    EntityKind.ORGANISATION: frozenset({"name", "legalForm", "sector"}),
    EntityKind.PHONE: frozenset({"username", "phone", "service"}),
    EntityKind.DEVICE: frozenset({"name"}),
    EntityKind.ONLINE_ACCOUNT: frozenset({"username", "service"}),
    EntityKind.FINANCIAL_ACCOUNT: frozenset(
        {"name", "publicKey", "cryptoAddress", "accountId", "iban", "accountNumber", "accountType"}
    ),
    EntityKind.VEHICLE: frozenset({"name", "registrationNumber", "country", "model"}),
    EntityKind.IDENTITY_DOCUMENT: frozenset({"type", "country", "number", "passportNumber"}),
    EntityKind.PLACE: frozenset(
        {"name", "full", "address", "street", "street2", "postalCode", "city", "region", "latitude", "longitude"}
    ),
}  # fmt: skip
"""FollowTheMoney's properties that an entity of each kind is read from."""
