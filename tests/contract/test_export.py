"""What leaves the country's database: only what may, without names unless asked for, and never before the journal."""

import json
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from safeborders.models.domain.countries import Country
from safeborders.models.domain.governance import Purpose
from safeborders.node.access.callers import Caller, Justification, Role
from safeborders.node.access.errors import LookupNotRecorded
from safeborders.node.access.journal import Lookup
from safeborders.node.export.errors import ReasonMissing, TargetTaken
from safeborders.node.export.pseudonyms import Pseudonyms, load_export_key
from safeborders.node.export.records import Export, ExportFormat, export_records
from safeborders.node.ingest.country_import import import_country
from safeborders.node.storage.access import SqlLookupJournal
from safeborders.node.storage.database import Store
from sbtest.canonical import ENVELOPE, write_native
from sbtest.stores import DATABASES, copied_database, copied_store

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CANARY = "Canaria"
HIDDEN = ("H2", "H3", "restricted", "overdue", "unreviewed", "other-purpose")


def person(key: str, **envelope: object) -> dict[str, Any]:
    return {
        "record": "entity", "id": f"{CANARY}-key-{key}", "kind": "person",
        "properties": {"name": f"{CANARY} {key}", "other_names": f"{CANARY} other", "birth_date": "1999-09-09",
                       "citizenships": ["NG"], "sex": "female"},
        "envelope": envelope,
    }  # fmt: skip


def entity(kind: str, **properties: object) -> dict[str, Any]:
    return {"record": "entity", "id": f"{CANARY}-key-{kind}", "kind": kind, "properties": properties}


def link(kind: str, source: str, target: str, **more: object) -> dict[str, Any]:
    ends = {"source": f"{CANARY}-key-{source}", "target": f"{CANARY}-key-{target}"}
    return {"record": "link", "id": f"{kind}-{source}-{target}", "kind": kind, **ends, **more}


def records() -> list[dict[str, Any]]:
    """Return records with a canary in every text that a person may have written."""
    return [
        entity("case", ref=f"{CANARY}-1", case_kind="judicial", status="active", opened_on="2024-01-02",
               offence_code=CANARY, type_label="T2"),
        entity("episode", stage="exploitation", form=CANARY),
        entity("organisation", name=CANARY, organisation_kind=CANARY, sector=CANARY),
        entity("phone", number=f"{CANARY}+40"),
        entity("device", equipment_hash=CANARY),
        entity("online_account", service=CANARY, handle=CANARY),
        entity("financial_account", account_kind="iban", reference=CANARY),
        entity("vehicle", plate=CANARY, plate_country="RO", vin=CANARY, make=CANARY),
        entity("identity_document", document_kind="passport", number=CANARY, issuer="RO", forged=True),
        entity("place", place_kind="private", address=CANARY, nuts3=CANARY[:5], latitude=44.12, longitude=26.34),
        person("A", source_grade="C", info_grade=3, handling="H1", statement_kind="assessment"),
        person("victim", sensitivity="minor_victim"),
        person("H2", handling="H2"),
        person("H3", handling="H3"),
        person("restricted", restricted=True),
        person("overdue", retain_until="2026-11-23"),
        person("unreviewed", review_due="2026-11-23"),
        person("other-purpose", purposes=["P5"]),
        link("PARTY_TO", "A", "case", properties={"role": "recruiter"}),
        link("PARTY_TO", "victim", "case", properties={"role": "recruiter"}),
        link("USES", "A", "phone"),
        link("USES", "victim", "phone", envelope={"handling": "H2"}),
        *(link("KIN", "A", one, properties={"role": "sibling"}) for one in HIDDEN),
        {"record": "status", "person": f"{CANARY}-key-victim", "category": "victim_confirmed", "decided_by": "police"},
        {"record": "status", "person": f"{CANARY}-key-H2", "category": "suspect", "decided_by": "police"},
        {"record": "label", "name": "network", "entity": f"{CANARY}-key-case", "value": CANARY},
        {"record": "indicators", "case": f"{CANARY}-key-case", "values": {"ctl.threats": True, "ctl.abuse": False}},
    ]  # fmt: skip


