"""Whether somebody was a minor on a day, when only a part of the birth date is known: yes, no, or nobody knows."""

from datetime import date, timedelta

from safeborders.models.domain.entities import DatePrecision
from safeborders.models.domain.facts import Fact

MAJORITY_YEARS = 18
"""A child is anybody below eighteen (Palermo Protocol, article 3(d); Directive 2011/36/EU, article 2(6))."""

_SPREAD_DAYS = {DatePrecision.DAY: 0, DatePrecision.MONTH: 30, DatePrecision.YEAR: 365}
"""How many days after the stored date the birth may lie: the rest of a date is filled with the first day or month."""


def born_by_for_certain_adults(day: date, precision: DatePrecision | None) -> date:
    """Return the latest stored birth date with which a person is an adult on ``day`` beyond doubt.

    Args:
        day: The day in question.
        precision: How much of the stored date is known; None counts as the year only.
    """
    return _years_before(day) - timedelta(days=_SPREAD_DAYS[precision or DatePrecision.YEAR])


def is_minor(birth: date | None, precision: DatePrecision | None, *, on: date) -> Fact:
    """Return whether a person was below eighteen ``on`` a day; unknown where the stored date leaves it open."""
    if birth is None:
        return Fact.UNKNOWN
    if birth <= born_by_for_certain_adults(on, precision):
        return Fact.NO
    return Fact.YES if birth > _years_before(on) else Fact.UNKNOWN


def _years_before(day: date) -> date:
    year = day.year - MAJORITY_YEARS
    return date(year, 2, 28) if (day.month, day.day) == (2, 29) else day.replace(year=year)
