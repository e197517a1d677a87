"""What the commands about a log do, the same for every log; it prints for people and raises for the edge."""

import json
import sys
import textwrap
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.table import Table

from safeborders.kit.errors import SettingsError
from safeborders.kit.files import write_atomically
from safeborders.kit.transparency.errors import LogDamaged, NoSuchRow
from safeborders.kit.transparency.export import Wanted, check_export, export_lines, rows_of
from safeborders.kit.transparency.identity import LogIdentity, member_of
from safeborders.kit.transparency.keeping import (
    Witnessed,
    cosigned_checkpoint,
    find_witnessed,
    sign_checkpoint,
    verify,
)
from safeborders.kit.transparency.sql_log import record_of
from safeborders.kit.transparency.stored import StoredLog

_console = Console(highlight=False, soft_wrap=True)
_WIDTH = 80


@dataclass(frozen=True)
class OpenLog:
    """A log and who signs for it."""

    log: StoredLog
    identity: LogIdentity
    key: Ed25519PrivateKey


def verify_log_on_desk(desk: OpenLog, *, kept: tuple[Path, ...], as_json: bool) -> None:
    """Check every row, say what was found and who co-signed the newest checkpoint.

    Raises:
        LogDamaged: If a row is not as it was written.
    """
    verdict = verify(desk.log, identity=desk.identity, others=[_read(path) for path in kept])
    witnessed = find_witnessed(desk.log, identity=desk.identity)
    if as_json:
        found = {**asdict(witnessed), "quorum": witnessed.quorum, "is_enough": witnessed.is_enough}
        sys.stdout.write(json.dumps({**asdict(verdict), "witnessed": found}) + "\n")
    elif verdict.is_whole:
        _console.print(f"All {verdict.size} rows are as they were written.\nRoot {verdict.root}")
        for sentence in describe_witnesses(witnessed).splitlines():
            _console.print(textwrap.fill(sentence, _WIDTH))
    if not verdict.is_whole:
        raise LogDamaged(f"{verdict.reason} Keep the database as it is and tell the supervisory authority.")


def describe_witnesses(witnessed: Witnessed) -> str:
    """Return in a sentence or two who co-signed."""
    if not witnessed.of:
        return "Nobody can co-sign: no roster of the federation is kept."
    if not witnessed.by:
        return f"Co-signed by none of {witnessed.of} witnesses: nobody else has seen this log."
    names = ", ".join(sorted(member_of(name) for name in witnessed.by))
    when = datetime.fromtimestamp(witnessed.at, UTC)
    told = f"The first {witnessed.size} rows are co-signed by {len(witnessed.by)} of {witnessed.of}: {names}"
    told += f" (last {when:%Y-%m-%d %H:%M} UTC)."
    short = f"\nThat is fewer than the {witnessed.quorum} that rule out a second history: ask why the others did not."
    return told if witnessed.is_enough else told + short


def export_from_desk(desk: OpenLog, *, out: Path, wanted: Wanted, check_with: str) -> None:
    """Write the wanted rows with their proofs; ``check_with`` is the command that checks them."""
    checkpoint, tree = sign_checkpoint(desk.log, identity=desk.identity, key=desk.key)
    checkpoint = cosigned_checkpoint(desk.log, checkpoint)
    with desk.log.reading() as connection:
        entries = desk.log.rows.entries(connection, last=checkpoint.size)
        lines = export_lines(entries, checkpoint=checkpoint, tree=tree, identity=desk.identity, wanted=wanted)
        content = "".join(f"{line}\n" for line in lines)
    write_atomically(out, content.encode())
    _console.print(
        f"{len(content.splitlines()) - 1} of {checkpoint.size} rows are in {out}.\n"
        f"Whoever gets it checks it with: {check_with} {out.name} --key {desk.identity.log_key}"
    )


def list_from_desk(desk: OpenLog, *, last: int, wanted: Wanted, as_json: bool) -> None:
    """Print the newest ``last`` rows that are wanted; a row holds identifiers, codes and hashes alone."""
    newest: deque[tuple[int, Mapping[str, object]]] = deque(maxlen=last)
    with desk.log.reading() as connection:
        for entry in desk.log.rows.entries(connection):
            record = record_of(entry)
            if not record or wanted(record):
                newest.append((entry.number, record))
    if as_json:
        for number, record in newest:
            sys.stdout.write(json.dumps({**record, "number": number}) + "\n")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("row", "when (UTC)", "what", "outcome", "by", "case"):
        table.add_column(heading, overflow="fold")
    for number, record in newest:
        table.add_row(str(number), *_cells(record))
    _console.print(table, soft_wrap=False)


def _cells(record: Mapping[str, object]) -> tuple[str, ...]:
    if not record:
        return ("", "erased, its time was over", "", "", "")
    when = f"{datetime.fromisoformat(str(record['at'])).astimezone(UTC):%Y-%m-%d %H:%M}"
    given = (record.get(name, "") for name in ("action", "outcome", "actor", "case_reference"))
    return (when, *map(str, given))


def prove_on_desk(desk: OpenLog, *, number: int) -> None:
    """Print one row with its proof. Raises NoSuchRow."""
    checkpoint, tree = sign_checkpoint(desk.log, identity=desk.identity, key=desk.key)
    with desk.log.reading() as connection:
        entries = list(desk.log.rows.entries(connection, first=number, last=min(number, checkpoint.size)))
    if not entries or entries[0].content is None:
        raise NoSuchRow(f"The log has no row {number} that is still kept: give a number from 1 to {checkpoint.size}.")
    for line in export_lines(
        entries, checkpoint=checkpoint, tree=tree, identity=desk.identity, wanted=lambda _record: True
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


def write_checkpoint_of(desk: OpenLog, *, out: Path | None) -> None:
    """Sign the log as it is now, with the co-signatures that there are of this size."""
    checkpoint, _ = sign_checkpoint(desk.log, identity=desk.identity, key=desk.key)
    checkpoint = cosigned_checkpoint(desk.log, checkpoint)
    note = checkpoint.to_text(log_key=desk.identity.log_key, witness_keys=desk.identity.witness_keys)
    if out is None:
        sys.stdout.write(note)
    else:
        write_atomically(out, note.encode(), mode=0o644)


def build_filter(chosen: Mapping[str, str | None], *, operations: tuple[str, ...]) -> Wanted:
    """Return what picks the rows that ``chosen`` describes: operation, case, since, until. Raises SettingsError."""
    if chosen["operation"] is not None and chosen["operation"] not in operations:
        raise SettingsError(f"The operation must be one of {', '.join(operations)}: correct --operation.")
    since, until = (_day(chosen[name], name=name) for name in ("since", "until"))
    return rows_of(operation=chosen["operation"], case=chosen["case"], since=since, until=until)


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
