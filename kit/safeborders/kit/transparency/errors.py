"""Why an audit log or a part of it is not believed."""

from typing import ClassVar

from safeborders.kit.errors import SafeBordersError


class LogDamaged(SafeBordersError):
    """The log is not the one that was written."""

    code: ClassVar[str] = "audit.log_damaged"


class ExportRefused(SafeBordersError):
    """An exported part of a log does not belong to the log whose checkpoint it shows."""

    code: ClassVar[str] = "audit.export_refused"


class NoSuchRow(SafeBordersError):
    """The log has no row of this number."""

    code: ClassVar[str] = "audit.no_such_row"
