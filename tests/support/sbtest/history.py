"""A federation's past, written through the registry's own methods: a run with every kind of reply."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from safeborders.kit.canonical import sha256_hex
from safeborders.models.defaults import ARCHITECTURE
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.models.protocol.plan import RunPlan, Task, TaskPlan
from safeborders.server.registry.papers import Listed
from safeborders.server.registry.records import (
    ModelVersion,
    Registry,
    Reply,
    ReplyState,
    RoundRecord,
    RunState,
    TaskStatistics,
)
from safeborders.server.registry.roster import MemberCertificate, NodeIdentity, Roster
from safeborders.server.services.papers import OwnPaper, PaperState

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def make_plan(run: str = "run-1", *, rounds: int = 12) -> RunPlan:
    """Return a plan of all nine countries that the accountant can price."""
    return RunPlan(
        federation="demo",
        run=run,
        purpose="P1",
        rounds=rounds,
        tasks=tuple(make_task(task) for task in Task),
        delta=1e-6,
        architecture_sha256=ARCHITECTURE.sha256(),
        features_sha256="f" * 64,
        participants=DEMONSTRATION,
        floor=3,
        deadline_seconds=30.0,
    )


def make_task(task: Task) -> TaskPlan:
    """Return the settings of one task."""
    return TaskPlan(
        task=task,
        sampling_rate=0.25,
        clip_norm=1.0,
        noise_multiplier=4.0,
        examples_per_person=1,
        quantisation_bits=20,
        learning_rate=0.5,
        public_sizes={country.value: 100 for country in DEMONSTRATION},
    )


def make_model(run: str, *, number: int) -> ModelVersion:
    """Return the model of round ``number``; its parent is the one before."""
    parameters = _weights(number)
    return ModelVersion(
        sha256=sha256_hex(parameters),
        parent_sha256=sha256_hex(_weights(number - 1)) if number else "",
        run=run,
        round=number,
        parameters=parameters,
        optimiser_state=b"momentum",
    )


def make_round(run: str, *, number: int) -> RoundRecord:
    """Return round ``number``: Poland refuses in round 3, Romania is missing in every fourth, Italy once rejected."""
    began = START + timedelta(minutes=number)
    return RoundRecord(
        run=run,
        round=number,
        started_at=began,
        ended_at=began + timedelta(seconds=20 + number % 5),
        replies=tuple(_reply(country, number=number) for country in DEMONSTRATION),
        statistics=tuple(
            TaskStatistics(
                task=task.value,
                loss=offset * math.exp(-number / 8) + 0.4 + 0.03 * math.sin(7.0 * number),
                accuracy=0.85 - 0.5 * offset * math.exp(-number / 6) + 0.02 * math.cos(5.0 * number),
                update_norm=1.0 / (1 + number),
            )
            for task, offset in ((Task.TYPOLOGY, 1.4), (Task.LINKS, 0.6))
        ),
    )


def write_run(registry: Registry, run: str = "run-1", *, rounds: int = 12, done: int = 9) -> None:
    """Record a run of which ``done`` rounds are finished."""
    registry.start_run(make_plan(run, rounds=rounds), initial=make_model(run, number=0), now=START)
    registry.set_run_state(run, RunState.RUNNING, now=START)
    for number in range(1, done + 1):
        registry.save_round(make_round(run, number=number), model=make_model(run, number=number))
    if done == rounds:
        registry.set_run_state(run, RunState.COMPLETED, now=START + timedelta(minutes=rounds + 1))


def write_roster(roster: Roster, *, now: datetime = START) -> None:
    """Enrol all countries but Finland, which has asked; Greece's certificate ends soon; the Western Balkans left."""
    for place, country in enumerate(DEMONSTRATION):
        identity = make_identity(place)
        if country is Country.FI:
            roster.request(country, identity=identity, now=now)
        else:
            held = make_certificate(country, starts_at=now, days=5 if country is Country.GR else 300)
            roster.admit(country, identity=identity, certificate=held, now=now)
    roster.revoke(Country.WB, now=now)


def make_identity(number: int) -> NodeIdentity:
    """Return the keys of node ``number``."""
    return NodeIdentity(
        signing_key=f"{number:064x}",
        flower_key=f"-----BEGIN PUBLIC KEY-----\n{number}\n-----END PUBLIC KEY-----\n",
        epsilon_cap=8.0,
    )


def make_certificate(
    country: Country, *, starts_at: datetime = START, days: int = 300, number: int = 1
) -> MemberCertificate:
    """Return certificate ``number`` of ``country``, which ends in ``days`` and began 300 days before that."""
    ends_at = starts_at + timedelta(days=days)
    return MemberCertificate(
        country=country,
        sha256=sha256_hex(f"{country} {number}".encode()),
        serial=f"{number:x}",
        starts_at=ends_at - timedelta(days=300),
        ends_at=ends_at,
    )


@dataclass(frozen=True)
class FixedPapers:
    """Implements ``services.papers.PaperReader`` with what a test says."""

    listed: Listed | None = None
    own: tuple[OwnPaper, ...] = (
        OwnPaper("Certificate of the public edge", PaperState.GOOD, within_days=None, ends_at=START + timedelta(60)),
        OwnPaper("Roster of keys", PaperState.EXPIRING, within_days=30, ends_at=START + timedelta(20)),
    )

    def find_listed(self) -> Listed | None:
        """Return whose keys count."""
        return self.listed

    def list_own(self, *, now: datetime) -> tuple[OwnPaper, ...]:
        """Return the papers, whatever the time."""
        return self.own


def write_contacts(registry: Registry, *, now: datetime) -> None:
    """Let every country be heard of now, but Poland an hour ago and Portugal never."""
    for country in DEMONSTRATION:
        if country is not Country.PT:
            registry.record_contact(country, now=now - timedelta(hours=country is Country.PL))


def _reply(country: Country, *, number: int) -> Reply:
    state, code = ReplyState.ACCEPTED, ""
    if country is Country.PL and number == 3:
        state, code = ReplyState.REFUSED, "privacy.budget_exhausted"
    if country is Country.RO and number % 4 == 0:
        state, code = ReplyState.MISSING, ""
    if country is Country.IT and number == 5:
        state, code = ReplyState.REJECTED, "federation.message_refused"
    seconds = 30.0 if state is ReplyState.MISSING else 1.5 + 0.3 * (number % 4)
    return Reply(country=country, state=state, code=code, seconds=seconds, payload_bytes=4096)


def _weights(number: int) -> bytes:
    return bytes([number % 256]) * 4096