@pytest.fixture(scope="module", params=DATABASES)
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    tmp_path = tmp_path_factory.mktemp("store")
    if request.param == "sqlcipher":
        copied = copied_store(request.getfixturevalue("migrated_file"), tmp_path / "country_test.db")
    else:
        copied = copied_database(request.getfixturevalue("migrated_database"))
    folder = tmp_path / "files"
    folder.mkdir()
    write_native(folder / f"{CANARY}.jsonl", records(), country=Country.RO, envelope=ENVELOPE)
    with copied as store:
        import_country(store, folder, country=Country.RO, now=lambda: NOW, progress=lambda _done, _total: None)
        yield store


def who(
    role: Role = Role.INVESTIGATOR, *, case: str = "RO-2026-1", purpose: Purpose = Purpose.NETWORK
) -> Justification:
    return Justification(Caller(token="operator", name="operator ana", role=role), purpose, case)


def take_out(
    store: Store, out: Path, form: str = "ftm", *, by: Justification | None = None, reason: str | None = None
) -> bytes:
    """Export and return all bytes that left, names of files among them."""
    by = by or who()
    export = Export(ExportFormat(form), out, by, Pseudonyms(b"k" * 32, scope=by.case_reference), reason)
    export_records(store, export, journal=SqlLookupJournal(store.engine), clock=lambda: NOW)
    files = sorted(out.iterdir(), key=lambda path: path.suffix) if out.is_dir() else [out]
    return b"".join(path.name.encode() + path.read_bytes() for path in files)


NAMED = who(Role.LEAD_INVESTIGATOR, case=f"{CANARY}-1")
REASON = "warrant 12/2026 of the court"


@pytest.mark.parametrize("form", list(ExportFormat))
def test_no_name_or_number_leaves_unless_asked_for(store: Store, tmp_path: Path, form: str) -> None:
    pseudonymised = take_out(store, tmp_path / "out", form)
    assert pseudonymised.count(CANARY.encode()) == 0
    assert [one for one in (b"Canar", b"1999-09-09", b"NG") if one in pseudonymised] == []
    identified = take_out(store, tmp_path / "named", form, by=NAMED, reason=REASON)
    assert identified.count(CANARY.encode()) > 20  # the control: the canaries were there to be found


@pytest.mark.parametrize("form", list(ExportFormat))
def test_what_may_not_leave_does_not_and_takes_its_links_along(store: Store, tmp_path: Path, form: str) -> None:
    identified = take_out(store, tmp_path / "named", form, by=NAMED, reason=REASON).decode()
    assert f"{CANARY} A" in identified
    assert [one for one in HIDDEN if f"{CANARY}-key-{one}" in identified] == []
    rows = identified.partition("mapping.yaml")[0] if form == "csv" else identified
    assert "KIN" not in rows


def lines(store: Store, out: Path, **more: Any) -> list[dict[str, Any]]:
    take_out(store, out, **more)
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_grades_handling_and_statement_kind_travel(store: Store, tmp_path: Path) -> None:
    """L07-2."""
    people = [line for line in lines(store, tmp_path / "o") if line["schema"] == "Person"]
    envelopes = [line["safeborders"]["envelope"] for line in people]
    wanted = {"source_grade": "C", "info_grade": 3, "handling": "H1", "statement_kind": "assessment"}
    assert sum(wanted.items() <= envelope.items() for envelope in envelopes) == 1
    assert all(envelope["legal_basis"] == "test:1" for envelope in envelopes)


def test_a_victim_leaves_in_no_offending_role(store: Store, tmp_path: Path) -> None:
    found = lines(store, tmp_path / "o", by=NAMED, reason=REASON)
    roles = {line["properties"]["party"][0]: line["properties"]["role"][0]
             for line in found if line["schema"] == "CourtCaseParty"}  # fmt: skip
    assert roles == {f"{CANARY}-key-A": "recruiter", f"{CANARY}-key-victim": "victim"}


def test_a_victims_name_leaves_only_to_the_victims_own_case(store: Store, tmp_path: Path) -> None:
    other = who(Role.LEAD_INVESTIGATOR, case="RO-OTHER-9")
    assert f"{CANARY} victim" not in take_out(store, tmp_path / "o", by=other, reason=REASON).decode()
    assert f"{CANARY} victim" in take_out(store, tmp_path / "p", by=NAMED, reason=REASON).decode()


