"""What the operator's commands do; it prints for people and raises for the edge of the program."""

from pathlib import Path

from rich.console import Console

from safeborders.configs.enrolling import certificate_validity, is_renewal
from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.errors import SettingsError
from safeborders.kit.files import load_bytes, write_atomically
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.protocol.roster import read_roster
from safeborders.node import enrolment
from safeborders.node.access.accounts import operator_account
from safeborders.node.access.callers import Role
from safeborders.node.opening import create_node_store, open_node_store
from safeborders.node.storage.access import SqlTokens
from safeborders.node.storage.audit import SqlAuditLog

_console = Console(highlight=False)


def initialise(profile: Path) -> None:
    """Make the node's keys and its empty database with the newest schema, and say what comes next."""
    settings = load_settings(profile, NodeSettings)
    prepare_node(settings)
    _console.print(
        f"The node of {settings.country.value} has its keys and an empty database. Next: safeborders node enrol"
    )


def prepare_node(settings: NodeSettings) -> None:
    """Make the node's keys and its empty database with the newest schema."""
    enrolment.prepare_state(settings)
    create_node_store(settings).close()
    enrolment.create_identity(settings)


def replace_keys(profile: Path, *, is_sure: bool) -> None:
    """Make new keys in place of lost ones; the log says so first."""
    settings = load_settings(profile, NodeSettings)
    if not is_sure:
        raise SettingsError("The old keys will be gone and the node must enrol anew: say --yes to go on.")
    store = open_node_store(settings)
    event = AuditEvent(Operation.CONTROL, action="identity.replace", actor=operator_account())
    SqlAuditLog(store.engine).record(event, at=system_clock())
    store.close()
    enrolment.replace_identity(settings)
    _console.print("The node has new keys; its records stay. Stop it if it runs. Next: safeborders node enrol,")
    _console.print("and a new card for the roster: safeborders node agreement keys")


def write_enrolment_request(profile: Path, *, out: Path) -> None:
    """Write the request to join, or to renew the certificate, and show its fingerprint."""
    settings = load_settings(profile, NodeSettings)
    content, digits = enrolment.build_enrolment_request(settings)
    write_atomically(out, content, mode=0o644)
    if is_renewal(settings.places):
        _console.print(f"Send {out} to the authority: it renews the certificate of this key.", soft_wrap=True)
    else:
        _console.print(f"Send {out} to the coordinator; read this out to the authority:", soft_wrap=True)
    _console.print(digits)


def join_federation(profile: Path, *, file: Path, spoken: str) -> None:
    """Check the authority's kit and keep it, with the roster that travels in it beside."""
    settings = load_settings(profile, NodeSettings)
    is_first, now = not is_renewal(settings.places), system_clock()
    kit = enrolment.join(settings, load_bytes(file), spoken=spoken, now=now)
    ends_at = certificate_validity(settings.places).ends_at
    _console.print(f"The node of {settings.country.value} has joined; its certificate ends on {ends_at:%Y-%m-%d}.")
    if kit.roster:
        write_atomically(settings.places.roster, kit.roster.encode())
        roster = read_roster(kit.roster.encode())
        _console.print(f"Roster {roster.version} came with the kit, in {settings.places.roster}.", soft_wrap=True)
        _console.print("Ask another country for its fingerprint, then: safeborders node agreement roster")
    if is_first:
        _console.print("Next: safeborders node import, safeborders node run")
    else:
        _console.print("A node that runs takes it with its next connection; nothing has to stop.")


def create_access_token(profile: Path, *, name: str, role: str) -> None:
    """Make a token for the node's API and show it once."""
    settings = load_settings(profile, NodeSettings)
    if not name.strip():
        raise SettingsError("The token needs the name of its holder: give it as the argument.")
    if role not in set(Role):
        raise SettingsError(f"The role must be one of {', '.join(sorted(Role))}.")
    store = open_node_store(settings)
    secret = SqlTokens(store.engine).create_token(name, role=Role(role), now=system_clock())
    store.close()
    _console.print("This token is shown once; give it to its holder and to nobody else:")
    _console.print(secret)


def revoke_access_token(profile: Path, *, name: str) -> None:
    """Refuse the token of ``name`` from now on."""
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    SqlTokens(store.engine).revoke_token(name, now=system_clock())
    store.close()
    _console.print(f"The token of {name} is refused from now on.")
