"""Why a decision about two records is refused."""

from safeborders.kit.errors import SafeBordersError


class ResolutionError(SafeBordersError):
    """A decision that may not be made."""

    code = "resolution.refused"


class NeverMerged(ResolutionError):
    """One of the two is known in a professional role: lawyers, interpreters and hotlines touch many cases."""

    code = "resolution.professional"


class ToldApart(ResolutionError):
    """A human told records of the two persons apart before."""

    code = "resolution.told_apart"


class AlreadyDecided(ResolutionError):
    """There is a decision about these two already."""

    code = "resolution.decided"


class NoRule(ResolutionError):
    """The profile allows no automatic decisions."""

    code = "resolution.no_rule"


class NormaliserChanged(ResolutionError):
    """The stored keys were made under other rules than the installed ones."""

    code = "resolution.normaliser_changed"
