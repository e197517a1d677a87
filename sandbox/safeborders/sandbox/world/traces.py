"""The traces that two persons leave in records: calls, payments, a common place, vehicle or phone."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import combinations

from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.typology import CaseType
from safeborders.sandbox.world.creatures import Creator
from safeborders.sandbox.world.networks import equip
from safeborders.sandbox.world.numbers import EvidenceNumbers
from safeborders.sandbox.world.register import Register
from safeborders.sandbox.world.truth import Individual, Selector, Tie

_KIN_SHARE_HOME = 0.5
_ONLINE = 3.0  # those who work online are in contact online


class Tracer:
    """Writes traces into one country's register."""

    def __init__(self, register: Register, creator: Creator, numbers: EvidenceNumbers) -> None:
        self._register = register
        self._creator = creator
        self._numbers = numbers

    def trace_ties(self, ties: Sequence[Tie], *, case_type: CaseType) -> None:
        """Leave the traces of those who belong together."""
        for tie in ties:
            self._trace(tie.first, tie.second, since=tie.since, level=0, case_type=case_type)
            if tie.kin and self._register.chance.random() < _KIN_SHARE_HOME:
                self._common_place(tie.first, tie.second, tie.since)

    def trace_strangers(self, people: Sequence[Individual], ties: Sequence[Tie], *, since: date) -> None:
        """Leave the few traces of those who are in one case and do not belong together."""
        known = {(tie.first.key, tie.second.key) for tie in ties}
        for first, second in combinations(people, 2):
            if (first.key, second.key) not in known and (second.key, first.key) not in known:
                self._trace(first, second, since=since, level=1, case_type=CaseType.T1)

    def call(self, first: Individual, second: Individual, *, since: date) -> None:
        """Write down calls between the main phones of two persons who have one."""
        for one in (first, second):
            if not one.phones:
                return
        days = timedelta(days=int(self._register.chance.random() * 300))
        self._between(RelationKind.CALLED, first.phones[0], second.phones[0], since=since, until=since + days)

    def _trace(self, first: Individual, second: Individual, *, since: date, level: int, case_type: CaseType) -> None:
        chance, numbers = self._register.chance.random, self._numbers
        online = _ONLINE if case_type is CaseType.T6 else 1.0
        if chance() < numbers.called[level]:
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
                equip(self._creator, first, phones=1.0)
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
