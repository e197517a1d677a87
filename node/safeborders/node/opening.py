"""Opens the country's database as the profile says, with the newest schema."""

from safeborders.configs.node import NodeSettings
from safeborders.kit.errors import SettingsError
from safeborders.node.enrolment import load_database_key
from safeborders.node.storage.access import SqlLookupJournal
from safeborders.node.storage.access_waiting import PatientLookupJournal, WaitingLookups
from safeborders.node.storage.database import Place, Store, open_store


def open_node_store(settings: NodeSettings) -> Store:
    """Open the database of a node that was initialised.

    Raises:
        SettingsError: If there is no node here, or the key cannot be read or does not open the file.
        Unavailable: If a database server does not answer.
    """
    if not settings.places.signing_key.exists():
        raise SettingsError(f"There is no node in {settings.places.state}: run safeborders node init first.")
    return create_node_store(settings)


def create_node_store(settings: NodeSettings) -> Store:
    """Open the database, make it when it is absent, and bring its schema up to date.

    Raises:
        SettingsError: If the key cannot be read or does not open the file.
        Unavailable: If a database server does not answer.
    """
    if settings.database.url is not None:
        store = open_store(Place(url=settings.database.url))
    else:
        store = open_store(Place(path=settings.places.database, key_hex=load_database_key(settings)))
    store.upgrade()
    if settings.database.url is None:
        waiting = _waiting_lookups(settings)
        try:
            PatientLookupJournal(store.engine, waiting=waiting).enter_waiting()
        finally:
            waiting.close()
    return store


def open_journal(settings: NodeSettings, store: Store) -> SqlLookupJournal:
    """Return the journal of the look-ups of a node that serves; an import holds none of them up."""
    if settings.database.url is not None:
        return SqlLookupJournal(store.engine)
    return PatientLookupJournal(store.engine, waiting=_waiting_lookups(settings))


def _waiting_lookups(settings: NodeSettings) -> WaitingLookups:
    return WaitingLookups(settings.places.waiting_lookups, key_hex=load_database_key(settings))
