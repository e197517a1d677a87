"""What the authority's commands do; it prints for people and raises for the edge of the program."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import typer
from rich.console import Console

from safeborders.configs.authority import AuthoritySettings
from safeborders.configs.loading import load_settings
from safeborders.kit.clock import system_clock
from safeborders.kit.errors import SettingsError
from safeborders.kit.files import load_bytes, load_secret, write_atomically
from safeborders.kit.pki import load_certificates
from safeborders.kit.signing import public_key_hex
from safeborders.models.protocol.enrolment import fingerprint, read_request
from safeborders.models.protocol.membership import MemberState, Validity, judge_validity
from safeborders.server.authority.keys import create_keys, open_authority, rotate_issuing
from safeborders.server.authority.register import Register, load_register, save_register
from safeborders.server.authority.signing import Desk

_console = Console(highlight=False)


def initialise(profile: Path) -> None:
    """Make the authority's keys and show its fingerprint."""
    settings = load_settings(profile, AuthoritySettings)
    passphrase = _passphrase(settings, is_new=True)
    create_keys(settings, passphrase=passphrase, now=system_clock())
    opened = open_authority(settings, passphrase=passphrase)
    _console.print(f"The authority of {settings.federation} is ready. Keep a backup of {settings.places.state} apart,")
    _console.print("and this machine off every network. Read this fingerprint out to all who join:")
    _console.print(fingerprint(public_key_hex(opened.signing_key)))


def sign_requests(
    profile: Path, *, requests: Sequence[Path], spoken: Sequence[str], out: Path, roster: Path | None
) -> None:
    """Answer requests with kits; all or none."""
    fingerprints = _parse_spoken(spoken)
    documents = [read_request(load_bytes(path)) for path in requests]
    if unknown := sorted(set(fingerprints) - {one.party for one in documents}):
        raise SettingsError(f"There is no request of {', '.join(unknown)}: correct --fingerprint.")
    if len({one.party for one in documents}) != len(documents):
        raise SettingsError("A party has two requests: give the newest alone.")
    with _desk(profile, roster=b"" if roster is None else load_bytes(roster)) as desk:
        now = system_clock()
        answers = [desk.answer(one, spoken=fingerprints, now=now) for one in documents]
    out.mkdir(parents=True, exist_ok=True)
    for answer in answers:
        path = out / f"{answer.party}.kit.json"
        write_atomically(path, answer.kit, mode=0o644)
        what = "first certificate" if answer.is_new else "renewed"
        _console.print(
            f"{answer.party:<12} {what}, until {answer.certificate.ends_at:%Y-%m-%d}  {path}", soft_wrap=True
        )
    _console.print("Give every kit to the coordinator, which sends a country's on to it.")


def revoke_party(profile: Path, *, party: str, out: Path, is_key_lost: bool) -> None:
    """Revoke a party's certificates, and its key where that is lost; write the list for the coordinator."""
    with _desk(profile) as desk:
        now = system_clock()
        desk.register = desk.register.without(party, at=now, is_key_lost=is_key_lost)
        content = desk.list_revoked(now=now)
    write_atomically(out, content, mode=0o644)
    _console.print(f"The certificates of {party} are revoked. Give {out} to the coordinator now.", soft_wrap=True)
    if is_key_lost:
        _console.print(f"{party} can come back with new keys and a new fingerprint only.")


def list_revoked(profile: Path, *, out: Path) -> None:
    """Write the list of revoked certificates anew."""
    with _desk(profile) as desk:
        content = desk.list_revoked(now=system_clock())
    write_atomically(out, content, mode=0o644)
    _console.print(f"List {desk.register.number} is in {out}: give it to the coordinator.", soft_wrap=True)


def rotate(profile: Path) -> None:
    """Make a new issuing authority."""
    settings = load_settings(profile, AuthoritySettings)
    rotate_issuing(settings, passphrase=_passphrase(settings), now=system_clock())
    _console.print("A new issuing authority signs from now on; certificates of the old one stay good until they end.")


def show(profile: Path, *, as_json: bool) -> None:
    """Show the authority's own dates and every party's."""
    settings = load_settings(profile, AuthoritySettings)
    register, now = load_register(settings.places.register), system_clock()
    rows = [*_own_rows(settings, now=now), *_party_rows(register, now=now)]
    if as_json:
        document = {"federation": settings.federation, "number": register.number, "rows": rows}
        sys.stdout.write(json.dumps(document) + "\n")
        return
    _console.print(f"{'who':<11} {'state':<15} {'ends':<10} fingerprint", style="bold")
    for row in rows:
        line = f"{row['who']:<11} {row['state']:<15} {row['ends']:<10} {row['fingerprint']}"
        _console.print(line.rstrip(), soft_wrap=True)


@contextmanager
def _desk(profile: Path, *, roster: bytes = b"") -> Iterator[Desk]:
    """Open the authority for one command; the register is kept before anything else is written."""
    settings = load_settings(profile, AuthoritySettings)
    opened = open_authority(settings, passphrase=_passphrase(settings))
    register = load_register(settings.places.register)
    desk = Desk(settings, authority=opened, register=register, roster=roster)
    yield desk
    save_register(desk.register, settings.places.register)


def _passphrase(settings: AuthoritySettings, *, is_new: bool = False) -> str:
    if settings.passphrase_file is not None:
        return load_secret(settings.passphrase_file, what="authority's passphrase")
    if not sys.stdin.isatty():
        raise SettingsError("Nobody can type the passphrase here: run it at a terminal, or name passphrase_file.")
    text: str = typer.prompt("Passphrase of the authority", hide_input=True, confirmation_prompt=is_new)
    return text


def _parse_spoken(spoken: Sequence[str]) -> Mapping[str, str]:
    pairs = [one.partition("=") for one in spoken]
    if any(not (party and digits) for party, _, digits in pairs):
        raise SettingsError("A fingerprint needs its party: write --fingerprint gr=91c4-… as it was read out.")
    return {party: digits for party, _, digits in pairs}


def _own_rows(settings: AuthoritySettings, *, now: datetime) -> Iterator[dict[str, str]]:
    for who, path in (("root", settings.places.root), ("issuing", settings.places.issuing)):
        held = load_certificates(load_bytes(path))[0]
        validity = Validity(starts_at=held.not_valid_before_utc, ends_at=held.not_valid_after_utc)
        row = _row(who, validity, now=now)
        yield {**row, "state": row["state"].replace(MemberState.ENROLLED.value, "good")}


def _party_rows(register: Register, *, now: datetime) -> Iterator[dict[str, str]]:
    for party, record in sorted(register.parties.items()):
        newest = register.newest_of(party)
        shown = fingerprint(record.signing_key)
        if record.revoked_at is not None or newest is None:
            yield {"who": party, "state": MemberState.REVOKED.value, "ends": "-", "fingerprint": shown}
        else:
            yield {**_row(party, newest.validity, now=now), "fingerprint": shown}


def _row(who: str, validity: Validity, *, now: datetime) -> dict[str, str]:
    where = judge_validity(validity, now=now)
    within = "" if where.within_days is None else f" ({where.within_days} d)"
    return {
        "who": who,
        "state": f"{where.state.value}{within}",
        "ends": f"{validity.ends_at:%Y-%m-%d}",
        "fingerprint": "",
    }
