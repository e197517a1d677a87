"""The scenes of a case: recruitment, journeys, exploitation, and where they took place."""

from datetime import date, timedelta
from random import Random

from safeborders.models.domain.entities import EntityKind, Stage
from safeborders.models.domain.relations import RelationKind
from safeborders.models.domain.roles import CaseRole
from safeborders.sandbox.world.chance import days, few
from safeborders.sandbox.world.creatures import Creator
from safeborders.sandbox.world.numbers import EpisodeNumbers, Numbers
from safeborders.sandbox.world.register import Register
from safeborders.sandbox.world.scene import Scene
from safeborders.sandbox.world.truth import Cell, Individual

_ORDER = tuple(Stage)
_ALWAYS = (Stage.RECRUITMENT, Stage.EXPLOITATION)
_MOVING = frozenset({Stage.TRANSPORT, Stage.TRANSIT})
_ACTORS = {
    Stage.RECRUITMENT: CaseRole.RECRUITER,
    Stage.TRANSPORT: CaseRole.TRANSPORTER,
    Stage.TRANSIT: CaseRole.TRANSPORTER,
    Stage.HARBOURING: CaseRole.HARBOURER,
    Stage.EXPLOITATION: CaseRole.EXPLOITER,
    Stage.CONTROL: CaseRole.CONTROLLER,
}
_ONGOING_FROM = timedelta(days=365)


def write_episodes(register: Register, creator: Creator, *, scene: Scene, cell: Cell, numbers: Numbers) -> None:
    """Write the episodes of ``scene`` with their places, vehicles and people; an ongoing last one has no end."""
    chance, shares = register.chance, numbers.episodes
    scenes = _script(chance, scene.opened, numbers)
    recent = numbers.dates.last - scene.opened < _ONGOING_FROM
    scene.ongoing = recent and chance.random() < shares.ongoing
    for place, (stage, start, end) in enumerate(scenes):
        last = place == len(scenes) - 1
        until = None if last and scene.ongoing else end
        episode = _write_episode(register, stage, start=start, until=until)
        period = {"valid_from": start, "valid_to": until}
        register.link(RelationKind.HAS_EPISODE, (scene.case, episode), **period)
        where = creator.place() if chance.random() < shares.new_place else chance.choice(cell.places)
        register.link(RelationKind.AT, (episode, register.selector(where)), **period)
        cast = _cast(chance, scene, stage=stage, shares=shares)
        for one in cast:
            record = register.person(one, since=start)
            role = (one.role or CaseRole.WITNESS).value
            register.link(RelationKind.INVOLVED_IN, (record, episode), role=role, **period)
            if stage in _MOVING and until is not None:
                one.travels.append((start, until))
        if stage in _MOVING and chance.random() < numbers.per_case.vehicles[scene.case_type]:
            vehicle = chance.choice(cell.vehicles)
            register.link(RelationKind.USED_VEHICLE, (episode, register.selector(vehicle)), **period)
            register.hold(chance.choice(scene.suspects), vehicle, since=start)


def _write_episode(register: Register, stage: Stage, *, start: date, until: date | None) -> str:
    properties: dict[str, object] = {"stage": stage.value, "started_on": start.isoformat()}
    if until is not None:
        properties["ended_on"] = until.isoformat()
    properties["date_precision"] = "day" if stage in _MOVING or register.chance.random() < 0.6 else "month"
    return register.add(EntityKind.EPISODE, properties, envelope={})


def _script(chance: Random, opened: date, numbers: Numbers) -> list[tuple[Stage, date, date]]:
    """Return stages with their days, walking back from the day on which the case was opened."""
    shares, range_ = numbers.episodes, numbers.per_case.episodes
    count = range_[0] + int(chance.random() * (range_[1] - range_[0] + 1))
    optional = [stage for stage in _ORDER if stage not in _ALWAYS]
    chance.shuffle(optional)
    picked = {*_ALWAYS, *optional[: count - len(_ALWAYS)]}
    end = opened - days(chance, median=shares.identification_days)
    scenes = []
    for stage in reversed([stage for stage in _ORDER if stage in picked]):
        start = end - _dwell(chance, stage, shares)
        scenes.append((stage, start, end))
        end = start - timedelta(days=1)
    return scenes[::-1]


def _dwell(chance: Random, stage: Stage, shares: EpisodeNumbers) -> timedelta:
    if stage in _MOVING:
        low, high = shares.transport_days
        return timedelta(days=low - 1 + int(chance.random() * (high - low + 1)))
    return days(chance, median=shares.median_days.get(stage, shares.other_median_days))


def _cast(chance: Random, scene: Scene, *, stage: Stage, shares: EpisodeNumbers) -> list[Individual]:
    """Return who was there: somebody whose part it is, a victim, and often others of the case."""
    fitting = [one for one in scene.suspects if one.role is _ACTORS.get(stage)] or scene.suspects
    cast = {one.key: one for one in (chance.choice(fitting), chance.choice(scene.victims))}
    others = [one for one in (*scene.suspects, *scene.victims) if one.key not in cast]
    chance.shuffle(others)
    more = few(chance, mean=shares.more_present)
    return [*cast.values(), *others[:more]]
