import pytest
from hypothesis import given
from hypothesis import strategies as st

from safeborders.models.graph.columns import ALLOWED_COLUMNS, DENIED_WORDS, DeniedColumn, UnknownColumn, check_columns
from safeborders.models.graph.features import SPECIFICATION, Feature, FeatureSpecification
from safeborders.models.protocol.plan import Task

words = st.text(alphabet="abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)


@given(denied=st.sampled_from(sorted(DENIED_WORDS)), before=words, after=words, table=words)
def test_a_denied_word_anywhere_in_a_column_stops_the_build(denied: str, before: str, after: str, table: str) -> None:
    for column in (denied, f"{before}_{denied}", f"{denied}_{after}", f"{table}.{before}_{denied}_{after}"):
        with pytest.raises(DeniedColumn):
            FeatureSpecification(version=1, typology=(Feature("x", (column,)),), links=())


@given(denied=st.sampled_from(sorted(DENIED_WORDS)))
def test_capital_letters_and_camel_case_hide_nothing(denied: str) -> None:
    for column in (denied.upper(), f"person.{denied.title()}", f"person.her{denied.title().replace('_', '')}"):
        if "_" in denied and column.startswith("person.her"):
            continue
        with pytest.raises(DeniedColumn):
            check_columns([column])


def test_the_deny_list_outranks_the_allow_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safeborders.models.graph.columns.ALLOWED_COLUMNS", ALLOWED_COLUMNS | {"person.citizenship"})
    with pytest.raises(DeniedColumn):
        check_columns(["person.citizenship"])


@given(column=st.text(min_size=1, max_size=20).filter(lambda column: column not in ALLOWED_COLUMNS))
def test_a_column_that_nobody_allowed_stops_the_build(column: str) -> None:
    with pytest.raises((UnknownColumn, DeniedColumn)):
        FeatureSpecification(version=1, typology=(Feature("x", (column,)),), links=())


def test_every_feature_in_force_reads_allowed_columns_only() -> None:
    for task in Task:
        for feature in SPECIFICATION.inputs(task):
            assert feature.columns
            check_columns(feature.columns)


def test_the_hash_changes_with_any_constant_and_with_order() -> None:
    first, second = Feature("a", ("link.kind",)), Feature("b", ("link.kind",))
    hashes = {
        FeatureSpecification(version=1, typology=(), links=links).sha256()
        for links in ((first, second), (second, first), (first,), (Feature("a", ("link.kind",), scale=0.5), second))
    }
    assert len(hashes) == 4
    assert SPECIFICATION.sha256() == FeatureSpecification(**vars(SPECIFICATION)).sha256()
