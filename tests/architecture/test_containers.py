"""Images hold one side; containers run locked; the example profiles of compose.yaml are valid."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from safeborders.configs.authority import AuthoritySettings
from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from sbtest.house.container_rules import violations_in_dockerfile, violations_in_service
from sbtest.house.sources import ROOT

DOCKER = ROOT / "docker"
FORBIDDEN = {"coordinator": ("node", "sandbox", "tests"), "node": ("server", "sandbox", "tests")}
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))


def dockerfile(side: str) -> str:
    return (DOCKER / f"{side}.Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("side", sorted(FORBIDDEN))
def test_an_image_holds_one_side_runs_without_root_and_calls_nobody(side: str) -> None:
    assert violations_in_dockerfile(dockerfile(side), forbidden_roots=FORBIDDEN[side]) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("COPY server server", "COPY server server\nCOPY node node"),
        ("COPY server server", "COPY . ."),
        ("USER 10001", "USER root"),
        ("USER 10001", ""),
        ("FLWR_TELEMETRY_ENABLED=0", "FLWR_TELEMETRY_ENABLED=1"),
        ("COPY server server", "COPY server server\nENV DATABASE_PASSWORD=x"),
    ],
)
def test_a_planted_fault_in_a_dockerfile_is_found(old: str, new: str) -> None:
    bent = dockerfile("coordinator").replace(old, new)
    assert bent != dockerfile("coordinator")
    assert violations_in_dockerfile(bent, forbidden_roots=FORBIDDEN["coordinator"])


@pytest.mark.parametrize("service", sorted(COMPOSE["services"]))
def test_a_service_is_locked(service: str) -> None:
    assert violations_in_service(COMPOSE["services"][service]) == []


@pytest.mark.parametrize(
    "change",
    [
        {"read_only": False},
        {"cap_drop": []},
        {"security_opt": []},
        {"user": "0:0"},
        {"privileged": True},
        {"network_mode": "host"},
        {"ports": ["8701:8701"]},
        {"volumes": ["./secrets:/run/secrets"]},
        {"environment": {"DATABASE_KEY": "00"}},
    ],
)
def test_a_service_left_open_is_found(change: dict[str, object]) -> None:
    assert violations_in_service({**COMPOSE["services"]["node-gr"], **change})


def test_each_country_has_its_own_state_key_and_profile() -> None:
    nodes = [service for name, service in COMPOSE["services"].items() if name.startswith("node-")]
    assert len(nodes) == 2
    for key in ("volumes", "secrets"):
        own = [one for node in nodes for one in node[key]]
        assert len(own) == len(set(own))


def test_the_authority_has_no_network_and_no_place_of_anybody_else() -> None:
    authority = COMPOSE["services"]["authority"]
    assert (authority["network_mode"], authority["restart"], "networks" in authority) == ("none", "no", False)
    others = [service for name, service in COMPOSE["services"].items() if name != "authority"]
    for key in ("volumes", "secrets"):
        assert not set(authority[key]) & {one for other in others for one in other.get(key, [])}


def test_the_profiles_of_the_compose_file_are_valid() -> None:
    coordinator = load_settings(DOCKER / "profiles" / "coordinator.yaml", CoordinatorSettings)
    nodes = [load_settings(path, NodeSettings) for path in sorted((DOCKER / "profiles").glob("node-*.yaml"))]
    authority = load_settings(DOCKER / "profiles" / "authority.yaml", AuthoritySettings)
    assert [node.country.value for node in nodes] == ["bg", "gr"]
    assert (authority.federation, authority.edge_names) == (coordinator.federation, coordinator.edge.names)
    for node in nodes:
        assert node.federation == coordinator.federation
        assert node.coordinator_url.host in coordinator.edge.names
        assert node.coordinator_url.port == coordinator.edge.port


def requirements(side: str) -> list[str]:
    command = [sys.executable, str(DOCKER / "requirements.py"), side]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line.split("=")[0].split("<")[0].split(">")[0] for line in shown.split()]


def test_the_coordinators_image_asks_for_nothing_that_trains() -> None:
    trains = {"torch", "torch-geometric", "opacus", "scikit-learn", "scikit-network", "numba"}
    assert trains <= set(requirements("node"))
    assert not trains & set(requirements("coordinator"))
    assert "flwr" in requirements("coordinator")


def test_a_build_sees_only_what_is_named() -> None:
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in allowed if line and not line.startswith("#")]
    assert rules[0] == "*"
    named = {Path(rule.removeprefix("!")).parts[0] for rule in rules if rule.startswith("!")}
    assert not named & {"sandbox", "tests", "demo", "docker", ".git", ".venv"}
