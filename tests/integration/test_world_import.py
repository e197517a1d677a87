"""The synthetic world's files go through the importer as a real country's would."""

import csv
import json
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from safeborders.kit.clock import system_clock
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.node.ingest.country_import import import_country
from safeborders.node.storage.database import Store
from safeborders.node.storage.entities import EntityRow
from safeborders.node.storage.tables import LabelRow, LinkRow, MoIndicatorRow, PersonStatusRow
from safeborders.sandbox.world.creation import create_world, write_world
from safeborders.sandbox.world.sizes import Size


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "world"
    create_world(preset="tiny", seed=11, out=folder)
    return folder


@pytest.mark.parametrize("country", DEMONSTRATION)
def test_every_row_of_a_country_arrives_and_no_hidden_link_does(
    country: Country, world: Path, sqlcipher: Store
) -> None:
    text = (world / country.value / "records.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.rstrip("\n").split("\n")]
    seen: list[tuple[int, int]] = []
    report = import_country(
        sqlcipher,
        world / country.value,
        country=country,
        now=system_clock,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert [(file.imported, file.rows) for file in report.files] == [(True, len(rows) - 1)]
    assert seen[-1][0] == seen[-1][1] == len(text.encode())
    known = sum(value is not None for row in rows if row["record"] == "indicators" for value in row["values"].values())
    with sqlcipher.transaction() as connection:
        for table, expected in (
            (EntityRow, sum(row["record"] == "entity" for row in rows)),
            (LinkRow, sum(row["record"] == "link" for row in rows)),
            (MoIndicatorRow, known),
            (PersonStatusRow, sum(row["record"] == "status" for row in rows)),
            (LabelRow, sum(row["record"] == "label" for row in rows)),
        ):
            assert connection.execute(select(func.count()).select_from(table.__table__)).scalar_one() == expected
        first, second = aliased(EntityRow), aliased(EntityRow)
        ends = (
            select(first.import_key, second.import_key)
            .select_from(LinkRow)
            .where(LinkRow.kind.in_(["KIN", "ASSOCIATE"]))
        )
        ends = ends.join(first, first.id == LinkRow.source).join(second, second.id == LinkRow.target)
        stored = {frozenset(row) for row in connection.execute(ends)}
    with (world / "ground_truth/gt_links.csv").open(encoding="utf-8", newline="") as file:
        links = [link for link in csv.DictReader(file) if link["src"].startswith(f"{country.value}-")]
    hidden = {frozenset((link["src"], link["dst"])) for link in links if link["hidden"] == "1"}
    assert hidden
    assert not stored & hidden
    assert stored <= {frozenset((link["src"], link["dst"])) for link in links}


def test_a_large_country_arrives_file_by_file(sqlcipher: Store, tmp_path: Path) -> None:
    size = Size({Country.FI: 60}, district=25)
    summary = write_world(size, seed=11, out=tmp_path / "world", progress=lambda _done, _total: None)
    report = import_country(
        sqlcipher, tmp_path / "world/fi", country=Country.FI, now=system_clock, progress=lambda _done, _total: None
    )
    assert [file.imported for file in report.files] == [True, True, True]
    with sqlcipher.transaction() as connection:
        entities = connection.execute(select(func.count()).select_from(EntityRow.__table__)).scalar_one()
    assert entities == summary.rows[Country.FI][0]
