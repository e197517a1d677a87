"""What the coordinator's commands about who belongs to the federation do; it prints for people."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from safeborders.configs.coordinator import CoordinatorSettings
from safeborders.configs.enrolling import certificate_validity, is_renewal
from safeborders.kit.clock import system_clock
from safeborders.kit.errors import Conflict, NotFound, SettingsError
from safeborders.kit.files import load_bytes, write_atomically
from safeborders.models.domain.countries import Country
from safeborders.models.protocol.enrolment import EnrolmentRefused, EnrolmentRequest, Kit, fingerprint, read_request
from safeborders.server import enrolment
from safeborders.server.admission import refresh_passes
from safeborders.server.commands.coordinator import load_coordinator
from safeborders.server.registry.roster import MemberCertificate, Roster, RosterState
from safeborders.server.registry.sql_roster import SqlRoster
from safeborders.server.storage.opening import open_registry_database

_console = Console(highlight=False)


def write_edge_request(profile: Path, *, out: Path) -> None:
    """Write the request for the edge's certificate, or for its renewal."""
    settings = load_coordinator(profile)
    is_new = not is_renewal(settings.places)
    write_atomically(out, enrolment.build_edge_request(settings), mode=0o644)
    _console.print(f"Carry {out} to the authority.", soft_wrap=True)
    if is_new:
        _console.print("Read this fingerprint out to it:")
        _console.print(enrolment.coordinator_fingerprint(settings))


def join_federation(profile: Path, *, file: Path, spoken: str) -> None:
    """Keep the authority's kit for the coordinator itself."""
    settings = load_coordinator(profile)
    enrolment.join(settings, load_bytes(file), spoken=spoken, now=system_clock())
    ends_at = certificate_validity(settings.places).ends_at
    _console.print(f"The edge's certificate is good until {ends_at:%Y-%m-%d}.")
    _console.print("An edge that runs takes it within seconds; countries connect again.")


def register_requests(profile: Path, *, requests: Sequence[Path]) -> None:
    """Note which countries ask to join."""
    documents = [_country_request(path) for path in requests]
    with _roster(profile) as (settings, roster):
        for request in documents:
            if request.federation != settings.federation:
                raise SettingsError("The request is for another federation: ask the country for a new one.")
        now = system_clock()
        for request in documents:
            digits = fingerprint(request.signing_key)
            if _is_enrolled(roster, request):
                _console.print(f"{request.party:<8} enrolled, renews  {digits}")
                continue
            roster.request(request.country, identity=enrolment.identity_of(request), now=now)
            _console.print(f"{request.party:<8} requested         {digits}")
    _console.print("Carry the requests to the authority; it compares the fingerprints itself.")


def admit_kits(profile: Path, *, kits: Sequence[Path]) -> None:
    """Enrol the countries for which the authority signed kits, or take their new certificates; all or none."""
    contents = [load_bytes(path) for path in kits]
    with _roster(profile) as (settings, roster):
        now = system_clock()
        opened = [enrolment.open_country_kit(settings, content, now=now) for content in contents]
        for kit, certificate in opened:
            _check_admissible(settings, roster, kit=kit, certificate=certificate)
        for _, certificate in opened:
            entry = roster.get_entry(certificate.country)
            roster.admit(entry.country, identity=entry.identity, certificate=certificate, now=now)
            until = f"{certificate.ends_at:%Y-%m-%d}"
            _console.print(f"{entry.country.value:<8} enrolled, certificate until {until}: send its kit to it.")
        refresh_passes(settings, roster=roster)


def revoke_country(profile: Path, *, name: str) -> None:
    """Refuse a country at once: the edge with the next request, the SuperLink and the runner within seconds."""
    if name not in set(Country):
        raise SettingsError("No country has this code: use a code such as gr or wb-al.")
    with _roster(profile) as (settings, roster):
        roster.revoke(Country(name), now=system_clock())
        refresh_passes(settings, roster=roster)
    _console.print(f"{name} is refused from now on. Let the authority revoke it too:")
    _console.print(f"  safeborders authority revoke {name}")


def keep_revocations(profile: Path, *, file: Path) -> None:
    """Take the authority's list of revoked certificates; the edge follows with the next request."""
    with _roster(profile) as (settings, roster):
        now = system_clock()
        found = enrolment.keep_revocations(settings, load_bytes(file))
        if found.next_at <= now:
            raise SettingsError("The list of revoked certificates has ended: ask the authority for today's.")
        refused = roster.revoke_certificates([f"{serial:x}" for serial in found.serials], now=now)
        refresh_passes(settings, roster=roster)
    _console.print(f"List {found.number} of revoked certificates is in force until {found.next_at:%Y-%m-%d}.")
    for one in refused:
        _console.print(f"{one.country.value:<8} certificate until {one.ends_at:%Y-%m-%d}: refused from now on.")


def _country_request(path: Path) -> EnrolmentRequest:
    request = read_request(load_bytes(path))
    if not isinstance(request, EnrolmentRequest):
        raise EnrolmentRefused(f"{path} is no country's request: name the file that its node wrote.")
    return request


def _is_enrolled(roster: Roster, request: EnrolmentRequest) -> bool:
    try:
        entry = roster.get_entry(request.country)
    except NotFound:
        return False
    return entry.state is RosterState.ENROLLED and entry.identity.signing_key == request.signing_key


def _check_admissible(
    settings: CoordinatorSettings, roster: Roster, *, kit: Kit, certificate: MemberCertificate
) -> None:
    """Refuse a kit whose country did not ask here with these keys, or whose certificate was revoked since."""
    try:
        entry = roster.get_entry(certificate.country)
    except NotFound:
        entry = None
    if entry is None or entry.state is RosterState.REVOKED:
        raise Conflict(f"{kit.party} has not asked here: run safeborders coordinator register with its request.")
    if (entry.identity.signing_key, entry.identity.flower_key) != (kit.signing_key, kit.flower_key):
        raise Conflict(f"The kit of {kit.party} is for other keys than its request here: register the newest request.")
    revocations = enrolment.find_revocations(settings)
    if revocations is not None and int(certificate.serial, 16) in revocations.serials:
        raise Conflict(f"The certificate of {kit.party} was revoked: the country must ask for a new one.")


@contextmanager
def _roster(profile: Path) -> Iterator[tuple[CoordinatorSettings, SqlRoster]]:
    settings = load_coordinator(profile)
    engine = open_registry_database(settings.registry_url)
    try:
        yield settings, SqlRoster(engine)
    finally:
        engine.dispose()
