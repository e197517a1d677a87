"""An authority, a coordinator and countries in one folder, each with its own state, for tests of how they meet."""

from collections.abc import Callable, Mapping
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


@dataclass(frozen=True)
class Post:
    """Lets authority, coordinator and countries meet by the commands that people type.

    Args:
        folder: For what travels; the authority's profile is made here.
        coordinator: Profile of a coordinator.
        run: Runs ``safeborders ARGUMENTS`` and returns what it printed.
        federation: Its name.
    """

    folder: Path
    coordinator: Path
    run: Callable[..., str]
    federation: str = "test"

    @property
    def authority(self) -> Path:
        """The authority's profile."""
        return self.folder / "authority.yaml"

    def seat_coordinator(self) -> str:
        """Make authority and coordinator, let the one answer the other; return the authority's fingerprint."""
        write_authority_profile(self.folder, federation=self.federation)
        authority = self._last("authority", "init", "-p", self.authority)
        seen = self._last("coordinator", "init", "-p", self.coordinator)
        request = self.folder / "coordinator.request"
        self.run("coordinator", "enrol", "-p", self.coordinator, "--out", request)
        self.sign(request, f"coordinator={seen}")
        kit = self.kit("coordinator")
        self.run("coordinator", "join", "-p", self.coordinator, kit, "--fingerprint", authority)
        return authority

    def sign(self, request: Path, *spoken: str, roster: Path | None = None) -> None:
        """Let the authority answer one request, with the newest roster where there is one."""
        said: list[str | Path] = [word for one in spoken for word in ("--fingerprint", one)]
        said += [] if roster is None else ["--roster", roster]
        self.run("authority", "sign", "-p", self.authority, request, *said, "--out", self.folder / "kits")

    def kit(self, party: str) -> Path:
        """Where the authority left a party's kit."""
        return self.folder / "kits" / f"{party}.kit.json"

    def ask(self, country: str, profile: Path) -> tuple[Path, str]:
        """Let a node write its request; return the file and the fingerprint that is read out."""
        request = self.folder / f"{country}.request"
        return request, self._last("node", "enrol", "-p", profile, "--out", request)

    def enrol(self, country: str, profile: Path, *, authority: str) -> None:
        """Let a node that was initialised ask, be answered, admitted, and join."""
        request, digits = self.ask(country, profile)
        self.run("coordinator", "register", "-p", self.coordinator, request)
        self.sign(request, f"{country}={digits}")
        self.run("coordinator", "admit", "-p", self.coordinator, self.kit(country))
        self.run("node", "join", "-p", profile, self.kit(country), "--fingerprint", authority)

    def _last(self, *arguments: str | Path) -> str:
        return str(self.run(*arguments)).strip().splitlines()[-1]
