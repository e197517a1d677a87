"""The family of errors that SafeBorders shows to people and to other programs.

An error carries one sentence for the caller (what went wrong, why, how to mend it), a stable code, and a context
that only this process's own log may see. Errors know no HTTP, no exit code, no Flower code: each edge owns one table.
"""

from typing import ClassVar


class SafeBordersError(Exception):
    """Root of all errors that a person may see.

    Args:
        message: One sentence for the caller. No personal data, no counts of persons.
        context: Details for the log of this process; never sent, never shown.
    """

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, **context: object) -> None:
        super().__init__(message)
        self.message = message
        self.context = context

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.code}>"


class SettingsError(SafeBordersError):
    """A profile, a key file or an argument cannot be used."""

    code = "settings.invalid"


class Unavailable(SafeBordersError):
    """A part is down for now; the only family that may be retried."""

    code = "service.unavailable"


class NotFound(SafeBordersError):
    """The thing asked for does not exist, or the caller may not know of it (the same sentence for both)."""

    code = "object.not_found"


class Conflict(SafeBordersError):
    """The request contradicts what is stored."""

    code = "object.conflict"
