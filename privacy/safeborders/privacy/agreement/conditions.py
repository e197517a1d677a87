"""Under which conditions a grant holds: amounts are exact decimals written in quotes, periods are ISO 8601."""

import re
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from safeborders.models.domain.governance import Handling
from safeborders.models.domain.materials import Material, ProtectedGroup
from safeborders.models.domain.statuses import DataSubjectCategory
from safeborders.models.protocol.plan import Frozen

_AMOUNT = re.compile(r"\d{1,12}(\.\d{1,30})?([eE]-?\d{1,2})?")
_PERIOD = re.compile(r"P(?:(?P<years>\d{1,2})Y|(?P<days>\d{1,4})D|T(?P<hours>\d{1,3})H)")


def _exact(value: object) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or not _AMOUNT.fullmatch(value):
        raise ValueError("it must be a decimal number in quotes, such as '8' or '0.000001'")
    return Decimal(value)


Amount = Annotated[Decimal, BeforeValidator(_exact), Field(gt=0)]
"""A positive number that is signed as the text it was written in: no float ever stands in an agreement."""


def _period(text: str) -> str:
    if not _PERIOD.fullmatch(text):
        raise ValueError("it must be a period such as P2Y, P30D or PT24H")
    return text


Period = Annotated[str, AfterValidator(_period)]
"""Years, days or hours: P2Y, P30D, PT24H."""


class PrivacyUnit(StrEnum):
    """Whose presence the noise hides."""

    PERSON = "person"
    CASE = "case"


class Evidence(StrEnum):
    """How a model's anonymity is treated (EDPB Opinion 28/2024)."""

    REQUIRED = "required"  # no release without the evidence file
    PERSONAL_DATA = "personal_data"  # the model counts as personal data, so none is needed


class PrivacyCondition(Frozen):
    """What differential privacy a release must have, at the sender, over the whole term."""

    unit: PrivacyUnit = Field(default=PrivacyUnit.PERSON, strict=False)
    epsilon_max_total: Amount
    delta_max: Amount
    clip_required: bool = True


class MaskingCondition(Frozen):
    """Secure aggregation, and how many countries must hide each other."""

    required: bool = True
    min_cohort: int = Field(ge=2)


class Conditions(Frozen):
    """What must be true for a grant to hold; whatever is not known to be true is taken for false."""

    dp: PrivacyCondition | None = None
    secagg: MaskingCondition | None = None
    anonymity_evidence: Evidence | None = Field(default=None, strict=False)
    retention: Period | None = None
    min_count: int | None = Field(default=None, ge=1)
    subject_categories: tuple[DataSubjectCategory, ...] | None = Field(default=None, min_length=1, strict=False)
    exclude: tuple[ProtectedGroup, ...] = Field(default=(), strict=False)
    handling_max: Handling | None = Field(default=None, strict=False)
    ttl: Period | None = None
    queries_per_day: int | None = Field(default=None, ge=1)


REQUIRED: dict[Material, frozenset[str]] = {
    Material.MODEL: frozenset({"anonymity_evidence", "retention"}),
    Material.UPDATE: frozenset({"dp", "secagg", "retention"}),
    Material.AGGREGATE: frozenset({"dp", "min_count"}),
    Material.FILTER: frozenset({"subject_categories", "exclude", "handling_max", "ttl", "queries_per_day"}),
    Material.HIT: frozenset({"handling_max", "retention"}),
    Material.EVALUATION: frozenset({"dp", "min_count"}),
    Material.SYNTHETIC: frozenset({"dp"}),
}
"""Conditions that a grant of each class cannot do without."""


def period_length(period: Period) -> timedelta:
    """Return how long ``period`` is; a year counts 365 days, so that nothing is kept longer than was agreed."""
    match = _PERIOD.fullmatch(period)
    if match is None:
        raise ValueError(f"period must be PnY, PnD or PTnH. Got {period}.")
    years, days, hours = (int(match[name] or 0) for name in ("years", "days", "hours"))
    return timedelta(days=365 * years + days, hours=hours)
