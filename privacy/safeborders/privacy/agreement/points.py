"""The nine enforcement points by name: each asks the engine with its own point, so that none is mistaken.

E1 start and E9 retention have functions of their own (``check_start``, ``retention.purge_overdue``).
"""

from dataclasses import replace

from safeborders.models.domain.materials import COORDINATOR, Material
from safeborders.privacy.agreement.decisions import Decision, Point
from safeborders.privacy.agreement.engine import PolicyEngine
from safeborders.privacy.agreement.facts import Facts


def check_start(engine: PolicyEngine) -> Decision:
    """E1: does an agreement bind this party now?"""
    return engine.check_binding(Point.NODE_START)


def check_training_message(engine: PolicyEngine, *, purpose: str, facts: Facts) -> Decision:
    """E2: may this country work on an update for the coordinator?"""
    return _update(engine, sender=engine.own, purpose=purpose, facts=replace(facts, point=Point.TRAINING_MESSAGE))


def check_model_order(engine: PolicyEngine, *, purpose: str, facts: Facts) -> Decision:
    """E2 for the final model: may this country take the coordinator's model into use?"""
    facts = replace(facts, point=Point.TRAINING_MESSAGE)
    return engine.check(Material.MODEL, sender=COORDINATOR, recipient=engine.own, purpose=purpose, facts=facts)


def check_send(engine: PolicyEngine, *, purpose: str, facts: Facts) -> Decision:
    """E3: may the update that is ready leave?"""
    return _update(engine, sender=engine.own, purpose=purpose, facts=replace(facts, point=Point.SEND))


def check_round_start(engine: PolicyEngine, country: str, *, purpose: str, facts: Facts) -> Decision:
    """E4: may the coordinator ask ``country`` for an update?"""
    return _update(engine, sender=country, purpose=purpose, facts=replace(facts, point=Point.ROUND_START))


def check_release(engine: PolicyEngine, country: str, *, purpose: str, facts: Facts) -> Decision:
    """E5: may the coordinator hand a model to ``country``?"""
    facts = replace(facts, point=Point.RELEASE)
    return engine.check(Material.MODEL, sender=COORDINATOR, recipient=country, purpose=purpose, facts=facts)


def check_filter_export(engine: PolicyEngine, recipient: str, *, purpose: str, facts: Facts) -> Decision:
    """E6: may a match filter go to ``recipient``?"""
    facts = replace(facts, point=Point.FILTER_EXPORT)
    return engine.check(Material.FILTER, sender=engine.own, recipient=recipient, purpose=purpose, facts=facts)


def check_hit_disclosure(engine: PolicyEngine, recipient: str, *, purpose: str, facts: Facts) -> Decision:
    """E7: may a hit be told to ``recipient``? A person must have confirmed it."""
    facts = replace(facts, point=Point.HIT_DISCLOSURE)
    return engine.check(Material.HIT, sender=engine.own, recipient=recipient, purpose=purpose, facts=facts)


def check_api_export(
    engine: PolicyEngine, material: Material, *, recipient: str, purpose: str, facts: Facts
) -> Decision:
    """E8: may the node's API give ``material`` to another party? Its own investigators are no party."""
    facts = replace(facts, point=Point.API_EXPORT)
    return engine.check(material, sender=engine.own, recipient=recipient, purpose=purpose, facts=facts)


def _update(engine: PolicyEngine, *, sender: str, purpose: str, facts: Facts) -> Decision:
    return engine.check(Material.UPDATE, sender=sender, recipient=COORDINATOR, purpose=purpose, facts=facts)
