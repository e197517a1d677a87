"""A run on a LocalGrid: three countries with real keys, an honest answer to change, the real run leader."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from benchmarks.local_federation import SMALL, build_plan, initial_model
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.signing import public_key_hex
from safeborders.models.architecture import Catalogue
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.messages import Kind, SignedMessage, sign_message
from safeborders.models.protocol.plan import RunPlan
from safeborders.models.protocol.vectors import update_to_bytes
from safeborders.server.federation.flower_adapter import GridExchange
from safeborders.server.federation.gate import RunGate, Ungated
from safeborders.server.federation.gathering import Correspondence, Pace
from safeborders.server.federation.rounds import RunLeader
from safeborders.server.registry.records import ModelVersion, Reply
from sbtest.local_grid import Answer, LocalGrid
from sbtest.registry import InMemoryRegistry

COUNTRIES = (Country.GR, Country.IT, Country.PL)
RUN = "rehearsal"


def update_of(country: Country, number: int) -> NDArray[np.int64]:
    """Return the update of ``country`` in round ``number``: made up, but the same at every call."""
    seed = hashlib.sha256(f"{country}{number}".encode()).digest()
    generator = np.random.default_rng(list(seed))
    return generator.integers(-(2**16), 2**16, SMALL.update_length)


@dataclass
class Rehearsal:
    """Who takes part and how patient the coordinator is; ``lead`` plays the run to its end."""

    rounds: int = 2
    floor: int = 2
    deadline_seconds: float = 0.15
    pace: Pace = field(default_factory=lambda: Pace(ask_again_seconds=30.0, patience=1))
    registry: InMemoryRegistry = field(default_factory=InMemoryRegistry)
    keys: Mapping[Country, Ed25519PrivateKey] = field(
        default_factory=lambda: {country: Ed25519PrivateKey.generate() for country in COUNTRIES}
    )
    coordinator: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    answers: dict[Country, Answer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plan = build_plan(RUN, rounds=self.rounds, countries=COUNTRIES, architecture=SMALL)
        self.plan: RunPlan = plan.model_copy(update={"floor": self.floor, "deadline_seconds": self.deadline_seconds})
        self.registry.start_run(self.plan, initial=initial_model(self.plan, architecture=SMALL), now=datetime.now(UTC))
        self.build_grid()

    def build_grid(self) -> None:
        """Connect the countries anew, as after a restart of the coordinator."""
        answers = {country: self.answers.get(country, self.honest) for country in COUNTRIES}
        self.grid = LocalGrid(answers, coordinator_key=public_key_hex(self.coordinator))

    def honest(self, order: SignedMessage, **changes: object) -> SignedMessage:
        """Return the reply of an honest country, or the same with header fields changed before signing."""
        training = order.header.kind is Kind.TRAIN
        payload = update_to_bytes(update_of(order.header.country, order.header.round)) if training else b""
        return self.reply(order, payload=payload, changes=changes)

    def reply(
        self,
        order: SignedMessage,
        *,
        payload: bytes,
        key: Ed25519PrivateKey | None = None,
        changes: Mapping[str, object] | None = None,
    ) -> SignedMessage:
        """Sign ``payload`` as the answer to ``order`` with the asked country's key, or with ``key``."""
        kind = Kind.UPDATE if order.header.kind is Kind.TRAIN else Kind.RECEIPT
        fields = {"kind": kind, "payload_sha256": sha256_hex(payload), **(changes or {})}
        header = order.header.model_copy(update=fields)
        return sign_message(header, payload=payload, key=key or self.keys[order.header.country])

    def lead(self, *, gate: RunGate | None = None) -> ModelVersion:
        """Play the run; past ``gate`` if there is one."""
        exchange = GridExchange(self.grid, node_ids=lambda: self.grid.node_ids, ttl_seconds=60.0)
        to = Correspondence(
            exchange=exchange,
            registry=self.registry,
            roster={country: public_key_hex(key) for country, key in self.keys.items()},
            key=self.coordinator,
            pace=self.pace,
        )
        return RunLeader(to, catalogue=Catalogue((SMALL,)), gate=gate or Ungated()).lead(RUN)

    def replies(self, number: int) -> dict[Country, Reply]:
        """Return what the registry holds of round ``number``."""
        return {reply.country: reply for reply in self.registry.rounds[RUN][number - 1].replies}


def misbehaving(rehearsal: Rehearsal, country: Country, answer: Callable[[SignedMessage], object]) -> None:
    """Let ``country`` answer TRAIN orders with ``answer`` and everything else honestly."""

    def react(order: SignedMessage) -> object:
        return answer(order) if order.header.kind is Kind.TRAIN else rehearsal.honest(order)

    rehearsal.answers[country] = react
    rehearsal.build_grid()
