"""The coordinator's database cannot hold a person (domain.md, L22-1)."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Integer, MetaData, String, Table, inspect

from safeborders.models.domain.audit import Operation
from safeborders.server.registry.audit import event_of
from safeborders.server.registry.sql import ModelDamaged, SqlRegistry
from safeborders.server.storage.base import Base
from safeborders.server.storage.opening import open_registry_database
from safeborders.server.storage.tables import ModelVersionRow, NodeContactRow
from sbtest.history import START, make_model, make_plan

# Every column that the coordinator may have. A new one is added here by a person who has read L22-1.
ALLOWED = {
    "node_contact": {"country", "seen_at", "sequence"},
    "roster": {
        "country", "state", "signing_key", "flower_key", "flower_node_id", "epsilon_cap", "changed_at",
    },
    "member_certificate": {"sha256", "country", "serial", "starts_at", "ends_at", "recorded_at", "revoked_at"},
    "revoked_key": {"signing_key", "country", "revoked_at"},
    "run": {"run", "plan", "plan_sha256", "state", "started_at", "changed_at"},
    "model_version": {"run", "round", "sha256", "parent_sha256", "parameters", "optimiser_state", "created_at"},
    "round": {"run", "round", "started_at", "ended_at", "is_void"},
    "reply": {"run", "round", "country", "state", "code", "seconds", "payload_bytes"},
    "task_statistics": {"run", "round", "task", "loss", "accuracy", "update_norm"},
    "aggregation_round": {"run", "round", "adverts", "survivors", "echoes"},  # echoes: signed headers of keys
    "audit_leaf": {"number", "leaf", "chain"},
    "audit_record": {"number", "content"},  # JSON of an AuditEvent: identifiers, codes and hashes (see below)
    "audit_checkpoint": {"size", "note"},
    "audit_cosignature": {"size", "witness", "at", "signature"},
    "audit_seen": {"origin", "size", "root"},
    "watched_log": {"origin", "note", "seen_at"},
    "witness_memory": {"origin", "witness", "size", "is_forked"},
    "alembic_version": {"version_num"},
}  # fmt: skip


def find_strangers(columns: Iterable[tuple[str, str]]) -> list[str]:
    """Return the columns that are not on the list."""
    return [f"{table}.{column}" for table, column in columns if column not in ALLOWED.get(table, set())]


def test_no_table_of_the_coordinator_can_hold_a_person(tmp_path: Path) -> None:
    engine = open_registry_database(f"sqlite:///{tmp_path / 'schema_test.db'}")
    schema = inspect(engine)
    columns = [(table, column["name"]) for table in schema.get_table_names() for column in schema.get_columns(table)]
    engine.dispose()

    assert columns
    assert find_strangers(columns) == []


@pytest.mark.parametrize(("table", "column"), [("person", "id"), ("reply", "name"), ("round", "case_ref")])
def test_a_planted_column_is_found(table: str, column: str) -> None:
    planted = Table(table, MetaData(), Column("run", Integer), Column(column, String))

    assert f"{table}.{column}" in find_strangers((table, found.name) for found in planted.columns)


def test_the_migrations_make_the_tables_that_the_code_declares(tmp_path: Path) -> None:
    engine = open_registry_database(f"sqlite:///{tmp_path / 'schema_test.db'}")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    engine.dispose()

    assert NodeContactRow.metadata is Base.metadata
    assert differences == []


def test_a_damaged_model_is_noticed(tmp_path: Path) -> None:
    engine = open_registry_database(f"sqlite:///{tmp_path / 'registry_test.db'}")
    registry = SqlRegistry(engine)
    registry.start_run(make_plan(), initial=make_model("run-1", number=0), now=START)
    with engine.begin() as connection:
        connection.execute(ModelVersionRow.__table__.update().values(parameters=b"torn"))  # type: ignore[attr-defined]  # a Table

    with pytest.raises(ModelDamaged):
        registry.get_latest_model("run-1")
    engine.dispose()


@pytest.mark.parametrize("planted", ["Maria Papadopoulou", "+30 690 000 0000", "seen near the port", ""])
@pytest.mark.parametrize("place", ["actor", "objects", "recipients", "facts", "outcome"])
def test_no_row_of_the_coordinators_log_can_hold_a_person(planted: str, place: str) -> None:
    clean = event_of(Operation.CONTROL, "run.state", objects=("gr",), facts={"run": "run-1"})
    values = {"objects": (planted,), "recipients": (planted,), "facts": {"told": planted}}
    with pytest.raises(ValueError, match="never a text"):
        replace(clean, **{place: values.get(place, planted)})  # type: ignore[arg-type]  # one of five fields
