"""Opens the country's database as the profile says."""

from safeborders.configs.node import NodeSettings
from safeborders.node.enrolment import load_database_key
from safeborders.node.storage.database import Place, Store, open_store


def open_node_store(settings: NodeSettings) -> Store:
    """Open the country's database as its profile says.

    Raises:
        SettingsError: If the key cannot be read or does not open the file.
        Unavailable: If a database server does not answer.
    """
    if settings.database.url is not None:
        return open_store(Place(url=settings.database.url))
    return open_store(Place(path=settings.places.database, key_hex=load_database_key(settings)))
