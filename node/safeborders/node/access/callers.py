"""Who asks, in which role, and for which reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from safeborders.models.domain.governance import PURPOSE_CODES, Purpose


class Scope(StrEnum):
    """What a role may see beyond pseudonyms."""

    IDENTITY_READ = "identity:read"


class Role(StrEnum):
    """What a token is for."""

    INVESTIGATOR = "investigator"  # works on networks, sees pseudonyms
    LEAD_INVESTIGATOR = "lead_investigator"  # may see names
    ANALYST = "analyst"  # works on typology, evaluation, statistics
    RIGHTS_DESK = "rights_desk"  # answers data subjects by the operator's commands; opens nothing in the API
    APPROVER = "approver"  # decides which runs the node takes part in; looks nothing up
    AUDITOR = "auditor"  # a supervisory authority: reads and verifies the audit log; looks nothing up


@dataclass(frozen=True)
class Grant:
    """What a role may do."""

    purposes: Purpose  # all of them together
    scopes: frozenset[Scope]


GRANTS: Mapping[Role, Grant] = {
    Role.INVESTIGATOR: Grant(Purpose.NETWORK | Purpose.DECONFLICTION, frozenset()),
    Role.LEAD_INVESTIGATOR: Grant(Purpose.NETWORK | Purpose.DECONFLICTION, frozenset({Scope.IDENTITY_READ})),
    Role.ANALYST: Grant(Purpose.TYPOLOGY | Purpose.EVALUATION | Purpose.STATISTICS, frozenset()),
    Role.RIGHTS_DESK: Grant(Purpose(0), frozenset()),
    Role.APPROVER: Grant(Purpose(0), frozenset()),
    Role.AUDITOR: Grant(Purpose(0), frozenset()),
}

DATA_SUBJECT_RIGHTS = Purpose(0)
"""The purpose of the rights desk: none of the agreement's, so that it makes no row visible to anybody else."""

RIGHTS_CODE = "DR"
"""How the journal writes it; no request to the API can state it."""


@dataclass(frozen=True)
class Caller:
    """The holder of a valid token."""

    token: str  # identifier of the token, never the secret
    name: str
    role: Role

    @property
    def grant(self) -> Grant:
        """What the caller's role may do."""
        return GRANTS[self.role]


@dataclass(frozen=True)
class Justification:
    """Who looks, why, and for which case: the reason that is stored with every look-up."""

    caller: Caller
    purpose: Purpose
    case_reference: str

    @property
    def purpose_code(self) -> str:
        """The purpose as agreements name it: P1 to P5; ``DR`` for the exercise of a data subject's rights."""
        if self.purpose == DATA_SUBJECT_RIGHTS:
            return RIGHTS_CODE
        return next(code for code, purpose in PURPOSE_CODES.items() if purpose == self.purpose)

    @property
    def sees_names(self) -> bool:
        """Whether names may be part of the answer."""
        return Scope.IDENTITY_READ in self.caller.grant.scopes
