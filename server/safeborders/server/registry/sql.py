"""The registry in SQLite or PostgreSQL (decision 0050).

Each method is one transaction that is on disk when it returns: SQLite runs with ``synchronous=FULL`` and takes the
write lock at the start (kit.db); on PostgreSQL the run's row is locked, so that two coordinators cannot both save
round k.
"""

from datetime import datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.errors import Conflict, SafeBordersError
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import RunPlan
from safeborders.server.registry.audit import event_of, record_event
from safeborders.server.registry.records import ModelVersion, ReplyState, RoundRecord, RunState
from safeborders.server.registry.sql_aggregation import SqlAggregationNotes
from safeborders.server.registry.sql_reader import SqlRegistryReader
from safeborders.server.registry.transactions import find_run, transaction
from safeborders.server.storage.tables import (
    ModelVersionRow,
    NodeContactRow,
    ReplyRow,
    RoundRow,
    RunRow,
    TaskStatisticsRow,
)


class ModelDamaged(SafeBordersError):
    """A stored model is not the one that was stored."""

    code = "registry.model_damaged"


class SqlRegistry(SqlRegistryReader):
    """The coordinator's memory on ``engine``, whose schema is already the newest (storage.opening)."""

    def start_run(self, plan: RunPlan, *, initial: ModelVersion, now: datetime) -> None:
        """Record a new run and its round-0 model; a second call with the same plan changes nothing."""
        with transaction(self._engine) as session:
            known = session.scalar(select(RunRow.plan_sha256).where(RunRow.run == plan.run))
            if known == plan.sha256():
                return
            if known is not None:
                raise Conflict("A run of this name exists with another plan: choose another name.", run=plan.run)
            _check_model(initial, run=plan.run, number=0)
            session.add(
                RunRow(
                    run=plan.run,
                    plan=plan.model_dump_json(),
                    plan_sha256=plan.sha256(),
                    state=RunState.WAITING,
                    started_at=now,
                    changed_at=now,
                )
            )
            session.flush()
            session.add(_model_row(initial, now=now))
            _tell(session, "run.start", at=now, run=plan.run, plan=plan.sha256(), model=initial.sha256)

    def get_plan(self, run: str) -> RunPlan:
        """Return the plan of ``run``. Raises NotFound."""
        with transaction(self._engine) as session:
            return RunPlan.model_validate_json(find_run(session, run).plan)

    def set_run_state(self, run: str, state: RunState, *, now: datetime) -> None:
        """Record where ``run`` stands. Raises NotFound."""
        with transaction(self._engine) as session:
            row = find_run(session, run)
            row.state, row.changed_at = state, now
            _tell(session, "run.state", at=now, run=run, state=state.value)

    def get_run_state(self, run: str) -> RunState:
        """Return where ``run`` stands now. Raises NotFound."""
        with transaction(self._engine) as session:
            return RunState(find_run(session, run).state)

    def notes_of(self, run: str, *, round_number: int) -> SqlAggregationNotes:
        """Return what was decided in a masked round, to be kept over restarts."""
        return SqlAggregationNotes(self._engine, run, round_number=round_number)

    def save_round(self, record: RoundRecord, *, model: ModelVersion) -> None:
        """Record a finished round with its model, whole or not at all; the same round twice is refused."""
        _check_model(model, run=record.run, number=record.round)
        with transaction(self._engine) as session:
            row = find_run(session, record.run, lock=True)
            newest = select(func.max(ModelVersionRow.round)).where(ModelVersionRow.run == record.run)
            if record.round != session.execute(newest).scalar_one() + 1:
                raise Conflict("The round is recorded already or is not the next one.", run=record.run)
            row.changed_at = record.ended_at
            _add_round(session, record)
            session.add(_model_row(model, now=record.ended_at))
            countries = [reply.country.value for reply in record.replies if reply.state is ReplyState.ACCEPTED]
            facts: dict[str, str | int] = {
                "run": record.run,
                "round": record.round,
                "model": model.sha256,
                "parent": model.parent_sha256,
            }
            action = "round.void" if record.is_void else "round.save"
            event = event_of(Operation.COMBINATION, action, objects=tuple(countries), facts=facts)
            record_event(session.connection(), event, at=record.ended_at)

    def record_event(self, event: AuditEvent, *, now: datetime) -> None:
        """Write ``event`` into the audit log before what it tells of is done."""
        with transaction(self._engine) as session:
            record_event(session.connection(), event, at=now)

    def get_latest_model(self, run: str) -> ModelVersion:
        """Return the newest model of ``run``.

        Raises:
            NotFound: If there is no such run.
            ModelDamaged: If the stored bytes do not have the stored hash.
        """
        with transaction(self._engine) as session:
            find_run(session, run)
            newest = select(ModelVersionRow).where(ModelVersionRow.run == run)
            row = session.scalars(newest.order_by(ModelVersionRow.round.desc()).limit(1)).one()
            if sha256_hex(row.parameters) != row.sha256:
                raise ModelDamaged("The newest model is damaged: restore the coordinator's database.", run=run)
            return ModelVersion(
                sha256=row.sha256,
                parent_sha256=row.parent_sha256,
                run=row.run,
                round=row.round,
                parameters=row.parameters,
                optimiser_state=row.optimiser_state,
            )

    def list_contributors(self, run: str) -> frozenset[Country]:
        """Return the countries whose updates are in the newest model of ``run``."""
        learnt_in = select(RoundRow.round).where(RoundRow.run == run, RoundRow.is_void.is_(False))
        counted = select(ReplyRow.country).where(
            ReplyRow.run == run, ReplyRow.state == ReplyState.ACCEPTED.value, ReplyRow.round.in_(learnt_in)
        )
        with transaction(self._engine) as session:
            return frozenset(map(Country, session.scalars(counted.distinct())))

    def record_sequence(self, country: Country, *, sequence: int) -> None:
        """Remember the newest message sequence of ``country``; one that is not above the last is a replay."""
        with transaction(self._engine) as session:
            row = session.get(NodeContactRow, country.value, with_for_update=True)
            if row is None:
                session.add(NodeContactRow(country=country.value, sequence=sequence))
                return
            if row.sequence is not None and sequence <= row.sequence:
                raise Conflict("The message was seen before: it was ignored.", country=country.value)
            row.sequence = sequence

    def record_contact(self, country: Country, *, now: datetime) -> None:
        """Remember that ``country`` was heard of now."""
        with transaction(self._engine) as session:
            changed = update(NodeContactRow).where(NodeContactRow.country == country.value).values(seen_at=now)
            if not session.execute(changed).rowcount:  # type: ignore[attr-defined]  # an UPDATE returns a CursorResult
                session.execute(insert(NodeContactRow).values(country=country.value, seen_at=now))


