"""The parts that suspects may play in a case: what an investigator of that very case sees of them, and decides.

A hypothesis of a role exists inside the case alone. Whoever asks for another case's, or states another case as the
reason, learns that there is no such record.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from safeborders.node.access.callers import Justification
from safeborders.node.services.records import Band, Entity

ROLE_NOTICE = (
    "Hypotheses, not findings: the country's model suggests which part a suspect on record may have played in this "
    "case. They say nothing about anybody outside it and are no ground for any measure. A person checks the records "
    "and decides."
)


@dataclass(frozen=True)
class RoleGuess:
    """The part that a suspect may play in the case, with what speaks for and against it."""

    role: str
    band: Band
    reasons_for: Sequence[str]
    reasons_against: Sequence[str]
    model_sha256: str


@dataclass(frozen=True)
class SuspectRole:
    """One suspect of a case.

    Attributes:
        person: As the caller may see the person.
        recorded_roles: Parts that people stated, sorted: facts on record, never overridden by a model.
        hypothesis: The model's, where nobody stated a part and the model is not silent.
    """

    person: Entity
    recorded_roles: Sequence[str]
    hypothesis: RoleGuess | None


@dataclass(frozen=True)
class CaseRoles:
    """The suspects of a case who are adults and nobody's victims."""

    case: Entity
    items: Sequence[SuspectRole]


@dataclass(frozen=True)
class RoleVerdict:
    """What a person decides on a hypothesis.

    Attributes:
        case: Identifier of the case.
        person: Identifier of the suspect's record.
        role: The part that was suggested.
        confirmed: True makes it the human's statement; False takes it out of sight and states nothing else.
        note: Why, in the person's own words.
    """

    case: str
    person: str
    role: str
    confirmed: bool
    note: str


class RoleDesk(Protocol):
    """Reads hypotheses of roles and takes what people decide on them."""

    def list_roles(self, case: str, *, who: Justification) -> CaseRoles:
        """Return the suspects of the caller's own case. Raises NotFound for any other."""

    def decide(self, verdict: RoleVerdict, *, who: Justification, at: datetime) -> SuspectRole:
        """Write a decision down and return what the suspect is shown as now.

        The journal of look-ups and the audit log hold who decided, when and why, or nothing was decided.

        Raises:
            LookupNotRecorded: If they cannot take it.
            NotFound: If the case is not the caller's own, or there is nothing to decide.
            Conflict: If the hypothesis is another one by now.
        """
