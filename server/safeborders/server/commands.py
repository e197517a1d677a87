"""What the coordinator's commands do; it prints for people and raises for the edge of the program."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.loading import load_settings
from safeborders.kit.canonical import sha256_hex
from safeborders.kit.clock import system_clock
from safeborders.kit.errors import Conflict, SettingsError
from safeborders.kit.files import load_bytes, write_atomically
from safeborders.kit.pki import certificate_pem
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.enrolment import parse_request
from safeborders.server import enrolment
from safeborders.server.registry.records import RunState
from safeborders.server.registry.roster import NodeIdentity
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
    """Admit the countries of ``requests`` whose fingerprints are ``expected``; all or none."""
    if len(requests) != len(expected):
        raise SettingsError("Give one --fingerprint for each request, in the same order.")
    settings = load_coordinator(profile)
    documents = [
        parse_request(load_bytes(path), expected=digits) for path, digits in zip(requests, expected, strict=True)
    ]
    now = system_clock()
    answers = [(request, *enrolment.admit(settings, request, now=now)) for request in documents]
    out.mkdir(parents=True, exist_ok=True)
    engine = open_registry_database(settings.registry_url)
    roster = SqlRoster(engine)
    for request, admission, certificate in answers:
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


def resume_run(profile: Path, *, run: str) -> None:
    """Let a run that rests go on at the round where it stopped."""
    settings = load_coordinator(profile)
    engine = open_registry_database(settings.registry_url)
    registry = SqlRegistry(engine)
    if registry.get_run(run).state is not RunState.FAILED:
        raise Conflict("The run does not rest: nothing needs to be resumed.")
    registry.set_run_state(run, RunState.WAITING, now=system_clock())
    engine.dispose()
    _console.print(f"The run {run} goes on within seconds if the coordinator runs.")


def revoke_country(profile: Path, *, name: str) -> None:
    """Refuse the keys of a country; the runner and the SuperLink follow within seconds."""
    settings = load_coordinator(profile)
    if name not in set(Country):
        raise SettingsError("No country has this code: use a code such as gr or wb-al.")
    engine = open_registry_database(settings.registry_url)
    SqlRoster(engine).revoke(Country(name), now=system_clock())
    engine.dispose()
    _console.print(f"The keys of {name} are refused from now on.")


def load_coordinator(profile: Path) -> CoordinatorSettings:
    """Return the settings of a coordinator that was initialised. Raises SettingsError."""
    settings = load_settings(profile, CoordinatorSettings)
    if not settings.places.signing_key.exists():
        raise SettingsError(f"There is no identity in {settings.places.state}: run safeborders coordinator init first.")
    return settings
