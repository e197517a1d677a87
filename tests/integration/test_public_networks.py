"""Two public data sets go in by the mappings of configs/ and come out again: each cell that the model can carry.

What the model cannot carry stands in the comments of the mappings, and is left out of the comparison by name below.
"""

import csv
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from safeborders.models.domain.countries import Country
from safeborders.models.domain.governance import Purpose
from safeborders.node.access.callers import Caller, Justification, Role
from safeborders.node.export.pseudonyms import Pseudonyms
from safeborders.node.export.records import Export, ExportFormat, export_records
from safeborders.node.ingest.sources.csv_lines import restore
from safeborders.node.ingest.sources.formats import SourceOptions, open_source
from safeborders.node.ingest.sources.mapping import Value, files_in_order, parse_mapping
from safeborders.node.storage.access import SqlLookupJournal
from safeborders.node.storage.database import Place, open_store
from sbtest.canonical import store_rows
from sbtest.house.sources import ROOT

DATA = ROOT.parent / "shared" / "data"
MAPPINGS = ROOT / "configs" / "mappings"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
Cells = dict[str, str]


def read(path: Path) -> list[Cells]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def there_and_back(folder: Path, mapping_name: str, tmp_path: Path) -> dict[str, list[Cells]]:
    """Import ``folder`` with a mapping into a database, export it as CSV, and return the cells by file."""
    mapping = (MAPPINGS / mapping_name).read_bytes()
    files = {path.name: path.read_bytes() for path in folder.glob("*.csv")}
    store = open_store(Place(path=tmp_path / "country.db", key_hex="ab" * 32))
    store.upgrade()
    sources = {
        name: open_source("csv", SourceOptions(Country.IT, name, mapping=mapping, companions=files))
        for name in files_in_order(parse_mapping(mapping), sorted(files))
    }
    store_rows(store, folder, sources, country=Country.IT, now=lambda: NOW)
    caller = Caller(token="operator", name="operator", role=Role.LEAD_INVESTIGATOR)
    who = Justification(caller, Purpose.NETWORK, "TEST-1")
    out = tmp_path / "out"
    export = Export(ExportFormat.CSV, out, who, Pseudonyms(b"k" * 32, scope="x"), "comparison with the source")
    export_records(store, export, journal=SqlLookupJournal(store.engine), clock=lambda: NOW)
    store.close()
    return {
        path.stem: [dict(zip(row, restore(list(row.values())), strict=True)) for row in read(path)]
        for path in out.glob("*.csv")
    }


def words(mapping_name: str, csv_name: str, property_: str) -> Mapping[str, str]:
    """Return what the mapping's codes of a property mean, the other way round."""
    queries = [one for one in parse_mapping((MAPPINGS / mapping_name).read_bytes()).queries if one.csv == csv_name]
    parts = [part for query in queries for part in query.entities.values()]
    (value,) = (part.properties[property_] for part in parts if property_ in part.properties)
    assert isinstance(value, Value)
    return {str(code): cell for cell, code in (value.values or {}).items()}


def own(key: str) -> str:
    """Return the source's name of an entity from its import key."""
    return key.split(":", 1)[1]


def day(cell: str) -> str:
    """Return a day as it is stored; the source writes it with and without a leading zero."""
    return datetime.strptime(cell, "%d/%m/%Y").date().isoformat()  # noqa: DTZ007  # a day has no zone


def ends(rows: list[Cells], **wanted: str) -> Counter[tuple[str, str]]:
    return Counter(
        (own(row["source"]), own(row["target"]))
        for row in rows
        if all(row[column] == value for column, value in wanted.items())
    )


def pairs(path: Path, *, turned: bool = False) -> Counter[tuple[str, str]]:
    rows = [(row[":START_ID"], row[":END_ID"]) for row in read(path)]
    return Counter((b, a) if turned else (a, b) for a, b in rows)


