"""What the commands about a node's audit log do: open it, and leave the rest to the desk of any log."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.errors import SettingsError
from safeborders.kit.signing import load_signing_key
from safeborders.kit.transparency import desk
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.node.access.accounts import operator_account
from safeborders.node.access.callers import Role
from safeborders.node.bootstrap import identify_log
from safeborders.node.opening import open_node_store
from safeborders.node.storage.access import SqlTokens
from safeborders.node.storage.audit import SqlAuditLog
from safeborders.node.storage.database import Store

check_audit_export = desk.check_audit_export
_console = Console(highlight=False, soft_wrap=True)


def verify_audit_log(profile: Path, *, kept: tuple[Path, ...], as_json: bool) -> None:
    """Check every row and say what was found. Raises LogDamaged."""
    with _opened(profile) as (found, _):
        desk.verify_log_on_desk(found, kept=kept, as_json=as_json)


def export_audit_log(profile: Path, *, out: Path, chosen: Mapping[str, str | None]) -> None:
    """Write the chosen rows with their proofs; the export is an event of the log itself."""
    wanted = desk.build_filter(chosen, operations=tuple(Operation))
    event = AuditEvent(Operation.DISCLOSURE, action="audit.export", actor=operator_account(), recipients=("file",))
    with _opened(profile) as (found, store):
        SqlAuditLog(store.engine).record(event, at=system_clock())
        desk.export_from_desk(found, out=out, wanted=wanted, check_with="safeborders audit check")


def prove_row(profile: Path, *, number: int) -> None:
    """Print one row with its proof. Raises NoSuchRow."""
    with _opened(profile) as (found, _):
        desk.prove_on_desk(found, number=number)


def write_checkpoint(profile: Path, *, out: Path | None) -> None:
    """Sign the log as it is now."""
    with _opened(profile) as (found, _):
        desk.write_checkpoint_of(found, out=out)


def list_audit_log(profile: Path, *, last: int, chosen: Mapping[str, str | None], as_json: bool) -> None:
    """Print the newest of the chosen rows."""
    wanted = desk.build_filter(chosen, operations=tuple(Operation))
    with _opened(profile) as (found, _):
        desk.list_from_desk(found, last=last, wanted=wanted, as_json=as_json)


def make_auditor(profile: Path, *, name: str) -> None:
    """Make a supervisory authority's token and say what it needs to check the log without trusting this node."""
    if not name.strip():
        raise SettingsError("The credential needs the name of its holder: give it as the argument.")
    with _opened(profile) as (found, store):
        secret = SqlTokens(store.engine).create_token(name, role=Role.AUDITOR, now=system_clock())
        event = AuditEvent(Operation.CONTROL, action="auditor.admit", actor=operator_account())
        SqlAuditLog(store.engine).record(event, at=system_clock())
    _console.print("This token is shown once; give it to the authority and to nobody else.")
    _console.print("It reads this node's audit log (list, verify, prove, export) and opens no record;")
    _console.print("every look becomes a row of the log itself:")
    _console.print(secret)
    _console.print("\nTell the authority on another way; it checks exports with it, without this node:")
    _console.print(f"  log         {found.identity.origin}")
    _console.print(f"  public key  {found.identity.log_key}")
    _console.print("  check       safeborders audit check FILE --key KEY")


@contextmanager
def _opened(profile: Path) -> Iterator[tuple[desk.OpenLog, Store]]:
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    key = load_signing_key(settings.places.signing_key)
    try:
        identity = identify_log(settings, store)
        yield desk.OpenLog(log=SqlAuditLog(store.engine), identity=identity, key=key), store
    finally:
        store.close()
