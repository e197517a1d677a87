"""The scenes of a case: recruitment, journeys, exploitation, and where they took place."""

from datetime import date, timedelta
from random import Random

from safeborders.models.domain.entities import EntityKind, Stage
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.roles import CaseRole
from safeborders.sandbox.world.chance import days
from safeborders.sandbox.world.creatures import Creator
from safeborders.sandbox.world.numbers import Numbers
from safeborders.sandbox.world.register import Register
from safeborders.sandbox.world.scene import Scene
from safeborders.sandbox.world.truth import Cell, Individual

_ORDER = (Stage.RECRUITMENT, Stage.TRANSPORT, Stage.TRANSIT, Stage.HARBOURING, Stage.EXPLOITATION, Stage.CONTROL)
_ACTORS = {
    Stage.RECRUITMENT: CaseRole.RECRUITER,
    Stage.TRANSPORT: CaseRole.TRANSPORTER,
    Stage.TRANSIT: CaseRole.TRANSPORTER,
    Stage.HARBOURING: CaseRole.HARBOURER,
    Stage.EXPLOITATION: CaseRole.EXPLOITER,
    Stage.CONTROL: CaseRole.CONTROLLER,
}
# Medians in days (domain.md 6.4).
_LENGTH = {Stage.RECRUITMENT: 30.0, Stage.TRANSPORT: 2.0, Stage.TRANSIT: 3.0, Stage.EXPLOITATION: 150.0}
_IDENTIFICATION_DAYS = 60.0


def write_episodes(register: Register, creator: Creator, *, scene: Scene, cell: Cell, numbers: Numbers) -> None:
    """Write two to five episodes of ``scene`` with their places, vehicles and people; the last ends before the case."""
    chance = register.chance
    for stage, start, end in _script(chance, scene.opened, numbers.per_case.episodes):
        episode = register.add(
            EntityKind.EPISODE,
            {
                "stage": stage.value,
                "started_on": start.isoformat(),
                "ended_on": end.isoformat(),
                "date_precision": "day" if chance.random() < 0.6 else "month",
            },
            envelope={},
        )
        period = {"valid_from": start, "valid_to": end}
        register.link(RelationKind.HAS_EPISODE, (scene.case, episode), **period)
        place = chance.choice(cell.places) if chance.random() < 0.6 else creator.place()
        register.link(RelationKind.AT, (episode, register.selector(place)), **period)
        for one in _cast(chance, scene, stage):
            record = register.person(one, since=start)
            role = (one.role or CaseRole.WITNESS).value
            register.link(RelationKind.INVOLVED_IN, (record, episode), role=role, **period)
        moving = stage in {Stage.TRANSPORT, Stage.TRANSIT}
        if moving and chance.random() < numbers.per_case.vehicles[scene.case_type]:
            vehicle = chance.choice(cell.vehicles)
            register.link(RelationKind.USED_VEHICLE, (episode, register.selector(vehicle)), **period)
            register.hold(chance.choice(scene.suspects), vehicle, since=start)


def _script(chance: Random, opened: date, range_: tuple[int, int]) -> list[tuple[Stage, date, date]]:
    """Return stages with their days, walking back from the day on which the case was opened."""
    count = range_[0] + int(chance.random() * (range_[1] - range_[0] + 1))
    optional = [stage for stage in _ORDER if stage not in {Stage.RECRUITMENT, Stage.EXPLOITATION}]
    chance.shuffle(optional)
    picked = {Stage.RECRUITMENT, Stage.EXPLOITATION, *optional[: count - 2]}
    end = opened - days(chance, median=_IDENTIFICATION_DAYS)
    scenes = []
    for stage in reversed([stage for stage in _ORDER if stage in picked]):
        start = end - days(chance, median=_LENGTH.get(stage, 20.0))
        scenes.append((stage, start, end))
        end = start - timedelta(days=1)
    return scenes[::-1]


def _cast(chance: Random, scene: Scene, stage: Stage) -> list[Individual]:
    fitting = [one for one in scene.suspects if one.role is _ACTORS[stage]] or scene.suspects
    cast = [chance.choice(fitting), chance.choice(scene.victims)]
    return [*cast, chance.choice(scene.suspects)] if chance.random() < 0.3 else cast
