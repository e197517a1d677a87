"""What the commands about the coordinator's audit log do: open it, and leave the rest to the desk of any log."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from safeborders.kit.clock import system_clock
from safeborders.kit.signing import load_signing_key, public_key_hex
from safeborders.kit.transparency import desk
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.domain.materials import COORDINATOR
from safeborders.models.protocol.roster import RosterRefused
from safeborders.models.protocol.witnessing import log_identity
from safeborders.server.commands.agreement import build_cabinet
from safeborders.server.commands.coordinator import load_coordinator
from safeborders.server.registry.audit import CoordinatorLog
from safeborders.server.storage.opening import open_registry_database

check_audit_export = desk.check_audit_export


def verify_audit_log(profile: Path, *, kept: tuple[Path, ...], as_json: bool) -> None:
    """Check every row and say what was found. Raises LogDamaged."""
    with _opened(profile) as (found, _):
        desk.verify_log_on_desk(found, kept=kept, as_json=as_json)


def export_audit_log(profile: Path, *, out: Path, chosen: Mapping[str, str | None]) -> None:
    """Write the chosen rows with their proofs; the export is an event of the log itself."""
    wanted = desk.build_filter(chosen, operations=tuple(Operation))
    event = AuditEvent(Operation.DISCLOSURE, action="audit.export", actor="operator", recipients=("file",))
    with _opened(profile) as (found, log):
        log.record(event, system_clock())
        desk.export_from_desk(found, out=out, wanted=wanted, check_with="safeborders coordinator audit check")


def list_audit_log(profile: Path, *, last: int, chosen: Mapping[str, str | None], as_json: bool) -> None:
    """Print the newest of the chosen rows."""
    wanted = desk.build_filter(chosen, operations=tuple(Operation))
    with _opened(profile) as (found, _):
        desk.list_from_desk(found, last=last, wanted=wanted, as_json=as_json)


def prove_row(profile: Path, *, number: int) -> None:
    """Print one row with its proof. Raises NoSuchRow."""
    with _opened(profile) as (found, _):
        desk.prove_on_desk(found, number=number)


def write_checkpoint(profile: Path, *, out: Path | None) -> None:
    """Sign the log as it is now."""
    with _opened(profile) as (found, _):
        desk.write_checkpoint_of(found, out=out)


@contextmanager
def _opened(profile: Path) -> Iterator[tuple[desk.OpenLog, CoordinatorLog]]:
    settings = load_coordinator(profile)
    key = load_signing_key(settings.places.signing_key)
    try:
        roster = build_cabinet(settings).roster()
    except RosterRefused:
        roster = None  # a federation that has not begun has a log, and nobody to co-sign it
    identity = log_identity(settings.federation, COORDINATOR, log_key=public_key_hex(key), roster=roster)
    engine = open_registry_database(settings.registry_url)
    try:
        log = CoordinatorLog(engine)
        yield desk.OpenLog(log=log, identity=identity, key=key), log
    finally:
        engine.dispose()
