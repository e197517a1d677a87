"""What the learning process does enters the audit log before it is done: fail closed, hashes and codes only.

Charges, releases and activations are recorded in the transactions of their own rows (storage.ledger_store), decisions
of the agreement in the journal's; here stands what has no row: reading records, answering, refusing.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from safeborders.kit.clock import Clock
from safeborders.kit.errors import SafeBordersError
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.messages import SignedMessage
from safeborders.models.protocol.plan import RunPlan
from safeborders.node.learning.round_service import Trainer

ACTOR = "learner"
Answer = Callable[[SignedMessage], SignedMessage]


class Recorder(Protocol):
    """Makes an event durable."""

    def __call__(self, event: AuditEvent) -> None:
        """Record ``event``. Raises EventNotRecorded; what it tells of must then not happen."""


class AuditLog(Protocol):
    """Where events are kept."""

    def record(self, event: AuditEvent, *, at: datetime) -> int:
        """Make ``event`` durable and return its number. Raises EventNotRecorded."""


def recorder_of(log: AuditLog, *, clock: Clock) -> Recorder:
    """Return what writes into ``log`` with the time of ``clock``."""

    def record(event: AuditEvent) -> None:
        log.record(event, at=clock())

    return record


class RecordedAnswers:
    """Gives the answers of ``answer``, each recorded before it is given; a refusal asked again and again, once.

    Args:
        answer: Of the round service.
        record: The audit log.
    """

    def __init__(self, answer: Answer, *, record: Recorder) -> None:
        self._answer = answer
        self._record = record
        self._last_refusal: tuple[object, ...] = ()

    def __call__(self, message: SignedMessage) -> SignedMessage:
        """Return the answer to ``message``. Raises what ``answer`` raises, and EventNotRecorded."""
        try:
            reply = self._answer(message)
        except Exception as error:
            self._note_refusal(message, code=error.code if isinstance(error, SafeBordersError) else "internal")
            raise
        header = reply.header
        facts: dict[str, str | int] = {"run": header.run, "round": header.round}
        facts |= {"payload": header.payload_sha256, "plan": header.plan_sha256}
        self._record(
            AuditEvent(
                Operation.DISCLOSURE,
                action=f"answer.{header.kind.value}",
                actor=ACTOR,
                recipients=(COORDINATOR,),
                facts=facts,
            )
        )
        self._last_refusal = ()
        return reply

    def _note_refusal(self, message: SignedMessage, *, code: str) -> None:
        header = message.header
        refusal = (header.run, header.round, header.kind, code)
        if refusal == self._last_refusal:
            return
        event = AuditEvent(
            Operation.DECISION,
            action=f"answer.{header.kind.value}",
            actor=ACTOR,
            outcome=code,
            facts={"run": header.run, "round": header.round},
        )
        self._record(event)
        self._last_refusal = refusal


class RecordedTrainer:
    """A trainer whose every assembly of records is in the audit log before it reads one.

    Args:
        trainer: That reads and computes.
        record: The audit log.
    """

    def __init__(self, trainer: Trainer, *, record: Recorder) -> None:
        self._trainer = trainer
        self._record = record
        self._assembled = ""

    def prepare(self, plan: RunPlan) -> None:
        """Read and curate what the run needs; recorded when it is done anew."""
        if self._assembled != plan.sha256():
            self._note("training.assemble", plan)
        self._trainer.prepare(plan)
        self._assembled = plan.sha256()

    def update(self, plan: RunPlan, model: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the noisy integer sum of one round."""
        return self._trainer.update(plan, model)

    def activate(self, plan: RunPlan, model: NDArray[np.float32]) -> None:
        """Keep the run's final model and do what stays home."""
        self._assembled = ""
        self._note("predictions.assemble", plan)
        self._trainer.activate(plan, model)

    def _note(self, action: str, plan: RunPlan) -> None:
        facts = {"run": plan.run, "plan": plan.sha256()}
        self._record(AuditEvent(Operation.COMBINATION, action=action, actor=ACTOR, purpose=plan.purpose, facts=facts))
