"""One run from its newest model to its last: ask, wait, check, add, step, save; then hand out the final model.

A run can be killed at any point: all that counts is in the registry, and a country asked again sends the same bytes.
The loop resumes at the round after the newest saved model.

A masked round that a country leaves for good is given up: what was sent in it is spent, nobody is unmasked for it, and
the next round of the plan begins with new keys among those who are left (docs/decisions/0186).
"""

from collections.abc import Callable
from datetime import UTC, datetime

from safeborders.kit.errors import SafeBordersError, Unavailable
from safeborders.kit.logs import get_log
from safeborders.models.architecture import Architecture, Catalogue
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.countries import Country
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.aggregation import build_context
from safeborders.models.protocol.messages import EMPTY_SHA256, Header, Kind, MessageRefused, SignedMessage
from safeborders.models.protocol.payloads import Order, build_order
from safeborders.models.protocol.plan import RunPlan
from safeborders.privacy.aggregation.aggregator import Aggregator
from safeborders.privacy.agreement.release import Release
from safeborders.server.federation.gate import RunGate
from safeborders.server.federation.gathering import Correspondence, Gathering
from safeborders.server.federation.round_sums import (
    MaskedSum,
    RoundSum,
    RoundVoid,
    TooFewCountries,
    VoidRound,
    sum_in_the_clear,
)
from safeborders.server.federation.strategy import find_architecture, next_version, same_version, take_step
from safeborders.server.federation.watch import LogWatch
from safeborders.server.registry.records import ModelVersion, RoundRecord, RunState, TaskStatistics

_ORDERS_WITH_A_MODEL = frozenset({Kind.TRAIN, Kind.ACTIVATE})
_log = get_log("run")


