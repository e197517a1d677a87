"""Opens the coordinator's database and brings it to the newest schema."""

from pathlib import Path

from sqlalchemy import Engine

from safeborders.kit.db import open_url
from safeborders.kit.migrations import upgrade_schema

MIGRATIONS = Path(__file__).parent / "migrations"


def open_registry_database(url: str) -> Engine:
    """Open the database at ``url`` (SQLite file or PostgreSQL) with the newest schema.

    Raises:
        SettingsError: If the URL is of no supported kind, or the database is newer than this program.
        Unavailable: If the database does not answer.
    """
    engine = open_url(url)
    upgrade_schema(engine, scripts=MIGRATIONS)
    return engine
