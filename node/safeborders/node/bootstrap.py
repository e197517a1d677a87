"""Wires ledger, limits, agreement and audit log of a node from its profile. Nothing here imports torch."""

from dataclasses import replace

from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.signing import load_signing_key, public_key_hex
from safeborders.kit.transparency.identity import LogIdentity
from safeborders.models.defaults import DELTA
from safeborders.models.domain.countries import Country
from safeborders.models.domain.materials import COORDINATOR, Material
from safeborders.models.protocol.roster import RosterRefused
from safeborders.models.protocol.witnessing import log_identity
from safeborders.node.audit.reading import LogReader
from safeborders.node.enrolment import load_former_keys
from safeborders.node.learning.gate import AgreementGate
from safeborders.node.learning.policy import PolicySettings
from safeborders.node.storage.agreement_store import SqlDecisionJournal, SqlPaperStore
from safeborders.node.storage.audit import SqlAuditLog
from safeborders.node.storage.database import Store
from safeborders.node.storage.ledger_store import SqlLedgerStore
from safeborders.privacy.agreement.cabinet import Cabinet
from safeborders.privacy.agreement.engine import PolicyEngine
from safeborders.privacy.agreement.standing import Standing
from safeborders.privacy.ledger import PrivacyLedger


def build_ledger(settings: NodeSettings, store: Store) -> PrivacyLedger:
    """Return the country's ledger; everything ever released is priced at one delta, the country's own where lower.

    Its cap is the country's own, or the one that the agreement grants for updates where that is lower.
    """
    caps = [settings.privacy.epsilon_cap, *agreed_caps(build_cabinet(store).standing(), settings.country)]
    return PrivacyLedger(
        SqlLedgerStore(store.engine), cap_epsilon=min(caps), delta=min(DELTA, settings.privacy.delta_cap)
    )


def agreed_caps(standing: Standing, country: Country) -> tuple[float, ...]:
    """Return the largest epsilon that the agreement grants ``country`` for updates; nothing where it grants none."""
    if standing.agreement is None:
        return ()
    grants = [
        grant.conditions.dp.epsilon_max_total
        for grant in standing.agreement.grants
        if grant.material is Material.UPDATE
        and grant.covers(sender=country.value, recipient=COORDINATOR)
        and grant.conditions.dp is not None
    ]
    return (float(max(grants)),) if grants else ()


def build_cabinet(store: Store) -> Cabinet:
    """Return the papers that the country keeps."""
    return Cabinet(SqlPaperStore(store.engine))


def build_engine(settings: NodeSettings, store: Store, *, cabinet: Cabinet) -> PolicyEngine:
    """Return the engine that decides for the country and records in its database."""
    return PolicyEngine(
        settings.country.value,
        standing=cabinet.standing,
        journal=SqlDecisionJournal(store.engine),
        clock=system_clock,
    )


def build_gate(settings: NodeSettings, store: Store, *, node_key: str) -> AgreementGate:
    """Return what stands before the country's learning."""
    cabinet = build_cabinet(store)
    engine = build_engine(settings, store, cabinet=cabinet)
    return AgreementGate(cabinet, engine=engine, node_key=node_key, clock=system_clock)


def policy_settings(settings: NodeSettings) -> PolicySettings:
    """Return the country's limits in the form that the policy takes."""
    return PolicySettings(
        country=settings.country,
        federation=settings.federation,
        epsilon_cap=settings.privacy.epsilon_cap,
        delta_cap=settings.privacy.delta_cap,
        rounds_cap=settings.privacy.rounds_cap,
        floor=settings.privacy.floor,
    )


def build_reader(settings: NodeSettings, store: Store) -> LogReader:
    """Return what reads the log for an authority; it knows the public key alone."""
    return LogReader(SqlAuditLog(store.engine), identity=lambda: identify_log(settings, store))


def identify_log(settings: NodeSettings, store: Store) -> LogIdentity:
    """Return the name of this node's log, its public key, and who may co-sign it by the roster of this moment."""
    log_key = public_key_hex(load_signing_key(settings.places.signing_key))
    try:
        roster = build_cabinet(store).roster()
    except RosterRefused:
        roster = None  # a node that has not joined has a log, and nobody to co-sign it
    identity = log_identity(settings.federation, settings.country.value, log_key=log_key, roster=roster)
    return replace(identity, former_keys=load_former_keys(settings))
