"""Each condition of a grant against the facts: the first that does not hold, or None; not knowing is not holding."""

from decimal import Decimal

from safeborders.models.domain.governance import Handling
from safeborders.models.domain.materials import Material
from safeborders.privacy.agreement.conditions import Evidence, period_length
from safeborders.privacy.agreement.decisions import Reason
from safeborders.privacy.agreement.facts import Facts
from safeborders.privacy.agreement.terms import Grant

_STRICTNESS = {code: place for place, code in enumerate((Handling.H0, Handling.H1, Handling.H2, Handling.H3))}
_NEVER_DISCLOSED = frozenset({Handling.H2, Handling.H3})


def find_breach(grant: Grant, *, facts: Facts) -> Reason | None:
    """Return the first condition of ``grant`` that ``facts`` do not meet, or None if all hold."""
    for check in (_privacy, _masking, _evidence, _counts, _persons, _handling, _time, _use):
        if (reason := check(grant, facts)) is not None:
            return reason
    return None


def _privacy(grant: Grant, facts: Facts) -> Reason | None:
    dp = grant.conditions.dp
    if dp is None:
        return None
    rules = (
        (facts.unit is dp.unit, Reason.UNIT_DIFFERS),
        (_is_within(facts.epsilon_total, dp.epsilon_max_total), Reason.EPSILON_EXCEEDED),
        (_is_within(facts.delta, dp.delta_max), Reason.DELTA_EXCEEDED),
        (facts.is_clipped or not dp.clip_required, Reason.NOT_CLIPPED),
    )
    return next((reason for holds, reason in rules if not holds), None)


def _masking(grant: Grant, facts: Facts) -> Reason | None:
    secagg = grant.conditions.secagg
    if secagg is None:
        return None
    if secagg.required and not facts.is_masked:
        return Reason.NOT_MASKED
    return None if facts.cohort is not None and facts.cohort >= secagg.min_cohort else Reason.COHORT_TOO_SMALL


def _evidence(grant: Grant, facts: Facts) -> Reason | None:
    is_needed = grant.conditions.anonymity_evidence is Evidence.REQUIRED and not facts.is_working_copy
    return (facts.evidence_flaw or Reason.EVIDENCE_MISSING) if is_needed and not facts.has_evidence else None


def _counts(grant: Grant, facts: Facts) -> Reason | None:
    least = grant.conditions.min_count
    if least is None or (facts.smallest_count is not None and facts.smallest_count >= least):
        return None
    return Reason.COUNT_TOO_SMALL


def _persons(grant: Grant, facts: Facts) -> Reason | None:
    conditions = grant.conditions
    allowed = conditions.subject_categories
    if allowed is not None and (facts.categories is None or not facts.categories <= set(allowed)):
        return Reason.CATEGORY_NOT_ALLOWED
    if conditions.exclude and (facts.protected is None or facts.protected & set(conditions.exclude)):
        return Reason.PROTECTED_GROUP
    return None


def _handling(grant: Grant, facts: Facts) -> Reason | None:
    """H2 forbids dissemination, H3 has rules of its own: neither enters a filter or a hit, whatever is signed."""
    if grant.material in {Material.FILTER, Material.HIT} and facts.handling in _NEVER_DISCLOSED:
        return Reason.HANDLING_CODE
    most = grant.conditions.handling_max
    if most is None or (facts.handling is not None and _STRICTNESS[facts.handling] <= _STRICTNESS[most]):
        return None
    return Reason.HANDLING_CODE


def _time(grant: Grant, facts: Facts) -> Reason | None:
    """``ttl`` must be known beforehand; ``retention`` binds the recipient and is looked at where an age is known."""
    conditions = grant.conditions
    if conditions.ttl is not None and (facts.kept is None or facts.kept > period_length(conditions.ttl)):
        return Reason.KEPT_TOO_LONG
    if conditions.retention is not None and facts.kept is not None and facts.kept > period_length(conditions.retention):
        return Reason.KEPT_TOO_LONG
    return None


def _use(grant: Grant, facts: Facts) -> Reason | None:
    if grant.material is Material.HIT and not facts.is_confirmed:
        return Reason.NOT_CONFIRMED
    most = grant.conditions.queries_per_day
    if most is None or (facts.queries_today is not None and facts.queries_today <= most):
        return None
    return Reason.QUERIES_EXCEEDED


def _is_within(value: Decimal | None, bound: Decimal) -> bool:
    return value is not None and not value.is_nan() and value <= bound  # Decimal's NaN would raise
