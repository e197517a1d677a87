"""Why an action on a data subject's records is refused before it begins."""

from safeborders.kit.errors import SafeBordersError


class RightsError(SafeBordersError):
    """An action of the rights desk that may not be done so."""

    code = "rights.refused"


class RequestIncomplete(RightsError):
    """No reference or no reason, or a reason that names the person."""

    code = "rights.request_incomplete"


class BadCorrection(RightsError):
    """A correction names an unknown field or holds a value of another form."""

    code = "rights.bad_correction"
