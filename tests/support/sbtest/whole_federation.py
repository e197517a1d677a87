"""A federation without network, disk and records: every gate, ledger, party and leader is the real one.

Seven countries, each with its own round service, cabinet and ledger; a coordinator with the real gate and run leader.
The trainer has no examples: its sum is zero and its noise is real.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.errors import SafeBordersError
from safeborders.kit.signing import public_key_hex
from safeborders.models.domain.countries import Country
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.manifest import Aggregation
from safeborders.models.protocol.messages import Kind, SignedMessage
from safeborders.models.protocol.plan import Task
from safeborders.models.protocol.vectors import model_to_bytes
from safeborders.node.consent.entries import StandingLimits
from safeborders.node.consent.inbox import ConsentRule, Inbox
from safeborders.node.learning.consent import OperatorConsent
from safeborders.node.learning.gate import AgreementGate
from safeborders.node.learning.masked_rounds import MaskedRounds
from safeborders.node.learning.policy import InstalledModel, PolicySettings
from safeborders.node.learning.refusals import refusal_of
from safeborders.node.learning.round_service import Memory, NodeIdentity, RoundService, Rules
from safeborders.privacy.agreement.engine import PolicyEngine
from safeborders.privacy.agreement.terms import Agreement
from safeborders.privacy.ledger import PrivacyLedger
from safeborders.server.federation.flower_adapter import GridExchange
from safeborders.server.federation.gate import AgreementRunGate
from safeborders.server.federation.gathering import Correspondence, Pace
from safeborders.server.federation.rounds import RunLeader
from safeborders.server.registry.records import ModelVersion
from sbtest.agreements import InMemoryJournal, PaperFederation, terms_for, unmasked_grants
from sbtest.consent import InMemoryConsentStore, InMemoryEnvelopes
from sbtest.forgetting import ForgettingSessions
from sbtest.ledger import InMemoryActivationStore, InMemoryLedgerStore
from sbtest.local_grid import LocalGrid
from sbtest.plans import ARCHITECTURE, CATALOGUE, FEATURES_SHA256, make_plan, make_task
from sbtest.registry import InMemoryRegistry
from sbtest.rounds import NoiseTrainer

NAMES = ("ro", "bg", "gr", "it", "pl", "pt", "be")
COUNTRIES = tuple(map(Country, NAMES))
RUN = "whole"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
FIRST = ARCHITECTURE.initial_parameters(7)

Reaction = Callable[[Country, SignedMessage], object]


def masked_terms(**model_conditions: Any) -> Agreement:
    """Return an agreement that asks for masks among six; ``model_conditions`` change those of the model's grant."""
    grants = [grant for grant in unmasked_grants() if grant["material"] in {"M1", "M2"}]
    grants[0]["conditions"]["secagg"] = {"required": True, "min_cohort": 6}
    grants[1]["conditions"].update(model_conditions)
    term = {"from": date(2026, 1, 1), "to": date(2030, 12, 31)}
    return terms_for(NAMES, federation="demo", grants=grants, term=term)


@dataclass
class Member:
    """A country's whole answering side."""

    country: Country
    papers: PaperFederation
    terms: Agreement
    trainer: NoiseTrainer = field(default_factory=NoiseTrainer)

    def __post_init__(self) -> None:
        self.cabinet, self.journal = self.papers.make_cabinet(self.terms), InMemoryJournal()
        self.sessions = ForgettingSessions()
        self.ledger = PrivacyLedger(InMemoryLedgerStore(), cap_epsilon=100.0, delta=1e-5)
        key = self.papers.node_keys[self.country.value]
        engine = PolicyEngine(
            self.country.value, standing=self.cabinet.standing, journal=self.journal, clock=lambda: NOW
        )
        gate = AgreementGate(self.cabinet, engine=engine, node_key=public_key_hex(key), clock=lambda: NOW)
        self.inbox = Inbox(InMemoryConsentStore(), rule=ConsentRule(persons=1), clock=lambda: NOW)
        self.inbox.follow_profile(self._limits())
        consent = OperatorConsent(
            self.country,
            inbox=self.inbox,
            standing=self.cabinet.standing,
            catalogue=CATALOGUE,
            clock=lambda: NOW,
        )
        settings = PolicySettings(
            country=self.country, federation="demo", epsilon_cap=100.0, delta_cap=1e-5, rounds_cap=50, floor=6
        )
        installed = InstalledModel(catalogue=CATALOGUE, features_sha256=FEATURES_SHA256)
        masked = MaskedRounds(
            self.country, key=key, sessions=self.sessions, roster=gate.known_keys, catalogue=CATALOGUE
        )
        self.service = RoundService(
            NodeIdentity(key=key, coordinator_key=public_key_hex(self.papers.node_keys[COORDINATOR])),
            rules=Rules(settings=settings, installed=installed, gate=gate, consent=consent),
            memory=Memory(self.ledger, InMemoryActivationStore(), masked, InMemoryEnvelopes()),
            trainer=self.trainer,
            clock=lambda: NOW,
        )

    def answer(self, order: SignedMessage) -> object:
        """Return the signed answer, released if it is an update, or the number that a refusal travels as."""
        try:
            reply = self.service.answer(order)
            self.service.mark_released(reply)
        except SafeBordersError as error:
            return refusal_of(error)
        return reply

    def _limits(self) -> StandingLimits:
        return StandingLimits(
            purposes=("P1",),
            tasks=tuple(Task),
            epsilon_per_run=100.0,
            epsilon_total=1000.0,
            rounds=50,
            aggregations=tuple(Aggregation),
            valid_until=date(2026, 12, 31),
            agreement_sha256=self.terms.sha256(),
        )


