"""CTDC and HTCDS: unknown stays unknown, victims stay victims, statistics serve typology only."""

import io
from pathlib import Path
from typing import Any

import pytest

from safeborders.models.domain.countries import Country
from safeborders.node.ingest.errors import Reject
from safeborders.node.ingest.sources.ctdc_columns import any_of, groupwise_zero_fill
from safeborders.node.ingest.sources.formats import SourceOptions, open_source
from safeborders.node.ingest.sources.htcds_words import CARRIED, COLUMNS
from safeborders.node.ingest.sources.refusals import EnvelopeFileMissing
from safeborders.node.ingest.sources.rows import SourceRow
from sbtest.canonical import ENVELOPE
from sbtest.house.sources import ROOT

DATA = ROOT.parent / "shared" / "data" / "ctdc"
FORMS = ("isForcedLabour", "isSexualExploit", "isOtherExploit")
LONG = "yearOfRegistration,gender,ageBroad,citizenship,CountryOfExploitation,traffickMonths,meansDebtBondageEarnings"


def rows_of(name: str, text: str | bytes) -> list[Any]:
    source = open_source(name, SourceOptions(Country.RO, "a.csv", envelope=ENVELOPE))
    rows = list(source(io.BytesIO(text.encode() if isinstance(text, str) else text)))
    return [row.record if isinstance(row, SourceRow) else row for row in rows]


def only(records: list[Any], record: str) -> list[dict[str, Any]]:
    return [one for one in records if not isinstance(one, Reject) and one["record"] == record]


def test_the_codebooks_five_persons_give_its_percentages() -> None:
    """Codebook of the global synthetic dataset, version 2 of February 2024, section 6."""
    labour, sexual, other = FORMS
    reported: list[set[str]] = [{labour}, {sexual}, {other}, set(), {labour, sexual}]
    people = [groupwise_zero_fill({name: True if name in one else None for name in FORMS}, [FORMS]) for one in reported]
    assert people[3] == dict.fromkeys(FORMS)
    shares = []
    for name in FORMS:
        known = [person[name] for person in people if person[name] is not None]
        shares.append(100 * sum(map(bool, known)) / len(known))
    assert shares == [50, 50, 25]


def test_the_codebooks_five_persons_come_out_of_a_file() -> None:
    cells = ["1,,", ",1,", ",,1", ",,", "1,1,"]
    header = f"{LONG},isForcedLabour,isSexualExploit,isOtherExploit"
    text = "\n".join([header, *(f"2019,Woman,09--17,ROU,ITA,NULL,,{one}" for one in cells)])
    found = [one["values"] for one in only(rows_of("ctdc", text), "indicators")]
    assert len(found) == 4  # nobody said anything about the fourth
    codes = ("frm.labour", "frm.sexual", "frm.other")
    assert [100 * sum(values[code] for values in found) / len(found) for code in codes] == [50, 50, 25]


@pytest.mark.parametrize("spelling", ["meansWithholdDocs", "meansWithholdDocuments"])
def test_both_spellings_are_read(spelling: str) -> None:
    text = (
        f"{LONG},{spelling},sectorOfLabourDomesticWork,sectorOfLabourAgriculture\n2020,Man,48+,NULL,NULL,NULL,,1,,1\n"
    )
    (found,) = only(rows_of("ctdc", text), "indicators")
    assert found["values"]["ctl.withhold_docs"] is True
    assert found["values"]["ctl.debt_earnings"] is False  # asked in the same group
    assert found["values"]["frm.domestic"] is False  # another labour sector is known
    assert "frm.sexual" not in found["values"]  # nothing of that group is known


def test_in_the_k_anonymised_file_zero_is_no_and_minus_99_is_unknown() -> None:
    names = ["DebtBondage", "TakesEarnings", "Threats", "PhysicalAbuse", "SexualAbuse", "PsychologicalAbuse"]
    header = ["yearOfRegistration", "gender", "ageBroad", "majorityStatusAtExploit", "citizenship",
              *(f"meansOfControl{name}" for name in names), "typeOfLabourBegging", "isForcedMarriage"]  # fmt: skip
    cells = ["2016", "Female", "30--38", "Minor", "RO", "0", "0", "-99", "0", "-99", "0", "1", "-99"]
    records = rows_of("ctdc", ",".join(header) + "\n" + ",".join(cells) + "\n")
    (found,) = only(records, "indicators")
    assert found["values"] == {"ctl.debt_earnings": False, "frm.begging": True}  # an abuse is unknown: no "no" for all
    person = next(one for one in only(records, "entity") if one["kind"] == "person")
    assert person["properties"] == {"sex": "female", "citizenships": ["RO"]}
    assert person["envelope"] == {"sensitivity": "minor_victim"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [([True, None], True), ([False, None], None), ([False, False], False), ([], None), ([None], None)],
)
def test_one_of_several_columns_is_three_valued(given: list[bool | None], expected: bool | None) -> None:
    assert any_of(given) is expected


def test_statistics_serve_typology_only_and_every_row_is_a_victim() -> None:
    source = open_source("ctdc", SourceOptions(Country.RO, "a.csv", envelope={**ENVELOPE, "purposes": ["P1", "P3"]}))
    assert {**source.envelope} == {**ENVELOPE, "purposes": ["P1"], "train_ok": True, "share_ok": False}
    records = rows_of("ctdc", f"{LONG}\n2019,Woman,09--17,ROU,ITA,NULL,1\n")
    assert [one["record"] for one in records] == ["entity", "entity", "link", "status", "indicators"]
    assert records[2]["properties"] == {"role": "victim"}
    assert records[3]["category"] == "victim_presumed"
    assert not any("purposes" in one.get("envelope", {}) for one in records)


