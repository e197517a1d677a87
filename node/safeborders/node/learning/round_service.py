"""One message of a run at the node: verify, decide, charge, train, store, answer; in this order and no other.

After a crash at any point the same message gets the same bytes, or the code of a lost reservation; never a second
training, never a second draw of noise, never a second charge (security.md 3).
"""

import threading
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from numpy.typing import NDArray

from safeborders.kit.canonical import sha256_hex
from safeborders.kit.clock import Clock, system_clock
from safeborders.models.protocol.echoes import round_before
from safeborders.models.protocol.manifest import Aggregation, RunManifest
from safeborders.models.protocol.messages import (
    REPLY_TO,
    WATCHING,
    Header,
    Kind,
    MessageRefused,
    SignedMessage,
    check_order,
    sign_message,
)
from safeborders.models.protocol.payloads import Order, parse_order
from safeborders.models.protocol.plan import RunPlan
from safeborders.models.protocol.vectors import parse_model, update_to_bytes
from safeborders.node.consent.errors import ApprovalRefused
from safeborders.node.consent.standing import State
from safeborders.node.learning.consent import Consent
from safeborders.node.learning.gate import HandedModel, Spending
from safeborders.node.learning.masked_rounds import MaskedRounds
from safeborders.node.learning.policy import (
    ApprovalPending,
    ApprovedRun,
    InstalledModel,
    PolicySettings,
    check_model,
    check_update,
    price_run,
)
from safeborders.node.outbox.envelopes import EnvelopeStore
from safeborders.privacy.activations import Activation, ActivationStore
from safeborders.privacy.errors import PlanChanged, ReleaseRefused
from safeborders.privacy.ledger import Charge, EntryState, PrivacyLedger

_STEPS_UNDER_MASKS = frozenset({Kind.KEYS, Kind.SURVIVORS, Kind.OPENING})


class Gate(Protocol):
    """Asks the agreement; every answer is recorded before it is given."""

    def read_papers(self, order: Order, *, header: Header, own_base: str | None) -> RunManifest:
        """Return the signed manifest behind an order. Raises ManifestRefused, RosterRefused or ModelsDiffer."""

    def check_training(self, manifest: RunManifest, *, spending: Spending) -> None:
        """E2: may we work on it? Raises TransferRefused or ApprovalPending."""

    def check_sending(self, manifest: RunManifest, *, spending: Spending) -> None:
        """E3: may what is stored leave? Raises TransferRefused or ApprovalPending."""

    def check_activation(self, manifest: RunManifest, *, spending: Spending, handed: HandedModel) -> None:
        """E2: may we use the model? Raises TransferRefused or ApprovalPending."""


class _Check(Protocol):
    def __call__(self, manifest: RunManifest, *, spending: Spending) -> None: ...


