"""What the commands about the roster do; it prints for people and raises for the edge of the program."""

import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from safeborders.kit.clock import system_clock
from safeborders.kit.errors import SettingsError
from safeborders.kit.files import load_bytes, write_atomically
from safeborders.kit.signing import load_signing_key
from safeborders.models.protocol.enrolment import fingerprint
from safeborders.models.protocol.keycard import parse_card
from safeborders.models.protocol.roster import (
    LONGEST_DAYS,
    Roster,
    draft_roster,
    read_roster,
    roster_fingerprint,
    roster_signers,
    sign_roster,
)

_console = Console(highlight=False)


def draft_next_roster(federation: str, *, members: Sequence[Path], out: Path, after: Path | None, days: int) -> None:
    """Write the roster that the countries sign."""
    if not 1 <= days <= LONGEST_DAYS:
        raise SettingsError(f"A roster is good for 1 to {LONGEST_DAYS} days: correct --days.")
    cards = [parse_card(load_bytes(path)) for path in members]
    for card in cards:
        if card.federation != federation:
            raise SettingsError(f"The card of {card.party} is for another federation: ask for a new one.")
    keys = {card.party: card.keys() for card in cards}
    if len(keys) != len(cards):
        raise SettingsError("A member has two cards: give the newest alone.")
    version = 1 if after is None else read_roster(load_bytes(after)).version + 1
    expires_at = system_clock() + timedelta(days=days)
    content = draft_roster(federation, members=keys, version=version, expires_at=expires_at)
    write_atomically(out, content, mode=0o644)
    _print(content, before=None if after is None else read_roster(load_bytes(after)))


def sign_draft(roster: Path, *, key: Path) -> None:
    """Add a signature."""
    content = sign_roster(load_bytes(roster), key=load_signing_key(key))
    write_atomically(roster, content, mode=0o644)
    signers, listed = roster_signers(content), read_roster(content)
    _console.print(f"Signed by {len(signers)} of {len(listed.countries)}; {listed.threshold} are needed.")


def show_roster(roster: Path, *, after: Path | None, as_json: bool) -> None:
    """Show a roster for people, or as JSON."""
    content = load_bytes(roster)
    if not as_json:
        _print(content, before=None if after is None else read_roster(load_bytes(after)))
        return
    listed = read_roster(content)
    document = {
        "federation": listed.federation,
        "version": listed.version,
        "fingerprint": roster_fingerprint(listed),
        "expires_at": listed.expires_at.isoformat(),
        "threshold": listed.threshold,
        "signed": roster_signers(content),
        "members": {name: dict(keys.by_role()) for name, keys in listed.members.items()},
    }
    sys.stdout.write(json.dumps(document) + "\n")


def _print(content: bytes, *, before: Roster | None) -> None:
    listed, signers = read_roster(content), roster_signers(content)
    _console.print(f"Roster {listed.version} of {listed.federation}, good until {listed.expires_at:%Y-%m-%d}")
    _console.print(f"Fingerprint, to read out: {roster_fingerprint(listed)}")
    _console.print(f"Signed by {len(signers)} of {len(listed.countries)}; {listed.threshold} are needed.\n")
    _console.print(f"{'member':<12} {'signed':<7} {'agreement key':<40} change", style="bold")
    for name, keys in listed.members.items():
        mark = "yes" if name in signers else "-"
        _console.print(f"{name:<12} {mark:<7} {fingerprint(keys.agreement):<40} {_change(name, listed, before)}")
    for name in () if before is None else sorted(set(before.members) - set(listed.members)):
        _console.print(f"{name:<12} {'-':<7} {'':<40} REVOKED")


def _change(name: str, listed: Roster, before: Roster | None) -> str:
    if before is None:
        return ""
    if name not in before.members:
        return "NEW"
    return "" if before.members[name] == listed.members[name] else "NEW KEYS"
