"""The port through which a run talks to the countries: signed messages out, answers in, nothing of Flower."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from safeborders.models.protocol.messages import SignedMessage


@dataclass(frozen=True)
class Answer:
    """What came back for one message; nothing in it is believed yet.

    Args:
        reference: Of the message that it answers, as ``Exchange.send`` gave it.
        error: A code of Flower (below 100) or of a country (100 and above); None when a message came.
        header: Bytes of the claimed header.
        signature: Claimed signature over it.
        payload: Claimed payload.
    """

    reference: str
    error: int | None = None
    header: bytes = b""
    signature: bytes = b""
    payload: bytes = b""


class Exchange(Protocol):
    """Send and collect; neither waits."""

    def send(self, messages: Iterable[SignedMessage]) -> list[str]:
        """Send each message to the country in its header; return a reference for each, empty if undeliverable."""

    def collect(self, references: Collection[str]) -> list[Answer]:
        """Return what has arrived for ``references``, each answer once."""

    def connected_since(self) -> dict[str, datetime]:
        """Return, for every connected country, when it connected."""
