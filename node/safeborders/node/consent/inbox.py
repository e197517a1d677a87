"""The approval inbox: runs that asked, people who decide, and whether a run may go on at this moment.

Deny by default. A run is allowed while enough different people approved exactly its manifest, or a standing approval
covers it, and nobody refused or withdrew. Refusals and withdrawals are final for a manifest: another run may ask.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from safeborders.kit.clock import Clock
from safeborders.kit.errors import NotFound
from safeborders.node.consent.entries import (
    ConsentStore,
    ConsentTransaction,
    Entry,
    StandingLimits,
    Subject,
    Verdict,
)
from safeborders.node.consent.errors import DecisionImpossible, ReasonMissing, ReleaseHeld, SamePerson
from safeborders.node.consent.persons import PROFILE_ID, Person, profile_author
from safeborders.node.consent.requests import RunRequest
from safeborders.node.consent.standing import (
    RunStanding,
    Standing,
    State,
    find_cover,
    is_released,
    list_standings,
    stand_of,
)

_LONGEST_REASON = 500
_SHORTEST_REASON = 3
_COVERED = "within the limits of a standing approval"
_PROFILE_SAYS = "written in the node's profile"
_PROFILE_CHANGED = "no longer in the node's profile"
_CLOSED = "This was refused or withdrawn, which is final: a new run may ask."


@dataclass(frozen=True)
class ConsentRule:
    """How strict this node is.

    Attributes:
        persons: How many different people must approve: 2 in production.
        holds_releases: Whether each update waits until an operator has looked at it.
    """

    persons: int
    holds_releases: bool = False


@dataclass(frozen=True)
class _Said:
    subject: Subject
    sha256: str
    verdict: Verdict
    person: Person
    reason: str
    content: str = ""


@dataclass(frozen=True)
class _View:
    requests: Sequence[RunRequest]
    entries: Sequence[Entry]
    standings: Sequence[Standing]


class Inbox:
    """Requests and decisions of one node.

    Args:
        store: Where they are kept.
        rule: How strict the node is.
        clock: The time.
    """

    def __init__(self, store: ConsentStore, *, rule: ConsentRule, clock: Clock) -> None:
        self._store = store
        self._rule = rule
        self._clock = clock

    @property
    def rule(self) -> ConsentRule:
        """How strict the node is."""
        return self._rule

    def ask(self, request: RunRequest) -> State:
        """Note ``request`` if its manifest is new, and return how it stands now."""
        with self._store.transaction() as step:
            view = self._look(step)
            known = {one.manifest_sha256: one for one in view.requests}
            if request.manifest_sha256 not in known:
                step.add_request(request)
            asked = known.get(request.manifest_sha256, request)
            state = self._stand(asked, view=view).state
            if state is not State.PENDING:
                return state
            cover = find_cover(asked, standings=view.standings, now=self._clock())
            if cover is None or _was_covered(asked, view.entries):
                return State.PENDING
            said = _Said(Subject.RUN, asked.manifest_sha256, Verdict.COVER, profile_author(), _COVERED)
            self._append(step, said, run=asked.run, by=cover.sha256)
            return State.APPROVED

    def list_runs(self) -> list[RunStanding]:
        """Return all runs that ever asked, newest first."""
        with self._store.transaction() as step:
            view = self._look(step)
        return [self._stand(request, view=view) for request in reversed(view.requests)]

    def find_run(self, run: str) -> list[RunStanding]:
        """Return what asked under the name ``run``, newest first: one, unless manifests differ. Raises NotFound."""
        found = [one for one in self.list_runs() if one.request.run == run]
        if not found:
            raise NotFound("No run of this name has asked here: see safeborders node approvals list.")
        return found

    def decide(self, run: str, verdict: Verdict, *, person: Person, reason: str, manifest_sha256: str = "") -> State:
        """Approve, refuse or withdraw ``run`` and return how it stands then.

        Args:
            run: Its name.
            verdict: APPROVE, REFUSE or WITHDRAW.
            person: Who decides.
            reason: Why, for those who read it later.
            manifest_sha256: Which manifest was looked at; needed when several came under one name.

        Raises:
            NotFound: If no such run has asked.
            DecisionImpossible: If it was refused or withdrawn, another manifest than the named one asked, or several.
            SamePerson: If the person, under whatever spelling, has approved it.
            ReasonMissing: Without a reason.
        """
        why = _checked_reason(reason)
        with self._store.transaction() as step:
            view = self._look(step)
            asked = _choose([one for one in view.requests if one.run == run], manifest_sha256=manifest_sha256)
            before = self._stand(asked, view=view)
            self._check_open(before.state, before.approvers, verdict=verdict, person=person)
            self._append(step, _Said(Subject.RUN, asked.manifest_sha256, verdict, person, why), run=run)
            return self._stand(asked, view=self._look(step)).state

    def give_standing(self, limits: StandingLimits, *, person: Person, reason: str) -> Standing:
        """Allow runs beforehand; in production the same limits count once a second person gave them too.

        Raises:
            DecisionImpossible: If these limits were withdrawn.
            SamePerson: If the person, under whatever spelling, has given them.
            ReasonMissing: Without a reason.
        """
        why, sha256 = _checked_reason(reason), limits.sha256()
        with self._store.transaction() as step:
            view = self._look(step)
            known = next((one for one in view.standings if one.sha256 == sha256), None)
            if known is not None:
                self._check_open(known.state, known.approvers, verdict=Verdict.APPROVE, person=person)
            content = "" if known is not None else limits.model_dump_json()
            self._append(step, _Said(Subject.STANDING, sha256, Verdict.APPROVE, person, why, content))
            return next(one for one in self._look(step).standings if one.sha256 == sha256)

    def follow_profile(self, limits: StandingLimits | None) -> None:
        """Let the profile's standing approval be ``limits``, and none of its earlier ones; withdrawn ones stay so."""
        sha256 = "" if limits is None else limits.sha256()
        with self._store.transaction() as step:
            standings = self._look(step).standings
            for one in standings:
                if one.state is State.APPROVED and one.approvers[0].id == PROFILE_ID and one.sha256 != sha256:
                    said = _Said(Subject.STANDING, one.sha256, Verdict.WITHDRAW, profile_author(), _PROFILE_CHANGED)
                    self._append(step, said)
            if limits is not None and sha256 not in {one.sha256 for one in standings}:
                content = limits.model_dump_json()
                said = _Said(Subject.STANDING, sha256, Verdict.APPROVE, profile_author(), _PROFILE_SAYS, content)
                self._append(step, said)

    def withdraw_standing(self, prefix: str, *, person: Person, reason: str) -> Standing:
        """Withdraw the standing approval whose hash starts with ``prefix``; the runs that it covers stop.

        Raises:
            NotFound: If not exactly one has such a hash.
            DecisionImpossible: If it was withdrawn.
            ReasonMissing: Without a reason.
        """
        why = _checked_reason(reason)
        with self._store.transaction() as step:
            view = self._look(step)
            known = find_standing(view.standings, prefix)
            self._check_open(known.state, (), verdict=Verdict.WITHDRAW, person=person)
            self._append(step, _Said(Subject.STANDING, known.sha256, Verdict.WITHDRAW, person, why))
            return find_standing(self._look(step).standings, prefix)

    def list_standings(self) -> Sequence[Standing]:
        """Return all standing approvals, oldest first."""
        with self._store.transaction() as step:
            return self._look(step).standings

    def release(self, run: str, *, payload_sha256: str, person: Person, reason: str) -> None:
        """Let exactly the bytes of ``payload_sha256`` go; letting them go again changes nothing."""
        why = _checked_reason(reason)
        with self._store.transaction() as step:
            view = self._look(step)
            if not is_released(view.entries, payload_sha256=payload_sha256):
                said = _Said(Subject.RELEASE, payload_sha256, Verdict.APPROVE, person, why)
                self._append(step, said, run=run)

    def is_held(self, payload_sha256: str) -> bool:
        """Tell whether these bytes still wait for the operator."""
        if not self._rule.holds_releases:
            return False
        with self._store.transaction() as step:
            return not is_released(step.list_entries(), payload_sha256=payload_sha256)

    def check_release(self, payload_sha256: str) -> None:
        """Do nothing if the bytes of ``payload_sha256`` may go.

        Raises:
            ReleaseHeld: If this node lets nothing go that no operator has looked at, and nobody has.
        """
        if self.is_held(payload_sha256):
            raise ReleaseHeld("The update is held: the operator has to look at it and release it.")

    def _look(self, step: ConsentTransaction) -> _View:
        requests, entries = step.list_requests(), step.list_entries()
        standings = list_standings(entries, requests=requests, needed=self._rule.persons)
        return _View(requests=requests, entries=entries, standings=standings)

    def _stand(self, request: RunRequest, *, view: _View) -> RunStanding:
        return stand_of(
            request,
            entries=view.entries,
            standings=view.standings,
            needed=self._rule.persons,
            now=self._clock(),
        )

    def _check_open(self, state: State, approvers: Sequence[Person], *, verdict: Verdict, person: Person) -> None:
        if state in {State.REFUSED, State.WITHDRAWN}:
            raise DecisionImpossible(_CLOSED)
        if verdict is Verdict.APPROVE and any(person.is_same_as(one) for one in approvers):
            raise SamePerson("You have approved this already: the second approval must be another person's.")

    def _append(self, step: ConsentTransaction, said: _Said, *, run: str = "", by: str = "") -> None:
        entry = Entry(
            number=len(step.list_entries()) + 1,
            at=self._clock(),
            subject=said.subject,
            subject_sha256=said.sha256,
            verdict=said.verdict,
            person=said.person,
            reason=said.reason,
            run=run,
            content=said.content,
            by_standing=by,
        )
        step.append(entry)


