"""Why a request is refused before anything is looked up."""

from safeborders.kit.errors import SafeBordersError


class AccessError(SafeBordersError):
    """A request that may not be answered."""

    code = "access.refused"


class NotAuthenticated(AccessError):
    """No valid token."""

    code = "access.not_authenticated"


class JustificationMissing(AccessError):
    """No purpose or no case reference: a look-up without a reason is not made (LED 2016/680, Article 25)."""

    code = "access.justification_missing"


class PurposeRefused(AccessError):
    """The token is not for this purpose."""

    code = "access.purpose_refused"


class RoleRefused(AccessError):
    """The token's role is for something else."""

    code = "access.role_refused"


class LookupNotRecorded(AccessError):
    """The record of a look-up cannot be written, so there is no answer."""

    code = "access.not_recorded"


class EventNotRecorded(AccessError):
    """The audit log cannot take the event, so what it would tell of does not happen."""

    code = "access.event_not_recorded"
