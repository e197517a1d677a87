"""The vocabulary in YAML and the types in Python are one truth, and the shared codebooks know what it names."""

import csv
from datetime import date
from pathlib import Path

import pytest

from safeborders.models.domain.ages import born_by_for_certain_adults, is_minor
from safeborders.models.domain.entities import DatePrecision, EntityKind
from safeborders.models.domain.facts import Fact
from safeborders.models.domain.governance import (
    LOWEST_INFORMATION_GRADE,
    PURPOSE_CODES,
    Handling,
    Regime,
    Sensitivity,
    SourceGrade,
    StatementKind,
)
from safeborders.models.domain.relations import ENDS, KEEPING, ROLES, RelationKind
from safeborders.models.domain.statuses import PRECEDENCE, SHARED_CATEGORIES, DataSubjectCategory
from safeborders.models.domain.typology import DelphiDimension
from safeborders.models.ontology.loader import (
    load_entities,
    load_governance,
    load_indicators,
    load_relations,
    load_statuses,
)

CODEBOOKS = Path(__file__).resolve().parents[4] / "shared" / "data" / "codebooks"


def test_entities_are_the_eleven_kinds_in_their_order() -> None:
    entities = load_entities()
    assert [entry["kind"] for entry in entities] == [kind.value for kind in EntityKind]
    assert all(entry["pole"] in "POLE" and entry["reason"] for entry in entities)


def test_relations_are_the_twenty_kinds_with_their_ends_and_roles() -> None:
    relations = load_relations()
    assert [entry["kind"] for entry in relations] == [kind.value for kind in RelationKind]
    for entry in relations:
        kind = RelationKind(entry["kind"])
        ends = ENDS[kind]
        assert entry["ends"] == ("same" if ends is None else [end.value for end in ends]), kind
        assert set(entry["roles"]) == ROLES.get(kind, frozenset()), kind


def test_statuses_stand_in_the_order_of_precedence() -> None:
    statuses = load_statuses()
    assert [entry["category"] for entry in statuses] == [category.value for category in PRECEDENCE]
    assert {entry["category"] for entry in statuses if entry["shared"]} == SHARED_CATEGORIES
    assert [entry["category"] for entry in statuses if not entry["learnt"]] == [DataSubjectCategory.UNKNOWN]


def test_the_envelope_has_the_words_of_the_types() -> None:
    governance = load_governance()
    assert set(governance["purposes"]) == set(PURPOSE_CODES)
    assert set(governance["information_grades"]) == set(range(1, LOWEST_INFORMATION_GRADE + 1))
    for name, vocabulary in {
        "regimes": Regime,
        "source_grades": SourceGrade,
        "statement_kinds": StatementKind,
        "handling": Handling,
        "sensitivities": Sensitivity,
    }.items():
        assert set(governance[name]) == {word.value for word in vocabulary}, name


def test_indicators_have_known_dimensions_and_strengths() -> None:
    for indicator in load_indicators():
        assert (indicator.dimension is None) == (indicator.strength is None)
        assert indicator.dimension is None or indicator.dimension in set(DelphiDimension)
        assert indicator.strength in {None, "strong", "medium", "weak"}


def test_no_name_of_another_code_list_means_two_indicators() -> None:
    for names in (
        [name for one in load_indicators() for name in one.kanon],
        [name for one in load_indicators() for name in one.htcds],
        [one.ctdc for one in load_indicators() if one.ctdc],
    ):
        assert len(names) == len(set(names))


def test_the_codebooks_know_every_name() -> None:
    if not CODEBOOKS.exists():
        pytest.skip("shared data absent: codebooks")
    with (CODEBOOKS / "HTCDS_Field_Standards_2.0.csv").open(encoding="utf-8-sig", newline="") as file:
        words = {word.strip() for row in csv.reader(file) for cell in row for word in cell.splitlines()}
    ctdc = (CODEBOOKS / "CTDC_global_synthetic_codebook_v2024.txt").read_text(encoding="utf-8")
    assert [name for one in load_indicators() for name in one.htcds if name not in words] == []
    assert [one.ctdc for one in load_indicators() if one.ctdc and one.ctdc not in ctdc] == []
    assert "SlaveryByAnotherName" not in words  # the control


def test_only_things_that_can_lose_their_last_keeper_are_kept_by_links() -> None:
    targets = {ends[1] for kind in KEEPING if (ends := ENDS[kind]) is not None}
    assert targets == set(EntityKind) - {EntityKind.CASE, EntityKind.PERSON}


@pytest.mark.parametrize(
    ("birth", "precision", "expected"),
    [
        (None, None, Fact.UNKNOWN),
        (date(2008, 11, 2), DatePrecision.DAY, Fact.NO),
        (date(2008, 11, 3), DatePrecision.DAY, Fact.YES),
        (date(2008, 10, 1), DatePrecision.MONTH, Fact.NO),
        (date(2008, 11, 1), DatePrecision.MONTH, Fact.UNKNOWN),
        (date(2008, 1, 1), DatePrecision.YEAR, Fact.UNKNOWN),
        (date(2007, 1, 1), DatePrecision.YEAR, Fact.NO),
        (date(2009, 1, 1), DatePrecision.YEAR, Fact.YES),
        (date(2008, 1, 1), None, Fact.UNKNOWN),
    ],
)
def test_whether_somebody_was_a_minor_has_three_answers(
    birth: date | None, precision: DatePrecision | None, expected: Fact
) -> None:
    assert is_minor(birth, precision, on=date(2026, 11, 2)) is expected


def test_a_day_that_no_other_year_has_is_no_accident() -> None:
    assert born_by_for_certain_adults(date(2028, 2, 29), DatePrecision.DAY) == date(2010, 2, 28)
