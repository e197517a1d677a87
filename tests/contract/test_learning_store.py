"""One suite for every database that learning may read from."""

from datetime import date, timedelta

import numpy as np
import pytest
from sqlalchemy import select

from safeborders.models.domain.entities import CaseKind, CaseStatus, EntityKind
from safeborders.models.domain.governance import Handling, Purpose, SourceGrade
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.statuses import DataSubjectCategory
from safeborders.models.domain.typology import CaseType
from safeborders.models.graph.indicators import INDICATORS
from safeborders.node.learning.outcomes import CaseTypeHypothesis, Outcomes, Reason, SuggestedLink
from safeborders.node.storage.database import Store
from safeborders.node.storage.entities import ENTITY_CLASSES
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.node.storage.learning_tables import CaseTypeHypothesisRow, SuggestedLinkRow
from safeborders.node.storage.tables import MoIndicatorRow, SourceReportRow
from sbtest.casebook import NOW, envelope
from sbtest.doubles import add_link, add_status

TODAY = NOW.date()
WITHHELD: dict[str, dict[str, object]] = {
    "restricted": {"restricted": True},
    "no training": {"train_ok": False},
    "review overdue": {"review_due": TODAY - timedelta(days=1)},
    "retention over": {"retain_until": TODAY - timedelta(days=1)},
    "no dissemination": {"handling": Handling.H2},
    "another purpose": {"purposes": int(Purpose.DECONFLICTION)},
}


@pytest.fixture
def store(store: Store) -> Store:
    """A migrated database with two persons who are parties to one labelled case."""
    with store.session() as session:
        session.add(
            SourceReportRow(id="r", name="f", issuer="police", sha256="0" * 64, received_at=NOW, rows=1, denied=0)
        )
    add_case(store, "case-1")
    add_person(store, "ann")
    add_person(store, "bob")
    add_link(store, RelationKind.PARTY_TO, ("ann", "case-1"), role="victim")
    add_link(store, RelationKind.PARTY_TO, ("bob", "case-1"), role="recruiter")
    add_link(store, RelationKind.ASSOCIATE, ("ann", "bob"), valid_from=date(1970, 1, 3))
    return store


def add_case(store: Store, name: str, **changes: object) -> None:
    with store.session() as session:
        session.add(
            ENTITY_CLASSES[EntityKind.CASE](
                id=name, import_key=f"key-{name}", ref=name, case_kind=CaseKind.JUDICIAL, status=CaseStatus.ACTIVE,
                opened_on=date(2024, 1, 1), type_label=CaseType.T3, **envelope(**changes),
            )
        )  # fmt: skip
        session.flush()
        for code, value in (("ctl.threats", True), ("ctl.abuse", False), ("frm.sexual", None)):
            session.add(
                MoIndicatorRow(
                    case_id=name, code=code, value=value, report_id="r", source_grade=SourceGrade.A, info_grade=1,
                    recorded_at=NOW,
                )
            )  # fmt: skip


def add_person(store: Store, name: str, *categories: DataSubjectCategory, **changes: object) -> None:
    with store.session() as session:
        session.add(
            ENTITY_CLASSES[EntityKind.PERSON](id=name, import_key=f"key-{name}", pseudonym=name, **envelope(**changes))
        )
    for category in categories or (DataSubjectCategory.CONTACT,):
        add_status(store, name, category)


def learning(store: Store) -> SqlLearningStore:
    return SqlLearningStore(store.engine, clock=lambda: NOW)


def test_what_may_be_learnt_from_is_read(store: Store) -> None:
    records = learning(store).load_records()
    assert records.ids == {"case": ("case-1",), "person": ("ann", "bob")}
    assert records.case_type.tolist() == [2]
    association = records.of_kind("ASSOCIATE")[0]
    assert (association.source.tolist(), association.target.tolist()) == ([0], [1])
    assert association.since.tolist() == [2.0]
    assert np.isnan(association.until).all()


def test_the_three_values_of_an_indicator_stay_three(store: Store) -> None:
    row = learning(store).load_records().indicators[0]
    assert row[INDICATORS.index("ctl.threats")] == 1
    assert row[INDICATORS.index("ctl.abuse")] == 0
    assert np.isnan(row[INDICATORS.index("frm.sexual")])
    assert np.isnan(row[INDICATORS.index("frm.labour")])


