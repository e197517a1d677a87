"""Which final models a country was told to use, so that an old message cannot bring an old model back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Activation:
    """One accepted order to use a model. ``sequence`` is the coordinator's number of the message."""

    sequence: int
    run: str
    model_sha256: str
    at: datetime


class ActivationStore(Protocol):
    """The accepted orders; rows are only ever added."""

    def find_last(self) -> Activation | None:
        """Return the order with the highest sequence, or None."""

    def add(self, activation: Activation) -> None:
        """Record ``activation``, durably."""
