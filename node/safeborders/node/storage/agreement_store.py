"""The papers and decisions of a country in its database; a commit is on disk when it returns."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.materials import Material, Untransferable
from safeborders.node.storage.agreement_tables import DecisionRow, PaperRow
from safeborders.node.storage.audit import record_event
from safeborders.privacy.agreement.cabinet import PaperKind
from safeborders.privacy.agreement.decisions import Decision, Point, Reason
from safeborders.privacy.agreement.errors import DecisionNotRecorded


class SqlPaperStore:
    """Implements ``cabinet.PaperStore`` on ``engine``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, kind: PaperKind, content: bytes, *, at: datetime) -> None:
        """Keep ``content`` durably behind all others of its kind."""
        with Session(self._engine) as session, session.begin():
            session.add(PaperRow(kind=kind.value, content=content, kept_at=at))

    def list_papers(self, kind: PaperKind) -> Sequence[bytes]:
        """Return all papers of a kind, oldest first."""
        wanted = select(PaperRow.content).where(PaperRow.kind == kind.value).order_by(PaperRow.id)
        with Session(self._engine) as session, session.begin():
            return list(session.scalars(wanted))

    def find_newest(self, kind: PaperKind) -> bytes | None:
        """Return the newest paper of a kind, or None."""
        wanted = select(PaperRow.content).where(PaperRow.kind == kind.value).order_by(PaperRow.id.desc()).limit(1)
        with Session(self._engine) as session, session.begin():
            return session.scalar(wanted)


class SqlDecisionJournal:
    """Implements ``decisions.DecisionJournal`` on ``engine``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, decision: Decision) -> None:
        """Make ``decision`` durable, or raise DecisionNotRecorded."""
        row = DecisionRow(
            at=decision.at,
            point=decision.point.value,
            material="" if decision.material is None else decision.material.value,
            sender=decision.sender,
            recipient=decision.recipient,
            purpose=decision.purpose,
            is_allowed=decision.is_allowed,
            clause=decision.clause,
            reason=decision.reason.value,
            agreement_sha256=decision.agreement_sha256,
            run=decision.run,
        )
        try:
            with Session(self._engine) as session, session.begin():
                session.add(row)
                session.flush()
                record_event(session.connection(), _event(decision), at=decision.at)
        except SQLAlchemyError as error:
            raise DecisionNotRecorded(
                "The decision cannot be recorded, so nothing is done: look at the node's database."
            ) from error

    def find_latest_at(self) -> datetime | None:
        """Return the latest time of any decision, or None."""
        with Session(self._engine) as session, session.begin():
            return session.scalar(select(func.max(DecisionRow.at)))

    def list_decisions(self) -> Sequence[Decision]:
        """Return all decisions in the order in which they were taken."""
        with Session(self._engine) as session, session.begin():
            return [_decision(row) for row in session.scalars(select(DecisionRow).order_by(DecisionRow.id))]


def _event(decision: Decision) -> AuditEvent:
    facts = {
        "clause": decision.clause,
        "agreement": decision.agreement_sha256,
        "run": decision.run,
        "material": "" if decision.material is None else decision.material.value,
    }
    return AuditEvent(
        Operation.DECISION,
        action=f"agreement.{decision.point.value}",
        actor="policy",
        outcome=decision.reason.value,
        purpose=decision.purpose,
        recipients=(decision.recipient,) if decision.recipient else (),
        facts={name: value for name, value in facts.items() if value},
    )


def _decision(row: DecisionRow) -> Decision:
    return Decision(
        at=row.at,
        point=Point(row.point),
        material=_material(row.material),
        sender=row.sender,
        recipient=row.recipient,
        purpose=row.purpose,
        is_allowed=row.is_allowed,
        clause=row.clause,
        reason=Reason(row.reason),
        agreement_sha256=row.agreement_sha256,
        run=row.run,
    )


def _material(code: str) -> Material | Untransferable | None:
    if not code:
        return None
    return Untransferable(code) if code in set(Untransferable) else Material(code)