@pytest.mark.parametrize("reason", WITHHELD)
def test_a_withheld_person_is_nowhere_and_the_case_loses_its_label(store: Store, reason: str) -> None:
    add_person(store, "zoe", **WITHHELD[reason])
    add_link(store, RelationKind.PARTY_TO, ("zoe", "case-1"), role="recruiter")
    records = learning(store).load_records()
    assert records.ids["person"] == ("ann", "bob")
    assert len(records.of_kind("PARTY_TO")[0]) == 2
    assert records.case_type.tolist() == [-1]


@pytest.mark.parametrize("reason", WITHHELD)
def test_a_withheld_link_is_nowhere(store: Store, reason: str) -> None:
    add_person(store, "zoe")
    add_link(store, RelationKind.KIN, ("ann", "zoe"), role="sibling", **WITHHELD[reason])
    records = learning(store).load_records()
    assert not records.of_kind("KIN")
    assert records.case_type.tolist() == [2]


@pytest.mark.parametrize("reason", WITHHELD)
def test_a_withheld_case_is_nowhere(store: Store, reason: str) -> None:
    add_case(store, "case-2", **WITHHELD[reason])
    add_link(store, RelationKind.PARTY_TO, ("ann", "case-2"), role="victim")
    records = learning(store).load_records()
    assert records.ids["case"] == ("case-1",)
    assert records.indicators.shape == (1, len(INDICATORS))
    assert len(records.of_kind("PARTY_TO")[0]) == 2


def test_who_is_a_victim_anywhere_is_a_victim_in_every_case(store: Store) -> None:
    add_person(store, "kid", DataSubjectCategory.SUSPECT, DataSubjectCategory.VICTIM_PRESUMED)
    add_link(store, RelationKind.PARTY_TO, ("kid", "case-1"), role="recruiter")
    parties = learning(store).load_records().of_kind("PARTY_TO")[0]
    assert dict(zip(parties.source.tolist(), parties.role.tolist(), strict=True)) == {
        0: "victim",
        1: "recruiter",
        2: "victim",
    }


def test_professionals_are_known_as_such(store: Store) -> None:
    add_person(store, "nurse", DataSubjectCategory.PROFESSIONAL)
    assert learning(store).load_records().professional.tolist() == [False, False, True]


def test_an_empty_database_has_empty_records(sqlcipher: Store) -> None:
    records = learning(sqlcipher).load_records()
    assert records.indicators.shape == (0, len(INDICATORS))
    assert records.relations == ()


def test_new_outcomes_replace_all_earlier_ones(store: Store) -> None:
    reasons = (Reason(text="both used the same phone", weight=1.5),)
    first = SuggestedLink(first_id="ann", second_id="bob", score=0.9, reasons=reasons)
    second = SuggestedLink(first_id="ann", second_id="cyd", score=0.8, reasons=())
    case = CaseTypeHypothesis(case_id="case-1", probabilities={"T1": 0.2, "T2": 0.8}, reasons=reasons)
    learning(store).replace_outcomes(Outcomes(links=[first], cases=[case]), run="one", model_sha256="a" * 64)
    learning(store).replace_outcomes(Outcomes(links=[second], cases=[case]), run="two", model_sha256="b" * 64)
    with store.session() as session:
        links = session.scalars(select(SuggestedLinkRow)).all()
        cases = session.scalars(select(CaseTypeHypothesisRow)).all()
    assert [(link.second_id, link.run) for link in links] == [("cyd", "two")]
    assert [(row.case_type, row.probability, row.run) for row in cases] == [("T2", 0.8, "two")]
    assert [row.reasons for row in cases] == [[{"text": "both used the same phone", "weight": 1.5}]]


def test_outcomes_that_cannot_all_be_written_leave_the_earlier_ones(store: Store) -> None:
    link = SuggestedLink(first_id="ann", second_id="bob", score=0.9, reasons=())
    learning(store).replace_outcomes(Outcomes(links=[link], cases=[]), run="one", model_sha256="a" * 64)
    with pytest.raises(Exception, match=r"UNIQUE|duplicate"):
        learning(store).replace_outcomes(Outcomes(links=[link, link], cases=[]), run="two", model_sha256="b" * 64)
    with store.session() as session:
        assert [row.run for row in session.scalars(select(SuggestedLinkRow))] == ["one"]


def test_source_keys_name_cases_and_persons(store: Store) -> None:
    assert learning(store).load_source_keys() == {"case-1": "key-case-1", "ann": "key-ann", "bob": "key-bob"}
