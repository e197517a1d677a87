"""What a country's commands about roster and agreement do; it prints for people and raises for the program's edge."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from rich.console import Console

from safeborders.configs.agreement_keys import follow_agreement_key, open_card_key
from safeborders.configs.enrolling import certificate_validity, is_renewal
from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.clock import system_clock
from safeborders.kit.files import load_bytes, write_atomically
from safeborders.kit.signing import create_signing_key, load_signing_key, public_key_hex
from safeborders.models.defaults import CATALOGUE
from safeborders.models.domain.materials import Material
from safeborders.models.graph.features import SPECIFICATION
from safeborders.models.protocol.keycard import issue_card, parse_card
from safeborders.models.protocol.manifest import RunManifest, countersign_manifest, read_manifest
from safeborders.models.protocol.membership import Membership, Validity, membership_of
from safeborders.models.protocol.roster import KeyRole, RosterRefused, roster_fingerprint
from safeborders.node.bootstrap import build_cabinet, policy_settings
from safeborders.node.learning.policy import InstalledModel, price_run
from safeborders.node.opening import open_node_store
from safeborders.node.storage.agreement_store import SqlDecisionJournal
from safeborders.node.storage.database import Store
from safeborders.privacy.agreement.cabinet import Cabinet
from safeborders.privacy.agreement.errors import TransferRefused

_console = Console(highlight=False)


def write_card(profile: Path, *, out: Path, with_auditor: bool, renew: bool) -> None:
    """Write the card of public keys and show its fingerprint."""
    settings = load_settings(profile, NodeSettings)
    if with_auditor and not settings.places.auditor_key.exists():
        create_signing_key(settings.places.auditor_key)
    content = issue_node_card(settings, renew=renew)
    write_atomically(out, content, mode=0o644)
    _console.print(f"Send {out} to whoever drafts the roster, and read this fingerprint out to the other countries:")
    _console.print(parse_card(content).fingerprint())
    if renew:
        _console.print(f"Sign the roster that lists it with both keys: {settings.places.agreement_key}", soft_wrap=True)
        _console.print(f"and {settings.places.next_agreement_key}", soft_wrap=True)


def issue_node_card(settings: NodeSettings, *, renew: bool = False) -> bytes:
    """Return the card of public keys, with an agreement key made here when there is none or a new one is wanted."""
    places = settings.places
    key = load_signing_key(places.signing_key)
    agreement = open_card_key(places, renew=renew)
    auditor = load_signing_key(places.auditor_key) if places.auditor_key.exists() else None
    return issue_card(settings.federation, settings.country.value, agreement=agreement, node=key, auditor=auditor)


def keep_roster(profile: Path, *, file: Path, fingerprint: str) -> None:
    """Keep the first roster or follow it."""
    with _cabinet(profile) as (settings, cabinet):
        content, now = load_bytes(file), system_clock()
        if fingerprint:
            roster = cabinet.trust_first_roster(content, fingerprint=fingerprint, now=now)
        else:
            roster = cabinet.follow(content, now=now)
    if follow_agreement_key(settings.places, party=settings.country.value, roster=roster):
        _console.print("This country's new agreement key is in force; the old one is gone.")
    _console.print(f"Roster {roster.version} of {roster.federation} is in force until {roster.expires_at:%Y-%m-%d}.")


def adopt_agreement(profile: Path, *, file: Path) -> None:
    """Keep an agreement or its next version."""
    with _cabinet(profile) as (_, cabinet):
        agreement = cabinet.adopt(load_bytes(file), now=system_clock())
    _console.print(f"{agreement.id} version {agreement.version} is kept; it counts from {agreement.term.first}.")
    _console.print("A standing approval counts only with this in the profile:")
    _console.print(f"  agreement_sha256: {agreement.sha256()}", soft_wrap=True)


def end_agreement(profile: Path, *, file: Path) -> None:
    """Keep a declaration."""
    with _cabinet(profile) as (_, cabinet):
        termination = cabinet.end(load_bytes(file), now=system_clock())
        day = termination.ends_on(cabinet.agreement())
    _console.print(f"{termination.by} ended the agreement ({termination.ground}): nothing leaves from {day}.")


def countersign_run(profile: Path, *, file: Path) -> None:
    """Sign a run's manifest after checking it as a training message of it would be."""
    with _cabinet(profile) as (settings, cabinet):
        content = countersign_for(settings, cabinet, load_bytes(file))
    write_atomically(file, content, mode=0o644)
    manifest = read_manifest(content)
    _console.print(
        f"{settings.country.value} stands behind {manifest.plan.run}. Hash {manifest.sha256()}", soft_wrap=True
    )


