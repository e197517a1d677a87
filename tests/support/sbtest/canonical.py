"""Records of every kind made up by Hypothesis, and the way from a format's rows into a real database."""

import json
import tempfile
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from safeborders.kit.clock import Clock
from safeborders.models.domain import entities as words
from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.governance import Handling, Regime, Sensitivity, SourceGrade, StatementKind
from safeborders.models.domain.relations import ENDS, ROLES, RelationKind
from safeborders.models.domain.statuses import DataSubjectCategory, StatusAuthority
from safeborders.models.domain.typology import CaseType
from safeborders.models.ontology.loader import load_indicators
from safeborders.node.ingest.country_import import import_country
from safeborders.node.ingest.errors import Reject
from safeborders.node.ingest.sources.rows import SourceReader, SourceRow
from safeborders.node.storage.database import Store

Record = dict[str, Any]

ENVELOPE: Record = {
    "regime": "LED",
    "purposes": ["P1", "P2"],
    "legal_basis": "test:1",
    "source_grade": "B",
    "info_grade": 2,
    "statement_kind": "fact",
    "handling": "H0",
    "sensitivity": "normal",
    "recorded_at": "2026-01-31T00:00:00+00:00",
    "review_due": "2096-01-31",
    "retain_until": "2096-01-31",
    "restricted": False,
    "train_ok": True,
    "share_ok": True,
}


def texts(most: int) -> st.SearchStrategy[str]:
    """Return texts that a row may hold; many begin as formulas do."""
    letters = st.characters(exclude_categories=("C", "Z"), include_characters=" ")
    return st.tuples(st.sampled_from(["", "", "=", "'", "+", "-", "@", "'="]), st.text(letters, min_size=1)).map(
        lambda parts: "".join(parts)[:most]
    )


days = st.dates(min_value=date(1900, 1, 1)).map(lambda day: day.isoformat())
countries = st.sampled_from(["RO", "BG", "XK", "NG"])


def _of(vocabulary: Any) -> st.SearchStrategy[str]:
    return st.sampled_from([member.value for member in vocabulary])


_REQUIRED: dict[EntityKind, dict[str, st.SearchStrategy[Any]]] = {
    EntityKind.CASE: {
        "ref": texts(64), "case_kind": _of(words.CaseKind), "status": _of(words.CaseStatus), "opened_on": days,
    },
    EntityKind.EPISODE: {"stage": _of(words.Stage)},
    EntityKind.PERSON: {},
    EntityKind.ORGANISATION: {"name": texts(200)},
    EntityKind.PHONE: {"number": texts(40)},
    EntityKind.DEVICE: {"equipment_hash": texts(64)},
    EntityKind.ONLINE_ACCOUNT: {"service": texts(40), "handle": texts(120)},
    EntityKind.FINANCIAL_ACCOUNT: {"account_kind": _of(words.FinancialAccountKind), "reference": texts(64)},
    EntityKind.VEHICLE: {"plate": texts(24)},
    EntityKind.IDENTITY_DOCUMENT: {"document_kind": _of(words.DocumentKind), "number": texts(40)},
    EntityKind.PLACE: {"place_kind": _of(words.PlaceKind)},
}  # fmt: skip
_OPTIONAL: dict[EntityKind, dict[str, st.SearchStrategy[Any]]] = {
    EntityKind.CASE: {"closed_on": days, "offence_code": texts(16), "type_label": _of(CaseType)},
    EntityKind.EPISODE: {
        "started_on": days, "ended_on": days, "date_precision": _of(words.DatePrecision), "form": texts(24),
    },
    EntityKind.PERSON: {
        "name": texts(200), "other_names": texts(400), "sex": _of(words.Sex), "birth_date": days,
        "birth_precision": _of(words.DatePrecision),
        "citizenships": st.lists(countries, min_size=1, max_size=4),
    },
    EntityKind.ORGANISATION: {"organisation_kind": texts(24), "sector": texts(8)},
    EntityKind.VEHICLE: {"plate_country": countries, "vin": texts(17), "make": texts(40)},
    EntityKind.IDENTITY_DOCUMENT: {"issuer": countries, "forged": st.booleans()},
    EntityKind.PLACE: {
        "address": texts(200), "nuts3": texts(5), "latitude": st.floats(-90, 90), "longitude": st.floats(-180, 180),
    },
}  # fmt: skip

