"""Reads of the registry for the coordinator's pages."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar

from sqlalchemy import Engine, func, select, text

from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import RunPlan
from safeborders.server.registry.records import Reply, ReplyState, RoundRecord, RunState, TaskStatistics
from safeborders.server.registry.transactions import find_run, transaction
from safeborders.server.registry.views import Contact, ModelView, RunView
from safeborders.server.storage.tables import (
    ModelVersionRow,
    NodeContactRow,
    ReplyRow,
    RoundRow,
    RunRow,
    TaskStatisticsRow,
)

_NEWEST_RUNS = 100
_Row = TypeVar("_Row", ReplyRow, TaskStatisticsRow)


class SqlRegistryReader:
    """Implements registry.views.RegistryReader on ``engine``."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self) -> None:
        """Return if the database answers. Raises Unavailable."""
        with transaction(self._engine) as session:
            session.execute(text("SELECT 1 FROM run LIMIT 1"))

    def list_contacts(self) -> Sequence[Contact]:
        """Return the last contact of every country that was ever heard of."""
        with transaction(self._engine) as session:
            rows = session.scalars(select(NodeContactRow).where(NodeContactRow.seen_at.is_not(None)))
            return [Contact(Country(row.country), row.seen_at) for row in rows if row.seen_at is not None]

    def list_runs(self) -> Sequence[RunView]:
        """Return the newest 100 runs, newest first."""
        with transaction(self._engine) as session:
            newest = select(RunRow).order_by(RunRow.started_at.desc(), RunRow.run).limit(_NEWEST_RUNS)
            counts = session.execute(select(RoundRow.run, func.max(RoundRow.round)).group_by(RoundRow.run))
            done: dict[str, int] = {row.run: row[1] for row in counts}
            return [_run_view(row, rounds_done=done.get(row.run, 0)) for row in session.scalars(newest)]

    def get_run(self, run: str) -> RunView:
        """Return one run. Raises NotFound."""
        with transaction(self._engine) as session:
            row = find_run(session, run)
            done = session.scalar(select(func.max(RoundRow.round)).where(RoundRow.run == run))
            return _run_view(row, rounds_done=done or 0)

    def list_rounds(self, run: str) -> Sequence[RoundRecord]:
        """Return all finished rounds of ``run`` in their order. Raises NotFound."""
        with transaction(self._engine) as session:
            find_run(session, run)
            replies = _by_round(session.scalars(select(ReplyRow).where(ReplyRow.run == run).order_by(ReplyRow.country)))
            ours = select(TaskStatisticsRow).where(TaskStatisticsRow.run == run)
            statistics = _by_round(session.scalars(ours.order_by(TaskStatisticsRow.task)))
            rounds = session.scalars(select(RoundRow).where(RoundRow.run == run).order_by(RoundRow.round))
            return [
                RoundRecord(
                    run=run,
                    round=row.round,
                    started_at=row.started_at,
                    ended_at=row.ended_at,
                    replies=tuple(_reply(found) for found in replies[row.round]),
                    statistics=tuple(_statistics(found) for found in statistics[row.round]),
                    is_void=row.is_void,
                )
                for row in rounds
            ]

    def list_models(self, run: str) -> Sequence[ModelView]:
        """Return all model versions of ``run`` in their order. Raises NotFound."""
        with transaction(self._engine) as session:
            find_run(session, run)
            row = ModelVersionRow
            columns = select(row.round, row.sha256, row.parent_sha256, row.created_at, func.length(row.parameters))
            found = session.execute(columns.where(row.run == run).order_by(row.round))
            return [ModelView(*values) for values in found]


def _by_round(rows: Iterable[_Row]) -> dict[int, list[_Row]]:
    grouped: dict[int, list[_Row]] = defaultdict(list)
    for row in rows:
        grouped[row.round].append(row)
    return grouped


def _run_view(row: RunRow, *, rounds_done: int) -> RunView:
    return RunView(
        plan=RunPlan.model_validate_json(row.plan),
        state=RunState(row.state),
        started_at=row.started_at,
        changed_at=row.changed_at,
        rounds_done=rounds_done,
    )


def _reply(row: ReplyRow) -> Reply:
    return Reply(
        country=Country(row.country),
        state=ReplyState(row.state),
        code=row.code,
        seconds=row.seconds,
        payload_bytes=row.payload_bytes,
    )


def _statistics(row: TaskStatisticsRow) -> TaskStatistics:
    return TaskStatistics(task=row.task, loss=row.loss, accuracy=row.accuracy, update_norm=row.update_norm)
