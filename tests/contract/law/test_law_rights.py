"""LED 2016/680, articles 4(1)(d), 7(2)-(3), 12 to 16: what a data subject may ask for, and who must be told."""

import importlib
import json
import pkgutil
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Column, MetaData, String, Table, select, text

from safeborders.kit.errors import Conflict, NotFound
from safeborders.models.domain.countries import Country
from safeborders.models.domain.entities import EntityKind
from safeborders.models.domain.governance import PURPOSE_CODES
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.selectors import match_key
from safeborders.models.domain.statuses import DataSubjectCategory as Is
from safeborders.node import storage
from safeborders.node.access.callers import Caller, Justification, Role
from safeborders.node.access.errors import LookupNotRecorded
from safeborders.node.access.journal import Lookup, Outcome
from safeborders.node.lifecycle.errors import BadCorrection, RequestIncomplete
from safeborders.node.lifecycle.retention import run_retention, set_dates
from safeborders.node.lifecycle.rights import Request, RightsDesk
from safeborders.node.lifecycle.subject_text import subject_text
from safeborders.node.storage import admission as sql
from safeborders.node.storage.access import SqlLookupJournal
from safeborders.node.storage.access_reader import SqlRecordReader
from safeborders.node.storage.base import Base
from safeborders.node.storage.database import Store
from safeborders.node.storage.entities import EntityRow, PersonRow
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.node.storage.learning_tables import (
    CaseTypeHypothesisRow,
    RoleDecisionRow,
    RoleHypothesisRow,
    SuggestedLinkRow,
)
from safeborders.node.storage.lifecycle_erasure import WITHOUT_FOREIGN_KEY
from safeborders.node.storage.lifecycle_tables import ErasureRow, RestrictionRow
from safeborders.node.storage.tables import LabelRow, LinkRow, PersonIndicatorRow, PersonStatusRow
from sbtest.legal import NOW, TODAY, add_entity, add_link, add_person, add_report, count, policy

REQUEST = Request(by="desk.anna", reference="DSR-2026/7", reason="asked for it in writing")
NAME = "Nikos Petrakis"


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> RightsDesk:
    """Nikos, suspect, with a phone of his own, a phone that he shares with Olga, and a hypothesis about both."""
    add_report(store)
    add_entity(store, EntityKind.CASE, "case")
    key = match_key(EntityKind.PERSON, NAME, country=Country.GR)
    add_person(store, "nikos", Is.SUSPECT, name=NAME, match_key=key)
    add_person(store, "olga", Is.SUSPECT, name="Olga Petrova")
    for person in ("nikos", "olga"):
        add_link(store, RelationKind.PARTY_TO, (person, "case"), role="recruiter")
        add_link(store, RelationKind.USES, (person, add_entity(store, EntityKind.PHONE, f"own-{person}")))
    add_entity(store, EntityKind.PHONE, "shared")
    for person in ("nikos", "olga"):
        add_link(store, RelationKind.USES, (person, "shared"))
    add_link(store, RelationKind.ASSOCIATE, ("nikos", "olga"))
    with store.session() as session:
        common = {"run": "run-1", "model_sha256": "a" * 64, "created_at": NOW}
        session.add(SuggestedLinkRow(first_id="nikos", second_id="olga", score=0.9, reasons=[], **common))
        session.add(
            CaseTypeHypothesisRow(case_id="case", case_type="T1", probability=0.5, probabilities={"T1": 0.5}, **common)
        )
        for person in ("nikos", "olga"):
            session.add(
                RoleHypothesisRow(
                    person_id=person, case_id="case", role="transporter", probability=0.8,
                    probabilities={"transporter": 0.8}, reasons=[{"text": "drives", "weight": 1.0}], **common,
                )
            )  # fmt: skip
            session.add(
                RoleDecisionRow(
                    id=f"decision-{person}", person_id=person, case_id="case", role="harbourer", confirmed=True,
                    decided_by="t", decided_at=NOW, note="Olga Petrova said so", model_sha256="a" * 64,
                )
            )  # fmt: skip
        session.add(
            LabelRow(
                id="label", entity_id="nikos", case_id="case", name="role", value="recruiter", report_id="r",
                source_grade="B", info_grade=2, recorded_at=NOW,
            )
        )  # fmt: skip
        session.add(
            PersonIndicatorRow(
                person_id="nikos", code="ctl.threats", value=True, report_id="r", source_grade="B", info_grade=2,
                recorded_at=NOW,
            )
        )  # fmt: skip
    derived = tmp_path / "evaluation"
    derived.mkdir()
    (derived / "run-1.json").write_text("{}", encoding="utf-8")
    return RightsDesk(store, Country.GR, clock=lambda: NOW, derived=derived)


