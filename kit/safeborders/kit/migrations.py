"""Schema migrations: Alembic run on an engine that is already open (an encrypted file cannot be opened by URL)."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from safeborders.kit.db import for_reading
from safeborders.kit.errors import SettingsError


def upgrade_schema(engine: Engine, *, scripts: Path) -> str:
    """Bring the database behind ``engine`` to the newest schema in ``scripts`` and return its revision.

    Raises:
        SettingsError: If the database was written by a newer version of the program.
    """
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))  # it interpolates
    known = ScriptDirectory.from_config(config)
    with for_reading(engine).connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {revision.revision for revision in known.walk_revisions()}:
        raise SettingsError("The database is newer than this program: install the version that wrote it.")
    if current == known.get_current_head():  # whoever only opens the database waits for nobody who writes to it
        return str(current)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return str(known.get_current_head())
