"""Innocent hubs: people, numbers and places that many cases touch and nobody may take for a broker."""

from datetime import date, timedelta

from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.roles import CaseRole
from safeborders.models.domain.typology import CaseType
from safeborders.sandbox.world.creatures import Creator
from safeborders.sandbox.world.networks import equip
from safeborders.sandbox.world.register import Register
from safeborders.sandbox.world.scene import Scene
from safeborders.sandbox.world.truth import Selector

_PROFESSIONAL_AGES = (28, 62)
_CASES_PER_PROFESSIONAL = 40
_ATTENDED = 0.5


class Hubs:
    """Lawyers, interpreters and social workers, a hotline, a call shop, a reception centre, a taxi of one country."""

    def __init__(self, register: Register, creator: Creator, *, cases: int, first: date) -> None:
        self._register = register
        self._creator = creator
        self._first = first
        self._people = [
            creator.individual(CaseRole.PROFESSIONAL, ages=_PROFESSIONAL_AGES, on=first, women=0.6)
            for _ in range(max(2, cases // _CASES_PER_PROFESSIONAL))
        ]
        for one in self._people:
            equip(creator, one, phones=1.0)
        self._hotline = creator.phone()
        self._call_shop = creator.phone()
        self._centre = creator.place("reception_centre")
        self._station = creator.place("border_point")
        self._taxi = creator.vehicle()

    def attend(self, scene: Scene) -> None:
        """Let professionals attend ``scene``, and its people use what everybody uses."""
        register, chance = self._register, self._register.chance
        if chance.random() < _ATTENDED:
            one = self._people[int(len(self._people) * chance.random() ** 1.5)]
            record = register.person(one, since=self._first)
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
        for victim in scene.victims:
            self._use(victim.phones and chance.random() < 0.3, scene, victim.phones[:1])
            centre = 0.5 if scene.case_type is CaseType.T8 else 0.06
            if chance.random() < centre:
                register.hold(victim, self._centre, since=scene.opened, role="resident")
        for one in scene.people:
            if chance.random() < 0.03:
                register.hold(one, self._station, since=scene.opened, role="seen")
            if chance.random() < 0.02:
                until = scene.opened + timedelta(days=5)
                register.hold(one, self._call_shop, since=scene.opened, until=until)
            if chance.random() < 0.01:
                register.hold(one, self._taxi, since=scene.opened, role="driver")

    def _use(self, called: object, scene: Scene, phones: list[Selector]) -> None:
        if called and phones:
            register = self._register
            register.link(
                RelationKind.CALLED,
                (register.selector(phones[0]), register.selector(self._hotline)),
                count=register.calls(),
                valid_from=scene.opened,
            )
