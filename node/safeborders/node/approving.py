"""Wires the approval inbox of a node from its profile; light, for the API's process imports it."""

from safeborders.configs.node import Environment, NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.models.protocol.manifest import Aggregation
from safeborders.node.consent.entries import LARGEST_TOTAL, StandingLimits
from safeborders.node.consent.inbox import ConsentRule, Inbox
from safeborders.node.storage.consent_store import SqlConsentStore
from safeborders.node.storage.database import Store


def consent_rule(settings: NodeSettings) -> ConsentRule:
    """Return how strict the node is about approvals."""
    persons = 2 if settings.environment is Environment.PRODUCTION else 1
    return ConsentRule(persons=persons, holds_releases=settings.hold_releases)


def build_inbox(settings: NodeSettings, store: Store) -> Inbox:
    """Return the node's approval inbox."""
    return Inbox(SqlConsentStore(store.engine), rule=consent_rule(settings), clock=system_clock)


def profile_limits(settings: NodeSettings) -> StandingLimits | None:
    """Return the standing approval of the profile where it counts: in a demonstration, under a named agreement.

    What the profile does not say is left to the ledger's cap, to the country's limits, and to the agreement.
    """
    given = settings.standing_approval
    if settings.environment is not Environment.DEMONSTRATION or given is None or given.agreement_sha256 is None:
        return None
    return StandingLimits(
        purposes=given.purposes,
        tasks=given.tasks,
        epsilon_per_run=given.epsilon_per_run,
        epsilon_total=LARGEST_TOTAL,
        rounds=settings.privacy.rounds_cap,
        aggregations=(Aggregation.SECURE, Aggregation.PLAIN),
        valid_until=given.valid_until,
        agreement_sha256=given.agreement_sha256,
    )
