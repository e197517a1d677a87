"""The learning process of a node: ``python -m safeborders.node.learner PROFILE``. It talks outbound only."""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from safeborders.configs.enrolling import certificate_validity
from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.logs import get_log, set_up_logs
from safeborders.kit.signing import load_signing_key, public_key_hex
from safeborders.kit.supervisor import stop_on_signals
from safeborders.models.defaults import CATALOGUE
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.graph.features import SPECIFICATION
from safeborders.models.protocol.membership import judge_validity
from safeborders.models.protocol.messages import WATCHING, SignedMessage
from safeborders.node.approving import build_inbox, profile_limits
from safeborders.node.audit.watcher import Membership, Watcher
from safeborders.node.bootstrap import build_cabinet, build_gate, build_ledger, policy_settings
from safeborders.node.enrolment import load_former_keys, load_kit
from safeborders.node.learning.connector import Connector, ConnectorConfig
from safeborders.node.learning.consent import OperatorConsent
from safeborders.node.learning.masked_rounds import MaskedRounds
from safeborders.node.learning.policy import InstalledModel
from safeborders.node.learning.recording import ACTOR, RecordedAnswers, RecordedTrainer, recorder_of
from safeborders.node.learning.round_service import Memory, NodeIdentity, RoundService, Rules
from safeborders.node.learning.trainer import NodeTrainer
from safeborders.node.opening import open_node_store
from safeborders.node.storage.aggregation import SqlSessionStore
from safeborders.node.storage.audit import SqlAuditLog
from safeborders.node.storage.consent_store import SqlEnvelopeStore
from safeborders.node.storage.database import Store
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.node.storage.ledger_store import SqlActivationStore

_log = get_log("learner")


def build_connector(settings: NodeSettings, store: Store) -> Connector:
    """Return the connector that answers the coordinator for this country.

    Raises:
        SettingsError: If a key is missing or the node has not joined.
    """
    places, kit = settings.places, load_kit(settings)
    key = load_signing_key(places.signing_key)
    gate = build_gate(settings, store, node_key=public_key_hex(key))
    start = gate.check_start()
    _log.info("certificate", state=judge_validity(certificate_validity(places), now=system_clock()).state.value)
    _log.info("agreement", state="binds" if start.is_allowed else "refused", reason=start.reason.value)
    record = recorder_of(SqlAuditLog(store.engine), clock=system_clock)
    record(AuditEvent(Operation.CONTROL, action="learner.start", actor=ACTOR, outcome=start.reason.value))
    inbox = build_inbox(settings, store)
    inbox.follow_profile(profile_limits(settings))
    trainer = _build_trainer(settings, store)
    service = RoundService(
        NodeIdentity(key=key, coordinator_key=kit.coordinator_key),
        rules=Rules(
            settings=policy_settings(settings),
            installed=InstalledModel(catalogue=CATALOGUE, features_sha256=SPECIFICATION.sha256()),
            gate=gate,
            consent=OperatorConsent(
                settings.country,
                inbox=inbox,
                standing=build_cabinet(store).standing,
                catalogue=CATALOGUE,
                clock=system_clock,
            ),
        ),
        memory=Memory(
            ledger=build_ledger(settings, store),
            activations=SqlActivationStore(store.engine),
            masked=MaskedRounds(
                settings.country,
                key=key,
                sessions=SqlSessionStore(store.engine),
                roster=gate.known_keys,
                catalogue=CATALOGUE,
            ),
            envelopes=SqlEnvelopeStore(store.engine),
        ),
        trainer=RecordedTrainer(trainer, record=record),
    )
    watcher = build_watcher(settings, store, coordinator_key=kit.coordinator_key)
    recorded = RecordedAnswers(service.answer, record=record)

    def answer(message: SignedMessage) -> SignedMessage:
        return watcher.answer(message) if message.header.kind in WATCHING else recorded(message)

    config = connection_of(settings, coordinator_key=kit.coordinator_key)
    return Connector(config, answer=answer, released=service.mark_released)


def connection_of(settings: NodeSettings, *, coordinator_key: str) -> ConnectorConfig:
    """Return where the coordinator is and with which files this node connects."""
    places = settings.places
    return ConnectorConfig(
        address=urlsplit(str(settings.coordinator_url)).netloc,
        authority=places.authority,
        certificate=places.certificate,
        tls_key=places.tls_key,
        flower_key=places.flower_key,
        coordinator_key=coordinator_key,
        node_id_file=places.flower_node_id,
    )


def build_watcher(settings: NodeSettings, store: Store, *, coordinator_key: str) -> Watcher:
    """Return what answers the coordinator about logs: it needs a roster, no agreement and no approval."""
    key = load_signing_key(settings.places.signing_key)
    path = settings.places.auditor_key
    own = Membership(
        settings.federation,
        settings.country,
        key=key,
        coordinator_key=coordinator_key,
        auditor=load_signing_key(path) if path.exists() else key,
        former_keys=load_former_keys(settings),
    )
    return Watcher(own, log=SqlAuditLog(store.engine), roster=build_cabinet(store).roster, clock=system_clock)


def _build_trainer(settings: NodeSettings, store: Store) -> NodeTrainer:
    places = settings.places
    evaluation = places.evaluation if settings.write_evaluation else None
    return NodeTrainer(SqlLearningStore(store.engine), evaluation=evaluation, released=places.released)


def main(profile: Path) -> None:
    """Answer the coordinator until SIGTERM."""
    set_up_logs()
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    with stop_on_signals() as stop:
        build_connector(settings, store).run(stop)
    store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    sys.stderr.flush()
    os._exit(0)  # the database is closed; tearing torch down piece by piece would only delay the stop
