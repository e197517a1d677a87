"""Where the demonstration keeps things, and the profiles that it writes for its ten programs."""

import secrets
from dataclasses import dataclass
from pathlib import Path

import yaml

from safeborders.kit.errors import Conflict
from safeborders.kit.files import write_atomically
from safeborders.kit.processes import find_free_ports
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.models.protocol.plan import Task
from safeborders.sandbox.world.sizes import public_sizes

FEDERATION = "safeborders-demo"
EPSILON_CAP = 16.0
DELTA_CAP = 1e-5
FLOOR = 6
_MARK = ".safeborders-demo"


@dataclass(frozen=True)
class Layout:
    """Paths and ports of one demonstration."""

    folder: Path
    edge_port: int
    superlink_port: int
    page_port: int
    api_ports: dict[Country, int]

    @property
    def countries(self) -> tuple[Country, ...]:
        """Who takes part."""
        return tuple(self.api_ports)

    @property
    def world(self) -> Path:
        """Import files of the nine countries and, apart, the ground truth."""
        return self.folder / "world"

    @property
    def coordinator_profile(self) -> Path:
        """The coordinator's YAML profile."""
        return self.folder / "coordinator.yaml"

    @property
    def authority_profile(self) -> Path:
        """The authority's YAML profile; in earnest it is on a machine of its own."""
        return self.folder / "authority.yaml"

    def node_profile(self, country: Country) -> Path:
        """The YAML profile of ``country``."""
        return self.folder / f"node.{country.value}.yaml"

    def evaluation(self, country: Country, *, run: str) -> Path:
        """Where the node of ``country`` leaves the predictions of its models after ``run``; they stay on its disk."""
        return self.folder / "nodes" / country.value / "evaluation" / f"{run}.json"

    @property
    def bound(self) -> Path:
        """Where the scores of the pooled bound go."""
        return self.folder / "bound.json"

    def log(self, name: str) -> Path:
        """The log file of a program of the demonstration."""
        return self.folder / "logs" / f"{name}.log"


def prepare_folder(folder: Path, *, countries: tuple[Country, ...] = DEMONSTRATION) -> Layout:
    """Make ``folder`` empty and ready; only a folder of an earlier demonstration is ever emptied.

    Args:
        folder: For everything.
        countries: Who takes part.

    Raises:
        Conflict: If the folder holds anything else.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / _MARK).exists():
        raise Conflict(f"The folder {folder} holds other things: name an empty folder with --folder.")
    folder.mkdir(parents=True, exist_ok=True)
    _empty(folder)
    (folder / _MARK).touch()
    (folder / "logs").mkdir()
    edge, superlink, page, *apis = find_free_ports(3 + len(countries))
    return Layout(
        folder=folder.resolve(),
        edge_port=edge,
        superlink_port=superlink,
        page_port=page,
        api_ports=dict(zip(countries, apis, strict=True)),
    )


def write_sizes(layout: Layout, preset: str) -> Path:
    """Write the public sizes that the nine countries declare for ``preset`` and return the file."""
    path = layout.folder / "sizes.yaml"
    _write(path, {task.value: public_sizes(preset, task) for task in Task})
    return path


def write_profiles(layout: Layout, *, epsilon: float, with_api: bool) -> None:
    """Write the profiles of the authority, the coordinator and each country; APIs only where somebody may call."""
    _write(
        layout.authority_profile,
        {
            "federation": FEDERATION,
            "state": "authority",
            "edge_names": ["127.0.0.1"],
            "passphrase_file": "secrets/authority.passphrase",
        },
    )
    passphrase = layout.folder / "secrets" / "authority.passphrase"
    passphrase.parent.mkdir(exist_ok=True, mode=0o700)
    write_atomically(passphrase, f"{secrets.token_hex(16)}\n".encode())
    _write(
        layout.coordinator_profile,
        {
            "federation": FEDERATION,
            "state": "coordinator",
            "edge": {"host": "127.0.0.1", "port": layout.edge_port, "names": ["127.0.0.1"]},
            "superlink_port": layout.superlink_port,
            "page_port": layout.page_port,
        },
    )
    for country in layout.countries:
        profile = _node_profile(layout, country, epsilon=epsilon)
        if with_api:
            profile["api"] = {"port": layout.api_ports[country]}
        _write(layout.node_profile(country), profile)


def approve_under(layout: Layout, agreement_sha256: str) -> None:
    """Write into each country's standing approval which version of the agreement it is given under."""
    for country in layout.countries:
        path = layout.node_profile(country)
        profile = yaml.safe_load(path.read_text(encoding="utf-8"))
        profile["standing_approval"]["agreement_sha256"] = agreement_sha256
        _write(path, profile)


def _node_profile(layout: Layout, country: Country, *, epsilon: float) -> dict[str, object]:
    return {
        "country": country.value,
        "federation": FEDERATION,
        "environment": "demonstration",
        "state": f"nodes/{country.value}",
        "coordinator_url": f"https://127.0.0.1:{layout.edge_port}",
        "database": {"key_file": f"secrets/{country.value}.key"},
        "privacy": {
            "epsilon_cap": max(EPSILON_CAP, epsilon),
            "delta_cap": DELTA_CAP,
            "rounds_cap": 200,
            "floor": FLOOR,
        },
        "standing_approval": {
            "purposes": ["P1", "P2"],
            "tasks": ["typology", "links", "roles"],
            "epsilon_per_run": epsilon,
            "valid_until": "2099-12-31",
        },
        "write_evaluation": True,
    }


def _write(path: Path, profile: dict[str, object]) -> None:
    path.write_text(yaml.safe_dump(profile, sort_keys=False), encoding="utf-8")


def _empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink()
