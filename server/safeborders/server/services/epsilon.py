"""What rounds of a plan cost a country, priced by the same accountant that a node uses."""

import math
from functools import lru_cache

from safeborders.models.defaults import CATALOGUE
from safeborders.models.protocol.plan import RunPlan
from safeborders.privacy.accountant import epsilon
from safeborders.privacy.pricing import run_events


def price_plan(plan: RunPlan, rounds: int) -> float:
    """Return the epsilon of ``rounds`` rounds of ``plan`` at its delta; not a number for a plan of another version."""
    return _price(plan.model_dump_json(), rounds)


@lru_cache(maxsize=4096)
def _price(document: str, rounds: int) -> float:
    plan = RunPlan.model_validate_json(document)
    architecture = CATALOGUE.find(plan)
    if architecture is None:
        return math.nan
    try:
        return epsilon(run_events(plan, architecture, rounds=rounds), delta=plan.delta)
    except ValueError:  # the accountant prices no such plan; a node refuses it too
        return math.nan
