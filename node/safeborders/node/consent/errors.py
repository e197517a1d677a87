"""Why a person's decision, or a run without one, is refused."""

from typing import ClassVar

from safeborders.kit.errors import Conflict, SafeBordersError


class ApprovalRefused(SafeBordersError):
    """People of this node refused the run or withdrew their approval; it stays so for this manifest."""

    code: ClassVar[str] = "approval.refused"


class ReleaseHeld(SafeBordersError):
    """The update is stored and waits for the operator to let it go."""

    code: ClassVar[str] = "approval.release_held"


class DecisionImpossible(Conflict):
    """The decision contradicts what was decided before, or names something else than what was seen."""

    code: ClassVar[str] = "approval.conflict"


class SamePerson(Conflict):
    """One person has approved before; the second approval must be another person's."""

    code: ClassVar[str] = "approval.same_person"


class ReasonMissing(SafeBordersError):
    """A decision needs the name of a person and a reason that others can read later."""

    code: ClassVar[str] = "approval.reason_missing"


class ConsentNotRecorded(SafeBordersError):
    """Requests and decisions cannot be written, so nothing is allowed and nothing is decided."""

    code: ClassVar[str] = "approval.not_recorded"