@pytest.fixture(scope="module")
def pole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[Cells]]]:
    folder = DATA / "pole_manchester"
    if not folder.is_dir():
        pytest.skip("../shared/data/pole_manchester is absent: lay the public data beside the project")
    return folder, there_and_back(folder, "pole_manchester.yaml", tmp_path_factory.mktemp("pole"))


def test_every_person_phone_email_and_vehicle_of_pole_comes_back(pole: tuple[Path, dict[str, list[Cells]]]) -> None:
    folder, out = pole
    persons = {
        own(row["key"]): (*row["name"].split(", ")[::-1], row["birth_date"] and str(2017 - int(row["birth_date"][:4])))
        for row in out["person"]
    }
    assert persons == {row[":ID"]: (row["name"], row["surname"], row["age"]) for row in read(folder / "Person.csv")}
    phones = {own(row["key"]): row["number"] for row in out["phone"]}
    assert phones == {row[":ID"]: row["phoneNo"] for row in read(folder / "Phone.csv")}
    emails = {own(row["key"]): row["handle"] for row in out["online_account"]}
    assert emails == {row[":ID"]: row["email_address"] for row in read(folder / "Email.csv")}
    vehicles = {own(row["key"]): (row["plate"], *row["make"].split("|")) for row in out["vehicle"]}
    assert vehicles == {
        row[":ID"]: (row["reg"], row["make"], row["model"], row["year"]) for row in read(folder / "Vehicle.csv")
    }


def test_every_place_and_crime_of_pole_comes_back(pole: tuple[Path, dict[str, list[Cells]]]) -> None:
    folder, out = pole
    places = {
        own(row["key"]): (row["address"], float(row["latitude"]), float(row["longitude"])) for row in out["place"]
    }
    assert places == {
        row[":ID"]: (
            f"{row['address']}, {row['postcode']}",
            round(float(row["latitude:double"]), 2),
            round(float(row["longitude:double"]), 2),
        )
        for row in read(folder / "Location.csv")
    }
    offences = words("pole_manchester.yaml", "Crime.csv", "offence_code")
    outcomes = words("pole_manchester.yaml", "Crime.csv", "form")
    forms = {own(row["key"]): outcomes[row["form"]] for row in out["episode"]}
    crimes = {}
    for row in out["case"]:
        kind, *charge = (offences[code] for code in row["offence_code"].split("+"))
        crimes[own(row["key"])] = (row["ref"], row["opened_on"], kind, "".join(charge), forms[own(row["key"])])
    assert crimes == {
        row[":ID"]: (row["id"], day(row["date"]), row["type"], row["charge"], row["last_outcome"])
        for row in read(folder / "Crime.csv")
    }


def test_every_relation_of_pole_comes_back(pole: tuple[Path, dict[str, list[Cells]]]) -> None:
    folder, out = pole
    assert ends(out["link_USES"]) == pairs(folder / "rel_HAS_PHONE.csv")
    assert ends(out["link_CONTROLS"]) == pairs(folder / "rel_HAS_EMAIL.csv")
    assert ends(out["link_STAYS_AT"]) == pairs(folder / "rel_CURRENT_ADDRESS.csv")
    assert ends(out["link_AT"]) == pairs(folder / "rel_OCCURRED_AT.csv")
    assert ends(out["link_PARTY_TO"]) == pairs(folder / "rel_PARTY_TO.csv")
    evidence = {row[":ID"] for row in read(folder / "Object.csv")}
    involved = {pair: times for pair, times in pairs(folder / "rel_INVOLVED_IN.csv", turned=True).items()
                if pair[1] not in evidence}  # fmt: skip
    assert ends(out["link_USED_VEHICLE"]) == involved
    kin = Counter((own(row["source"]), own(row["target"]), row["role"].upper()) for row in out["link_KIN"])
    assert kin == Counter(
        (row[":START_ID"], row[":END_ID"], row["rel_type"]) for row in read(folder / "rel_FAMILY_REL.csv")
    )
    sources = {row["source_report"] for row in out["link_ASSOCIATE"]}
    for name in ("KNOWS", "KNOWS_LW", "KNOWS_PHONE", "KNOWS_SN"):
        (source,) = (one for one in sources if f"rel_{name}.csv" in one)
        assert ends(out["link_ASSOCIATE"], source_report=source) == pairs(folder / f"rel_{name}.csv")