envelopes = st.fixed_dictionaries(
    {
        "regime": _of(Regime),
        "purposes": st.lists(st.sampled_from(["P1", "P2", "P3", "P4", "P5"]), min_size=1, unique=True),
        "legal_basis": texts(64),
        "source_grade": _of(SourceGrade),
        "info_grade": st.integers(1, 4),
        "statement_kind": _of(StatementKind),
        "handling": _of(Handling),
        "sensitivity": _of(Sensitivity),
        "recorded_at": st.just("2026-01-31T00:00:00+00:00"),
        "review_due": days,
        "retain_until": days,
        "restricted": st.booleans(),
        "train_ok": st.booleans(),
        "share_ok": st.booleans(),
    },
    optional={"valid_from": days, "valid_to": days},
)
_provenance = st.fixed_dictionaries(
    {
        "source_grade": _of(SourceGrade),
        "info_grade": st.integers(1, 4),
        "recorded_at": st.just("2026-01-31T00:00:00+00:00"),
    }
)


@st.composite
def every_kind(draw: st.DrawFn) -> list[Record]:
    """Draw two entities of each kind, a link of each kind, and a status, labels and indicators."""
    rows: list[Record] = []
    for kind in EntityKind:
        own = st.fixed_dictionaries(_REQUIRED[kind], optional=_OPTIONAL.get(kind, {}))
        rows += [
            {"record": "entity", "id": f"{kind.value}:{number}", "kind": kind.value,
             "properties": draw(own), "envelope": draw(envelopes)}
            for number in (1, 2)
        ]  # fmt: skip
    rows += [_draw_link(draw, kind) for kind in RelationKind]
    rows.append(
        {"record": "status", "person": "person:1", "case": "case:1", "category": draw(_of(DataSubjectCategory)),
         "decided_by": draw(_of(StatusAuthority)), "valid_from": draw(days), "envelope": draw(_provenance)}
    )  # fmt: skip
    rows += [
        {"record": "label", "name": name, "entity": f"{on}:1", "value": draw(texts(64)), "envelope": draw(_provenance)}
        for name, on in (("network", "case"), ("role", "person"))
    ]
    codes = st.sampled_from([one.code for one in load_indicators()])
    values = st.dictionaries(codes, st.booleans(), min_size=1)
    rows += [
        {"record": "indicators", on: f"{on}:1", "values": draw(values), "envelope": draw(_provenance)}
        for on in ("case", "person")
    ]
    return rows


def _draw_link(draw: st.DrawFn, kind: RelationKind) -> Record:
    source, target = ENDS[kind] or (EntityKind.PERSON, EntityKind.PERSON)
    optional: dict[str, st.SearchStrategy[Any]] = {
        "count": st.integers(1, 10**7), "sum_band": st.integers(0, 9), "score": st.floats(0, 1),
    }  # fmt: skip
    if ROLES.get(kind):
        optional["role"] = st.sampled_from(sorted(ROLES[kind]))
    return {
        "record": "link",
        "id": f"link:{kind.value}",
        "kind": kind.value,
        "source": f"{source.value}:1",
        "target": f"{target.value}:2",
        "properties": draw(st.fixed_dictionaries({}, optional=optional)),
        "envelope": draw(envelopes),
    }


def comparable(records: Iterable[Mapping[str, Any]]) -> dict[str, Record]:
    """Return records by a name of their own, without what is empty, so that two lists can be compared."""
    return {_name(record): _without_nothing(record) for record in records}


def _name(record: Mapping[str, Any]) -> str:
    own = record.get("id") or [record.get(name) for name in ("person", "entity", "case", "name", "category")]
    return f"{record['record']} {own}"


def _without_nothing(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: kept for name, item in value.items() if (kept := _without_nothing(item)) not in (None, {})}
    return value


def store_rows(
    store: Store, folder: Path, sources: Mapping[str, SourceReader], *, country: Country, now: Clock
) -> None:
    """Read files of any format and take their rows into ``store`` through the importer, one file after the other.

    Args:
        store: With the newest schema.
        folder: Where the files lie.
        sources: The reader of each file, in the order in which they are taken in.
        country: Whose they are.
        now: When they were received.
    """
    with tempfile.TemporaryDirectory() as place:
        for number, (name, source) in enumerate(sources.items()):
            with (folder / name).open("rb") as file:
                rows = list(source(file))
            assert [row for row in rows if isinstance(row, Reject)] == []
            records = [row.record for row in rows if isinstance(row, SourceRow)]
            path = Path(place) / f"{number:02}-{name}.jsonl"
            write_native(path, records, country=country, envelope=source.envelope)
        import_country(store, Path(place), country=country, now=now, progress=lambda _done, _total: None)


def write_native(
    path: Path, records: Iterable[Mapping[str, Any]], *, country: Country, envelope: Mapping[str, object]
) -> None:
    """Write ``records`` as a file of the import format."""
    header = {"record": "header", "format": "safeborders.import", "version": 1, "country": country.value,
              "issuer": "test", "envelope": dict(envelope)}  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in (header, *records)), encoding="utf-8")
