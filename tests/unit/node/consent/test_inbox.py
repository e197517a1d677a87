"""The inbox: deny by default, two people in production, standing approvals with limits, withdrawals that are final."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from safeborders.kit.errors import NotFound, SafeBordersError
from safeborders.models.protocol.manifest import Aggregation
from safeborders.models.protocol.plan import Task
from safeborders.node.consent.entries import StandingLimits, Verdict
from safeborders.node.consent.errors import DecisionImpossible, ReasonMissing, ReleaseHeld, SamePerson
from safeborders.node.consent.inbox import ConsentRule, Inbox
from safeborders.node.consent.persons import operator, token_holder
from safeborders.node.consent.requests import RunRequest
from safeborders.node.consent.standing import State
from sbtest.consent import MARIA, NIKOS, InMemoryConsentStore
from sbtest.consent_requests import NOW, REQUEST

LIMITS = StandingLimits(
    purposes=("P1", "P2"),
    tasks=(Task.LINKS, Task.TYPOLOGY),
    epsilon_per_run=3.0,
    epsilon_total=6.0,
    rounds=10,
    valid_until=NOW.date(),
    agreement_sha256="b" * 64,
)
WHY = "looked at it"


def inbox(*, persons: int = 2, holds: bool = False, now: datetime = NOW) -> Inbox:
    rule = ConsentRule(persons=persons, holds_releases=holds)
    return Inbox(InMemoryConsentStore(), rule=rule, clock=lambda: now)


def asked(**changes: Any) -> RunRequest:
    return REQUEST.model_copy(update=changes)


def approve(box: Inbox, run: str = "run-1", *, person: Any = MARIA) -> State:
    return box.decide(run, Verdict.APPROVE, person=person, reason=WHY)


def test_a_run_nobody_approved_is_noted_once_and_waits() -> None:
    box = inbox()
    assert [box.ask(REQUEST), box.ask(asked(first_seen=datetime(2027, 1, 1, tzinfo=UTC)))] == [State.PENDING] * 2
    (run,) = box.list_runs()
    assert (run.request, run.state, run.entries) == (REQUEST, State.PENDING, ())


def test_production_takes_two_different_people() -> None:
    box = inbox()
    box.ask(REQUEST)
    assert approve(box) is State.PENDING
    assert box.ask(REQUEST) is State.PENDING
    for person in (MARIA, operator("mpapa", name="Anna"), token_holder("t", name="Papadopoulou Maria")):
        with pytest.raises(SamePerson):
            approve(box, person=person)
    assert approve(box, person=NIKOS) is State.APPROVED
    assert box.ask(REQUEST) is State.APPROVED


def test_control_a_demonstration_takes_one() -> None:
    box = inbox(persons=1)
    box.ask(REQUEST)
    assert approve(box) is State.APPROVED


@pytest.mark.parametrize(("verdict", "state"), [(Verdict.REFUSE, State.REFUSED), (Verdict.WITHDRAW, State.WITHDRAWN)])
def test_one_person_ends_it_and_it_stays_ended_for_this_manifest(verdict: Verdict, state: State) -> None:
    box = inbox()
    box.ask(REQUEST)
    approve(box)
    approve(box, person=NIKOS)
    assert box.decide("run-1", verdict, person=MARIA, reason=WHY) is state
    assert box.ask(REQUEST) is state
    for person in (MARIA, NIKOS, operator("third", name="Third Person")):
        with pytest.raises(DecisionImpossible):
            approve(box, person=person)
    assert box.ask(asked(manifest_sha256="e" * 64, run="run-2")) is State.PENDING


def test_a_refused_run_is_not_taken_by_a_standing_approval_either() -> None:
    box = inbox(persons=1)
    box.ask(REQUEST)
    box.decide("run-1", Verdict.REFUSE, person=MARIA, reason=WHY)
    box.give_standing(LIMITS, person=MARIA, reason=WHY)
    assert box.ask(REQUEST) is State.REFUSED


def test_a_second_manifest_under_one_name_is_not_approved_by_mistake() -> None:
    box = inbox(persons=1)
    box.ask(REQUEST)
    box.ask(asked(manifest_sha256="e" * 64))
    with pytest.raises(DecisionImpossible):
        approve(box)
    box.decide("run-1", Verdict.APPROVE, person=MARIA, reason=WHY, manifest_sha256="a" * 64)
    assert (box.ask(REQUEST), box.ask(asked(manifest_sha256="e" * 64))) == (State.APPROVED, State.PENDING)


def test_what_was_not_looked_at_is_not_approved() -> None:
    box = inbox(persons=1)
    box.ask(REQUEST)
    with pytest.raises(DecisionImpossible):
        box.decide("run-1", Verdict.APPROVE, person=MARIA, reason=WHY, manifest_sha256="e" * 64)
    with pytest.raises(NotFound):
        approve(box, "run-2")


@pytest.mark.parametrize("reason", ["", " a ", "x" * 501, "look\x1b[2J"])
def test_a_decision_needs_a_reason(reason: str) -> None:
    box = inbox(persons=1)
    box.ask(REQUEST)
    with pytest.raises(ReasonMissing):
        box.decide("run-1", Verdict.APPROVE, person=MARIA, reason=reason)
    assert box.ask(REQUEST) is State.PENDING


def test_a_standing_approval_covers_what_is_within_all_its_limits() -> None:
    box = inbox(persons=1)
    box.give_standing(LIMITS, person=MARIA, reason=WHY)
    assert box.ask(REQUEST) is State.APPROVED
    (run,) = box.list_runs()
    assert run.by_standing == LIMITS.sha256()


@pytest.mark.parametrize(
    "changes",
    [
        {"purpose": "P3"},
        {"epsilon": 3.0001},
        {"rounds": 11},
        {"aggregation": Aggregation.PLAIN},
        {"agreement_sha256": "f" * 64},
    ],
)
def test_a_run_beyond_one_limit_waits_for_people(changes: dict[str, Any]) -> None:
    box = inbox(persons=1)
    box.give_standing(LIMITS, person=MARIA, reason=WHY)
    assert box.ask(asked(**changes)) is State.PENDING


def test_tasks_and_days_are_limits_too() -> None:
    box = inbox(persons=1)
    box.give_standing(LIMITS.model_copy(update={"tasks": (Task.LINKS,)}), person=MARIA, reason=WHY)
    box.give_standing(LIMITS.model_copy(update={"valid_until": date(2026, 11, 23)}), person=MARIA, reason=WHY)
    assert box.ask(REQUEST) is State.PENDING


def test_all_runs_together_stay_within_the_total() -> None:
    box = inbox(persons=1)
    box.give_standing(LIMITS, person=MARIA, reason=WHY)
    states = [box.ask(asked(manifest_sha256=letter * 64, run=f"run-{letter}")) for letter in "abc"]
    assert states == [State.APPROVED, State.APPROVED, State.PENDING]
    assert box.ask(asked(manifest_sha256="b" * 64, run="run-b")) is State.APPROVED
    assert box.list_standings()[0].used == 6.0


def test_a_standing_approval_in_production_takes_two_people_too() -> None:
    box = inbox()
    assert box.give_standing(LIMITS, person=MARIA, reason=WHY).state is State.PENDING
    assert box.ask(REQUEST) is State.PENDING
    with pytest.raises(SamePerson):
        box.give_standing(LIMITS, person=MARIA, reason=WHY)
    same = LIMITS.model_copy(update={"tasks": (Task.TYPOLOGY, Task.LINKS)})
    assert box.give_standing(same, person=NIKOS, reason=WHY).state is State.APPROVED
    assert box.ask(REQUEST) is State.APPROVED


def test_the_profile_is_never_one_of_the_two() -> None:
    box = inbox()
    box.follow_profile(LIMITS)
    assert box.ask(REQUEST) is State.PENDING
    assert box.give_standing(LIMITS, person=MARIA, reason=WHY).state is State.PENDING
    assert box.ask(REQUEST) is State.PENDING


def test_a_withdrawn_standing_approval_stops_the_runs_that_it_covers() -> None:
    box = inbox(persons=1)
    box.give_standing(LIMITS, person=MARIA, reason=WHY)
    assert box.ask(REQUEST) is State.APPROVED
    box.withdraw_standing(LIMITS.sha256()[:12], person=NIKOS, reason=WHY)
    assert box.ask(REQUEST) is State.PENDING
    with pytest.raises(DecisionImpossible):
        box.give_standing(LIMITS, person=MARIA, reason=WHY)
    for prefix in ("", "0" * 64):
        with pytest.raises(NotFound):
            box.withdraw_standing(prefix, person=NIKOS, reason=WHY)


def test_the_profiles_approval_follows_the_profile_and_a_withdrawal_survives_a_restart() -> None:
    box = inbox(persons=1)
    for _ in range(2):
        box.follow_profile(LIMITS)
    assert [one.state for one in box.list_standings()] == [State.APPROVED]
    box.follow_profile(LIMITS.model_copy(update={"rounds": 5}))
    assert [one.state for one in box.list_standings()] == [State.WITHDRAWN, State.APPROVED]
    box.follow_profile(None)
    assert [one.state for one in box.list_standings()] == [State.WITHDRAWN] * 2
    box.follow_profile(LIMITS)
    assert box.ask(REQUEST) is State.PENDING


def test_a_held_update_goes_when_exactly_its_bytes_are_released() -> None:
    box = inbox(persons=1, holds=True)
    with pytest.raises(ReleaseHeld):
        box.check_release("1" * 64)
    for _ in range(2):
        box.release("run-1", payload_sha256="1" * 64, person=MARIA, reason=WHY)
    box.check_release("1" * 64)
    with pytest.raises(ReleaseHeld):
        box.check_release("2" * 64)
    inbox(holds=False).check_release("2" * 64)


def test_a_decision_that_fails_leaves_no_trace() -> None:
    box = inbox()
    box.ask(REQUEST)
    attempts: list[Callable[[], object]] = [
        lambda: approve(box, "run-2"),
        lambda: box.decide("run-1", Verdict.APPROVE, person=MARIA, reason=""),
        lambda: box.withdraw_standing("9", person=MARIA, reason=WHY),
    ]
    for attempt in attempts:
        with pytest.raises(SafeBordersError):
            attempt()
    assert box.list_runs()[0].entries == ()
