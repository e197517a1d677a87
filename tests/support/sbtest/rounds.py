"""A coordinator's messages, and a node that answers them from memory."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.signing import public_key_hex
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.manifest import Aggregation
from safeborders.models.protocol.messages import EMPTY_SHA256, Header, Kind, SignedMessage, sign_message
from safeborders.models.protocol.payloads import Order, build_order
from safeborders.models.protocol.plan import RunPlan, Task
from safeborders.models.protocol.vectors import model_to_bytes
from safeborders.node.consent.entries import ConsentStore, StandingLimits
from safeborders.node.consent.inbox import ConsentRule, Inbox
from safeborders.node.learning.consent import OperatorConsent
from safeborders.node.learning.gate import AgreementGate
from safeborders.node.learning.masked_rounds import ForgetfulSessions, MaskedRounds
from safeborders.node.learning.policy import InstalledModel, PolicySettings
from safeborders.node.learning.round_service import Memory, NodeIdentity, RoundService, Rules
from safeborders.node.outbox.envelopes import EnvelopeStore
from safeborders.privacy.activations import ActivationStore
from safeborders.privacy.agreement.cabinet import Cabinet
from safeborders.privacy.agreement.engine import PolicyEngine
from safeborders.privacy.dpsgd.noise import discrete_gaussian
from safeborders.privacy.ledger import LedgerStore, PrivacyLedger
from sbtest.agreements import InMemoryJournal, PaperFederation, terms_for, unmasked_grants
from sbtest.consent import InMemoryConsentStore, InMemoryEnvelopes
from sbtest.forgetting import ForgettingSessions
from sbtest.ledger import InMemoryActivationStore, InMemoryLedgerStore
from sbtest.plans import ARCHITECTURE, CATALOGUE, FEATURES_SHA256

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PAPERS = PaperFederation(countries=("gr", "it", "ro"), federation="demo", now=NOW)
COORDINATOR = PAPERS.node_keys["coordinator"]
COUNTRY = PAPERS.node_keys["gr"]
AGREEMENT = terms_for(
    PAPERS.countries,
    federation="demo",
    grants=[grant for grant in unmasked_grants() if grant["material"] in {"M1", "M2"}],
    term={"from": date(2026, 1, 1), "to": date(2030, 12, 31)},
)
SETTINGS = PolicySettings(
    country=Country.GR,
    federation="demo",
    epsilon_cap=8.0,
    delta_cap=1e-5,
    rounds_cap=50,
    floor=2,
)
INSTALLED = InstalledModel(catalogue=CATALOGUE, features_sha256=FEATURES_SHA256)
ONE_PERSON = ConsentRule(persons=1)
LIMITS = StandingLimits(
    purposes=("P1",),
    tasks=tuple(Task),
    epsilon_per_run=8.0,
    epsilon_total=1000.0,
    rounds=50,
    aggregations=tuple(Aggregation),
    valid_until=date(2026, 12, 31),
    agreement_sha256=AGREEMENT.sha256(),
)


@dataclass
class NoiseTrainer:
    """A country without examples: its sum is zero, its noise is real and fresh at every call."""

    updates: list[NDArray[np.int64]] = field(default_factory=list)
    activated: list[tuple[str, str]] = field(default_factory=list)

    def prepare(self, plan: RunPlan) -> None:
        """Nothing to read."""

    def update(self, plan: RunPlan, model: NDArray[np.float32]) -> NDArray[np.int64]:
        self.updates.append(discrete_gaussian(ARCHITECTURE.update_length, deviation=2**18))
        return self.updates[-1]

    def activate(self, plan: RunPlan, model: NDArray[np.float32]) -> None:
        self.activated.append((plan.run, sha256_hex(model_to_bytes(model))))


@dataclass
class Node:
    """A round service with its parts at hand; ``restarted`` keeps only what is on disk."""

    ledger_store: LedgerStore = field(default_factory=InMemoryLedgerStore)
    activations: ActivationStore = field(default_factory=InMemoryActivationStore)
    trainer: NoiseTrainer = field(default_factory=NoiseTrainer)
    cap_epsilon: float = 20.0
    settings: PolicySettings = SETTINGS
    now: datetime = NOW
    cabinet: Cabinet = field(default_factory=lambda: PAPERS.make_cabinet(AGREEMENT))
    journal: InMemoryJournal = field(default_factory=InMemoryJournal)
    sessions: ForgetfulSessions = field(default_factory=ForgettingSessions)
    consents: ConsentStore = field(default_factory=InMemoryConsentStore)
    limits: StandingLimits | None = LIMITS
    rule: ConsentRule = ONE_PERSON
    envelopes: EnvelopeStore = field(default_factory=InMemoryEnvelopes)
    installed: InstalledModel = INSTALLED

    def __post_init__(self) -> None:
        self.inbox = Inbox(self.consents, rule=self.rule, clock=lambda: self.now)
        self.inbox.follow_profile(self.limits)
        self.ledger = PrivacyLedger(self.ledger_store, cap_epsilon=self.cap_epsilon, delta=1e-5)
        self.service = RoundService(
            NodeIdentity(key=COUNTRY, coordinator_key=public_key_hex(COORDINATOR)),
            rules=Rules(
                settings=self.settings,
                installed=self.installed,
                gate=self.gate(),
                consent=OperatorConsent(
                    Country.GR,
                    inbox=self.inbox,
                    standing=self.cabinet.standing,
                    catalogue=self.installed.catalogue,
                    clock=lambda: self.now,
                ),
            ),
            memory=Memory(
                ledger=self.ledger,
                activations=self.activations,
                masked=MaskedRounds(
                    Country.GR,
                    key=COUNTRY,
                    sessions=self.sessions,
                    roster=self.gate().known_keys,
                    catalogue=self.installed.catalogue,
                ),
                envelopes=self.envelopes,
            ),
            trainer=self.trainer,
            clock=lambda: self.now,
        )

    def gate(self, node_key: str | None = None) -> AgreementGate:
        """Return the gate of this node, or of one that holds another key."""
        engine = PolicyEngine("gr", standing=self.cabinet.standing, journal=self.journal, clock=lambda: self.now)
        key = node_key or public_key_hex(COUNTRY)
        return AgreementGate(self.cabinet, engine=engine, node_key=key, clock=lambda: self.now)

    def restarted(self) -> "Node":
        return Node(
            self.ledger_store,
            self.activations,
            self.trainer,
            self.cap_epsilon,
            self.settings,
            self.now,
            self.cabinet,
            self.journal,
            self.sessions,
            self.consents,
            self.limits,
            self.rule,
            self.envelopes,
            self.installed,
        )


def manifest_for(plan: RunPlan, *, model: bytes, **changes: Any) -> bytes:
    """Return a manifest that stands behind ``plan`` starting from ``model``; ``changes`` go into it."""
    fields = {"agreement_sha256": AGREEMENT.sha256(), "initial_model_sha256": sha256_hex(model), **changes}
    return PAPERS.make_manifest(plan, **fields)


def papers_for(plan: RunPlan, *, model: bytes, **changes: Any) -> bytes:
    """Return the papers of a first round's order."""
    return PAPERS.make_papers(manifest_for(plan, model=model, **changes))


