"""Wires the ledger and the limits of a node from its profile. Nothing here imports torch."""

from safeborders.configs.node import NodeSettings
from safeborders.models.defaults import DELTA
from safeborders.node.learning.policy import PolicySettings, StandingApproval
from safeborders.node.storage.database import Store
from safeborders.node.storage.ledger_store import SqlLedgerStore
from safeborders.privacy.ledger import PrivacyLedger


def build_ledger(settings: NodeSettings, store: Store) -> PrivacyLedger:
    """Return the country's ledger with its own cap; everything ever released is priced at one delta."""
    return PrivacyLedger(SqlLedgerStore(store.engine), cap_epsilon=settings.privacy.epsilon_cap, delta=DELTA)


def policy_settings(settings: NodeSettings) -> PolicySettings:
    """Return the country's limits in the form that the policy takes."""
    approval = settings.standing_approval
    return PolicySettings(
        country=settings.country,
        federation=settings.federation,
        epsilon_cap=settings.privacy.epsilon_cap,
        delta_cap=settings.privacy.delta_cap,
        rounds_cap=settings.privacy.rounds_cap,
        floor=settings.privacy.floor,
        approval=None
        if approval is None
        else StandingApproval(
            purposes=frozenset(approval.purposes),
            tasks=frozenset(approval.tasks),
            epsilon_per_run=approval.epsilon_per_run,
            valid_until=approval.valid_until,
        ),
    )