def test_every_call_of_pole_comes_back(pole: tuple[Path, dict[str, list[Cells]]]) -> None:
    folder, out = pole
    caller = {row[":START_ID"]: row[":END_ID"] for row in read(folder / "rel_CALLER.csv")}
    called = {row[":START_ID"]: row[":END_ID"] for row in read(folder / "rel_CALLED.csv")}
    calls = Counter(
        (caller[row[":ID"]], called[row[":ID"]], day(row["call_date"])) for row in read(folder / "PhoneCall.csv")
    )
    back = Counter((own(row["source"]), own(row["target"]), row["valid_from"]) for row in out["link_CALLED"])
    assert back == calls


@pytest.fixture(scope="module")
def montagna(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[Cells]]]:
    folder = DATA / "networks" / "montagna"
    if not folder.is_dir():
        pytest.skip("../shared/data/networks/montagna is absent: lay the public data beside the project")
    return folder, there_and_back(folder, "montagna.yaml", tmp_path_factory.mktemp("montagna"))


FLAGS = ("padrino", "arrest", "prison", "enterpreneur", "partner", "facilitator", "bureaucrat")


def test_every_suspect_of_montagna_comes_back(montagna: tuple[Path, dict[str, list[Cells]]]) -> None:
    folder, out = montagna
    labels = {(row["name"], own(row["entity"])): row["value"] for row in out["label"]}
    informants = {own(row["person"]) for row in out["status"] if row["category"] == "informant_source"}
    assert {own(row["person"]) for row in out["status"] if row["category"] == "suspect"} == {
        own(row["key"]) for row in out["person"]
    }
    back = []
    for person in sorted(own(row["key"]) for row in out["person"]):
        said = labels.get(("role", person), "").split("+")
        flags = {flag: "Y" if flag in said else "N" for flag in FLAGS}
        title = "+".join(word for word in said if word not in FLAGS)
        familia = labels.get(("network", person), "")
        informant = "Y" if person in informants else "N"
        back.append({"id": person, "familia": familia, "title": title, **flags, "informant": informant})
    assert back == sorted(read(folder / "nodes.csv"), key=lambda row: row["id"])
    assert {row["statement_kind"] for row in out["link_PARTY_TO"]} == {"assessment"}


def test_every_tie_of_montagna_comes_back(montagna: tuple[Path, dict[str, list[Cells]]]) -> None:
    folder, out = montagna
    given = read(folder / "edges.csv")
    layers = {"meetings": "meeting", "interception": "phone", "sighting": "sighting"}
    ties = Counter(
        (own(row["source"]), own(row["target"]), layers[row["legal_basis"].split()[-1]], row["count"])
        for row in out["link_ASSOCIATE"]
    )
    assert ties == Counter(
        (row["src"], row["dst"], row["layer"], row["weight"]) for row in given if row["layer"] != "kinship"
    )
    relations = {
        "brothers": "sibling",
        "husband-wife": "spouse",
        "wife-husband": "spouse",
        "uncle-nephew": "uncle_aunt",
    }
    turned = {"son-father", "son-mother", "daughter-father", "nephew-uncle"}
    kin: Counter[tuple[str, ...]] = Counter()
    for row in given:
        word = row["relation"].strip()
        if row["layer"] == "kinship":
            pair = (row["dst"], row["src"]) if word in turned else (row["src"], row["dst"])
            straight = "-".join(word.split("-")[::-1]) if word in turned else word
            kin[(*pair, relations.get(straight, "parent"))] += 1
    assert Counter((own(row["source"]), own(row["target"]), row["role"]) for row in out["link_KIN"]) == kin
