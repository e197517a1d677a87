"""The demonstration's parts: its folder, its profiles, its table."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.errors import Conflict, Unavailable
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.sandbox.demo.layout import prepare_folder, write_profiles
from safeborders.sandbox.demo.programs import Programs
from safeborders.sandbox.demo.results import CountryResult, DemoResult, Scores, print_result, write_result


def a_result() -> DemoResult:
    row = CountryResult(
        typology=Scores(0.5, 0.6, 0.7),
        links=Scores(0.8, 0.85, 0.9),
        epsilon_local=7.99,
        epsilon_sum=2.41,
        bytes_sent=123,
        roles=Scores(0.4, 0.45, 0.55),
    )
    return DemoResult(
        countries=dict.fromkeys(DEMONSTRATION, row),
        central_typology=0.75,
        central_links=0.95,
        central_roles=0.65,
        rounds=30,
        seconds=99.94,
    )


def test_a_folder_with_other_things_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(Conflict, match="holds other things"):
        prepare_folder(tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_a_folder_of_an_earlier_demonstration_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    layout = prepare_folder(folder)
    layout.log("old").write_text("old")
    prepare_folder(folder)
    assert not layout.log("old").exists()


def test_all_ten_profiles_are_valid_and_no_port_is_given_twice(tmp_path: Path) -> None:
    layout = prepare_folder(tmp_path / "demo")
    write_profiles(layout, epsilon=8.0, with_api=True)
    coordinator = load_settings(layout.coordinator_profile, CoordinatorSettings)
    nodes = [load_settings(layout.node_profile(country), NodeSettings) for country in DEMONSTRATION]
    assert [node.country for node in nodes] == list(DEMONSTRATION)
    ports = [coordinator.edge.port, coordinator.superlink_port, coordinator.page_port]
    ports += [node.api.port for node in nodes if node.api]
    assert len(ports) == len(set(ports)) == 12
    assert all(node.places.evaluation == layout.evaluation(node.country, run="x").parent for node in nodes)


def test_the_table_fits_eighty_columns_and_names_every_country() -> None:
    page = io.StringIO()
    print_result(a_result(), Console(file=page, width=80))
    lines = page.getvalue().splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert all(any(line.split()[:1] == [country.value.upper()] for line in lines) for country in DEMONSTRATION)


def test_the_machine_form_has_the_promised_keys(tmp_path: Path) -> None:
    write_result(a_result(), tmp_path / "out" / "result.json")
    document = json.loads((tmp_path / "out" / "result.json").read_text())
    assert set(document) >= {"countries", "central", "rounds", "seconds"}
    assert document["countries"][Country.GR.value] == {
        "local": 0.5,
        "federated": 0.6,
        "personalised": 0.7,
        "links": {"local": 0.8, "federated": 0.85, "personalised": 0.9},
        "roles": {"local": 0.4, "federated": 0.45, "personalised": 0.55},
        "epsilon_local": 7.99,
        "epsilon_sum": 2.41,
        "bytes_sent": 123,
    }


def test_a_failing_step_is_told_with_its_last_line(tmp_path: Path) -> None:
    programs = Programs()
    try:
        with pytest.raises(Unavailable, match="'node' of the demonstration failed: safeborders: The profile"):
            programs.finish("node", ["node", "budget", "-p", str(tmp_path / "absent.yaml")], log=tmp_path / "log")
    finally:
        programs.stop()


def test_a_program_that_ends_by_itself_is_told_with_its_last_line(tmp_path: Path) -> None:
    programs = Programs()
    try:
        programs.start("node gr", ["node", "run", "-p", str(tmp_path / "absent.yaml")], log=tmp_path / "log").wait(60)
        with pytest.raises(Unavailable, match="'node gr' failed: safeborders: The profile"):
            programs.check()
    finally:
        programs.stop()
