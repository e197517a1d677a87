"""What the commands of the audit log do; it prints for people and raises for the edge of the program."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.errors import SettingsError
from safeborders.kit.files import write_atomically
from safeborders.kit.signing import load_signing_key, public_key_hex
from safeborders.models.domain.audit import AuditEvent, Operation
from safeborders.node.audit.checkpoints import LogIdentity, origin_of, sign_checkpoint, verify
from safeborders.node.audit.errors import LogDamaged, NoSuchRow
from safeborders.node.audit.export import Wanted, check_export, export_lines
from safeborders.node.opening import open_node_store
from safeborders.node.storage.audit import LOG, SqlAuditLog

_console = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True)
class _Open:
    log: SqlAuditLog
    identity: LogIdentity
    key: Ed25519PrivateKey


def verify_audit_log(profile: Path, *, kept: tuple[Path, ...], as_json: bool) -> None:
    """Check every row and say what was found.

    Raises:
        LogDamaged: If a row is not as it was written.
    """
    with _opened(profile) as log:
        verdict = verify(log.log, identity=log.identity, others=[_read(path) for path in kept])
    if as_json:
        sys.stdout.write(json.dumps(asdict(verdict)) + "\n")
    elif verdict.is_whole:
        _console.print(f"All {verdict.size} rows are as they were written.\nRoot {verdict.root}")
    if not verdict.is_whole:
        raise LogDamaged(f"{verdict.reason} Keep the database as it is and tell the supervisory authority.")


def export_audit_log(profile: Path, *, out: Path, chosen: Mapping[str, str | None]) -> None:
    """Write the chosen rows with their proofs; the export is an event of the log itself."""
    wanted = _filter(chosen)
    with _opened(profile) as log:
        log.log.record(
            AuditEvent(Operation.DISCLOSURE, action="audit.export", actor="operator", recipients=("file",)),
            at=system_clock(),
        )
        checkpoint, tree = sign_checkpoint(log.log, identity=log.identity, key=log.key)
        with log.log.reading() as connection:
            entries = LOG.entries(connection, last=checkpoint.size)
            lines = export_lines(entries, checkpoint=checkpoint, tree=tree, identity=log.identity, wanted=wanted)
            content = "".join(f"{line}\n" for line in lines)
    write_atomically(out, content.encode())
    _console.print(
        f"{len(content.splitlines()) - 1} of {checkpoint.size} rows are in {out}.\n"
        f"Whoever gets it checks it with: safeborders audit check {out.name} --key {log.identity.log_key}"
    )


def prove_row(profile: Path, *, number: int) -> None:
    """Print one row with its proof. Raises NoSuchRow."""
    with _opened(profile) as log:
        checkpoint, tree = sign_checkpoint(log.log, identity=log.identity, key=log.key)
        with log.log.reading() as connection:
            entries = list(LOG.entries(connection, first=number, last=min(number, checkpoint.size)))
        if not entries or entries[0].content is None:
            raise NoSuchRow(
                f"The log has no row {number} that is still kept: give a number from 1 to {checkpoint.size}."
            )
        for line in export_lines(
            entries, checkpoint=checkpoint, tree=tree, identity=log.identity, wanted=lambda _record: True
        ):
            sys.stdout.write(line + "\n")


def check_audit_export(file: Path, *, log_key: str | None) -> None:
    """Check a file that somebody handed out and say what it proves. Raises ExportRefused."""
    checked = check_export(_read(file).splitlines(), log_key=log_key)
    what = "all rows" if checked.is_complete else f"{checked.rows} of {checked.checkpoint.size} rows"
    whose = checked.checkpoint.origin if log_key else f"a log that calls itself {checked.checkpoint.origin}"
    _console.print(f"The file holds {what} of {whose}, unaltered.")
    if log_key is None:
        _console.print("Give its public key with --key to know whose log it is.")


def write_checkpoint(profile: Path, *, out: Path | None) -> None:
    """Sign the log as it is now."""
    with _opened(profile) as log:
        checkpoint, _ = sign_checkpoint(log.log, identity=log.identity, key=log.key)
        note = checkpoint.to_text(log_key=log.identity.log_key, witness_keys=log.identity.witness_keys)
    if out is None:
        sys.stdout.write(note)
    else:
        write_atomically(out, note.encode(), mode=0o644)


@contextmanager
def _opened(profile: Path) -> Iterator[_Open]:
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    key = load_signing_key(settings.places.signing_key)
    origin = origin_of(settings.federation, settings.country)
    identity = LogIdentity(origin=origin, log_key=public_key_hex(key), witness_keys={})
    try:
        yield _Open(log=SqlAuditLog(store.engine), identity=identity, key=key)
    finally:
        store.close()


def _filter(chosen: Mapping[str, str | None]) -> Wanted:
    if chosen["operation"] is not None and chosen["operation"] not in set(Operation):
        raise SettingsError(f"The operation must be one of {', '.join(Operation)}: correct --operation.")
    since, until = (_day(chosen[name], name=name) for name in ("since", "until"))

    def wanted(record: Mapping[str, object]) -> bool:
        day = datetime.fromisoformat(str(record["at"])).date()
        return (
            chosen["operation"] in {None, record["operation"]}
            and chosen["case"] in {None, record.get("case_reference")}
            and (since is None or day >= since)
            and (until is None or day <= until)
        )

    return wanted


def _day(text: str | None, *, name: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(f"--{name} must be a day such as 2026-01-31: correct it.") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: give the path of a file that you may read.") from error