def countersign_for(settings: NodeSettings, cabinet: Cabinet, content: bytes) -> bytes:
    """Return the manifest with this country's signature.

    Raises:
        PolicyDenied: If the plan is outside this country's own limits.
        TransferRefused: If it names another agreement than the one kept here.
    """
    manifest = read_manifest(content)
    _check_names_ours(manifest, cabinet)
    installed = InstalledModel(catalogue=CATALOGUE, features_sha256=SPECIFICATION.sha256())
    price_run(manifest.plan, settings=policy_settings(settings), installed=installed)
    return countersign_manifest(content, key=load_signing_key(settings.places.signing_key))


def show_status(profile: Path, *, as_json: bool) -> None:
    """Show where the country stands."""
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    cabinet = build_cabinet(store)
    rows = _status(settings, cabinet, now=system_clock())
    obstacle = cabinet.standing().find_obstacle(settings.country.value, now=system_clock())
    store.close()
    rows["binds_today"] = "yes" if obstacle is None else f"no: {obstacle.words}"
    if as_json:
        sys.stdout.write(json.dumps(rows) + "\n")
        return
    for name, value in rows.items():
        _console.print(f"{name.replace('_', ' '):<14} {value}")


def show_decisions(profile: Path, *, last: int, as_json: bool) -> None:
    """Show the newest decisions."""
    store = open_node_store(load_settings(profile, NodeSettings))
    found = SqlDecisionJournal(store.engine).list_decisions()[-max(last, 1) :]
    store.close()
    if as_json:
        rows = [{**vars(one), "at": one.at.isoformat()} for one in found]
        sys.stdout.write(json.dumps({"decisions": rows}) + "\n")
        return
    _console.print(f"{'time (UTC)':<17} {'at':<3} {'what':<5} {'to':<12} {'':<4} {'clause':<14} reason", style="bold")
    for one in found:
        answer = "yes" if one.is_allowed else "NO"
        what = one.material.value if one.material else "-"
        _console.print(
            f"{one.at:%Y-%m-%d %H:%M}  {one.point.value:<3} {what:<5} {one.recipient or '-':<12} "
            f"{answer:<4} {one.clause:<14} {one.reason.value}"
        )
    _console.print("")
    for point in sorted({one.point for one in found}):
        _console.print(f"{point.value:<3} {point.words}")
    for material in sorted({one.material for one in found if isinstance(one.material, Material)}):
        _console.print(f"{material.value:<3} {material.words}")


def _status(settings: NodeSettings, cabinet: Cabinet, *, now: datetime) -> dict[str, object]:
    standing = cabinet.standing()
    rows: dict[str, object] = {"country": settings.country.value, **_membership_rows(settings, cabinet, now=now)}
    held = _certificate(settings)
    rows["certificate"] = "none" if held is None else f"until {held.ends_at:%Y-%m-%d}"
    agreement = standing.agreement
    rows["agreement"] = "none" if agreement is None else f"{agreement.id} version {agreement.version}"
    return rows


def _membership_rows(settings: NodeSettings, cabinet: Cabinet, *, now: datetime) -> dict[str, object]:
    try:
        roster = cabinet.roster()
    except RosterRefused:
        roster = None
    listed = None if roster is None else roster.keys(KeyRole.NODE).get(settings.country.value)
    own = public_key_hex(load_signing_key(settings.places.signing_key))
    where = membership_of(
        own,
        roster_key=listed,
        was_listed=own in cabinet.earlier_node_keys(settings.country.value),
        certificate=_certificate(settings),
        now=now,
    )
    text = "none" if roster is None else f"{roster.version}, until {roster.expires_at:%Y-%m-%d}"
    print_ = "" if roster is None else roster_fingerprint(roster)
    return {"member": _member_words(where), "roster": text, "fingerprint": print_}


def _member_words(where: Membership) -> str:
    if where.within_days is None:
        return where.state.value
    return f"{where.state.value}: the certificate ends within {where.within_days} day(s); run node enrol"


def _certificate(settings: NodeSettings) -> Validity | None:
    return certificate_validity(settings.places) if is_renewal(settings.places) else None


def _check_names_ours(manifest: RunManifest, cabinet: Cabinet) -> None:
    if manifest.agreement_sha256 != cabinet.standing().sha256:
        raise TransferRefused("The manifest names another agreement than the one kept here: do not sign it.")


@contextmanager
def _cabinet(profile: Path) -> Iterator[tuple[NodeSettings, Cabinet]]:
    settings = load_settings(profile, NodeSettings)
    store: Store = open_node_store(settings)
    try:
        yield settings, build_cabinet(store)
    finally:
        store.close()