def looker(code: str = "P2") -> Justification:
    return Justification(Caller(token="t", name="maria", role=Role.INVESTIGATOR), PURPOSE_CODES[code], "GR-1")


def was_shown(desk: RightsDesk, *objects: str) -> None:
    desk.journal.record(Lookup(looker(), NOW, "search", Outcome.ANSWERED, objects))


def search(desk: RightsDesk, words: str, *, kind: EntityKind | None = None) -> list[str]:
    reader = SqlRecordReader(desk.store.engine, clock=lambda: NOW)
    return [hit.id for hit in reader.search(words, kind=kind, who=looker())]


def seen_anywhere(desk: RightsDesk) -> set[str]:
    """Return every identifier that a look-up, a training reading or a match filter brings to light."""
    reader = SqlRecordReader(desk.store.engine, clock=lambda: NOW)
    records = SqlLearningStore(desk.store.engine, clock=lambda: NOW).load_records()
    with desk.store.transaction() as connection:
        shared = set(connection.execute(select(sql.ENTITY.c.id).where(sql.may_enter_filter(today=TODAY))).scalars())
    around = reader.get_neighbourhood("case", hops=2, who=looker())
    suggested = reader.list_suggestions(case=None, who=looker())
    return {
        *(one for names in records.ids.values() for one in names),
        *shared,
        *search(desk, NAME),
        *search(desk, "210", kind=EntityKind.PHONE),
        *(entity.id for entity in around.entities),
        *(link.id for link in around.links),
        *(end.id for one in suggested for end in (one.first, one.second)),
    }


HIS = {"nikos", "own-nikos", "PARTY_TO-nikos-case", "USES-nikos-own-nikos", "USES-nikos-shared", "ASSOCIATE-nikos-olga"}


def test_L16_1_a_restricted_person_is_nowhere_but_at_the_rights_desk(desk: RightsDesk) -> None:
    assert seen_anywhere(desk) >= HIS  # the control: unrestricted, all of it is seen
    desk.restrict("P-nikos", request=REQUEST)
    assert not seen_anywhere(desk) & HIS
    assert {"olga", "own-olga", "shared", "case"} <= seen_anywhere(desk)
    document = desk.show("nikos", request=REQUEST)
    assert document["restriction"] == {"since": NOW.isoformat(), "rows": 6}
    assert [one["id"] for one in desk.find("Πετράκης Νίκος", request=REQUEST)] == ["nikos"]


def test_L16_1_the_case_of_a_restricted_party_loses_its_label_in_training(desk: RightsDesk) -> None:
    learning = SqlLearningStore(desk.store.engine, clock=lambda: NOW)
    assert learning.load_records().case_type.tolist() == [2]
    before = learning.snapshot_mark()
    desk.restrict("nikos", request=REQUEST)
    assert learning.load_records().case_type.tolist() == [-1]
    assert learning.snapshot_mark() != before


def test_L16_1_lifting_a_restriction_leaves_what_the_source_restricted(desk: RightsDesk) -> None:
    with desk.store.session() as session:
        session.get_one(LinkRow, "ASSOCIATE-nikos-olga").restricted = True
    desk.restrict("nikos", request=REQUEST)
    desk.release("nikos", request=REQUEST)
    assert HIS - seen_anywhere(desk) == {"ASSOCIATE-nikos-olga"}
    assert count(desk.store, RestrictionRow) == 0
    with pytest.raises(Conflict):
        desk.release("nikos", request=REQUEST)