@dataclass(frozen=True)
class Brought:
    """What an order brings; by default everything that an honest coordinator would bring.

    Args:
        manifest: Of the run.
        echoes: Model that the echoes of the round before name, and the countries that they come from (all).
    """

    manifest: bytes | None = None
    echoes: tuple[str, tuple[str, ...]] | None = None


def make_message(
    plan: RunPlan,
    *,
    round_number: int = 1,
    sequence: int = 1,
    kind: Kind = Kind.TRAIN,
    model: bytes | None = None,
    key: Ed25519PrivateKey = COORDINATOR,
    payload: bytes | None = None,
    papers: bytes | Brought = Brought(),
    **changes: object,
) -> SignedMessage:
    """Return a message of the coordinator; ``changes`` go into the header before it is signed."""
    content = model if model is not None else model_to_bytes(ARCHITECTURE.initial_parameters(7))
    fields: dict[str, object] = {
        "kind": kind,
        "federation": plan.federation,
        "run": plan.run,
        "round": round_number,
        "country": Country.GR,
        "sequence": sequence,
        "plan_sha256": plan.sha256(),
        "base_model_sha256": sha256_hex(content),
        "payload_sha256": EMPTY_SHA256,
    }
    header = Header.model_validate({**fields, **changes})
    if isinstance(papers, Brought):
        papers = _bring(papers, plan=plan, header=header, model=content)
    body = payload if payload is not None else build_order(Order(plan, content, papers))
    named = {"payload_sha256": sha256_hex(body)} if "payload_sha256" not in changes else {}
    return sign_message(header.model_copy(update=named), payload=body, key=key)


def _bring(brought: Brought, *, plan: RunPlan, header: Header, model: bytes) -> bytes:
    base, countries = brought.echoes or (sha256_hex(model), PAPERS.countries)
    echoes = PAPERS.make_echoes(header, base=base, countries=countries)
    return PAPERS.make_papers(brought.manifest or manifest_for(plan, model=model), echoes=echoes)
