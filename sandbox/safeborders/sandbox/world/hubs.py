"""Innocent hubs: people, numbers, vehicles and places that many cases touch and nobody may take for a broker."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import TypeVar

from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.roles import CaseRole
from safeborders.models.domain.typology import CaseType
from safeborders.sandbox.world.creatures import Creator
from safeborders.sandbox.world.numbers import HubKind, HubNumbers
from safeborders.sandbox.world.register import Register
from safeborders.sandbox.world.scene import Scene
from safeborders.sandbox.world.truth import HubTruth, Individual, Selector

_PROFESSIONAL_AGES = (28, 62)
_SHOP_DAYS = 5
_SERVICES: tuple[HubKind, ...] = ("hotline", "call_shop", "taxi_firm", "reception_centre", "bus_station")
_PROFESSIONS: tuple[HubKind, ...] = ("lawyer", "interpreter", "social_worker")

_SKEW = 1.25  # ours: the busiest hub has about twice the cases of the quietest
Hub = TypeVar("Hub")


class Hubs:
    """The hubs of one country: as many of each kind as its number of cases asks for, none of them guilty."""

    def __init__(self, register: Register, creator: Creator, *, numbers: HubNumbers, cases: int, first: date) -> None:
        self._register = register
        self._numbers = numbers
        self._first = first
        self._people: dict[HubKind, list[Individual]] = {}
        for kind in _PROFESSIONS:
            self._people[kind] = [
                creator.individual(CaseRole.PROFESSIONAL, ages=_PROFESSIONAL_AGES, on=first, women=0.6)
                for _ in range(self._many(kind, cases))
            ]
            for one in self._people[kind]:
                one.phones.append(creator.phone())
        makers: Mapping[HubKind, Callable[[], Selector]] = {
            "hotline": creator.phone,
            "call_shop": creator.phone,
            "taxi_firm": creator.vehicle,
            "reception_centre": lambda: creator.place("reception_centre"),
            "bus_station": lambda: creator.place("border_point"),
        }
        self._things = {kind: [makers[kind]() for _ in range(self._many(kind, cases))] for kind in _SERVICES}
        self._seen: set[str] = set()

    def attend(self, scene: Scene) -> None:
        """Let professionals attend ``scene``, and its people use what everybody uses."""
        chance, uses = self._register.chance, self._numbers.uses
        for kind, people in self._people.items():
            if chance.random() < uses[kind]:
                self._attended(scene, self._busy(people), kind=kind)
        if chance.random() < uses["hotline"]:
            callers = [phone for one in (*scene.victims, *scene.contacts) for phone in one.phones[:1]]
            self._call_hotline(scene, callers)
        customers: Mapping[HubKind, Sequence[Individual]] = {
            "call_shop": scene.people,
            "taxi_firm": scene.people,
            "bus_station": scene.people,
            "reception_centre": scene.victims,
        }
        for kind, crowd in customers.items():
            share = uses[kind]
            if kind == "reception_centre":
                share = min(0.95, share * (self._numbers.unaccompanied if scene.case_type is CaseType.T8 else 1.0))
            if chance.random() < share:
                self._use(scene, chance.choice(crowd), kind=kind)

    def _many(self, kind: HubKind, cases: int) -> int:
        return max(1, round(cases * self._numbers.uses[kind] / self._numbers.degree))

    def _attended(self, scene: Scene, one: Individual, *, kind: HubKind) -> None:
        register = self._register
        record = register.person(one, since=self._first)
        self._note(record, kind)
        if record not in register.categories:
            register.categories[record] = "professional"
            register.statements.append(
                {
                    "record": "status",
                    "person": record,
                    "category": "professional",
                    "decided_by": "police",
                    "valid_from": self._first.isoformat(),
                }
            )
        register.link(
            RelationKind.PARTY_TO, (record, scene.case), role=CaseRole.PROFESSIONAL.value, valid_from=scene.opened
        )

    def _use(self, scene: Scene, one: Individual, *, kind: HubKind) -> None:
        what = self._busy(self._things[kind])
        until = scene.opened + timedelta(days=_SHOP_DAYS) if kind == "call_shop" else None
        roles = {"taxi_firm": "driver", "bus_station": "seen", "reception_centre": "resident"}
        self._register.hold(one, what, since=scene.opened, until=until, role=roles.get(kind))
        self._note(self._register.selector(what), kind)

    def _call_hotline(self, scene: Scene, callers: Sequence[Selector]) -> None:
        if callers:
            register = self._register
            hotline = register.selector(self._busy(self._things["hotline"]))
            caller = register.selector(register.chance.choice(callers))
            self._note(hotline, "hotline")
            register.link(
                RelationKind.CALLED,
                (caller, hotline),
                count=register.calls(),
                valid_from=scene.opened,
                valid_to=scene.opened,
            )

    def _busy(self, hubs: Sequence[Hub]) -> Hub:
        """Return one of ``hubs``, the first ones somewhat more often."""
        return hubs[int(len(hubs) * self._register.chance.random() ** _SKEW)]

    def _note(self, record: str, kind: HubKind) -> None:
        if record not in self._seen:
            self._seen.add(record)
            self._register.hubs.append(HubTruth(record, kind, self._register.country))
