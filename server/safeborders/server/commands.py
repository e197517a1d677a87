"""What the coordinator's commands do; it prints for people and raises for the edge of the program."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from rich.console import Console

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.kit.canonical import sha256_hex
from safeborders.kit.clock import system_clock
from safeborders.kit.errors import SettingsError
from safeborders.kit.files import write_atomically
from safeborders.kit.pki import certificate_pem
from safeborders.models.protocol.enrolment import parse_request
from safeborders.models.protocol.plan import Task
from safeborders.server import enrolment
from safeborders.server.planning import build_plan, initial_model
from safeborders.server.registry.roster import NodeIdentity, RosterState
from safeborders.server.registry.sql import SqlRegistry
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.storage.opening import open_registry_database

_console = Console(highlight=False)


def initialise(profile: Path) -> None:
    """Make keys, authority and database, and show the fingerprint."""
    settings = load_settings(profile, CoordinatorSettings)
    enrolment.create_identity(settings, now=system_clock())
    open_registry_database(settings.registry_url).dispose()
    _console.print(
        f"The coordinator of {settings.federation} is ready. Read this fingerprint out to joining countries:"
    )
    _console.print(enrolment.coordinator_fingerprint(settings))


def admit_countries(profile: Path, *, requests: Sequence[Path], expected: Sequence[str], out: Path) -> None:
    """Admit the countries of ``requests`` whose fingerprints are ``expected``, all or none."""
    if len(requests) != len(expected):
        raise SettingsError("Give one --fingerprint for each request, in the same order.")
    settings = load_settings(profile, CoordinatorSettings)
    documents = [parse_request(_read(path), expected=digits) for path, digits in zip(requests, expected, strict=True)]
    engine = open_registry_database(settings.registry_url)
    roster = SqlRoster(engine)
    out.mkdir(parents=True, exist_ok=True)
    for request in documents:
        now = system_clock()
        admission, certificate = enrolment.admit(settings, request, now=now)
        identity = NodeIdentity(
            signing_key=request.signing_key,
            flower_key=request.flower_key,
            certificate_sha256=sha256_hex(certificate_pem(certificate)),
            certificate_expires_at=certificate.not_valid_after_utc,
            epsilon_cap=request.epsilon_cap,
        )
        roster.admit(request.country, identity=identity, now=now)
        path = out / f"{request.country.value}.admission.json"
        write_atomically(path, admission)
        _console.print(f"Admitted {request.country.value}: send {path} to it.")
    engine.dispose()


def plan_run(
    profile: Path, *, epsilon: float, rounds: int | None, floor: int, deadline: float, sizes: Path | None
) -> None:
    """Plan a run among the enrolled countries and record it; the runner takes it up."""
    settings = load_settings(profile, CoordinatorSettings)
    engine = open_registry_database(settings.registry_url)
    countries = [entry.country for entry in SqlRoster(engine).list_roster() if entry.state is RosterState.ENROLLED]
    if len(countries) < floor:
        raise SettingsError("Fewer countries are enrolled than the floor asks for: admit more or lower --floor.")
    plan = build_plan(
        settings.federation,
        countries=countries,
        epsilon=epsilon,
        rounds=rounds,
        floor=floor,
        deadline_seconds=deadline,
        sizes=_load_sizes(sizes),
    )
    SqlRegistry(engine).start_run(plan, initial=initial_model(plan), now=system_clock())
    engine.dispose()
    _console.print(plan.run)


def _load_sizes(path: Path | None) -> Mapping[Task, Mapping[str, int]] | None:
    if path is None:
        return None
    try:
        document = yaml.safe_load(_read(path))
        return {
            Task(task): {str(country): int(size) for country, size in row.items()} for task, row in document.items()
        }
    except (yaml.YAMLError, ValueError, AttributeError, TypeError) as error:
        raise SettingsError(
            f"{path} must hold a size per task and country: see safeborders coordinator plan --help."
        ) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: give the path of an existing file.") from error
