"""How urgent a case is: a label about the case that models may learn, never about a person (domain.md 6.5)."""

from datetime import timedelta
from random import Random

from safeborders.sandbox.world.numbers import Numbers
from safeborders.sandbox.world.scene import Scene
from safeborders.sandbox.world.truth import CaseRisk, Network

_YOUNG = timedelta(days=14 * 365)
_LAST_YEAR = timedelta(days=365)


def case_risk(chance: Random, scene: Scene, *, network: Network, numbers: Numbers) -> CaseRisk:
    """Return the five reasons and the priority, a monotone function of them with a little noise."""
    spans = len(network.cells) > 1 or network.outside
    recent = numbers.dates.last - _LAST_YEAR
    reasons = {
        "minor_age": any(scene.opened - victim.born < _YOUNG for victim in scene.victims),
        "multi_victim": len(scene.victims) > 1,
        "multi_country": spans or scene.abroad,
        "active_network": bool(network.name) and network.active[1] >= recent,
        "ongoing_episode": scene.ongoing,
    }
    urgent = sum(reasons.values()) >= numbers.risk.reasons
    flipped = chance.random() < numbers.risk.noise
    return CaseRisk(case=scene.case, **reasons, priority=urgent != flipped)
