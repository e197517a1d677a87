"""A whole federation on loopback: real processes, real mutual TLS, a real SuperLink; for benchmarks and tests."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from benchmarks.noop_node import FORM, NoopNodeConfig
from safeborders.kit.canonical import sha256_hex
from safeborders.kit.errors import Unavailable
from safeborders.kit.pki import (
    Authority,
    build_request,
    certificate_pem,
    certificate_sha256,
    create_authority,
    create_key,
    issue_certificate,
)
from safeborders.kit.processes import find_free_port, start_child, stop_children
from safeborders.kit.signing import create_signing_key, public_key_hex
from safeborders.models.architecture import Architecture, Catalogue, TaskArchitecture
from safeborders.models.domain.countries import DEMONSTRATION, Country
from safeborders.models.protocol.plan import RunPlan, Task, TaskPlan
from safeborders.models.protocol.vectors import model_to_bytes
from safeborders.node.learning.connector import ConnectorConfig
from safeborders.server.federation.edge import EdgeConfig, start_edge
from safeborders.server.federation.gathering import Pace
from safeborders.server.federation.link import Link
from safeborders.server.federation.passes import Pass, write_passes
from safeborders.server.federation.runner import RunnerConfig, request_run, start_runner
from safeborders.server.federation.superlink import register_node, start_superlink
from safeborders.server.registry.records import ModelVersion
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.storage.opening import open_registry_database

ARCHITECTURE = Architecture((TaskArchitecture(Task.TYPOLOGY, (12_499, 8)),))
"""One linear task with 100,000 parameters."""

SMALL = Architecture((TaskArchitecture(Task.TYPOLOGY, (4, 3)),))
_START_SECONDS = 60.0


def build_plan(run: str, *, rounds: int, countries: Sequence[Country], architecture: Architecture) -> RunPlan:
    """Return a plan that asks every country in every round."""
    task = TaskPlan(
        task=Task.TYPOLOGY,
        sampling_rate=0.5,
        clip_norm=1.0,
        noise_multiplier=1.0,
        examples_per_person=1,
        quantisation_bits=16,
        learning_rate=0.1,
        public_sizes={country.value: 100 for country in countries},
    )
    return RunPlan(
        federation="bench",
        run=run,
        purpose="P2",
        rounds=rounds,
        tasks=(task,),
        delta=1e-5,
        architecture_sha256=architecture.sha256(),
        features_sha256=sha256_hex(b"none"),
        participants=tuple(countries),
        floor=len(countries),
        deadline_seconds=60.0,
    )


def initial_model(plan: RunPlan, *, architecture: Architecture) -> ModelVersion:
    """Return round 0 of ``plan``."""
    parameters = model_to_bytes(architecture.initial_parameters(1))
    return ModelVersion(
        sha256=sha256_hex(parameters),
        parent_sha256="",
        run=plan.run,
        round=0,
        parameters=parameters,
        optimiser_state=b"",
    )


def wait_until(is_so: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Wait until ``is_so``; Unavailable counts as not yet.

    Raises:
        TimeoutError: If it does not come to be; says ``what``.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if is_so():
                return
        except Unavailable:
            pass
        time.sleep(0.05)
    raise TimeoutError(what)


@dataclass
class LocalFederation:
    """Keys, certificates, processes and the registry of a federation in ``folder``; stop it with ``stop``."""

    folder: Path
    countries: Sequence[Country]
    architecture: Architecture = ARCHITECTURE
    pace: Pace = field(default_factory=Pace)
    node_seconds: float = 0.0
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.authority = self.make_authority("authority")
        self.issue("edge", server_names=("127.0.0.1", "localhost"))
        self.link = Link(self.folder / "link", find_free_port())
        self.edge = EdgeConfig(
            link=self.link,
            host="127.0.0.1",
            port=find_free_port(),
            authority=self.folder / "authority.pem",
            certificate=self.folder / "edge.pem",
            key=self.folder / "edge.key",
            passes=self.folder / "passes.json",
        )
        coordinator = create_signing_key(self.folder / "coordinator.key")
        roster = {country: self._make_country(country) for country in self.countries}
        self.let_in(*self.countries)
        self.coordinator_key = public_key_hex(coordinator)
        self.runner = RunnerConfig(
            link=self.link,
            registry_url=f"sqlite:///{self.folder / 'coordinator.db'}",
            signing_key=self.folder / "coordinator.key",
            roster=roster,
            flower_keys={
                country: (self.folder / f"{country}.flower.pub").read_text(encoding="ascii") for country in roster
            },
            catalogue=Catalogue((self.architecture,)),
            pace=self.pace,
        )
        self.registry = SqlRegistry(open_registry_database(self.runner.registry_url))

    def make_authority(self, name: str, *, common_name: str = "") -> Authority:
        """Make a certificate authority and keep its certificate."""
        authority = create_authority(common_name or name, now=datetime.now(UTC), days=2)
        (self.folder / f"{name}.pem").write_bytes(certificate_pem(authority.certificate))
        return authority

    def issue(self, name: str, *, server_names: tuple[str, ...] = (), by: Authority | None = None) -> None:
        """Make a key and a certificate called ``name``; ``let_in`` lets its holder in."""
        request = build_request(name, key=create_key(self.folder / f"{name}.key"))
        certificate = issue_certificate(
            by or self.authority, request, now=datetime.now(UTC), days=1, server_names=server_names
        )
        (self.folder / f"{name}.pem").write_bytes(certificate_pem(certificate))

    def let_in(self, *countries: Country) -> None:
        """Give the edge the passes of ``countries``, and of no other."""
        passes = [
            Pass(
                country,
                certificate_sha256(x509.load_pem_x509_certificate((self.folder / f"{country}.pem").read_bytes())),
                ends_at=datetime.now(UTC) + timedelta(days=1),
                flower_key=(self.folder / f"{country}.flower.pub").read_text(encoding="ascii"),
            )
            for country in countries
        ]
        write_passes(passes, self.edge.passes)

    def connection_of(self, country: Country) -> ConnectorConfig:
        """Return how the node of ``country`` connects."""
        return ConnectorConfig(
            address=f"127.0.0.1:{self.edge.port}",
            authority=self.edge.authority,
            certificate=self.folder / f"{country}.pem",
            tls_key=self.folder / f"{country}.key",
            flower_key=self.folder / f"{country}.flower",
            coordinator_key=self.coordinator_key,
            node_id_file=self.folder / f"{country}.id",
        )

    def start(self) -> None:
        """Start the SuperLink, the edge, the nodes and the runner, and wait until every node is connected."""
        self.start_superlink()
        self.start_edge()
        wait_until(self._register_all, seconds=_START_SECONDS, what="the SuperLink did not come up")
        for country in self.countries:
            self.start_node(country)
        self.start_runner()
        wait_until(self._all_connected, seconds=_START_SECONDS, what="the nodes did not connect")

    def start_superlink(self) -> None:
        """Start the SuperLink."""
        self.processes["superlink"] = start_superlink(self.link)

    def start_edge(self) -> None:
        """Start the public edge."""
        self.processes["edge"] = start_edge(self.edge)

    def start_runner(self) -> None:
        """Start the runner."""
        self.processes["runner"] = start_runner(self.runner)

    def start_node(self, country: Country, *, failure: str = "") -> None:
        """Start the node of ``country``; with ``failure`` it raises that text instead of an answer."""
        path = self.folder / f"{country}.json"
        config = NoopNodeConfig(
            connection=self.connection_of(country),
            signing_key=self.folder / f"{country}.signing",
            update_length=self.architecture.update_length,
            seconds=self.node_seconds,
            failure=failure,
        )
        path.write_bytes(FORM.dump_json(config))
        command = [sys.executable, "-m", "benchmarks.noop_node", str(path)]
        self.processes[country.value] = start_child(command, log=self.folder / f"{country}.log")

    def start_run(self, run: str, *, rounds: int, **changes: object) -> None:
        """Record a run, its plan changed as told, and let the runner lead it."""
        plan = build_plan(run, rounds=rounds, countries=self.countries, architecture=self.architecture)
        plan = plan.model_copy(update=changes)
        initial = initial_model(plan, architecture=self.architecture)
        self.registry.start_run(plan, initial=initial, now=datetime.now(UTC))
        request_run(self.link, run)

    def wait_for_round(self, run: str, number: int, *, seconds: float) -> None:
        """Wait until round ``number`` of ``run`` is saved."""
        wait_until(
            lambda: self.registry.get_latest_model(run).round >= number,
            seconds=seconds,
            what=f"round {number} was not saved",
        )

    def stop(self) -> None:
        """Stop every process."""
        stop_children(self.processes.values())

    def register(self, country: Country) -> int:
        """Register the Flower key of ``country``."""
        pem = (self.folder / f"{country}.flower.pub").read_bytes()
        return register_node(self.link, country, public_key_pem=pem)

    def _register_all(self) -> bool:
        for country in self.countries:
            self.register(country)
        return True

    def _all_connected(self) -> bool:
        return all((self.folder / f"{country}.id").exists() for country in self.countries)

    def _make_country(self, country: Country) -> str:
        self.issue(country.value)
        key = create_key(self.folder / f"{country}.flower")
        (self.folder / f"{country}.flower.pub").write_bytes(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
        return public_key_hex(create_signing_key(self.folder / f"{country}.signing"))


def countries_of(count: int) -> Sequence[Country]:
    """Return the first ``count`` countries of the demonstration."""
    return DEMONSTRATION[:count]
