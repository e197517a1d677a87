"""An authority, a coordinator and countries in one folder, each with its own state, for tests of how they meet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from safeborders.configs.authority import AuthoritySettings
from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.signing import public_key_hex
from safeborders.models.protocol.enrolment import Request, fingerprint, read_request
from safeborders.node import enrolment as country_side
from safeborders.server import enrolment as coordinator_side
from safeborders.server.authority.keys import OpenAuthority, create_keys, open_authority
from safeborders.server.authority.register import Register
from safeborders.server.authority.signing import Answered, Desk

NOW = datetime.now(UTC)
PASSPHRASE = "correct horse battery staple"
NAME = "localhost"


def write_authority_profile(folder: Path, *, federation: str = "test") -> Path:
    """Write the authority's profile with its passphrase beside it."""
    passphrase = folder / "passphrase"
    passphrase.write_text(PASSPHRASE, encoding="utf-8")
    passphrase.chmod(0o600)
    path = folder / "authority.yaml"
    path.write_text(
        f"federation: {federation}\nstate: authority\nedge_names: [{NAME}, 127.0.0.1]\npassphrase_file: passphrase\n",
        encoding="utf-8",
    )
    return path


def write_coordinator_profile(folder: Path, *, federation: str = "test") -> Path:
    """Write the coordinator's profile."""
    path = folder / "coordinator.yaml"
    path.write_text(
        f"federation: {federation}\nstate: coordinator\nedge: {{host: 127.0.0.1, port: 9, names: [127.0.0.1]}}\n"
        "superlink_port: 10\npage_port: 11\n",
        encoding="utf-8",
    )
    return path


def write_node_profile(folder: Path, country: str = "gr", *, federation: str = "test") -> Path:
    """Write a country's profile."""
    path = folder / f"{country}.yaml"
    path.write_text(
        f"country: {country}\nfederation: {federation}\nstate: {country}\ncoordinator_url: https://127.0.0.1:9\n"
        f"database: {{key_file: {country}.key}}\n"
        "privacy: {epsilon_cap: 8, delta_cap: 1.0e-5, rounds_cap: 40, floor: 2}\n",
        encoding="utf-8",
    )
    return path


@dataclass
class Meeting:
    """The three sides in ``folder``; the authority is opened once, because that takes its time on purpose."""

    folder: Path
    register: Register = field(default_factory=Register)

    def __post_init__(self) -> None:
        self.authority = load_settings(write_authority_profile(self.folder), AuthoritySettings)
        create_keys(self.authority, passphrase=PASSPHRASE, now=NOW)
        self.opened: OpenAuthority = open_authority(self.authority, passphrase=PASSPHRASE)
        self.spoken = fingerprint(public_key_hex(self.opened.signing_key))
        self.centre = load_settings(write_coordinator_profile(self.folder), CoordinatorSettings)
        coordinator_side.create_identity(self.centre)

    def answer(
        self, request: bytes | Request, *, spoken: Mapping[str, str] | None = None, now: datetime = NOW
    ) -> Answered:
        """Let the authority answer ``request``, its fingerprint compared unless told otherwise."""
        document = read_request(request) if isinstance(request, bytes) else request
        desk = Desk(self.authority, authority=self.opened, register=self.register)
        said = {document.party: fingerprint(document.signing_key)} if spoken is None else spoken
        answered = desk.answer(document, spoken=said, now=now)
        self.register = desk.register
        return answered

    def seat_coordinator(self) -> None:
        """Let the coordinator join."""
        kit = self.answer(coordinator_side.build_edge_request(self.centre)).kit
        coordinator_side.join(self.centre, kit, spoken=self.spoken, now=NOW)

    def node(self, country: str = "gr") -> NodeSettings:
        """Return a country's node with its keys, which has not joined."""
        settings = load_settings(write_node_profile(self.folder, country), NodeSettings)
        country_side.prepare_state(settings)
        country_side.create_identity(settings)
        return settings
