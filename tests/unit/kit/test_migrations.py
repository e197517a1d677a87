"""Schema migrations on an open engine: whole or not at all, never backwards."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from safeborders.kit.db import open_encrypted
from safeborders.kit.errors import SettingsError
from safeborders.kit.migrations import upgrade_schema

KEY = "0f" * 32
ENVIRONMENT = """
from alembic import context
context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
"""
REVISION = """
from alembic import op
revision, down_revision = {revision!r}, {before!r}
def upgrade():
    op.execute("CREATE TABLE {table} (id INTEGER)")
    {then}
"""


def write_scripts(folder: Path, *tables: str, then: str = "pass") -> Path:
    (folder / "versions").mkdir(parents=True, exist_ok=True)
    (folder / "env.py").write_text(ENVIRONMENT, encoding="utf-8")
    names = [None, *(f"{number:04}" for number in range(1, len(tables) + 1))]
    for before, revision, table in zip(names, names[1:], tables, strict=False):
        last = then if table == tables[-1] else "pass"
        script = REVISION.format(revision=revision, before=before, table=table, then=last)
        (folder / "versions" / f"{revision}.py").write_text(script, encoding="utf-8")
    return folder


def test_an_empty_and_an_older_database_reach_the_newest_schema(tmp_path: Path) -> None:
    engine = open_encrypted(tmp_path / "gr.db", key_hex=KEY)
    assert upgrade_schema(engine, scripts=write_scripts(tmp_path / "scripts", "person")) == "0001"
    scripts = write_scripts(tmp_path / "scripts", "person", "link")
    assert upgrade_schema(engine, scripts=scripts) == "0002"
    assert upgrade_schema(engine, scripts=scripts) == "0002"
    assert {"person", "link"} <= set(inspect(engine).get_table_names())
    engine.dispose()


def test_a_migration_that_fails_leaves_the_schema_as_it_was(tmp_path: Path) -> None:
    engine = open_encrypted(tmp_path / "gr.db", key_hex=KEY)
    upgrade_schema(engine, scripts=write_scripts(tmp_path / "scripts", "person"))
    broken = write_scripts(tmp_path / "scripts", "person", "link", then="raise RuntimeError('power cut')")
    with pytest.raises(RuntimeError, match="power cut"):
        upgrade_schema(engine, scripts=broken)
    assert "link" not in inspect(engine).get_table_names()
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0001"
    engine.dispose()


def test_a_database_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    engine = open_encrypted(tmp_path / "gr.db", key_hex=KEY)
    upgrade_schema(engine, scripts=write_scripts(tmp_path / "new", "person", "link"))
    with pytest.raises(SettingsError, match="newer than this program"):
        upgrade_schema(engine, scripts=write_scripts(tmp_path / "old", "person"))
    engine.dispose()


def test_a_folder_with_a_percent_sign_works(tmp_path: Path) -> None:
    scripts = write_scripts(tmp_path / "scripts", "person")
    odd = tmp_path / "100% gr"
    shutil.move(scripts, odd)
    engine = open_encrypted(tmp_path / "gr.db", key_hex=KEY)
    assert upgrade_schema(engine, scripts=odd) == "0001"
    engine.dispose()
