"""The traces that two persons leave in records: calls, payments, a common place, vehicle or phone."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import combinations

from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.typology import CaseType
from safeborders.sandbox.world.creatures import Creator
from safeborders.sandbox.world.numbers import EvidenceNumbers
from safeborders.sandbox.world.register import Register
from safeborders.sandbox.world.truth import Individual, Selector, Tie

_BURST = timedelta(days=3)  # domain.md 6.4
_CALLING_DAYS = 300  # longest period of calls between two who do not only call around a journey; ours


class Tracer:
    """Writes traces into one country's register."""

    def __init__(self, register: Register, creator: Creator, numbers: EvidenceNumbers) -> None:
        self._register = register
        self._creator = creator
        self._numbers = numbers

    def trace_ties(self, ties: Sequence[Tie], *, case_type: CaseType) -> None:
        """Leave the traces of those who belong together."""
        for tie in ties:
            called = self._numbers.called_close if tie.close else self._numbers.called[0]
            self._trace(tie, called=called, level=0, case_type=case_type)
            if tie.kin and self._register.chance.random() < self._numbers.kin_at_home:
                self._common_place(tie.first, tie.second, tie.since)

    def trace_strangers(self, people: Sequence[Individual], ties: Sequence[Tie], *, since: date) -> None:
        """Leave the few traces of those who are in one case and do not belong together."""
        known = {(tie.first.key, tie.second.key) for tie in ties}
        for first, second in combinations(people, 2):
            if (first.key, second.key) not in known and (second.key, first.key) not in known:
                stranger = Tie(first, second, since)
                self._trace(stranger, called=self._numbers.called[1], level=1, case_type=CaseType.T1)

    def call(self, first: Individual, second: Individual, *, since: date) -> None:
        """Write down calls between the main phones of two persons: mostly around a journey that both made."""
        if not first.phones or not second.phones:
            return
        chance = self._register.chance
        journeys = [period for period in first.travels if period in second.travels]
        if journeys and chance.random() < self._numbers.burst:
            start, end = chance.choice(journeys)
            start -= timedelta(days=int(chance.random() * (_BURST.days + 1)))
            end += timedelta(days=int(chance.random() * (_BURST.days + 1)))
        else:
            start, end = since, since + timedelta(days=int(chance.random() * _CALLING_DAYS))
        self._between(RelationKind.CALLED, first.phones[0], second.phones[0], since=start, until=end)

    def _trace(self, tie: Tie, *, called: float, level: int, case_type: CaseType) -> None:
        chance, numbers, since = self._register.chance.random, self._numbers, tie.since
        first, second = tie.first, tie.second
        online = numbers.online if case_type is CaseType.T6 else 1.0
        if chance() < (called / 2 if tie.kin else called):  # who lives together calls less
            self.call(first, second, since=since)
        if chance() < numbers.contacted[level] * online:
            self._own(first, second, kind="accounts", since=since)
            self._between(RelationKind.CONTACTED, first.accounts[0], second.accounts[0], since=since)
        if chance() < numbers.paid[level]:
            self._own(first, second, kind="money", since=since)
            self._between(RelationKind.PAID, first.money[0], second.money[0], since=since)
        if chance() < numbers.place[level]:
            self._common_place(first, second, since)
        if chance() < numbers.vehicle[level]:
            self._common_vehicle(first, second, since)
        if chance() < numbers.phone[level]:
            if not first.phones:
                first.phones.append(self._creator.phone())
            self._register.hold(second, first.phones[0], since=since)
            self._register.hold(first, first.phones[0], since=since)

    def _own(self, *people: Individual, kind: str, since: date) -> None:
        for one in people:
            owned: list[Selector] = one.accounts if kind == "accounts" else one.money
            if not owned:
                owned.append(self._creator.account() if kind == "accounts" else self._creator.money())
            self._register.hold(one, owned[0], since=since)

    def _between(
        self, kind: RelationKind, first: Selector, second: Selector, *, since: date, until: date | None = None
    ) -> None:
        register = self._register
        register.link(
            kind,
            (register.selector(first), register.selector(second)),
            count=register.calls(),
            sum_band=1 + int(register.chance.random() * 4) if kind is RelationKind.PAID else None,
            valid_from=since,
            valid_to=until,
        )

    def _common_place(self, first: Individual, second: Individual, since: date) -> None:
        home = first.home or second.home or self._creator.place()
        if first.home is None:
            first.home = home
            self._register.hold(first, home, since=since)
        seen = "seen" if second.home not in {None, home} else None
        second.home = second.home or home
        self._register.hold(second, home, since=since, role=seen)

    def _common_vehicle(self, first: Individual, second: Individual, since: date) -> None:
        if not first.vehicles:
            first.vehicles.append(self._creator.vehicle())
        self._register.hold(first, first.vehicles[0], since=since, role="owner")
        self._register.hold(second, first.vehicles[0], since=since)