def test_the_journal_holds_everybody_before_the_first_byte(store: Store, tmp_path: Path) -> None:
    found = lines(store, tmp_path / "o")
    *_, lookup = SqlLookupJournal(store.engine).list_lookups()
    assert lookup.operation == "export ftm pseudonymised"
    assert len(lookup.object_ids) == sum(line["schema"] not in LINKS for line in found)

    class Full:
        def record(self, lookup: Lookup) -> None:
            assert [*tmp_path.glob("*refused*"), *tmp_path.glob(".*")] == []
            raise LookupNotRecorded("The look-up cannot be recorded, so it is not answered: try again later.")

        def list_lookups(self) -> list[Lookup]:
            return []

    export = Export(ExportFormat.FTM, tmp_path / "refused", who(), Pseudonyms(b"k" * 32, scope="c"))
    with pytest.raises(LookupNotRecorded):
        export_records(store, export, journal=Full(), clock=lambda: NOW)
    assert not (tmp_path / "refused").exists()


LINKS = {"CourtCaseParty", "UnknownLink", "Family", "Note"}


@pytest.mark.parametrize("reason", [None, "short", "x" * 37, "with\x00nothing in it"])
def test_names_need_a_reason_that_the_journal_keeps(store: Store, tmp_path: Path, reason: str | None) -> None:
    before = SqlLookupJournal(store.engine).list_lookups()
    with pytest.raises(ReasonMissing):
        take_out(store, tmp_path / "o", by=NAMED, reason=reason)
    assert not (tmp_path / "o").exists()
    assert SqlLookupJournal(store.engine).list_lookups() == before
    take_out(store, tmp_path / "o", "graphml", by=NAMED, reason="y" * 36)
    *_, lookup = SqlLookupJournal(store.engine).list_lookups()
    assert lookup.operation == f"export graphml identified: {'y' * 36}"


@pytest.mark.parametrize("form", list(ExportFormat))
def test_only_its_owner_may_read_an_export_and_it_replaces_nothing(store: Store, tmp_path: Path, form: str) -> None:
    out = tmp_path / "o"
    take_out(store, out, form)
    paths = [out, *out.iterdir()] if out.is_dir() else [out]
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in paths)
    before = {path: path.stat().st_mtime_ns for path in paths}
    with pytest.raises(TargetTaken):
        take_out(store, out, form)
    assert before == {path: path.stat().st_mtime_ns for path in paths}
    assert sorted(path.name for path in tmp_path.glob(".o*")) == []


def test_a_purpose_sees_only_its_own_rows(store: Store, tmp_path: Path) -> None:
    """L04-1."""
    statistics = who(Role.ANALYST, purpose=Purpose.STATISTICS)
    assert [line["schema"] for line in lines(store, tmp_path / "o", by=statistics)] == ["Person"]


def test_pseudonyms_repeat_within_a_case_and_differ_between_cases(store: Store, tmp_path: Path) -> None:
    first = take_out(store, tmp_path / "a")[1:]
    assert take_out(store, tmp_path / "b")[1:] == first
    ids = {line["id"] for line in lines(store, tmp_path / "c")}
    assert ids.isdisjoint(line["id"] for line in lines(store, tmp_path / "d", by=who(case="RO-2026-2")))


def test_graphml_is_xml_with_every_category(store: Store, tmp_path: Path) -> None:
    take_out(store, tmp_path / "o", "graphml")
    root = ElementTree.parse(tmp_path / "o").getroot()  # noqa: S314  # we wrote it
    space = "{http://graphml.graphdrawing.org/xmlns}"
    keys = {key.get("id") for key in root.iter(f"{space}key")}
    used = {one.get("key") for one in root.iter(f"{space}data")}
    assert used <= keys
    nodes = {node.get("id") for node in root.iter(f"{space}node")}
    assert all({edge.get("source"), edge.get("target")} <= nodes for edge in root.iter(f"{space}edge"))
    categories = [one.text for one in root.iter(f"{space}data") if one.get("key") == "node_effective_category"]
    assert sorted(categories, key=str) == ["unknown", "victim_confirmed"]


def test_the_key_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "export.key"
    key = load_export_key(path)
    assert load_export_key(path) == key
    assert len(key) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