def test_L16_1_what_two_restricted_persons_share_stays_until_both_are_free(desk: RightsDesk) -> None:
    desk.restrict("nikos", request=REQUEST)
    desk.restrict("olga", request=REQUEST)
    desk.release("nikos", request=REQUEST)
    assert "ASSOCIATE-nikos-olga" not in seen_anywhere(desk)
    desk.release("olga", request=REQUEST)
    assert "ASSOCIATE-nikos-olga" in seen_anywhere(desk)


def test_L16_1_a_later_import_lifts_no_restriction(desk: RightsDesk) -> None:
    desk.restrict("nikos", request=REQUEST)
    with desk.store.transaction() as connection:  # what an import of the same key does
        connection.execute(text("UPDATE entity SET restricted = false"))
        set_dates(connection, report_id="r", policy=policy())
    assert "nikos" not in seen_anywhere(desk)
    add_link(desk.store, RelationKind.USES, ("nikos", add_entity(desk.store, EntityKind.PHONE, "new")))
    assert "new" in seen_anywhere(desk)
    run_retention(desk.store, policy=policy(), now=NOW, as_of=TODAY)
    assert "new" not in seen_anywhere(desk)


def test_L04_3_a_correction_reaches_search_graph_caches_and_the_next_training(desk: RightsDesk) -> None:
    learning = SqlLearningStore(desk.store.engine, clock=lambda: NOW)
    before = learning.snapshot_mark()
    assert len(learning.load_records().of_kind("ASSOCIATE")[0]) == 1
    changed = desk.rectify(
        "nikos",
        assignments=["name=Nikos Stavridis", "birth_date=1981-02-03", "ctl.threats=unknown"],
        dropped=["ASSOCIATE-nikos-olga"],
        request=REQUEST,
    )
    assert changed == ["name", "birth_date", "ctl.threats", "link ASSOCIATE"]
    assert (search(desk, "Petrakis"), search(desk, "Stavridis")) == ([], ["nikos"])
    with desk.store.session() as session:
        person = session.get_one(PersonRow, "nikos")
        assert person.match_key == match_key(EntityKind.PERSON, "Nikos Stavridis", country=Country.GR)
        assert (person.birth_date, person.rev) == (date(1981, 2, 3), 2)
        assert session.scalars(select(PersonIndicatorRow.value)).one() is None
    hypotheses = (SuggestedLinkRow, CaseTypeHypothesisRow, RoleHypothesisRow)
    assert [count(desk.store, table) for table in hypotheses] == [0, 0, 0]
    assert learning.load_records().of_kind("ASSOCIATE") == ()
    assert learning.snapshot_mark() != before
    assert desk.derived is not None
    assert list(desk.derived.iterdir()) == []


@pytest.mark.parametrize(
    ("assignments", "dropped"),
    [(["shoe=44"], []), (["birth_date=soon"], []), (["ctl.threats=maybe"], []), (["sex"], []), ([], [])],
)
def test_L04_3_a_correction_that_cannot_be_read_changes_and_records_nothing(
    desk: RightsDesk, assignments: list[str], dropped: list[str]
) -> None:
    with pytest.raises(BadCorrection):
        desk.rectify("nikos", assignments=assignments, dropped=dropped, request=REQUEST)
    assert desk.journal.list_lookups() == []


def test_L04_3_what_belongs_to_somebody_else_is_not_dropped(desk: RightsDesk) -> None:
    with pytest.raises(Conflict):
        desk.rectify("nikos", assignments=["name=X Y"], dropped=["USES-olga-shared"], request=REQUEST)
    assert search(desk, "Petrakis") == ["nikos"]  # all or nothing
    assert [one.outcome for one in desk.journal.list_lookups()] == [Outcome.BEGUN, Outcome.FAILED]


