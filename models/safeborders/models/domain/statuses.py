"""Categories of data subjects (LED article 6), and the rule that a victim stays a victim."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class DataSubjectCategory(StrEnum):
    """What the law sees in a person, for one case and one period."""

    SUSPECT = "suspect"
    CONVICTED = "convicted"
    VICTIM_PRESUMED = "victim_presumed"
    VICTIM_CONFIRMED = "victim_confirmed"
    WITNESS = "witness"
    INFORMANT = "informant_source"
    CONTACT = "contact_associate"
    PROFESSIONAL = "professional"
    UNKNOWN = "unknown"


VICTIM_CATEGORIES: frozenset[DataSubjectCategory] = frozenset(
    {DataSubjectCategory.VICTIM_PRESUMED, DataSubjectCategory.VICTIM_CONFIRMED}
)
"""Either of them, in any case of the country, outranks everything else (non-punishment, Dir. 2011/36 article 8)."""

SHARED_CATEGORIES: frozenset[DataSubjectCategory] = frozenset(
    {DataSubjectCategory.SUSPECT, DataSubjectCategory.CONVICTED}
)
"""Whose identifiers a match filter may hold (domain.md 3.5, M4); victims, witnesses and minors never."""

PRECEDENCE: tuple[DataSubjectCategory, ...] = (
    DataSubjectCategory.VICTIM_CONFIRMED,
    DataSubjectCategory.VICTIM_PRESUMED,
    DataSubjectCategory.CONVICTED,
    DataSubjectCategory.SUSPECT,
    DataSubjectCategory.WITNESS,
    DataSubjectCategory.INFORMANT,
    DataSubjectCategory.PROFESSIONAL,
    DataSubjectCategory.CONTACT,
    DataSubjectCategory.UNKNOWN,
)
"""First match wins. Victims come first, so that a child forced into crime is shown as a victim."""


class StatusAuthority(StrEnum):
    """Who decided on a status (HTCDS 2.0, ``vic_TraffickingStatusDecisionMakingOrg``)."""

    POLICE = "police"
    COURT = "court_or_prosecution"
    NGO = "ngo"
    GOVERNMENT = "other_government"
    OTHER = "other"


def effective_category(categories: Iterable[DataSubjectCategory]) -> DataSubjectCategory:
    """Return the category that counts when a person has several; ``UNKNOWN`` when there is none."""
    held = set(categories)
    return next((category for category in PRECEDENCE if category in held), DataSubjectCategory.UNKNOWN)


@dataclass(frozen=True)
class Status:
    """What one authority said that a person is, in a case, for a period."""

    category: DataSubjectCategory
    valid_from: date | None = None
    valid_to: date | None = None

    def counts_on(self, day: date) -> bool:
        """Return whether the status holds on ``day``. A victim's holds for ever: its end is no licence to prosecute."""
        if self.category in VICTIM_CATEGORIES:
            return True
        began = self.valid_from is None or self.valid_from <= day
        return began and (self.valid_to is None or self.valid_to >= day)


def category_on(statuses: Iterable[Status], *, day: date) -> DataSubjectCategory:
    """Return what the law sees in a person on ``day``; ``UNKNOWN`` when no status holds."""
    return effective_category(status.category for status in statuses if status.counts_on(day))
