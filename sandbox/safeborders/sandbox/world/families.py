"""People of a case who look like one person and are not: twins, siblings, namesakes; and shared phones."""

from datetime import timedelta

from safeborders.models.domain.roles import CaseRole
from safeborders.sandbox.world.creatures import Creator
from safeborders.sandbox.world.numbers import FamilyNumbers
from safeborders.sandbox.world.register import Register
from safeborders.sandbox.world.scene import Scene
from safeborders.sandbox.world.truth import Cell, Individual, Tie

_REMEMBERED = 300  # how many persons a namesake may be of: the latest, so that memory stays bounded
_CHILD = 12
_DAYS_PER_YEAR = 365
_CHILDHOOD = timedelta(days=14 * _DAYS_PER_YEAR)


class Families:
    """Makes the hard cases of one country's entity resolution."""

    def __init__(self, register: Register, creator: Creator, numbers: FamilyNumbers) -> None:
        self._register = register
        self._creator = creator
        self._numbers = numbers
        self._latest: list[Individual] = []

    def maybe_sibling(self, scene: Scene, victim: Individual, *, cell: Cell) -> None:
        """Sometimes add a brother or sister of ``victim``, or a twin, at the same address."""
        chance, numbers = self._register.chance, self._numbers
        if chance.random() >= numbers.siblings:
            return
        twin = chance.random() < numbers.twins
        sibling = self._creator.individual(
            CaseRole.VICTIM, ages=(1, 1), on=scene.opened, women=float(victim.female), family=victim
        )
        while sibling.given == victim.given:
            sibling.given = self._creator.given_name(sibling)
        apart = 0 if twin else int((1 + chance.random() * 3) * _DAYS_PER_YEAR)
        sibling.born = victim.born + timedelta(days=-apart if scene.opened - victim.born < _CHILDHOOD else apart)
        sibling.surname, sibling.patronymic = victim.surname, victim.patronymic
        sibling.network = victim.network
        victim.home = sibling.home = victim.home or self._creator.place()
        for one in (victim, sibling):
            self._register.hold(one, victim.home, since=scene.opened)
        cell.ties.append(Tie(victim, sibling, sibling.born if twin else max(victim.born, sibling.born), "sibling"))
        scene.victims.append(sibling)
        cell.victims.append(sibling)
        scene.alike.append(("twins" if twin else "siblings", victim, sibling))

    def maybe_family_phone(self, scene: Scene, child: Individual, *, elder: Individual) -> None:
        """Sometimes let a young child without a phone use that of an elder of the family."""
        young = (scene.opened - child.born).days < _CHILD * _DAYS_PER_YEAR
        if young and elder.phones and self._register.chance.random() < self._numbers.family_phone:
            child.phones.append(elder.phones[0])
            scene.alike.append(("family_phone", elder, child))

    def maybe_namesake(self, scene: Scene, one: Individual) -> None:
        """Sometimes give ``one`` the name and the year of birth of somebody else."""
        chance = self._register.chance
        if self._latest and chance.random() < self._numbers.namesakes:
            other = chance.choice(self._latest)
            if other.role is one.role and other.key not in {person.key for person in scene.people}:
                one.given, one.surname, one.maiden = other.given, other.surname, other.maiden
                one.family_name, one.language, one.female = other.family_name, other.language, other.female
                one.born = other.born.replace(month=1, day=1) + timedelta(days=int(chance.random() * 365))
                scene.alike.append(("namesakes", other, one))
        self._latest = [*self._latest[1 - _REMEMBERED :], one]

    def note(self, scene: Scene) -> None:
        """Note all likenesses of ``scene`` for the ground truth, once its people are written down."""
        for kind, first, second in scene.alike:
            if first.key in self._register.records and second.key in self._register.records:
                through = self._register.selector(first.phones[0]) if kind == "family_phone" else ""
                self._register.look_alike(kind, (first, second), through=through)