def find_standing(standings: Sequence[Standing], prefix: str) -> Standing:
    """Return the one standing approval whose hash starts with ``prefix``. Raises NotFound."""
    found = [one for one in standings if one.sha256.startswith(prefix)]
    if len(found) != 1 or not prefix:
        raise NotFound("There is not exactly one standing approval of this number: see approvals standing list.")
    return found[0]


def _choose(requests: Sequence[RunRequest], *, manifest_sha256: str) -> RunRequest:
    if not requests:
        raise NotFound("No run of this name has asked here: see safeborders node approvals list.")
    chosen = [one for one in requests if manifest_sha256 in {"", one.manifest_sha256}]
    if len(chosen) != 1:
        raise DecisionImpossible("Not exactly this manifest has asked under this name: look again, and name its hash.")
    return chosen[0]


def _was_covered(request: RunRequest, entries: Sequence[Entry]) -> bool:
    return any(one.verdict is Verdict.COVER and one.subject_sha256 == request.manifest_sha256 for one in entries)


def _checked_reason(reason: str) -> str:
    shown = " ".join(reason.split())
    if not _SHORTEST_REASON <= len(shown) <= _LONGEST_REASON or not shown.isprintable():
        raise ReasonMissing("A decision needs a reason of 3 to 500 characters that others can read later: give it.")
    return shown
