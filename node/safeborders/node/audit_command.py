"""What the commands about a node's audit log do: open it, and leave the rest to the desk of any log."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.signing import load_signing_key, public_key_hex
from safeborders.kit.transparency import desk
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.models.protocol.roster import RosterRefused
from safeborders.models.protocol.witnessing import log_identity
from safeborders.node.bootstrap import build_cabinet
from safeborders.node.enrolment import load_former_keys
from safeborders.node.opening import open_node_store
from safeborders.node.storage.audit import SqlAuditLog
from safeborders.node.storage.database import Store

check_audit_export = desk.check_audit_export


def verify_audit_log(profile: Path, *, kept: tuple[Path, ...], as_json: bool) -> None:
    """Check every row and say what was found. Raises LogDamaged."""
    with _opened(profile) as (found, _):
        desk.verify_log_on_desk(found, kept=kept, as_json=as_json)


def export_audit_log(profile: Path, *, out: Path, chosen: Mapping[str, str | None]) -> None:
    """Write the chosen rows with their proofs; the export is an event of the log itself."""
    wanted = desk.build_filter(chosen, operations=tuple(Operation))
    event = AuditEvent(Operation.DISCLOSURE, action="audit.export", actor="operator", recipients=("file",))
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


@contextmanager
def _opened(profile: Path) -> Iterator[tuple[desk.OpenLog, Store]]:
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    key = load_signing_key(settings.places.signing_key)
    try:
        roster = build_cabinet(store).roster()
    except RosterRefused:
        roster = None  # a node that has not joined has a log, and nobody to co-sign it
    identity = log_identity(settings.federation, settings.country.value, log_key=public_key_hex(key), roster=roster)
    identity = replace(identity, former_keys=load_former_keys(settings))
    try:
        yield desk.OpenLog(log=SqlAuditLog(store.engine), identity=identity, key=key), store
    finally:
        store.close()
