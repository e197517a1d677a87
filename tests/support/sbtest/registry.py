"""The registry in memory: an honest fake that keeps every promise of the port but durability."""

from dataclasses import replace
from datetime import datetime

from safeborders.kit.errors import Conflict, NotFound
from safeborders.models.domain.audit import AuditEvent
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.plan import RunPlan
from safeborders.server.registry.records import ModelVersion, ReplyState, RoundRecord, RunState


class InMemoryNotes:
    """What was decided in one masked round."""

    def __init__(self) -> None:
        self.adverts = self.survivors = self.echoes = b""

    def find_adverts(self) -> bytes:
        return self.adverts

    def find_survivors(self) -> bytes:
        return self.survivors

    def find_echoes(self) -> bytes:
        return self.echoes

    def keep_adverts(self, content: bytes, *, echoes: bytes) -> None:
        if self.adverts not in {b"", content}:
            raise Conflict("Decided otherwise.")
        if not self.adverts:
            self.adverts, self.echoes = content, echoes

    def keep_survivors(self, content: bytes) -> None:
        if self.survivors not in {b"", content}:
            raise Conflict("Decided otherwise.")
        self.survivors = content


class InMemoryRegistry:
    """What a coordinator remembers, for one process."""

    def __init__(self) -> None:
        self.plans: dict[str, RunPlan] = {}
        self.states: dict[str, RunState] = {}
        self.models: dict[str, list[ModelVersion]] = {}
        self.rounds: dict[str, list[RoundRecord]] = {}
        self.sequences: dict[Country, int] = {}
        self.seen_at: dict[Country, datetime] = {}
        self.notes: dict[tuple[str, int], InMemoryNotes] = {}
        self.events: list[AuditEvent] = []

    def record_event(self, event: AuditEvent, *, now: datetime) -> None:
        self.events.append(event)

    def start_run(self, plan: RunPlan, *, initial: ModelVersion, now: datetime) -> None:
        known = self.plans.get(plan.run)
        if known is not None and known.sha256() != plan.sha256():
            raise Conflict("A run of this name exists with another plan: choose another name.")
        if known is None:
            self.plans[plan.run] = plan
            self.states[plan.run] = RunState.WAITING
            self.models[plan.run] = [replace(initial)]
            self.rounds[plan.run] = []

    def notes_of(self, run: str, *, round_number: int) -> InMemoryNotes:
        return self.notes.setdefault((run, round_number), InMemoryNotes())

    def get_plan(self, run: str) -> RunPlan:
        if run not in self.plans:
            raise NotFound("There is no such run.")
        return self.plans[run]

    def set_run_state(self, run: str, state: RunState, *, now: datetime) -> None:
        self.get_plan(run)
        self.states[run] = state

    def get_run_state(self, run: str) -> RunState:
        self.get_plan(run)
        return self.states[run]

    def save_round(self, record: RoundRecord, *, model: ModelVersion) -> None:
        expected = self.get_latest_model(record.run).round + 1
        if record.round != expected or model.round != expected:
            raise Conflict("The round is already recorded or is not the next one.")
        self.rounds[record.run].append(record)
        self.models[record.run].append(model)

    def get_latest_model(self, run: str) -> ModelVersion:
        self.get_plan(run)
        return self.models[run][-1]

    def list_contributors(self, run: str) -> frozenset[Country]:
        replies = [reply for one in self.rounds[run] if not one.is_void for reply in one.replies]
        return frozenset(reply.country for reply in replies if reply.state is ReplyState.ACCEPTED)

    def record_sequence(self, country: Country, *, sequence: int) -> None:
        if sequence <= self.sequences.get(country, -1):
            raise Conflict("The message was seen before: it was ignored.")
        self.sequences[country] = sequence

    def record_contact(self, country: Country, *, now: datetime) -> None:
        self.seen_at[country] = now
