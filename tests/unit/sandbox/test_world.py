"""The synthetic world: repeatable, unequal between countries, with its truth apart from its files."""

import csv
import hashlib
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from safeborders.kit.errors import Conflict, SettingsError
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.models.domain.typology import CaseType
from safeborders.models.graph.indicators import INDICATORS
from safeborders.sandbox.world.creation import create_world
from safeborders.sandbox.world.numbers import load_numbers

TINY = {"ro": 60, "bg": 25, "gr": 40, "it": 25, "pl": 15, "pt": 20, "be": 20, "fi": 12, "wb": 45}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worlds") / "tiny"
    create_world(preset="tiny", seed=7, out=folder)
    return folder


@pytest.fixture(scope="module")
def rows(world: Path) -> dict[str, list[dict[str, Any]]]:
    return {country.value: [json.loads(line) for line in lines_of(world, country)] for country in DEMONSTRATION}


def lines_of(world: Path, country: Country) -> list[str]:
    return (world / country.value / "records.jsonl").read_text(encoding="utf-8").rstrip("\n").split("\n")


def truth(world: Path, name: str) -> list[dict[str, str]]:
    with (world / "ground_truth" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(world: Path, tmp_path: Path) -> None:
    create_world(preset="tiny", seed=7, out=tmp_path / "again")
    create_world(preset="tiny", seed=8, out=tmp_path / "other")
    assert hashes(tmp_path / "again") == hashes(world)
    other = hashes(tmp_path / "other")
    assert all(other[name] != value for name, value in hashes(world).items())


def test_every_country_has_its_number_of_cases(rows: dict[str, list[dict[str, Any]]]) -> None:
    cases = {country: sum(row.get("kind") == "case" for row in records) for country, records in rows.items()}
    assert cases == TINY


def test_every_file_begins_with_its_envelope(rows: dict[str, list[dict[str, Any]]]) -> None:
    for country, (header, *_) in rows.items():
        assert header["record"] == "header"
        assert header["country"] == country
        assert header["envelope"]["legal_basis"]


def test_a_group_that_nobody_recorded_is_null_throughout(rows: dict[str, list[dict[str, Any]]]) -> None:
    unrecorded = recorded = 0
    for records in rows.values():
        for row in records:
            if row["record"] == "indicators":
                assert tuple(row["values"]) == INDICATORS
                groups: dict[str, set[bool | None]] = {}
                for code, value in row["values"].items():
                    groups.setdefault(code.partition(".")[0], set()).add(value)
                # A contradiction fills in a recruiter group; no other group mixes known and unknown.
                assert all(None not in values or len(values) == 1 for values in groups.values())
                unrecorded += sum(values == {None} for values in groups.values())
                recorded += sum(values != {None} for values in groups.values())
    assert 0.15 < unrecorded / (unrecorded + recorded) < 0.40


def test_the_countries_differ_in_their_mix_of_types() -> None:
    numbers = load_numbers()
    romania, greece = (numbers.countries[country].mix for country in DEMONSTRATION[0:3:2])
    middle = [(a + b) / 2 for a, b in zip(romania, greece, strict=True)]
    divergence = sum(
        0.5 * share * math.log2(share / mean)
        for mix in (romania, greece)
        for share, mean in zip(mix, middle, strict=True)
    )
    assert divergence > 0.2  # Jensen-Shannon, in bits
    assert all(math.isclose(sum(one.mix), 1.0) for one in numbers.countries.values())


def test_hidden_links_stand_in_the_truth_and_in_no_file(world: Path, rows: dict[str, list[dict[str, Any]]]) -> None:
    written = {
        frozenset((row["source"], row["target"]))
        for records in rows.values()
        for row in records
        if row.get("kind") in {"ASSOCIATE", "KIN"}
    }
    links = truth(world, "gt_links")
    hidden = [link for link in links if link["hidden"] == "1"]
    assert not written & {frozenset((link["src"], link["dst"])) for link in hidden}
    assert written <= {frozenset((link["src"], link["dst"])) for link in links}
    planted = [link for link in links if link["planted"] == "1"]
    assert 0.16 < len(hidden) / len(planted) < 0.24
    assert all(link["planted"] == "1" for link in hidden)


def test_every_true_person_and_case_is_a_record(world: Path, rows: dict[str, list[dict[str, Any]]]) -> None:
    for table, column, kind in (("gt_persons", "person", "person"), ("gt_cases", "case", "case")):
        written = {row["id"] for records in rows.values() for row in records if row.get("kind") == kind}
        assert {row[column] for row in truth(world, table)} == written


def test_cases_of_one_network_share_their_type_and_some_networks_span_countries(world: Path) -> None:
    types: dict[str, set[str]] = {}
    for case in truth(world, "gt_cases"):
        if case["network"]:
            types.setdefault(case["network"], set()).add(case["type"])
    assert all(len(found) == 1 for found in types.values())
    networks = truth(world, "gt_networks")
    assert {network["network"]: {network["type"]} for network in networks} == types
    assert any(len(network["countries"].split()) > 1 for network in networks)


def test_things_cross_borders_and_some_equal_numbers_mean_nothing(world: Path) -> None:
    crossings = truth(world, "gt_crossborder")
    assert {row["is_negative"] for row in crossings} == {"0", "1"}
    assert all(row["node_a"] != row["node_b"] for row in crossings)


def test_humans_labelled_some_cases_and_erred_on_few(demo_world: Path) -> None:
    types = {case["case"]: case["type"] for case in truth(demo_world, "gt_cases")}
    labelled: Counter[bool] = Counter()
    for country in DEMONSTRATION:
        for line in lines_of(demo_world, country):
            if '"kind":"case"' in line:
                row = json.loads(line)
                if label := row["properties"].get("type_label"):
                    assert label in set(CaseType)
                    labelled[label == types[row["id"]]] += 1
    assert 0.26 < labelled.total() / len(types) < 0.33
    assert 0.02 < labelled[False] / labelled.total() < 0.09


def test_a_child_forced_into_crime_may_be_suspect_and_victim(rows: dict[str, list[dict[str, Any]]]) -> None:
    categories: dict[str, set[str]] = {}
    for records in rows.values():
        for row in records:
            if row["record"] == "status":
                categories.setdefault(row["person"], set()).add(row["category"])
    assert any({"suspect", "victim_presumed"} <= held for held in categories.values())


def test_canaries_are_a_thousand_and_all_occur_in_the_files(world: Path) -> None:
    canaries = (world / "ground_truth" / "canaries.txt").read_text(encoding="utf-8").splitlines()
    text = "".join((world / country.value / "records.jsonl").read_text(encoding="utf-8") for country in DEMONSTRATION)
    assert len(set(canaries)) == 1000
    assert [canary for canary in canaries if f'"{canary}"' not in text] == []


def test_an_unknown_preset_and_a_full_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        create_world(preset="huge", seed=1, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()
    (tmp_path / "keep.txt").touch()
    with pytest.raises(Conflict):
        create_world(preset="tiny", seed=1, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["keep.txt"]
