"""The one table from this node's errors to the numbers that may leave it: a refusal carries no text."""

from safeborders.kit.errors import SafeBordersError
from safeborders.models.protocol.refusals import Refusal

_BY_CODE: dict[str, Refusal] = {
    "federation.message_refused": Refusal.MALFORMED,
    "agreement.denied": Refusal.DENIED,
    "approval.pending": Refusal.PENDING_APPROVAL,
    "approval.release_held": Refusal.PENDING_APPROVAL,
    "approval.not_recorded": Refusal.UNAVAILABLE,
    "privacy.budget_exhausted": Refusal.BUDGET_EXHAUSTED,
    "privacy.ledger_damaged": Refusal.UNAVAILABLE,
    "service.unavailable": Refusal.UNAVAILABLE,
    "audit.history_forked": Refusal.HISTORY_FORKED,
    "audit.history_unknown": Refusal.HISTORY_UNKNOWN,
    "internal": Refusal.INTERNAL,
}
_BY_FAMILY: dict[str, Refusal] = {
    "agreement": Refusal.NO_AGREEMENT,
    "roster": Refusal.NO_AGREEMENT,
    "envelope": Refusal.MALFORMED,
    "access": Refusal.DENIED,
    "approval": Refusal.DENIED,
    "privacy": Refusal.DENIED,
    "aggregation": Refusal.DENIED,
    "federation": Refusal.DENIED,
}


def refusal_of(error: BaseException) -> Refusal:
    """Return the number for ``error``: its own, its family's, else INTERNAL."""
    if not isinstance(error, SafeBordersError):
        return Refusal.INTERNAL
    family = error.code.split(".", 1)[0]
    return _BY_CODE.get(error.code, _BY_FAMILY.get(family, Refusal.INTERNAL))
