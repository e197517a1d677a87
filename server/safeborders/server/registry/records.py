"""What the coordinator remembers of runs, rounds and model versions, and the port through which it does."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from safeborders.models.domain.audit import AuditEvent
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import RunPlan


class RunState(StrEnum):
    """Where a run stands."""

    WAITING = "waiting"  # for the first round to start
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"  # too few countries for too long; may be resumed


class ReplyState(StrEnum):
    """What became of one country's part in a round."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # the node said no; the code says why
    REJECTED = "rejected"  # the coordinator did not accept the reply; the code says why
    MISSING = "missing"  # nothing came before the deadline


@dataclass(frozen=True)
class Reply:
    """One country's part in one round; every figure is data-independent or already noisy."""

    country: Country
    state: ReplyState
    code: str  # "" when accepted
    seconds: float
    payload_bytes: int


@dataclass(frozen=True)
class TaskStatistics:
    """Estimates over all accepted countries, read from the noised coordinates of their updates."""

    task: str
    loss: float  # mean over the sampled examples, nats
    accuracy: float
    update_norm: float


@dataclass(frozen=True)
class ModelVersion:
    """A model with its lineage: ``parent_sha256`` and the round that made it of it."""

    sha256: str
    parent_sha256: str  # "" for the first
    run: str
    round: int  # 0 is the initial model
    parameters: bytes  # flat little-endian float32
    optimiser_state: bytes  # what the coordinator's optimiser needs to go on; post-processing of released sums


@dataclass(frozen=True)
class RoundRecord:
    """A finished round, stored together with the model version that it made, in one transaction.

    Attributes:
        is_void: Whether it was given up: nothing was learnt, the model is the one of before, and what countries sent
            is spent all the same.
    """

    run: str
    round: int
    started_at: datetime
    ended_at: datetime
    replies: tuple[Reply, ...]
    statistics: tuple[TaskStatistics, ...]
    is_void: bool = False


class AggregationNotes(Protocol):
    """What must not be decided twice in one round of secure aggregation; each is kept once, for good."""

    def find_adverts(self) -> bytes:
        """Return the keys that were passed on; empty before."""

    def find_survivors(self) -> bytes:
        """Return the survivors that were named; empty before."""

    def find_echoes(self) -> bytes:
        """Return the headers with which the keys came; empty before."""

    def keep_adverts(self, content: bytes, *, echoes: bytes) -> None:
        """Keep the keys, and the headers with which they came, before they are passed on.

        Raises:
            Conflict: If others are kept.
        """

    def keep_survivors(self, content: bytes) -> None:
        """Keep the survivors before they are named. Raises Conflict if others are kept."""


class Registry(Protocol):
    """The coordinator's memory. Every method is one durable transaction."""

    def start_run(self, plan: RunPlan, *, initial: ModelVersion, now: datetime) -> None:
        """Record a new run and its round-0 model; a second call with the same plan changes nothing.

        Raises:
            Conflict: If the run exists with another plan.
        """

    def get_plan(self, run: str) -> RunPlan:
        """Return the plan of ``run``. Raises NotFound."""

    def set_run_state(self, run: str, state: RunState, *, now: datetime) -> None:
        """Record where ``run`` stands. Raises NotFound."""

    def get_run_state(self, run: str) -> RunState:
        """Return where ``run`` stands now. Raises NotFound."""

    def save_round(self, record: RoundRecord, *, model: ModelVersion) -> None:
        """Record a finished round with its model, whole or not at all; the same round twice is refused.

        Raises:
            Conflict: If the round is already recorded or is not the next one.
        """

    def get_latest_model(self, run: str) -> ModelVersion:
        """Return the newest model of ``run``. Raises NotFound."""

    def list_contributors(self, run: str) -> frozenset[Country]:
        """Return the countries whose updates are in the newest model of ``run``."""

    def notes_of(self, run: str, *, round_number: int) -> AggregationNotes:
        """Return what was decided in a masked round, to be kept over restarts."""

    def record_sequence(self, country: Country, *, sequence: int) -> None:
        """Remember the newest message sequence of ``country``.

        Raises:
            Conflict: If ``sequence`` is not above the last one: the message is a replay.
        """

    def record_contact(self, country: Country, *, now: datetime) -> None:
        """Remember that ``country`` was heard of now."""

    def record_event(self, event: AuditEvent, *, now: datetime) -> None:
        """Write ``event`` into the audit log before what it tells of is done. Raises Unavailable."""