@dataclass
class WholeFederation:
    """Seven countries and their coordinator; ``react`` may answer in a country's stead (None: it says nothing)."""

    folder: Path
    rounds: int = 3
    terms: Agreement = field(default_factory=masked_terms)
    react: Reaction | None = None

    def __post_init__(self) -> None:
        self.papers = PaperFederation(countries=NAMES, federation="demo", now=NOW)
        self.plan = make_plan(
            run=RUN, participants=COUNTRIES, floor=6, rounds=self.rounds, deadline_seconds=0.4, tasks=self._tasks()
        )
        self.manifest = self.papers.make_manifest(
            self.plan,
            agreement_sha256=self.terms.sha256(),
            initial_model_sha256=sha256_hex(model_to_bytes(FIRST)),
            aggregation=Aggregation.SECURE,
        )
        (self.folder / f"{RUN}.json").write_bytes(self.manifest)
        self.members = {one: Member(one, papers=self.papers, terms=self.terms) for one in COUNTRIES}
        self.registry, self.journal = InMemoryRegistry(), InMemoryJournal()
        self.cabinet = self.papers.make_cabinet(self.terms)
        content = model_to_bytes(FIRST)
        initial = ModelVersion(sha256_hex(content), "", RUN, 0, content, b"")
        self.registry.start_run(self.plan, initial=initial, now=NOW)
        self.build_grid()

    @staticmethod
    def _tasks() -> tuple[Any, ...]:
        sizes = dict.fromkeys(NAMES, 100)
        return tuple(make_task(task, public_sizes=sizes) for task in (Task.TYPOLOGY, Task.LINKS))

    def build_grid(self) -> None:
        """Connect the countries anew."""
        coordinator = public_key_hex(self.papers.node_keys[COORDINATOR])
        self.grid = LocalGrid(dict.fromkeys(COUNTRIES, self._answer), coordinator_key=coordinator)

    def _answer(self, order: SignedMessage) -> object:
        if self.react is not None:
            return self.react(order.header.country, order)
        return self.honest(order)

    def honest(self, order: SignedMessage) -> object:
        """Return what the asked country's own service answers."""
        return self.members[order.header.country].answer(order)

    @property
    def node_keys(self) -> Mapping[Country, str]:
        """Public keys of the countries."""
        return {country: public_key_hex(self.papers.node_keys[country.value]) for country in COUNTRIES}

    def gate(self) -> AgreementRunGate:
        """Return the coordinator's gate."""
        engine = PolicyEngine(COORDINATOR, standing=self.cabinet.standing, journal=self.journal, clock=lambda: NOW)
        return AgreementRunGate(
            self.cabinet,
            engine=engine,
            manifests=self.folder,
            signing=(self.papers.node_keys[COORDINATOR], lambda: NOW),
            known=(self.node_keys, CATALOGUE),
        )

    def lead(self) -> ModelVersion:
        """Play the run to its end."""
        to = Correspondence(
            exchange=GridExchange(self.grid, node_ids=lambda: self.grid.node_ids, ttl_seconds=60.0),
            registry=self.registry,
            roster=dict(self.node_keys),
            key=self.papers.node_keys[COORDINATOR],
            pace=Pace(ask_again_seconds=30.0, patience=1),
        )
        return RunLeader(to, catalogue=CATALOGUE, gate=self.gate()).lead(RUN)

    def orders(self, kind: Kind, *, round_number: int) -> dict[Country, SignedMessage]:
        """Return the last order of ``kind`` in a round to each country."""
        return {
            order.header.country: order
            for order in self.grid.sent
            if (order.header.kind, order.header.round) == (kind, round_number)
        }
