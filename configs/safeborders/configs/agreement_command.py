"""What the commands about the agreement do; it prints for people and raises for the edge of the program."""

import json
import sys
import textwrap
from pathlib import Path

from rich.console import Console

from safeborders.kit.clock import system_clock
from safeborders.kit.errors import SettingsError
from safeborders.kit.files import load_bytes, write_atomically
from safeborders.kit.signing import load_signing_key
from safeborders.models.protocol.roster import KeyRole, check_not_expired, read_roster
from safeborders.privacy.agreement.comparing import compare
from safeborders.privacy.agreement.errors import TransferRefused
from safeborders.privacy.agreement.explaining import Permission, explain
from safeborders.privacy.agreement.signing import draft, look_at_signatures, read_agreement, sign, verify
from safeborders.privacy.agreement.source import parse_source
from safeborders.privacy.agreement.standing import Standing
from safeborders.privacy.agreement.termination import Ground, Termination, declare
from safeborders.privacy.agreement.terms import Agreement

_console = Console(highlight=False)
_WIDTH = 80


def draft_agreement(source: Path, *, out: Path) -> None:
    """Write the document that travels from party to party."""
    agreement = parse_source(_text(source))
    write_atomically(out, draft(agreement), mode=0o644)
    _console.print(f"{agreement.id} version {agreement.version} is in {out}.")
    _console.print("Every party signs it with safeborders agreement sign. Its hash, to read out:")
    _console.print(agreement.sha256())


def sign_agreement(document: Path, *, key: Path) -> None:
    """Add a signature to the document."""
    content = sign(load_bytes(document), key=load_signing_key(key))
    write_atomically(document, content, mode=0o644)
    _console.print(f"Signed {read_agreement(content).sha256()}.")


def verify_agreement(document: Path, *, roster: Path, as_json: bool) -> None:
    """Show who has signed, and fail unless the agreement binds today."""
    content, listed = load_bytes(document), read_roster(load_bytes(roster))
    check_not_expired(listed, now=system_clock())
    keys = listed.keys(KeyRole.AGREEMENT)
    state = look_at_signatures(content, keys=keys)
    obstacle = Standing(state.agreement).find_obstacle(state.agreement.party_names[0], now=system_clock())
    if as_json:
        document_view = {
            "id": state.agreement.id,
            "version": state.agreement.version,
            "sha256": state.agreement.sha256(),
            "signed": sorted(state.signed),
            "missing": state.missing,
            "in_force": not state.missing and obstacle is None,
        }
        sys.stdout.write(json.dumps(document_view) + "\n")
    else:
        _console.print(f"{state.agreement.id} version {state.agreement.version}\n{state.agreement.sha256()}")
        for name in state.agreement.party_names:
            _console.print(f"  {name:<12} {'signed' if name in state.signed else 'MISSING'}")
    verify(content, keys=keys)
    if obstacle is not None:
        raise TransferRefused(f"The agreement is signed and does not bind today: {obstacle.words}.")
    if not as_json:
        _console.print("All parties have signed; it is in force.")


def show_changes(old: Path, *, new: Path, as_json: bool) -> None:
    """Show what changed between two versions."""
    changes = compare(_either(old), _either(new))
    if as_json:
        rows = [{"place": one.place, "before": one.before, "after": one.after} for one in changes]
        sys.stdout.write(json.dumps({"changes": rows}) + "\n")
        return
    for one in changes:
        _console.print(one.place, style="bold")
        for sign_, value in (("-", one.before), ("+", one.after)):
            if value:
                _write(f"{sign_} {value}", indent=2)
    many = "1 place differs." if len(changes) == 1 else f"{len(changes)} places differ."
    _console.print(many if changes else "The two say the same.")


def explain_agreement(document: Path, *, party: str, as_json: bool) -> None:
    """Say in plain language what ``party`` may send and receive."""
    told = explain(_either(document), party=party)
    if as_json:
        sys.stdout.write(json.dumps(told.as_document()) + "\n")
        return
    _write(f"What {told.agreement}, version {told.version}, means for {told.party}", indent=0)
    _write(f"In force from {told.first_day} to {told.last_day}. Hash {told.sha256[:16]}...", indent=0)
    for title, permissions in (("MAY SEND", told.sends), ("MAY RECEIVE", told.receives)):
        _console.print(f"\n{title}", style="bold")
        for one in permissions:
            _print_permission(one, word="to" if title == "MAY SEND" else "from")
        if not permissions:
            _write("nothing", indent=2)
    _console.print("\nNEVER LEAVES", style="bold")
    for sentence in told.never:
        _write(sentence, indent=2)


def end_agreement(document: Path, *, party: str, ground: str, key: Path, out: Path) -> None:
    """Write a signed declaration that ends the agreement."""
    agreement = _either(document)
    if ground not in set(Ground):
        raise SettingsError(f"The ground must be one of {', '.join(Ground)}.")
    if party not in agreement.party_names:
        raise SettingsError(f"{party} is no party of this agreement: name one of {', '.join(agreement.party_names)}.")
    termination = Termination(
        agreement_sha256=agreement.sha256(), by=party, ground=Ground(ground), notified_on=system_clock().date()
    )
    write_atomically(out, declare(termination, key=load_signing_key(key)), mode=0o644)
    _console.print(f"From {termination.ends_on(agreement)} nothing leaves under it. Give {out} to every party.")


def _print_permission(one: Permission, *, word: str) -> None:
    _write(f"{one.material} {one.what}, {word} {', '.join(one.others) or 'nobody for now'}", indent=2)
    _write(f"for {'; '.join(one.purposes)}. Clause {one.clause}.", indent=5)
    if one.closed:
        _write(f"CLOSED {word} {', '.join(one.closed)}: third country without a transfer instrument.", indent=5)
    for sentence in one.conditions:
        _write(f"- {sentence}", indent=5)


def _write(text: str, *, indent: int) -> None:
    wrapped = textwrap.fill(text, _WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2))
    _console.print(wrapped, markup=False)


def _either(path: Path) -> Agreement:
    """Return an agreement from its YAML or from the document that is signed."""
    if path.suffix in {".yaml", ".yml"}:
        return parse_source(_text(path))
    return read_agreement(load_bytes(path))


def _text(path: Path) -> str:
    try:
        return load_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 text: save it as such.") from error
