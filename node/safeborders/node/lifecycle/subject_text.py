"""The answer to a data subject as a readable text: what is held, from whom, how good it is, who received it."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_WIDTH = 80
_GRADES = {"A": "always trustworthy", "B": "mostly trustworthy", "C": "rarely trustworthy", "X": "trust unknown"}
_INFORMATION = {1: "certain", 2: "known to the source itself", 3: "confirmed by others", 4: "not confirmed"}
_RIGHTS = (
    "You may ask for rectification, erasure or restriction, and complain to the supervisory authority, which may also "
    "exercise these rights for you (Directive (EU) 2016/680, articles 14 to 17)."
)
_ENVELOPE = (
    "regime", "purposes", "legal_basis", "statement_kind", "handling", "sensitivity", "recorded_at", "review_due",
    "retain_until", "restricted", "train_ok", "share_ok",
)  # fmt: skip
_TECHNICAL = frozenset(
    {*_ENVELOPE, "id", "kind", "other", "other_kind", "other_id", "report_id", "source_grade", "info_grade", "node",
     "rev", "stated_review_due", "stated_retain_until", "reviewed_on", "case_id", "match_key", "value", "code"}
)  # fmt: skip


def subject_text(document: Mapping[str, Any]) -> str:
    """Return the text of ``document``, which storage.subject_reader made."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    records = [document, *document.get("other_records", [])]
    yield "WHAT IS HELD ON YOU"
    yield "=" * _WIDTH
    yield f"Country {document['country']}, as of {document['as_of'][:10]}"
    if len(records) > 1:
        yield f"You stand in {len(records)} records here that were found to be of one person:"
    for record in records:
        yield from _record(record)
    yield from _section("Who received it", [_recipient(one) for one in document["recipients"]])
    yield ""
    yield textwrap.fill(_legend(), _WIDTH)
    yield ""
    yield textwrap.fill(_RIGHTS, _WIDTH)


def _record(document: Mapping[str, Any]) -> Iterator[str]:
    person = document["person"]
    yield ""
    yield f"Record {person['pseudonym']}"
    yield "=" * len(f"Record {person['pseudonym']}")
    yield f"Category of data subject: {_words(document['category'])}"
    restriction = document["restriction"]
    yield f"Processing is {'restricted since ' + restriction['since'][:10] if restriction else 'not restricted'}."
    yield from _section("You", [_attributes(person)])
    yield from _section("What may be done with it", [f"{_words(name)}: {_shown(person[name])}" for name in _ENVELOPE])
    yield from _section("Decisions about your category", [_statement(one, "category") for one in document["statuses"]])
    yield from _section("Facts about you", [_fact(one) for one in document["indicators"]])
    yield from _section("Labels that a person gave", [_statement(one, "name") for one in document["labels"]])
    yield from _section("Decisions on your part in a case", [_decision(one) for one in document["role_decisions"]])
    yield from _section("Links", [_link(one) for one in document["links"]])
    yield from _section(
        "Facts about cases that you are part of", [_case_fact(one) for one in document["case_indicators"]]
    )
    number = document["assessments"]["suggested_links"]
    yield from _section(
        "Assessments by a program (hints for a person to check, never facts)",
        [
            *([f"{number} suggested links to other persons"] if number else []),
            *(_hypothesis(one) for one in document["assessments"]["roles"]),
        ],
    )
    yield from _section(
        "Sources", [f"{one['issuer']}, file {one['name']}, received {one['received_at'][:10]}"
                    for one in document["sources"]]
    )  # fmt: skip


def _section(title: str, items: Sequence[str]) -> Iterator[str]:
    yield ""
    yield title
    yield "-" * len(title)
    for item in items or ["nothing"]:
        yield textwrap.fill(item, _WIDTH, initial_indent="* ", subsequent_indent="  ")


def _attributes(person: Mapping[str, Any]) -> str:
    own = [
        f"{_words(name)}: {_shown(value)}"
        for name, value in person.items()
        if name not in _TECHNICAL and value is not None
    ]
    return "; ".join([*own, _grade(person)])


def _statement(row: Mapping[str, Any], name: str) -> str:
    rest = [f"{_words(key)} {_shown(value)}" for key, value in row.items()
            if key not in _TECHNICAL | {name} and value is not None]  # fmt: skip
    said = f"{row[name]}: {row['value']}" if "value" in row else _words(str(row[name]))
    return "; ".join([said, *rest, _grade(row)])


def _decision(row: Mapping[str, Any]) -> str:
    said = "stated by an investigator" if row["confirmed"] else "suggested by a program, refused by an investigator"
    return f"{_words(row['role'])}: {said} on {row['decided_at'][:10]}"


def _hypothesis(row: Mapping[str, Any]) -> str:
    reasons = "; ".join(reason["text"] for reason in row["reasons"])
    return f"a case in which you are a suspect: perhaps the part of {_words(row['role'])} ({reasons})"


def _fact(row: Mapping[str, Any]) -> str:
    value = {True: "yes", False: "no", None: "unknown"}[row["value"]]
    return f"{row['code']}: {value} ({_grade(row)})"


def _case_fact(row: Mapping[str, Any]) -> str:
    return f"{row['case']}: {_fact(row)}"


def _link(row: Mapping[str, Any]) -> str:
    other = row["other"] or f"another {row['other_kind']}"
    rest = [f"{_words(key)} {_shown(value)}" for key, value in row.items()
            if key not in _TECHNICAL and value is not None]  # fmt: skip
    return "; ".join([f"{_words(row['kind'])} {_words(row['other_kind'])}: {other}", *rest, _grade(row)])


def _recipient(row: Mapping[str, str]) -> str:
    return f"{_words(row['role'])}, purpose {row['purpose']}, {_words(row['operation'])}, last {row['last'][:10]}"


def _grade(row: Mapping[str, Any]) -> str:
    return f"grade {row['source_grade']}{row['info_grade']}"


def _legend() -> str:
    sources = ", ".join(f"{grade} {meaning}" for grade, meaning in _GRADES.items())
    information = ", ".join(f"{grade} {meaning}" for grade, meaning in _INFORMATION.items())
    return f"Grades: the source is {sources}; the information is {information}."


def _words(text: str) -> str:
    return text.replace("_", " ").lower()


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "not known" if value is None else str(value)
