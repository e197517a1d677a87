"""The entries of the consent journal, which only grows, and the limits of a standing approval."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Protocol

from pydantic import Field

from safeborders.kit.canonical import document_sha256
from safeborders.models.protocol.manifest import Aggregation
from safeborders.models.protocol.plan import Frozen, Sha256, Task
from safeborders.node.consent.persons import Person
from safeborders.node.consent.requests import RunRequest

LARGEST_TOTAL = 1000.0
"""Of a standing approval; the ledger's cap, at most 100, binds long before."""


class Subject(StrEnum):
    """What an entry is about; the entry names it by a hash."""

    RUN = "run"  # hash of the manifest
    STANDING = "standing"  # hash of the limits
    RELEASE = "release"  # hash of the stored payload


class Verdict(StrEnum):
    """What was said."""

    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    COVER = "cover"  # by the program: a standing approval covers a run; ``by_standing`` says which


@dataclass(frozen=True)
class Entry:
    """One decision. ``number`` counts from 1 without a gap.

    Attributes:
        run: That it concerns; "" for a standing approval.
        content: The limits of a standing approval, JSON, where it is first given; else "".
        by_standing: Hash of the limits that cover the run; else "".
    """

    number: int
    at: datetime
    subject: Subject
    subject_sha256: str
    verdict: Verdict
    person: Person
    reason: str
    run: str = ""
    content: str = ""
    by_standing: str = ""


class StandingLimits(Frozen):
    """Which runs are allowed beforehand.

    Attributes:
        epsilon_per_run: Most that one run may cost, by our own arithmetic.
        epsilon_total: Most that all runs which this approval covers may cost, added up.
        rounds: Most rounds of a run.
        aggregations: In which ways updates may be combined; under masks alone unless more is named.
        valid_until: Last day (UTC).
        agreement_sha256: Version of the agreement that it is given under; another version needs another approval.
    """

    purposes: tuple[Annotated[str, Field(pattern=r"^P[1-5]$")], ...] = Field(min_length=1, strict=False)
    tasks: tuple[Annotated[Task, Field(strict=False)], ...] = Field(min_length=1, strict=False)
    epsilon_per_run: float = Field(gt=0, le=100)
    epsilon_total: float = Field(gt=0, le=LARGEST_TOTAL)
    rounds: int = Field(ge=1, le=1000)
    aggregations: tuple[Annotated[Aggregation, Field(strict=False)], ...] = Field(
        default=(Aggregation.SECURE,), min_length=1, strict=False
    )
    valid_until: date = Field(strict=False)
    agreement_sha256: Sha256

    def sha256(self) -> str:
        """Return the hash that names these limits; the order in which things are listed makes no difference."""
        document = self.model_dump(mode="json")
        lists = {name: sorted(set(document[name])) for name in ("purposes", "tasks", "aggregations")}
        return document_sha256({**document, **lists})

    def covers(self, request: RunRequest, *, now: datetime) -> bool:
        """Tell whether ``request`` is within all limits today; ``epsilon_total`` is looked at where runs are known."""
        return (
            request.agreement_sha256 == self.agreement_sha256
            and request.purpose in self.purposes
            and all(task in self.tasks for task in request.tasks)
            and request.epsilon <= self.epsilon_per_run
            and request.rounds <= self.rounds
            and request.aggregation in self.aggregations
            and now.astimezone(UTC).date() <= self.valid_until
        )


class ConsentTransaction(Protocol):
    """One exclusive, durable step; each entry is in the audit log with it."""

    def list_requests(self) -> Sequence[RunRequest]:
        """Return all requests, oldest first."""

    def add_request(self, request: RunRequest) -> None:
        """Keep a request whose manifest is new."""

    def list_entries(self) -> Sequence[Entry]:
        """Return all entries in order."""

    def append(self, entry: Entry) -> None:
        """Add an entry whose number is one above the last."""


class ConsentStore(Protocol):
    """Where requests and decisions are kept; nothing in it can be changed or deleted."""

    def transaction(self) -> AbstractContextManager[ConsentTransaction]:
        """Begin an exclusive step; all of it or nothing is there afterwards.

        Raises:
            ConsentNotRecorded: If it cannot be written; what it would tell of must then not happen.
        """
