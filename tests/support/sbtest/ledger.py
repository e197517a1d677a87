"""The ledger in memory, and charges to put into it."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from safeborders.kit.canonical import sha256_hex
from safeborders.privacy.activations import Activation
from safeborders.privacy.events import AttributedGaussian
from safeborders.privacy.ledger import Charge, LedgerEntry


class InMemoryLedgerStore:
    """A ledger store whose transactions are exclusive and undone when they raise."""

    def __init__(self) -> None:
        self.entries: list[LedgerEntry] = []
        self.outbox: dict[tuple[str, int], bytes] = {}
        self._lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator["InMemoryLedgerStore"]:
        with self._lock:
            entries, outbox = list(self.entries), dict(self.outbox)
            try:
                yield self
            except BaseException:
                self.entries, self.outbox = entries, outbox
                raise

    def list_entries(self, *, after: int) -> Sequence[LedgerEntry]:
        return self.entries[after:]

    def append(self, entry: LedgerEntry) -> None:
        if entry.number != len(self.entries) + 1:
            raise ValueError("entry.number must be the next one.")
        self.entries.append(entry)

    def add_payload(self, payload: bytes, *, run: str, round_number: int) -> None:
        if (run, round_number) in self.outbox:
            raise ValueError("a round must have one payload.")
        self.outbox[run, round_number] = payload

    def find_payload(self, run: str, *, round_number: int) -> bytes | None:
        return self.outbox.get((run, round_number))


class InMemoryActivationStore:
    """Activations in a list."""

    def __init__(self) -> None:
        self.rows: list[Activation] = []

    def find_last(self) -> Activation | None:
        return max(self.rows, key=lambda row: row.sequence, default=None)

    def add(self, activation: Activation) -> None:
        self.rows.append(activation)


def make_event(*, noise: float = 4.0, steps: int = 1, rate: float = 0.5, persons_share: int = 1) -> AttributedGaussian:
    """Return an event of a small task."""
    return AttributedGaussian(
        task="typology",
        sampling_rate=rate,
        noise_multiplier=noise,
        examples_per_person=persons_share,
        grid=2**16,
        dimension=283,
        steps=steps,
    )


def make_charge(
    run: str = "run-1", round_number: int = 1, *, plan: str = "plan", model: str = "model", noise: float = 4.0
) -> Charge:
    """Return the charge of one round."""
    return Charge(
        run=run,
        round=round_number,
        plan_sha256=sha256_hex(plan.encode()),
        base_model_sha256=sha256_hex(model.encode()),
        events=(make_event(noise=noise),),
    )
