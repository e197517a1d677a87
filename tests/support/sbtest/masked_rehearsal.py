"""A run under masks on a LocalGrid: nine countries with real keys, each a real side of secure aggregation."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from benchmarks.local_federation import SMALL, build_plan, initial_model
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.signing import public_key_hex
from safeborders.models.architecture import Catalogue
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.models.protocol.manifest import Aggregation, RunManifest
from safeborders.models.protocol.messages import REPLY_TO, Kind, SignedMessage, sign_message
from safeborders.models.protocol.payloads import parse_order
from safeborders.models.protocol.plan import RunPlan
from safeborders.node.learning.masked_rounds import KnownKeys, MaskedRounds
from safeborders.server.federation.flower_adapter import GridExchange
from safeborders.server.federation.gate import Masks, Ungated
from safeborders.server.federation.gathering import Correspondence, Pace
from safeborders.server.federation.rounds import RunLeader
from safeborders.server.federation.watch import LogWatch
from safeborders.server.registry.records import ModelVersion
from sbtest.forgetting import ForgettingSessions
from sbtest.local_grid import LocalGrid
from sbtest.registry import InMemoryRegistry
from sbtest.rehearsal import update_of

RUN = "masked"
ROSTER = "5" * 64

Reaction = Callable[[Country, SignedMessage], object]


class MaskedGate(Ungated):
    """A gate that allows everything, under masks."""

    def __init__(self, masks: Masks) -> None:
        self._masks = masks

    def masks_of(self, plan: RunPlan) -> Masks | None:
        return self._masks


@dataclass
class MaskedRehearsal:
    """Nine countries; ``react`` may answer in a country's stead (None: it says nothing)."""

    rounds: int = 2
    registry: InMemoryRegistry = field(default_factory=InMemoryRegistry)
    react: Reaction | None = None
    watch: LogWatch | None = None

    def __post_init__(self) -> None:
        self.keys = {country: Ed25519PrivateKey.generate() for country in DEMONSTRATION}
        self.coordinator = Ed25519PrivateKey.generate()
        plan = build_plan(RUN, rounds=self.rounds, countries=DEMONSTRATION, architecture=SMALL)
        self.plan = plan.model_copy(update={"floor": 6, "deadline_seconds": 0.3})
        self.registry.start_run(self.plan, initial=initial_model(self.plan, architecture=SMALL), now=datetime.now(UTC))
        self.roster = {country: public_key_hex(key) for country, key in self.keys.items()}
        now = datetime.now(UTC)
        self.manifest = RunManifest(
            plan=self.plan,
            aggregation=Aggregation.SECURE,
            agreement_sha256="1" * 64,
            bundle_sha256="2" * 64,
            initial_model_sha256="3" * 64,
            valid_from=now,
            valid_until=now + timedelta(days=1),
        )
        self.countries = {country: self._country(country) for country in DEMONSTRATION}
        self.build_grid()

    def _country(self, country: Country) -> MaskedRounds:
        return MaskedRounds(
            country,
            key=self.keys[country],
            sessions=ForgettingSessions(),
            roster=lambda: KnownKeys(sha256=ROSTER, keys=self.roster),
            catalogue=Catalogue((SMALL,)),
        )

    def build_grid(self) -> None:
        """Connect the countries anew, as after a restart of the coordinator."""
        answers = dict.fromkeys(DEMONSTRATION, self._answer)
        self.grid = LocalGrid(answers, coordinator_key=public_key_hex(self.coordinator))

    def _answer(self, order: SignedMessage) -> object:
        if self.react is not None:
            return self.react(order.header.country, order)
        return self.honest(order)

    def honest(self, order: SignedMessage) -> SignedMessage:
        """Return what an honest country answers."""
        header, content = order.header, parse_order(order.payload).aggregation
        country = self.countries[header.country]
        if header.kind is Kind.ACTIVATE:
            payload = b""
        elif header.kind is Kind.TRAIN:
            update = update_of(header.country, header.round)
            payload = country.mask(update, header=header, manifest=self.manifest, content=content)
        else:
            payload = country.answer(header, manifest=self.manifest, content=content)
        return self.reply_with(order, payload=payload)

    def reply_with(self, order: SignedMessage, *, payload: bytes) -> SignedMessage:
        """Sign ``payload`` as the asked country's answer to ``order``."""
        fields = {"kind": REPLY_TO[order.header.kind], "payload_sha256": sha256_hex(payload)}
        header = order.header.model_copy(update=fields)
        return sign_message(header, payload=payload, key=self.keys[header.country])

    def lead(self) -> ModelVersion:
        """Play the run."""
        exchange = GridExchange(self.grid, node_ids=lambda: self.grid.node_ids, ttl_seconds=60.0)
        to = Correspondence(
            exchange=exchange,
            registry=self.registry,
            roster=self.roster,
            key=self.coordinator,
            pace=Pace(ask_again_seconds=30.0, patience=1),
        )
        gate = MaskedGate(Masks(manifest=self.manifest, roster_sha256=ROSTER, keys=self.roster))
        return RunLeader(to, catalogue=Catalogue((SMALL,)), gate=gate, watch=self.watch).lead(RUN)

    def kinds_for(self, country: Country, round_number: int) -> list[Kind]:
        """Return which orders a country got in a round."""
        return [
            order.header.kind
            for order in self.grid.sent
            if (order.header.country, order.header.round) == (country, round_number)
            and order.header.kind is not Kind.ACTIVATE
        ]


def plain_sum(countries: set[Country], *, round_number: int) -> NDArray[np.int64]:
    """Return what the sum must be."""
    total = np.zeros(SMALL.update_length, dtype=np.int64)
    for country in countries:
        total += update_of(country, round_number)
    return total
