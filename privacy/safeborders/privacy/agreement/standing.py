"""Whether an agreement binds today: signed by all, within its term, ended by nobody, and read by an honest clock."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from safeborders.kit.envelopes import EnvelopeRefused
from safeborders.privacy.agreement.decisions import Reason
from safeborders.privacy.agreement.errors import SignaturesMissing, TermsUnreadable
from safeborders.privacy.agreement.signing import verify
from safeborders.privacy.agreement.termination import Termination, end_of
from safeborders.privacy.agreement.terms import Agreement

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far this computer's clock may fall behind its own journal before it counts as set back."""


@dataclass(frozen=True)
class Standing:
    """An agreement as it is kept, with what speaks against it whatever the day.

    Attributes:
        agreement: The verified agreement; None when there is none that could bind.
        flaw: Why there is none.
        terminations: Verified declarations of parties.
    """

    agreement: Agreement | None
    flaw: Reason | None = None
    terminations: Sequence[Termination] = ()

    @property
    def sha256(self) -> str:
        """The version; empty when there is none."""
        return self.agreement.sha256() if self.agreement is not None else ""

    def find_obstacle(self, own: str, *, now: datetime) -> Reason | None:
        """Return why the agreement does not bind ``own`` at ``now``; None if it does."""
        agreement = self.agreement
        if agreement is None:
            return self.flaw or Reason.NO_AGREEMENT
        if own not in agreement.party_names:
            return Reason.NOT_A_PARTY
        today = now.astimezone(UTC).date()
        end = end_of(agreement, terminations=self.terminations)
        if end is not None and today >= end:
            return Reason.TERMINATED
        if today < agreement.term.first:
            return Reason.NOT_YET_IN_FORCE
        return Reason.EXPIRED if today > agreement.term.last else None


def examine(content: bytes | None, *, keys: Mapping[str, str], terminations: Sequence[Termination] = ()) -> Standing:
    """Return how the agreement in ``content`` stands; nothing is raised, for a decision has to be recorded either way.

    Args:
        content: The envelope; None when none is kept.
        keys: The agreement keys of the roster in force, by party.
        terminations: Verified declarations.
    """
    if content is None:
        return Standing(agreement=None, flaw=Reason.NO_AGREEMENT)
    try:
        return Standing(agreement=verify(content, keys=keys), terminations=tuple(terminations))
    except SignaturesMissing:
        return Standing(agreement=None, flaw=Reason.NOT_SIGNED)
    except (EnvelopeRefused, TermsUnreadable):
        return Standing(agreement=None, flaw=Reason.UNREADABLE)
