"""The allow-list of features against the tables as they are."""

import pytest

from safeborders.models.domain.typology import CaseType
from safeborders.models.graph.columns import ALLOWED_COLUMNS, DeniedColumn, UnknownColumn, check_columns
from safeborders.models.graph.indicators import CASE_TYPES, INDICATORS
from safeborders.models.ontology.loader import load_indicators
from safeborders.node.storage import entities, tables
from safeborders.node.storage.base import Base

COLUMNS = sorted(f"{table.name}.{column.name}" for table in Base.metadata.tables.values() for column in table.columns)
PERSONAL = ("name", "other_names", "citizenships", "sex", "birth_date", "pseudonym")


def test_every_allowed_column_exists() -> None:
    assert {entities.EntityRow.__tablename__, tables.LinkRow.__tablename__} <= set(Base.metadata.tables)
    assert set(COLUMNS) >= ALLOWED_COLUMNS


@pytest.mark.parametrize("column", [column for column in COLUMNS if column not in ALLOWED_COLUMNS])
def test_no_other_column_of_the_database_can_become_a_feature(column: str) -> None:
    with pytest.raises((DeniedColumn, UnknownColumn)):
        check_columns([column])


@pytest.mark.parametrize("column", PERSONAL)
def test_nothing_of_the_table_of_persons_can_become_a_feature(column: str) -> None:
    assert f"person.{column}" in COLUMNS
    with pytest.raises((DeniedColumn, UnknownColumn)):
        check_columns([f"person.{column}"])


def test_names_and_citizenship_stay_denied_even_if_somebody_allows_them(monkeypatch: pytest.MonkeyPatch) -> None:
    everything = frozenset(COLUMNS)
    monkeypatch.setattr("safeborders.models.graph.columns.ALLOWED_COLUMNS", everything)
    check_columns(["person.sex"])  # the control: what is not denied passes now
    for column in ("person.name", "person.other_names", "person.citizenships", "online_account.handle"):
        with pytest.raises(DeniedColumn):
            check_columns([column])


def test_the_classes_are_the_types_of_the_vocabulary() -> None:
    assert tuple(case_type.value for case_type in CaseType) == CASE_TYPES


def test_the_inputs_of_a_case_are_the_indicators_of_the_vocabulary_in_its_order() -> None:
    assert tuple(indicator.code for indicator in load_indicators()) == INDICATORS
