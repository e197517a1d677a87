"""What an approver reads: every fact of the request, at 80 columns, and an honest word about the budget."""

import json

import pytest

from safeborders.node.consent.entries import Verdict
from safeborders.node.consent.inbox import ConsentRule, Inbox
from safeborders.node.consent.showing import Budget, run_document, run_lines
from safeborders.node.consent.standing import RunStanding
from sbtest.consent import MARIA, InMemoryConsentStore
from sbtest.consent_requests import NOW, REQUEST


def standing() -> RunStanding:
    box = Inbox(InMemoryConsentStore(), rule=ConsentRule(persons=2), clock=lambda: NOW)
    box.ask(REQUEST)
    box.decide("run-1", Verdict.APPROVE, person=MARIA, reason="looked at it " * 20)
    return box.list_runs()[0]


def test_a_run_is_shown_whole_and_within_80_columns() -> None:
    lines = run_lines(standing(), budget=Budget(spent=1.5, after=4.25, cap=10.0), persons=2)
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    for part in (
        *("run-1", "P1, typology of cases", "updates", "a" * 64, "b" * 64, "c" * 64, "d" * 64, "gr, it; at least 2"),
        *("3.000 for all 10 rounds", "spent so far 1.500, left after it 5.750 of 10.000", "hidden under masks"),
        *("2 different person(s)", "Maria Papadopoulou (login:mpapa)"),
    ):
        assert part in text


@pytest.mark.parametrize("after", [10.5, float("inf")])
def test_a_run_that_does_not_fit_says_so_to_people_and_machines(after: float) -> None:
    budget = Budget(spent=9.0, after=after, cap=10.0)
    assert any("DOES NOT FIT" in line for line in run_lines(standing(), budget=budget, persons=2))
    document = json.loads(json.dumps(run_document(standing(), budget=budget), allow_nan=False))
    assert (document["fits"], document["epsilon_left_after"]) == (False, None)


def test_a_run_without_a_clause_says_so() -> None:
    bare = RunStanding(request=REQUEST.model_copy(update={"clause": ""}), state=standing().state, entries=())
    lines = run_lines(bare, budget=Budget(spent=0.0, after=3.0, cap=10.0), persons=1)
    assert any("NONE" in line for line in lines)
