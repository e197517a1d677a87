"""From import files to predictions: the synthetic world, a real encrypted database, the real trainer."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from safeborders.models.defaults import ARCHITECTURE, DELTA
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.models.graph.features import SPECIFICATION
from safeborders.models.protocol.plan import RunPlan
from safeborders.node.ingest.country_import import import_country
from safeborders.node.learning.trainer import NodeTrainer
from safeborders.node.storage.database import Store
from safeborders.node.storage.learning_store import SqlLearningStore
from safeborders.sandbox.scoring import load_truth, score_country
from safeborders.sandbox.world.creation import create_world
from sbtest.task_plans import tiny_task_plans

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PLAN = RunPlan(
    federation="test",
    run="run-1",
    purpose="P1",
    rounds=1,
    tasks=tiny_task_plans(),
    delta=DELTA,
    architecture_sha256=ARCHITECTURE.sha256(),
    features_sha256=SPECIFICATION.sha256(),
    participants=DEMONSTRATION,
    floor=2,
    deadline_seconds=10.0,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    create_world(preset="tiny", seed=3, out=folder)
    return folder


@pytest.fixture
def greece(world: Path, sqlcipher: Store) -> Store:
    import_country(sqlcipher, world / "gr", country=Country.GR, now=lambda: NOW, progress=lambda _done, _total: None)
    return sqlcipher


def test_a_country_trains_predicts_and_is_scored(world: Path, greece: Store, tmp_path: Path) -> None:
    trainer = NodeTrainer(SqlLearningStore(greece.engine, clock=lambda: NOW), evaluation=tmp_path)
    model = ARCHITECTURE.initial_parameters(1)
    assert trainer.update(PLAN, model).shape == (ARCHITECTURE.update_length,)
    trainer.activate(PLAN, model)
    scores = score_country(tmp_path / "run-1.json", load_truth(world / "ground_truth"))
    assert scores.typology["local"] > 0.2
    assert scores.links["local"] > 0.75
    assert scores.links["federated"] == pytest.approx(0.5)  # the control: an untrained model knows nothing


def test_only_rows_that_allow_it_are_learnt_from(greece: Store) -> None:
    """Make half of all rows unusable, in every way there is, and look for them in the records."""
    ways = ("restricted = true", "train_ok = false", "handling = 'H2'", "review_due = '2026-02-28'")
    with greece.engine.begin() as connection:
        for number, way in enumerate(ways):
            for table in ("entity", "link"):
                connection.execute(text(f"UPDATE {table} SET {way} WHERE rowid % 8 = {number}"))  # noqa: S608  # constants
        withheld = set(connection.execute(text("SELECT id FROM entity WHERE rowid % 8 < 4")).scalars())
        usable = connection.execute(text("SELECT count(*) FROM link WHERE rowid % 8 >= 4")).scalar_one()
    records = SqlLearningStore(greece.engine, clock=lambda: NOW).load_records()
    read = {identifier for names in records.ids.values() for identifier in names}
    assert read
    assert not read & withheld
    assert 0 < sum(map(len, records.relations)) < usable
