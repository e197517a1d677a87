"""How a run and a standing approval stand, from the entries alone: no clock but ``now``, no database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from safeborders.node.consent.entries import Entry, StandingLimits, Subject, Verdict
from safeborders.node.consent.persons import PROFILE_ID, Person, distinct
from safeborders.node.consent.requests import RunRequest


class State(StrEnum):
    """How it stands."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"  # for ever, for this manifest
    WITHDRAWN = "withdrawn"  # likewise


@dataclass(frozen=True)
class Standing:
    """A standing approval.

    Attributes:
        sha256: Of its limits.
        state: APPROVED when enough people gave it and nobody withdrew it; its days are not looked at.
        approvers: Who gave it.
        used: Epsilon of the runs that it covers or covered, added up.
    """

    sha256: str
    limits: StandingLimits
    state: State
    approvers: tuple[Person, ...]
    used: float


@dataclass(frozen=True)
class RunStanding:
    """A run that asked, and how it stands."""

    request: RunRequest
    state: State
    entries: tuple[Entry, ...]

    @property
    def approvers(self) -> tuple[Person, ...]:
        """Who approved the run itself."""
        return tuple(entry.person for entry in self.entries if entry.verdict is Verdict.APPROVE)

    @property
    def by_standing(self) -> str:
        """Hash of the standing approval that covers or covered it; "" when none did."""
        return next((entry.by_standing for entry in self.entries if entry.verdict is Verdict.COVER), "")


def list_standings(entries: Sequence[Entry], *, requests: Sequence[RunRequest], needed: int) -> list[Standing]:
    """Return all standing approvals in the order in which they were first given."""
    costs = {request.manifest_sha256: request.epsilon for request in requests}
    found = []
    for first in entries:
        if first.subject is not Subject.STANDING or not first.content:
            continue
        own = [one for one in entries if (one.subject, one.subject_sha256) == (Subject.STANDING, first.subject_sha256)]
        covered = {one.subject_sha256 for one in entries if one.by_standing == first.subject_sha256}
        persons = [one.person for one in own if one.verdict is Verdict.APPROVE]
        found.append(
            Standing(
                sha256=first.subject_sha256,
                limits=StandingLimits.model_validate_json(first.content),
                state=_state_of(own, needed=needed),
                approvers=tuple(persons),
                used=sum(costs[manifest] for manifest in covered),
            )
        )
    return found


def stand_of(
    request: RunRequest, *, entries: Sequence[Entry], standings: Sequence[Standing], needed: int, now: datetime
) -> RunStanding:
    """Return how ``request`` stands now; a standing approval that covers it must still be good."""
    own = tuple(one for one in entries if (one.subject, one.subject_sha256) == (Subject.RUN, request.manifest_sha256))
    state = _state_of(own, needed=needed)
    if state is State.PENDING:
        names = {one.by_standing for one in own if one.verdict is Verdict.COVER}
        good = any(one.sha256 in names and _is_good(one, request, now=now) for one in standings)
        state = State.APPROVED if good else State.PENDING
    return RunStanding(request=request, state=state, entries=own)


def find_cover(request: RunRequest, *, standings: Sequence[Standing], now: datetime) -> Standing | None:
    """Return a standing approval that covers ``request`` and still has room for its epsilon, or None."""
    for one in standings:
        has_room = one.used + request.epsilon <= one.limits.epsilon_total
        if has_room and _is_good(one, request, now=now):
            return one
    return None


def is_released(entries: Sequence[Entry], *, payload_sha256: str) -> bool:
    """Tell whether an operator let exactly these bytes go."""
    own = [one for one in entries if (one.subject, one.subject_sha256) == (Subject.RELEASE, payload_sha256)]
    return _state_of(own, needed=1) is State.APPROVED


def _is_good(standing: Standing, request: RunRequest, *, now: datetime) -> bool:
    return standing.state is State.APPROVED and standing.limits.covers(request, now=now)


def _state_of(own: Sequence[Entry], *, needed: int) -> State:
    said = {one.verdict for one in own}
    if Verdict.REFUSE in said:
        return State.REFUSED
    if Verdict.WITHDRAW in said:
        return State.WITHDRAWN
    persons = [one.person for one in own if one.verdict is Verdict.APPROVE]
    is_by_profile = needed == 1 and any(person.id == PROFILE_ID for person in persons)
    return State.APPROVED if is_by_profile or len(distinct(persons)) >= needed else State.PENDING
