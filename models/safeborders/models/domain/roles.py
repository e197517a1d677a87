"""What a person is in a case: a word about a case, never about the person."""

from enum import StrEnum


class CaseRole(StrEnum):
    """The part that a person plays in one case (domain.md 1.6, relation 1)."""

    RECRUITER = "recruiter"
    TRANSPORTER = "transporter"
    HARBOURER = "harbourer"
    EXPLOITER = "exploiter"
    CONTROLLER = "controller"
    DOCUMENT_PROVIDER = "document_provider"
    MONEY_HANDLER = "money_handler"
    FACILITATOR = "facilitator"
    VICTIM = "victim"
    WITNESS = "witness"
    PROFESSIONAL = "professional"


NOT_OFFENDING: frozenset[CaseRole] = frozenset({CaseRole.VICTIM, CaseRole.WITNESS, CaseRole.PROFESSIONAL})
"""Roles of people whom nobody suspects."""

OFFENDING_ROLES: tuple[str, ...] = tuple(role.value for role in CaseRole if role not in NOT_OFFENDING)
"""Parts of a suspect in a case, in their public order: the classes of a role hypothesis."""
