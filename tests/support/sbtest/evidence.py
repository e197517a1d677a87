"""Evidence of anonymity as a country would sign it, and the same with one thing wrong."""

from datetime import datetime
from typing import Any

from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import RunPlan
from safeborders.privacy.agreement.evidence import AnonymityEvidence, AttackVerdict, attacks_on


def make_evidence(
    country: Country, *, plan: RunPlan, model_sha256: str, at: datetime, **changes: Any
) -> AnonymityEvidence:
    """Return complete evidence of ``country`` about a model; ``changes`` spoil it."""
    fields: dict[str, Any] = {
        "country": country,
        "federation": plan.federation,
        "run": plan.run,
        "plan_sha256": plan.sha256(),
        "model_sha256": model_sha256,
        "created_at": at,
        "epsilon_run": 2.0,
        "epsilon_spent": 3.0,
        "epsilon_cap": 8.0,
        "delta": plan.delta,
        "unit": "one person",
        "accountant": "privacy loss distributions",
        "cohort": plan.floor,
        "attacks": tuple(make_verdict(attack, task=task) for attack, task in sorted(attacks_on(plan))),
        "limits": ("asked at home only",),
        "code_version": "safeborders 0",
        "reviewer": "Data protection officer",
    }
    return AnonymityEvidence(**{**fields, **changes})


def make_verdict(attack: str, *, task: str = "typology", passed: bool = True) -> AttackVerdict:
    """Return what an attack came to."""
    return AttackVerdict(attack=attack, task=task, passed=passed, bar="area at most 0.55", power="enough")
