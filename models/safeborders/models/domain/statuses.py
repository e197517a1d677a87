"""Categories of data subjects (LED article 6), and the rule that a victim stays a victim."""

from collections.abc import Iterable
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