class RunLeader:
    """Lead one run.

    Args:
        to: The countries and the registry.
        catalogue: The models that this version of SafeBorders can release.
        gate: Asked before each round and before the final model is handed out.
        watch: Carries the checkpoints of logs; None where nobody keeps one.
    """

    def __init__(
        self, to: Correspondence, *, catalogue: Catalogue, gate: RunGate, watch: LogWatch | None = None
    ) -> None:
        self._watch = watch
        self._to = to
        self._catalogue = catalogue
        self._gate = gate
        self._left_out: frozenset[Country] = frozenset()

    def lead(self, run: str) -> ModelVersion:
        """Take ``run`` from its newest model to its last, hand that out, and return it.

        A run that is completed is left as it is: its model was handed out, and a newer one may be in use. A run that
        fails rests until somebody resumes it; only what passes by itself (Unavailable) leaves it open.

        Raises:
            NotFound: If there is no such run.
            SettingsError: If its plan does not fit this version.
            AgreementError: If the agreement does not cover it; ManifestRefused or RosterRefused likewise.
            TooFewCountries: If a round stayed below the floor for too long; what was saved stays.
            RoundVoid: If a country fell silent before a masked sum was opened, and no round is left for another try.
        """
        registry = self._to.registry
        plan = registry.get_plan(run)
        if registry.get_run_state(run) is RunState.COMPLETED:
            return registry.get_latest_model(run)
        try:
            return self._lead_open_run(plan)
        except Unavailable:
            raise
        except SafeBordersError:
            self._note_failure(run)
            raise

    def _note_failure(self, run: str) -> None:
        """Let the run rest; where that cannot be stored, the reason of the failure is still what the caller sees."""
        try:
            self._to.registry.set_run_state(run, RunState.FAILED, now=datetime.now(UTC))
        except SafeBordersError as error:
            _log.warning("failure_not_recorded", run=run, code=error.code)

    def _lead_open_run(self, plan: RunPlan) -> ModelVersion:
        registry, run = self._to.registry, plan.run
        self._architecture_of(plan)
        registry.set_run_state(run, RunState.RUNNING, now=datetime.now(UTC))
        model = registry.get_latest_model(run)
        while model.round < plan.rounds:
            model = self._play_round(plan, model)
            self._watch_logs(plan, model, is_over=False)
        self._hand_out(plan, model)
        self._watch_logs(plan, model, is_over=True)
        registry.set_run_state(run, RunState.COMPLETED, now=datetime.now(UTC))
        return model

    def _play_round(self, plan: RunPlan, base: ModelVersion) -> ModelVersion:
        self._gate.check_round(plan)
        started_at = datetime.now(UTC)
        self._tell(Operation.COMBINATION, "round.begin", plan, model=base)
        result = self._sum(plan, base)
        statistics: tuple[TaskStatistics, ...] = ()
        if isinstance(result, VoidRound):
            model = same_version(base)
        else:
            architecture = self._architecture_of(plan)
            step = take_step(plan, architecture, base=base, total=result.total, countries=set(result.countries))
            model, statistics = next_version(base, step), step.statistics
        record = RoundRecord(
            run=plan.run,
            round=model.round,
            started_at=started_at,
            ended_at=datetime.now(UTC),
            replies=result.replies,
            statistics=statistics,
            is_void=isinstance(result, VoidRound),
        )
        self._gate.keep_echoes(plan.run, result.echoes)  # first: without them no country would answer the next round
        self._to.registry.save_round(record, model=model)
        _log.info("round_saved", run=plan.run, round=model.round, sha256=model.sha256, is_void=record.is_void)
        return model

    def _sum(self, plan: RunPlan, base: ModelVersion) -> RoundSum | VoidRound:
        number, patience = base.round + 1, self._to.pace.patience
        length = self._architecture_of(plan).update_length

        def ask(kind: Kind, *, aggregation: bytes, accept: Callable[[SignedMessage], None]) -> Gathering:
            return self._gathering(plan, base, kind=kind, number=number, accept=accept, aggregation=aggregation)

        masks = self._gate.masks_of(plan)
        if masks is None:
            return sum_in_the_clear(plan, ask=ask, length=length, patience=patience)
        header = self._header(plan, base, kind=Kind.TRAIN, number=number)
        context = build_context(masks.manifest, header=header, roster_sha256=masks.roster_sha256, length=length)
        notes = self._to.registry.notes_of(plan.run, round_number=number)
        aggregator = Aggregator(context, roster=masks.keys)
        without, self._left_out = self._left_out, frozenset()
        masked = MaskedSum(plan, aggregator, ask=ask, notes=notes, patience=patience, without=without)
        try:
            return masked.play()
        except (RoundVoid, TooFewCountries) as error:
            has_learnt = bool(base.optimiser_state)
            if not masked.may_be_given_up or (number == plan.rounds and not has_learnt):
                raise
            void = masked.give_up()
            self._left_out = void.silent  # for one round: a run that rests and is resumed asks them again
            _log.warning("round_given_up", run=plan.run, round=number, code=error.code)
            return void

    def _architecture_of(self, plan: RunPlan) -> Architecture:
        return find_architecture(plan, self._catalogue)

    def _hand_out(self, plan: RunPlan, model: ModelVersion) -> None:
        """Give every participant the final model; one that is away asks for nothing and gets it with the next run."""

        def accept(reply: SignedMessage) -> None:
            if reply.header.payload_sha256 != EMPTY_SHA256:
                raise MessageRefused("The receipt carries something: it was not counted.")

        release = Release(
            model_sha256=model.sha256,
            plan=plan,
            countries=self._to.registry.list_contributors(plan.run),
            least=1,
        )
        self._gate.check_release(plan, release=release)
        self._tell(Operation.DISCLOSURE, "model.release", plan, model=model)
        gathering = self._gathering(plan, model, kind=Kind.ACTIVATE, number=model.round, accept=accept)
        gathering.gather(plan.participants, seconds=plan.deadline_seconds)
        for reply in gathering.close(plan.participants):
            _log.info("handed_out", run=plan.run, country=reply.country.value, state=reply.state.value, code=reply.code)

    def _tell(self, operation: Operation, action: str, plan: RunPlan, *, model: ModelVersion) -> None:
        """Write down what is about to be done; it is not done if that cannot be written."""
        event = AuditEvent(
            operation,
            action=action,
            actor=COORDINATOR,
            purpose=plan.purpose,
            recipients=tuple(country.value for country in plan.participants),
            facts={"run": plan.run, "round": model.round, "model": model.sha256, "plan": plan.sha256()},
        )
        self._to.registry.record_event(event, now=datetime.now(UTC))

    def _watch_logs(self, plan: RunPlan, model: ModelVersion, *, is_over: bool) -> None:
        """Let the countries co-sign all logs: after the hand-out, and hourly within a run; no run fails by it."""
        watch = self._watch
        if watch is None or not (is_over or watch.is_due()):
            return

        def ask(kind: Kind, payload: bytes, *, accept: Callable[[SignedMessage], None]) -> None:
            header = self._header(plan, model, kind=kind, number=model.round)
            gathering = Gathering(self._to, header=header, payload=payload, accept=accept)
            gathering.gather(plan.participants, seconds=plan.deadline_seconds)
            gathering.close(plan.participants)

        try:
            watch.look(ask)
        except SafeBordersError as error:
            _log.error("logs_not_watched", run=plan.run, code=error.code, reason=error.message)

    def _gathering(  # house: what a question is made of
        self,
        plan: RunPlan,
        model: ModelVersion,
        *,
        kind: Kind,
        number: int,
        accept: Callable[[SignedMessage], None],
        aggregation: bytes = b"",
    ) -> Gathering:
        header = self._header(plan, model, kind=kind, number=number)
        order = Order(
            plan=plan,
            model=model.parameters if kind in _ORDERS_WITH_A_MODEL else b"",
            papers=self._gate.papers_of(header),
            aggregation=aggregation,
        )
        return Gathering(self._to, header=header, payload=build_order(order), accept=accept)

    @staticmethod
    def _header(plan: RunPlan, model: ModelVersion, *, kind: Kind, number: int) -> Header:
        return Header(
            kind=kind,
            federation=plan.federation,
            run=plan.run,
            round=number,
            country=plan.participants[0],
            sequence=0,
            plan_sha256=plan.sha256(),
            base_model_sha256=model.sha256,
            payload_sha256=EMPTY_SHA256,
        )