def test_L04_3_a_decision_on_a_role_that_was_wrong_is_dropped(desk: RightsDesk) -> None:
    with pytest.raises(Conflict):  # the control: another person's
        desk.rectify("nikos", assignments=[], dropped=["decision-olga"], request=REQUEST)
    assert desk.rectify("nikos", assignments=[], dropped=["decision-nikos"], request=REQUEST) == ["role decision"]
    with desk.store.session() as session:
        assert session.scalars(select(RoleDecisionRow.person_id)).all() == ["olga"]


def test_L07_2_recipients_are_named_when_something_is_found_wrong(desk: RightsDesk) -> None:
    was_shown(desk, "olga")
    desk.rectify("nikos", assignments=["name=A B"], dropped=[], request=REQUEST)
    assert desk.notices(only_open=True) == []  # the control: who was never shown the person is not told
    was_shown(desk, "case", "nikos")
    desk.rectify("nikos", assignments=["name=C D"], dropped=[], request=REQUEST)
    (notice,) = desk.notices(only_open=True)
    assert (notice["object_id"], notice["fields"], notice["action"]) == ("nikos", ["name"], "rectification")
    assert [one["name"] for one in notice["recipients"]] == ["maria"]
    assert not [word for word in ("A B", "C D", "Petrakis") if word in json.dumps(notice)]
    desk.mark_notified(notice["id"])
    assert desk.notices(only_open=True) == []
    assert len(desk.notices(only_open=False)) == 1
    with pytest.raises(NotFound):
        desk.mark_notified(notice["id"])


def test_L07_2_the_grades_travel_with_what_is_handed_over(desk: RightsDesk) -> None:
    document = desk.show("nikos", request=REQUEST)
    parts = [
        document["person"],
        *document["statuses"],
        *document["labels"],
        *document["links"],
        *document["indicators"],
    ]
    assert len(parts) == 8
    assert all(part["source_grade"] in "ABCX" and 1 <= part["info_grade"] <= 4 for part in parts)
    assert len(re.findall(r"grade [ABCX][1-4]", subject_text(document))) == len(parts)


def test_L16_1_the_answer_holds_everything_and_nothing_about_others(desk: RightsDesk) -> None:
    was_shown(desk, "nikos")
    document = desk.show("nikos", request=REQUEST)
    assert document["person"]["name"] == NAME
    assert [one["category"] for one in document["statuses"]] == ["suspect"]
    assert [(one["code"], one["value"]) for one in document["indicators"]] == [("ctl.threats", True)]
    assert {one["id"] for one in document["links"]} == HIS - {"nikos", "own-nikos"}
    assert document["assessments"]["suggested_links"] == 1
    assert [(one["case_id"], one["role"]) for one in document["assessments"]["roles"]] == [("case", "transporter")]
    assert [(one["role"], one["confirmed"]) for one in document["role_decisions"]] == [("harbourer", True)]
    assert "perhaps the part of transporter (drives)" in subject_text(document)
    assert "harbourer: stated by an investigator on 2026-11-02" in subject_text(document)
    assert [source["issuer"] for source in document["sources"]] == ["Hellenic Police"]
    assert [(one["role"], one["operation"]) for one in document["recipients"]] == [("investigator", "search")]
    told = json.dumps({key: value for key, value in document.items() if key != "links"}) + subject_text(document)
    assert not [word for word in ("olga", "Petrova", "maria") if word in told]


def test_L16_1_an_erased_person_leaves_an_entry_and_nothing_else(desk: RightsDesk) -> None:
    assert traces(desk.store, "nikos")  # the control
    was_shown(desk, "nikos")
    gone = desk.erase("nikos", request=REQUEST)
    assert gone == {"person": 1, "phone": 1}
    # Who acted (journal and audit log, LED article 25), and who must be told.
    assert traces(desk.store, "nikos") == {"lookup", "audit_record", "correction_notice"}
    assert traces(desk.store, NAME) == set()
    assert desk.erasures_of("nikos") == ["2026-11-02: person erased (request: LED article 16(2))"]
    assert desk.erasures_of("own-nikos") == ["2026-11-02: phone erased (orphan: nothing is left that it belonged to)"]
    with desk.store.session() as session:
        assert {row.reference for row in session.scalars(select(ErasureRow))} == {REQUEST.reference}
    assert seen_anywhere(desk) >= {"olga", "own-olga", "shared", "case"}
    assert count(desk.store, PersonStatusRow) == 1
    with pytest.raises(NotFound):
        desk.show("nikos", request=REQUEST)


