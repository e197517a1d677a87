"""A world of any number of persons, written district by district: repeatable, no name twice, bounded memory."""

import hashlib
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from safeborders.kit.errors import SettingsError
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.sandbox.world.creation import write_world
from safeborders.sandbox.world.files import CountryFiles
from safeborders.sandbox.world.ground_truth import TABLES
from safeborders.sandbox.world.numbers import load_numbers
from safeborders.sandbox.world.overview import read_records, read_table
from safeborders.sandbox.world.register import Register
from safeborders.sandbox.world.sizes import Size, scaled_size
from safeborders.sandbox.world_cli import app

SMALL = Size({Country.GR: 90, Country.RO: 60}, district=50)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scaled") / "world"
    write_world(SMALL, seed=5, out=folder, progress=lambda _done, _total: None)
    return folder


def hashes(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def test_districts_add_up_and_none_is_larger_than_agreed() -> None:
    districts = list(SMALL.districts())
    assert [sum(one.values()) for one in districts] == [50, 50, 50]
    assert {country: sum(one[country] for one in districts) for country in SMALL.cases} == SMALL.cases
    assert list(Size({Country.FI: 12}).districts()) == [{Country.FI: 12}]


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(world: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_world(SMALL, seed=5, out=tmp_path / "again", progress=lambda done, total: seen.append((done, total)))
    assert hashes(tmp_path / "again") == hashes(world)
    assert seen == [(50, 150), (100, 150), (150, 150)]
    write_world(SMALL, seed=6, out=tmp_path / "other", progress=lambda _done, _total: None)
    assert hashes(tmp_path / "other").keys() == hashes(world).keys()
    assert not hashes(tmp_path / "other").items() & hashes(world).items()


def test_no_name_and_no_number_is_given_out_twice(world: Path) -> None:
    for country in ("gr", "ro"):
        assert len(list((world / country).glob("records-*.jsonl"))) == 3
        rows = list(read_records(world, country))
        for record in ("entity", "link"):
            names = [row["id"] for row in rows if row["record"] == record]
            assert len(set(names)) == len(names)
        assert sum(row.get("kind") == "case" for row in rows) == SMALL.cases[Country(country)]


def test_each_file_names_only_what_it_holds_itself(world: Path) -> None:
    for path in sorted((world / "gr").glob("*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        assert rows[0]["record"] == "header"
        held = {row["id"] for row in rows if row["record"] == "entity"}
        ends = {row[end] for row in rows if row["record"] == "link" for end in ("source", "target")}
        assert ends <= held


def test_every_table_of_the_truth_covers_all_districts(world: Path) -> None:
    cases = {case["case"] for case in read_table(world, "gt_cases")}
    assert cases == {row["id"] for c in ("gr", "ro") for row in read_records(world, c) if row.get("kind") == "case"}
    assert {row["case"] for row in read_table(world, "gt_risk")} == cases
    assert all(list(read_table(world, name)) for name in TABLES)


def test_memory_is_bounded_because_a_district_is_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The largest number of rows in memory is that of a district; the control in one piece holds all of them."""
    most: dict[int, int] = {}
    write = CountryFiles.write

    def watched(self: CountryFiles, register: Register) -> None:
        most[size.district] = max(most.get(size.district, 0), len(register.links))
        write(self, register)

    monkeypatch.setattr(CountryFiles, "write", watched)
    for district in (50, 0):
        size = Size({Country.FI: 200}, district=district)
        write_world(size, seed=1, out=tmp_path / str(district), progress=lambda _done, _total: None)
    assert most[50] < most[0] / 2


def test_a_scale_means_persons_within_a_tenth(tmp_path: Path) -> None:
    size = scaled_size(7000, countries=(Country.PT,))
    summary = write_world(size, seed=2, out=tmp_path / "pt", progress=lambda _done, _total: None)
    assert summary.persons[Country.PT] == pytest.approx(7000, rel=0.1)
    assert tuple(scaled_size(100).cases) == DEMONSTRATION
    assert sum(scaled_size(10**6).cases.values()) * load_numbers().scale.persons_per_case == pytest.approx(
        9e6, rel=0.01
    )


@pytest.mark.parametrize("persons", [0, 99, 1_000_001])
def test_an_impossible_scale_is_refused(persons: int) -> None:
    with pytest.raises(SettingsError, match="100 to"):
        scaled_size(persons)


def test_the_command_takes_a_scale_and_a_country(tmp_path: Path) -> None:
    out = tmp_path / "world"
    made = CliRunner().invoke(app, ["create", "--scale", "300", "--country", "gr", "--out", str(out), "-q"])
    assert made.exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == ["gr", "ground_truth"]
    refused = CliRunner().invoke(app, ["create", "--country", "gr", "--out", str(tmp_path / "no")])
    assert isinstance(refused.exception, SettingsError)
