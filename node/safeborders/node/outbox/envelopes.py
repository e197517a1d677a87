"""The signed envelopes of updates: kept before one may leave, so that what will leave can be looked at."""

from collections.abc import Sequence
from typing import Protocol

from safeborders.models.protocol.messages import SignedMessage


class EnvelopeStore(Protocol):
    """Keeps headers and signatures; the payload lies in the outbox, once for all of them."""

    def keep(self, message: SignedMessage) -> None:
        """Make the envelope of ``message`` durable; keeping it again changes nothing."""

    def list_envelopes(self, run: str, *, round_number: int) -> Sequence[tuple[bytes, bytes]]:
        """Return header and signature of each envelope of a round's update, oldest first."""