def traces(store: Store, word: str) -> set[str]:
    """Return the tables in which ``word`` stands anywhere."""
    with store.transaction() as connection:
        return {
            table.name
            for table in Base.metadata.sorted_tables
            if any(word in str(value) for row in connection.execute(select(table)) for value in row)
        }


def test_L16_1_nothing_is_done_that_cannot_be_recorded(desk: RightsDesk) -> None:
    with desk.store.transaction() as connection:
        connection.execute(text("ALTER TABLE lookup RENAME TO gone"))
    with pytest.raises(LookupNotRecorded):
        desk.restrict("nikos", request=REQUEST)
    assert count(desk.store, RestrictionRow) == 0


def test_L16_1_the_journal_says_who_why_and_what_became_of_it(desk: RightsDesk) -> None:
    desk.restrict("nikos", request=REQUEST)
    begun, done = SqlLookupJournal(desk.store.engine).list_lookups()
    assert (begun.outcome, done.outcome) == (Outcome.BEGUN, Outcome.ANSWERED)
    assert (begun.operation, begun.object_ids, begun.reason) == ("subject.restrict", ("nikos",), REQUEST.reason)
    assert begun.justification.caller.name == "desk.anna"
    assert (begun.justification.purpose_code, begun.justification.case_reference) == ("DR", "DSR-2026/7")


@pytest.mark.parametrize(
    "request_",
    [
        Request(by="a", reference="", reason="a good reason"),
        Request(by="a", reference="DSR-1", reason=""),
        Request(by="", reference="DSR-1", reason="a good reason"),
        Request(by="a", reference="DSR-1", reason="two\nlines of it"),
        Request(by="a", reference="DSR-1", reason="Mr Petrakis asked for it"),  # it would be kept for ever
        Request(by="a", reference="DSR-1", reason="ο κύριος Πετράκης το ζήτησε"),
    ],
)
def test_L16_1_without_reference_and_a_reason_that_names_nobody_nothing_is_done(
    desk: RightsDesk, request_: Request
) -> None:
    with pytest.raises(RequestIncomplete):
        desk.erase("nikos", request=request_)
    assert desk.journal.list_lookups() == []
    assert count(desk.store, EntityRow) == 6


def test_L16_1_nobody_of_this_name_is_one_sentence(desk: RightsDesk) -> None:
    with pytest.raises(NotFound, match="There is no such person"):
        desk.show("P-nobody", request=REQUEST)


# Journals and ledgers keep identifiers for as long as the law asks for evidence; they hold no content.
JOURNALS = {"lookup", "consent", "combination_event", "correction_notice", "outbox", "ledger_entry", "activation"}
OUR_OWN = {"report_id", "token_id", "previous_report_id", "node_id"}  # they name reports and tokens, not subjects


def loose_columns(tables: Iterable[Table]) -> set[tuple[str, str]]:
    """Return the columns that may name an entity or a link and that no foreign key deletes with it."""
    return {
        (table.name, column.name)
        for table in tables
        if table.name not in JOURNALS
        for column in table.columns
        if column.name.endswith("_id") and column.name not in OUR_OWN and not column.foreign_keys
    }


def test_L16_1_no_table_can_keep_what_is_said_about_an_erased_person() -> None:
    for module in pkgutil.iter_modules(storage.__path__, prefix=f"{storage.__name__}."):
        if not module.ispkg:
            importlib.import_module(module.name)
    known = {(name, column) for name, columns in WITHOUT_FOREIGN_KEY.items() for column in columns}
    tables = Base.metadata.sorted_tables
    assert loose_columns(tables) - known - {("person_record", "person_id")} == set()
    planted = Table("planted", MetaData(), Column("about_id", String(36)))
    assert loose_columns([planted]) == {("planted", "about_id")}  # the control
