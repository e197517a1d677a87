"""What may be learnt from and what may be shared, as plain rules: the twin of storage.admission, which filters in SQL.

Both say the same; a test compares them on both databases, row by row. A reviewer reads this one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from safeborders.models.domain.ages import is_minor
from safeborders.models.domain.entities import DatePrecision
from safeborders.models.domain.facts import Fact
from safeborders.models.domain.governance import Handling, Purpose, Sensitivity
from safeborders.models.domain.statuses import SHARED_CATEGORIES, DataSubjectCategory


@dataclass(frozen=True)
class Governed:
    """What the rules look at in an entity or a link.

    Attributes:
        category: What the law sees in a person today; None for what is no person.
        birth: A person's stored birth date.
        birth_precision: How much of it is known.
        is_released: Whether the provider allowed the dissemination of this very row.
    """

    restricted: bool
    train_ok: bool
    share_ok: bool
    handling: Handling
    sensitivity: Sensitivity
    purposes: Purpose
    review_due: date
    retain_until: date
    category: DataSubjectCategory | None = None
    birth: date | None = None
    birth_precision: DatePrecision | None = None
    is_released: bool = False


def may_be_learnt_from(row: Governed, *, purposes: Purpose, today: date) -> bool:
    """Return whether ``row`` may enter a training tensor for one of ``purposes``."""
    return (
        row.train_ok
        and not row.restricted
        and row.handling is not Handling.H2
        and _is_in_time(row, today)
        and bool(row.purposes & purposes)
        and row.category is not DataSubjectCategory.UNKNOWN
    )


def link_may_enter_filter(row: Governed, *, today: date) -> bool:
    """Return whether what ``row`` itself says about its handling lets it into a match filter; persons need more."""
    return (
        row.share_ok
        and not row.restricted
        and (row.handling is Handling.H0 or row.is_released)
        and row.sensitivity is Sensitivity.NORMAL
        and _is_in_time(row, today)
        and bool(row.purposes & Purpose.DECONFLICTION)
    )


def person_may_enter_filter(row: Governed, *, today: date) -> bool:
    """Return whether a person may enter a match filter: a suspect or convict who is an adult beyond doubt."""
    return (
        link_may_enter_filter(row, today=today)
        and row.category in SHARED_CATEGORIES
        and is_minor(row.birth, row.birth_precision, on=today) is Fact.NO
    )


def identifier_may_enter_filter(row: Governed, holders: Sequence[tuple[Governed, Governed]], *, today: date) -> bool:
    """Return whether an identifier may enter a match filter.

    Args:
        row: The telephone, account, vehicle or document.
        holders: Every link of a person to it, with the person. One holder who may not be shared keeps it out.
        today: The day.
    """
    return (
        link_may_enter_filter(row, today=today)
        and any(link_may_enter_filter(link, today=today) for link, _ in holders)
        and all(person_may_enter_filter(person, today=today) for _, person in holders)
    )


def _is_in_time(row: Governed, today: date) -> bool:
    return row.review_due >= today and row.retain_until >= today