def _tell(session: Session, action: str, *, at: datetime, **facts: str | int) -> None:
    record_event(session.connection(), event_of(Operation.CONTROL, action, facts=facts), at=at)


def _check_model(model: ModelVersion, *, run: str, number: int) -> None:
    if (model.run, model.round) != (run, number):
        raise ValueError("model must be of the recorded run and round.")


def _model_row(model: ModelVersion, *, now: datetime) -> ModelVersionRow:
    return ModelVersionRow(
        run=model.run,
        round=model.round,
        sha256=model.sha256,
        parent_sha256=model.parent_sha256,
        parameters=model.parameters,
        optimiser_state=model.optimiser_state,
        created_at=now,
    )


def _add_round(session: Session, record: RoundRecord) -> None:
    where = {"run": record.run, "round": record.round}
    row = RoundRow(**where, started_at=record.started_at, ended_at=record.ended_at, is_void=record.is_void)
    session.add(row)
    session.flush()
    for reply in record.replies:
        session.add(
            ReplyRow(
                **where,
                country=reply.country.value,
                state=reply.state.value,
                code=reply.code,
                seconds=reply.seconds,
                payload_bytes=reply.payload_bytes,
            )
        )
    for found in record.statistics:
        session.add(
            TaskStatisticsRow(
                **where, task=found.task, loss=found.loss, accuracy=found.accuracy, update_norm=found.update_norm
            )
        )
