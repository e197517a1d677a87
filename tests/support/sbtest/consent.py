"""The consent journal in memory, and people who decide."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from safeborders.models.protocol.messages import SignedMessage
from safeborders.node.consent.entries import Entry
from safeborders.node.consent.persons import Person, operator
from safeborders.node.consent.requests import RunRequest

MARIA: Person = operator("mpapa", name="Maria Papadopoulou")
NIKOS: Person = operator("nikos", name="Nikos Georgiou")


class InMemoryConsentStore:
    """A consent store whose transactions are exclusive and undone when they raise."""

    def __init__(self) -> None:
        self.requests: list[RunRequest] = []
        self.entries: list[Entry] = []
        self._lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator["InMemoryConsentStore"]:
        with self._lock:
            requests, entries = list(self.requests), list(self.entries)
            try:
                yield self
            except BaseException:
                self.requests, self.entries = requests, entries
                raise

    def list_requests(self) -> Sequence[RunRequest]:
        return tuple(self.requests)

    def add_request(self, request: RunRequest) -> None:
        if any(one.manifest_sha256 == request.manifest_sha256 for one in self.requests):
            raise ValueError("a manifest must ask once.")
        self.requests.append(request)

    def list_entries(self) -> Sequence[Entry]:
        return tuple(self.entries)

    def append(self, entry: Entry) -> None:
        if entry.number != len(self.entries) + 1:
            raise ValueError("entry.number must be the next one.")
        self.entries.append(entry)


class InMemoryEnvelopes:
    """Envelopes in a list."""

    def __init__(self) -> None:
        self.messages: list[SignedMessage] = []

    def keep(self, message: SignedMessage) -> None:
        if message not in self.messages:
            self.messages.append(message)

    def list_envelopes(self, run: str, *, round_number: int) -> Sequence[tuple[bytes, bytes]]:
        return [
            (one.header_bytes, one.signature)
            for one in self.messages
            if (one.header.run, one.header.round) == (run, round_number)
        ]
