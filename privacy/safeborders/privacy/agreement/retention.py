"""E9: what must be deleted, because its time is over or the agreement that it came under has ended."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from safeborders.kit.clock import Clock
from safeborders.models.domain.materials import Material
from safeborders.privacy.agreement.decisions import Decision, Point, Reason
from safeborders.privacy.agreement.engine import PolicyEngine
from safeborders.privacy.agreement.facts import Facts


@dataclass(frozen=True)
class Copy:
    """Material of others that this party keeps.

    Attributes:
        reference: How the store finds it.
        material: Its class.
        sender: Who sent it.
        purpose: What it was sent for.
        received_at: When.
        facts: What was true when it was sent; point and age are filled in here.
    """

    reference: str
    material: Material
    sender: str
    purpose: str
    received_at: datetime
    facts: Facts


class CopyStore(Protocol):
    """Where copies are kept."""

    def list_copies(self) -> Sequence[Copy]:
        """Return everything that came from others."""

    def purge(self, reference: str) -> None:
        """Delete a copy for good; deleting it again changes nothing."""


def purge_overdue(engine: PolicyEngine, store: CopyStore, *, clock: Clock) -> Sequence[Decision]:
    """Delete every copy that the agreement no longer covers, and return the decisions that ended them.

    A copy is overdue when its retention is over, when the agreement has ended or was replaced by one that does not
    grant it, and when there is no agreement at all. Each decision is in the journal before its copy is gone. A clock
    that was set back ends nothing: what is overdue is said when it is right again.
    """
    ended = []
    for copy in store.list_copies():
        facts = replace(copy.facts, point=Point.RETENTION, named_agreement=None, kept=clock() - copy.received_at)
        decision = engine.check(
            copy.material, sender=copy.sender, recipient=engine.own, purpose=copy.purpose, facts=facts
        )
        if not decision.is_allowed and decision.reason is not Reason.CLOCK_SET_BACK:
            store.purge(copy.reference)
            ended.append(decision)
    return tuple(ended)
