"""Wires the light parts of a node from its profile: database, ledger, limits. Nothing here imports torch."""

from safeborders.configs.node import NodeSettings
from safeborders.models.defaults import DELTA
from safeborders.node.enrolment import load_database_key
from safeborders.node.learning.policy import PolicySettings, StandingApproval
from safeborders.node.storage.database import Place, Store, open_store
from safeborders.node.storage.ledger_store import SqlLedgerStore
from safeborders.privacy.ledger import PrivacyLedger


def open_node_store(settings: NodeSettings) -> Store:
    """Open the country's database as its profile says.

    Raises:
        SettingsError: If the key cannot be read or does not open the file.
        Unavailable: If a database server does not answer.
    """
    if settings.database.url is not None:
        return open_store(Place(url=settings.database.url))
    return open_store(Place(path=settings.places.database, key_hex=load_database_key(settings)))


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
