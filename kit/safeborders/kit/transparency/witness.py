"""A witness remembers the last checkpoint of each log and co-signs the next only if it continues that one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safeborders.kit.clock import Clock
from safeborders.kit.errors import SafeBordersError
from safeborders.kit.transparency.checkpoint import Checkpoint, Cosignature, cosign
from safeborders.kit.transparency.merkle import is_consistent


class HistoryForked(SafeBordersError):
    """A log shows a history that does not continue the one that was seen before."""

    code: ClassVar[str] = "audit.history_forked"


class HistoryUnknown(SafeBordersError):
    """A log proves its history from another size than the one that the witness saw last."""

    code: ClassVar[str] = "audit.history_unknown"


@dataclass(frozen=True)
class Seen:
    """Size and root of the last checkpoint that a witness co-signed."""

    size: int
    root: bytes


class WitnessMemory(Protocol):
    """What a witness has seen; it is on disk when ``remember`` returns."""

    def find(self, origin: str) -> Seen | None:
        """Return what was seen last of a log, None for a log never seen."""

    def remember(self, origin: str, seen: Seen, *, before: Seen | None) -> None:
        """Replace ``before`` by ``seen``. Raises HistoryForked if something else than ``before`` is remembered."""


class Witness:
    """Co-signs the checkpoints of other logs.

    Args:
        key: The witness's Ed25519 key.
        memory: What it has seen.
        clock: The time.
    """

    def __init__(self, key: Ed25519PrivateKey, *, memory: WitnessMemory, clock: Clock) -> None:
        self._key = key
        self._memory = memory
        self._clock = clock

    def seen_of(self, origin: str) -> int:
        """Return the size from which a log must prove its history; 0 when it was never seen."""
        seen = self._memory.find(origin)
        return seen.size if seen else 0

    def cosign(self, checkpoint: Checkpoint, *, log_key: str, old: int, proof: Sequence[bytes]) -> Cosignature:
        """Co-sign ``checkpoint`` if it continues what was seen before.

        Args:
            checkpoint: Of another's log.
            log_key: That log's public key from the own roster, hexadecimal.
            old: Size from which the log proves its history.
            proof: Consistency proof from ``old`` to the checkpoint.

        Raises:
            HistoryForked: If the signature or the proof does not hold, or the log is shorter than it was.
            HistoryUnknown: If ``old`` is not what this witness saw last; the log has to ask anew.
        """
        if not checkpoint.is_signed_by_log(log_key):
            raise HistoryForked("The checkpoint is not signed by its log: it is not co-signed.")
        seen = self._memory.find(checkpoint.origin)
        if seen is not None:
            if checkpoint.size < seen.size:
                raise HistoryForked("The log is shorter than it was: it is not co-signed; ask its country why.")
            if old != seen.size:
                raise HistoryUnknown("The log proves its history from another size than was seen last: ask anew.")
            if not is_consistent(old, seen.root, size=checkpoint.size, root=checkpoint.root, proof=proof):
                raise HistoryForked(
                    "The log does not continue what was seen: it is not co-signed, and someone has to ask."
                )
        self._memory.remember(checkpoint.origin, Seen(checkpoint.size, checkpoint.root), before=seen)
        return cosign(checkpoint, at=int(self._clock().timestamp()), key=self._key)
