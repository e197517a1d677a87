"""Why records are not taken out."""

from safeborders.kit.errors import SafeBordersError


class ExportError(SafeBordersError):
    """Records may not be taken out like this."""

    code = "export.refused"


class ReasonMissing(ExportError):
    """Names leave only when somebody says why."""

    code = "export.reason_missing"


class TargetTaken(ExportError):
    """Something lies where the export should go."""

    code = "export.target_taken"


class TargetRefused(ExportError):
    """Nothing can be written where the export should go."""

    code = "export.target_refused"