def test_two_files_never_claim_the_same_rows() -> None:
    first, second = (rows_of("ctdc", f"{LONG}\n{year},Woman,48+,ROU,ITA,NULL,1\n") for year in (2019, 2020))
    assert {one["id"] for one in first if "id" in one}.isdisjoint(one["id"] for one in second if "id" in one)


@pytest.mark.parametrize("name", ["ctdc", "htcds"])
def test_other_columns_are_refused(name: str) -> None:
    (bad,) = rows_of(name, "SECRET,b\n1,2\n")
    assert (bad.line, bad.code) == (1, "ingest.unknown_columns")
    assert "SECRET" not in bad.sentence
    with pytest.raises(EnvelopeFileMissing):
        open_source(name, SourceOptions(Country.RO, "a.csv"))


@pytest.mark.parametrize(("name", "rows"), [("ctdc_kanon_sample_mapped.csv", 104)])
def test_the_public_sample_is_read_whole(name: str, rows: int) -> None:
    if not (DATA / name).exists():
        pytest.skip(f"../shared/data/ctdc/{name} is absent: lay the public data beside the project")
    records = rows_of("ctdc", (DATA / name).read_bytes())
    assert len(only(records, "link")) == rows
    assert not any(False in one["values"].values() for one in only(records, "indicators"))  # it has no zeros


def test_the_encoded_file_is_read_with_its_zeros_as_unknown() -> None:
    path = DATA / "ctdc_synthetic_v2025_north_america_encoded.csv"
    if not path.exists():
        pytest.skip(f"../shared/data/ctdc/{path.name} is absent: lay the public data beside the project")
    lines = path.read_bytes().splitlines(keepends=True)[:3001]
    records = rows_of("ctdc", b"".join(lines))
    assert len(only(records, "link")) == 3000
    names = lines[0].decode().strip().split(",")
    means = [place for place, name in enumerate(names) if name.startswith("Means ")]
    for record in only(records, "indicators"):
        cells = lines[int(record["case"].split(":")[2]) - 1].decode().strip().split(",")
        told = [cells[place] == "1" for place in means]
        values = [value for code, value in record["values"].items() if code.startswith("ctl.")]
        assert values == (told if any(told) else [])


HTCDS = (
    "prs_FirstName,prs_SecondName,prs_Gender,prs_Birthdate,prs_Citizenship,prs_MobilePhone,prs_MailingCity,"
    "vic_TraffickingStatus,vic_TraffickingStatusDecisionMakingOrg,vic_AgeWhenTrafficked,vic_MethodsOfControl,"
    "vic_TypeOfExploitation,per_RoleInProcess,cas_Status,hte_Type,hte_Date,hte_City,cco_CaseComment"
)


def htcds(*cells: str) -> list[Any]:
    return rows_of("htcds", f"{HTCDS}\n{','.join(cells)}\n")


CHILD = ("Ana", "Pop", "Feminine", "2009-01-02", "ROU", "+40700", "Iasi", "ActualVictimOfTrafficking", "Police", "15",
         "PhysicalThreats;FalsePromises", "ForcedBegging", "Exploiter", "Active", "Exploitation", "2024-01-01", "Bari",
         "SECRET")  # fmt: skip


def test_a_row_of_htcds_becomes_a_case_with_its_victim() -> None:
    records = htcds(*CHILD)
    kinds = [one["kind"] for one in only(records, "entity")]
    assert kinds == ["case", "person", "phone", "place", "episode", "place"]
    assert [(one["kind"], one["properties"].get("role")) for one in only(records, "link")] == [
        ("PARTY_TO", "victim"), ("HAS_EPISODE", None), ("INVOLVED_IN", "victim"), ("USES", None),
        ("STAYS_AT", "resident"), ("AT", None),
    ]  # fmt: skip
    (status,) = only(records, "status")
    assert (status["category"], status["decided_by"]) == ("victim_confirmed", "police")
    assert only(records, "entity")[1]["envelope"] == {"sensitivity": "minor_victim"}
    (found,) = only(records, "indicators")
    assert {code for code, value in found["values"].items() if value} == {
        "ctl.threats", "ctl.false_promises", "frm.begging",
    }  # fmt: skip
    assert not any(code.startswith(("rec.", "chn.")) for code in found["values"])  # nobody asked: unknown
    assert "SECRET" not in repr(records)


def test_who_is_no_victim_keeps_every_role() -> None:
    row = list(CHILD)
    row[7], row[12] = "NotAVictimOfTrafficking", "Transporter;RecruiterOrIntermediary"
    records = htcds(*row)
    roles = [one["properties"]["role"] for one in only(records, "link") if one["kind"] == "PARTY_TO"]
    assert roles == ["transporter", "recruiter"]
    assert only(records, "status") == []


@pytest.mark.parametrize("place", [2, 3, 4, 7, 8, 9, 10, 11, 13, 14, 15])
def test_a_cell_that_is_no_word_of_htcds_is_refused(place: int) -> None:
    row = list(CHILD)
    row[place] = "SECRET"
    (bad,) = htcds(*row)
    assert (bad.line, bad.column) == (2, HTCDS.split(",")[place])
    assert "SECRET" not in bad.sentence


def test_the_standards_columns_are_all_known() -> None:
    path = Path(ROOT.parent / "shared" / "data" / "codebooks" / "HTCDS_Field_Standards_2.0.csv")
    if not path.exists():
        pytest.skip("../shared/data/codebooks is absent: lay the public data beside the project")
    cells = {cell for line in path.read_text(encoding="utf-8-sig").splitlines() for cell in line.split(",")}
    assert len(COLUMNS) == 83
    assert cells >= COLUMNS
    assert CARRIED <= COLUMNS