class Trainer(Protocol):
    """The only part that sees examples."""

    def prepare(self, plan: RunPlan) -> None:
        """Read and curate what the run needs, before anything is charged; repeating it costs nothing."""

    def update(self, plan: RunPlan, model: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the noisy integer sum of one round, every network in the plan's order."""

    def activate(self, plan: RunPlan, model: NDArray[np.float32]) -> None:
        """Keep the run's final model and do what stays home; asked twice, it ends in the same state."""


@dataclass(frozen=True)
class NodeIdentity:
    """Who signs our answers, and whose messages we answer.

    Args:
        key: Our private signing key.
        coordinator_key: The coordinator's public key, hexadecimal.
    """

    key: Ed25519PrivateKey
    coordinator_key: str

    def __repr__(self) -> str:
        """Name the class alone: a key is never shown."""
        return "<NodeIdentity>"


@dataclass(frozen=True)
class Rules:
    """What decides: the country's settings, what is installed, the agreement, and its people."""

    settings: PolicySettings
    installed: InstalledModel
    gate: Gate
    consent: Consent


@dataclass(frozen=True)
class Memory:
    """What outlives a crash: charges, payloads, envelopes, orders to use a model, rounds under masks."""

    ledger: PrivacyLedger
    activations: ActivationStore
    masked: MaskedRounds
    envelopes: EnvelopeStore


class RoundService:
    """Answer the coordinator's messages.

    Args:
        identity: Keys.
        rules: Settings and installed model.
        memory: Ledger and activations.
        trainer: Computes; it can neither send nor charge.
        clock: For the validity of approvals.
    """

    def __init__(
        self, identity: NodeIdentity, *, rules: Rules, memory: Memory, trainer: Trainer, clock: Clock = system_clock
    ) -> None:
        self._identity = identity
        self._rules = rules
        self._memory = memory
        self._trainer = trainer
        self._clock = clock
        self._approved: dict[str, ApprovedRun] = {}
        # One message at a time: a reservation without a payload is then always a lost one.
        self._lock = threading.Lock()

    def answer(self, message: SignedMessage) -> SignedMessage:
        """Return the signed answer to ``message``; the same message gets the same payload, charged once.

        Raises:
            MessageRefused: If it is not the coordinator's, not for us, or malformed.
            ModelsDiffer: If the countries did not all have one model in the round before.
            ManifestRefused: If no signed manifest stands behind it; RosterRefused if no fresh roster does.
            TransferRefused: If the agreement does not cover it.
            UnknownModel: If the plan is for a model that is not installed.
            PolicyDenied: If the country does not allow it.
            ApprovalPending: If people have to decide first.
            ApprovalRefused: If they refused the run or withdrew.
            ReleaseHeld: If the update is ready and the operator has to look at it.
            PlanChanged: If the run was priced with another plan, or the round with another model.
            BudgetExhausted: If the country's budget does not reach.
            LostReservation: If a crash lost this round's update; the round stays spent.
        """
        with self._lock:
            self._check_addressed_to_us(message)
            order = parse_order(message.payload)
            self._check_header_is_of(order.plan, message=message, model_bytes=order.model)
            header = message.header
            own_base = self._memory.ledger.find_base_model(header.run, round_number=round_before(header))
            manifest = self._rules.gate.read_papers(order, header=header, own_base=own_base)
            if header.kind in _STEPS_UNDER_MASKS:
                return self._go_on(message, manifest=manifest, content=order.aggregation)
            model = parse_model(order.model, length=self._rules.installed.catalogue.get(order.plan).length)
            check_model(model)
            if message.header.kind is Kind.TRAIN:
                return self._train(message, manifest=manifest, model=model)
            return self._activate(message, manifest=manifest, model=model)

    def mark_released(self, message: SignedMessage) -> None:
        """Record that ``message``, an answer of ours, was delivered; repeating it changes nothing.

        Raises:
            ReleaseRefused: If it is not the payload that the ledger paid for.
        """
        header = message.header
        if header.kind is not Kind.UPDATE:
            return
        with self._lock:
            stored = self._memory.ledger.get_payload(header.run, round_number=header.round)
            if message.payload != stored:
                raise ReleaseRefused("Other bytes were sent than the ledger paid for: stop the node and look into it.")
            self._memory.ledger.release(header.run, round_number=header.round)

    def _train(self, message: SignedMessage, *, manifest: RunManifest, model: NDArray[np.float32]) -> SignedMessage:
        header, plan, gate = message.header, manifest.plan, self._rules.gate
        approved = self._approve_round(message, manifest=manifest)
        keys = parse_order(message.payload).aggregation
        is_masked = manifest.aggregation is Aggregation.SECURE
        if is_masked:
            self._memory.masked.check_keys(header, manifest=manifest, content=keys)
        charge = Charge(
            run=plan.run,
            round=header.round,
            plan_sha256=header.plan_sha256,
            base_model_sha256=header.base_model_sha256,
            events=approved.round_events(),
        )
        ledger = self._memory.ledger
        self._trainer.prepare(plan)  # what can fail without having been paid for fails here
        reservation = ledger.reserve(charge, horizon=approved.events)
        if reservation.is_new:
            update = self._trainer.update(plan, model)
            check_update(update, architecture=self._rules.installed.catalogue.get(plan))
            payload = update_to_bytes(update)
            if is_masked:
                payload = self._memory.masked.mask(update, header=header, manifest=manifest, content=keys)
            ledger.store(reservation, payload=payload)
        # Asked again, for training takes time, and people may have withdrawn meanwhile.
        self._consented(manifest, approved, check=gate.check_sending)
        # What leaves is read back from the outbox, never taken from memory.
        stored = ledger.get_payload(plan.run, round_number=header.round)
        reply = self._reply(message, kind=Kind.UPDATE, payload=stored)
        self._memory.envelopes.keep(reply)
        self._rules.consent.check_release(reply.header.payload_sha256)
        return reply

    def _go_on(self, message: SignedMessage, *, manifest: RunManifest, content: bytes) -> SignedMessage:
        """Take a step of secure aggregation: a country that withdraws takes none, and the round is void."""
        if manifest.aggregation is not Aggregation.SECURE:
            raise MessageRefused("The run's updates are not masked: the message was ignored.")
        self._approve_round(message, manifest=manifest)
        payload = self._memory.masked.answer(message.header, manifest=manifest, content=content)
        return self._reply(message, kind=REPLY_TO[message.header.kind], payload=payload)

    def _approve_round(self, message: SignedMessage, *, manifest: RunManifest) -> ApprovedRun:
        plan = manifest.plan
        if not 1 <= message.header.round <= plan.rounds:
            raise MessageRefused("The round is not one of the plan's: it was ignored.")
        approved = self._price(plan)
        self._consented(manifest, approved, check=self._rules.gate.check_training)
        return approved

    def _activate(self, message: SignedMessage, *, manifest: RunManifest, model: NDArray[np.float32]) -> SignedMessage:
        header, plan = message.header, manifest.plan
        charged = [one for one in self._memory.ledger.list_entries() if one.state is not EntryState.REFUSED]
        took_part = any(one.charge.run == plan.run for one in charged)
        handed = HandedModel(header.base_model_sha256, parse_order(message.payload).papers, took_part)
        check = partial(self._rules.gate.check_activation, handed=handed)
        self._consented(manifest, self._price(plan), check=check)
        last = self._memory.activations.find_last()
        order = Activation(
            sequence=header.sequence, run=plan.run, model_sha256=header.base_model_sha256, at=self._clock()
        )
        if last is None or order.sequence > last.sequence:
            self._memory.activations.add(order)
        elif (order.sequence, order.run, order.model_sha256) != (last.sequence, last.run, last.model_sha256):
            raise MessageRefused("The order to use a model is older than the last one: it was ignored.")
        self._trainer.activate(plan, model)
        self._memory.masked.end(plan.run)
        return self._reply(message, kind=Kind.RECEIPT, payload=b"")

    def _consented(self, manifest: RunManifest, run: ApprovedRun, *, check: _Check) -> None:
        """Look at people's decisions each time, for they may withdraw at any moment; then ask the agreement."""
        state = self._rules.consent.ask(manifest, run=run)
        ledger = self._memory.ledger
        spending = Spending(
            epsilon=ledger.bound_epsilon(),
            delta=max(run.plan.delta, ledger.delta),
            consented_agreement=manifest.agreement_sha256 if state is State.APPROVED else None,
        )
        try:
            check(manifest, spending=spending)  # recorded with its reason before anybody is answered
        except ApprovalPending:
            if state is State.PENDING:
                raise
            raise ApprovalRefused("People of this country refused the run or withdrew.", state=state.value) from None

    def _price(self, plan: RunPlan) -> ApprovedRun:
        """Price a plan once."""
        known = self._approved.get(plan.run)
        if known is not None and known.plan != plan:
            raise PlanChanged("This run was accepted with another plan: start a new run.", run=plan.run)
        if known is None:
            known = price_run(plan, settings=self._rules.settings, installed=self._rules.installed)
            self._approved[plan.run] = known
        return known

    def _check_addressed_to_us(self, message: SignedMessage) -> None:
        settings, coordinator = self._rules.settings, self._identity.coordinator_key
        check_order(message, coordinator_key=coordinator, federation=settings.federation, country=settings.country)
        if message.header.kind in WATCHING:
            raise MessageRefused("The message is about logs, not about a round: it was ignored.")

    def _check_header_is_of(self, plan: RunPlan, *, message: SignedMessage, model_bytes: bytes) -> None:
        header = message.header
        if (header.run, header.federation) != (plan.run, plan.federation) or header.plan_sha256 != plan.sha256():
            raise MessageRefused("The message's plan is not the one that its header names: it was ignored.")
        if header.kind in _STEPS_UNDER_MASKS and not model_bytes:
            return  # the model is the one of the order to train
        if header.base_model_sha256 != sha256_hex(model_bytes):
            raise MessageRefused("The message's model is not the one that its header names: it was ignored.")

    def _reply(self, message: SignedMessage, *, kind: Kind, payload: bytes) -> SignedMessage:
        asked = message.header
        header = Header(
            kind=kind,
            federation=asked.federation,
            run=asked.run,
            round=asked.round,
            country=asked.country,
            sequence=asked.sequence,
            plan_sha256=asked.plan_sha256,
            base_model_sha256=asked.base_model_sha256,
            payload_sha256=sha256_hex(payload),
        )
        return sign_message(header, payload=payload, key=self._identity.key)
