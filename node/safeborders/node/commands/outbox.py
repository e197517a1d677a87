"""What the commands of the outbox do; it prints for people and raises for the edge of the program."""

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

from rich.console import Console

from safeborders.configs.loading import load_settings
from safeborders.configs.node import NodeSettings
from safeborders.kit.canonical import sha256_hex
from safeborders.kit.errors import NotFound
from safeborders.kit.files import write_atomically
from safeborders.models.defaults import CATALOGUE
from safeborders.node.approving import build_inbox
from safeborders.node.commands.approvals import current_operator
from safeborders.node.consent.showing import run_column
from safeborders.node.opening import open_node_store
from safeborders.node.outbox.reading import Outbox, OutboxItem
from safeborders.node.storage.aggregation import SqlSessionStore
from safeborders.node.storage.agreement_store import SqlDecisionJournal
from safeborders.node.storage.consent_store import SqlEnvelopeStore
from safeborders.node.storage.database import Store
from safeborders.node.storage.ledger_store import SqlLedgerStore

_console = Console(highlight=False, markup=False)


_STATES = {
    "reserved": "charged to the budget; no bytes are stored, so none can leave",
    "held": "ready; nothing leaves before somebody here releases it",
    "stored": "ready; leaves when the coordinator asks again and all still allow it",
    "released": "has left at least once; the same bytes for every re-send",
}


def build_outbox(settings: NodeSettings, store: Store) -> Outbox:
    """Return the outbox of a node's database."""
    return Outbox(
        SqlLedgerStore(store.engine),
        inbox=build_inbox(settings, store),
        envelopes=SqlEnvelopeStore(store.engine),
        sessions=SqlSessionStore(store.engine),
        decisions=SqlDecisionJournal(store.engine),
        catalogue=CATALOGUE,
    )


def list_rounds(profile: Path, *, as_json: bool) -> None:
    """List all charged rounds."""
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    found = build_outbox(settings, store).list_rounds()
    store.close()
    if as_json:
        sys.stdout.write(json.dumps({"rounds": [{**vars(one), "at": one.at.isoformat()} for one in found]}) + "\n")
        return
    if not found:
        _console.print("Nothing was charged yet, so nothing could leave.")
        return
    _console.print(f"{run_column('run')} {'round':>5}  {'state':<9} {'bytes':>8}  payload")
    for one in found:
        state = "held" if one.is_held else one.state
        _console.print(
            f"{run_column(one.run)} {one.round:>5}  {state:<9} {one.size:>8}  {one.payload_sha256[:12] or '-'}"
        )
    states = {"held" if one.is_held else one.state for one in found}
    _console.print("")
    for state in _STATES:
        if state in states:
            _console.print(f"{state:<9} {_STATES[state]}")


def show_round(profile: Path, *, place: tuple[str, int], as_json: bool, out: Path | None) -> None:
    """Show one update, and write its bytes where they are asked for."""
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    item = build_outbox(settings, store).get_item(place[0], round_number=place[1])
    store.close()
    if out is not None:
        if item.payload is None:
            raise NotFound("The round was charged, and no update of it is stored: there are no bytes.")
        write_atomically(out, item.payload)
    if as_json:
        sys.stdout.write(json.dumps(item_document(item)) + "\n")
        return
    for line in item_lines(item):
        _console.print(line)


def release_round(profile: Path, *, place: tuple[str, int], name: str, reason: str) -> None:
    """Let exactly the bytes that are stored now go."""
    settings = load_settings(profile, NodeSettings)
    store = open_node_store(settings)
    item = build_outbox(settings, store).get_item(place[0], round_number=place[1])
    if item.payload is None:
        raise NotFound("The round was charged, and no update of it is stored: there is nothing to release.")
    digest = sha256_hex(item.payload)
    build_inbox(settings, store).release(place[0], payload_sha256=digest, person=current_operator(name), reason=reason)
    store.close()
    _console.print(f"Released: {len(item.payload)} bytes, {digest[:12]}; they go when the coordinator asks again.")


def item_document(item: OutboxItem) -> dict[str, Any]:
    """Return an update for machines: its bytes are written with ``--bytes``, their hash stands here."""
    return {
        **vars(item.charged),
        "at": item.charged.at.isoformat(),
        "is_masked": item.is_masked,
        "mask_seeds_kept": item.vector_is_known and item.is_masked,
        "clause": item.clause,
        "tensors": [vars(one) for one in item.tensors],
        "envelopes": [
            {"header": header.decode(), "signature": signature.hex()} for header, signature in item.envelopes
        ],
        "ledger": list(item.ledger),
    }


def item_lines(item: OutboxItem) -> list[str]:
    """Return an update for people, at 80 columns."""
    charged = item.charged
    lines = [f"{charged.run}, round {charged.round}: {'held' if charged.is_held else charged.state}"]
    lines += [f"payload    {charged.size} bytes", f"           {charged.payload_sha256 or 'none is stored'}"]
    form = "under masks" if item.is_masked else "plain: the noised sum itself"
    if item.is_masked and item.payload is not None:
        known = "the masks taken off here" if item.vector_is_known else "the masks' seeds are forgotten"
        form = f"under masks: uniformly random on the wire; below, {known}"
    lines += textwrap.wrap(f"form       {form}", 80, subsequent_indent=" " * 11)
    lines += [f"clause     {item.clause or 'none let it go so far'}"]
    lines += ["", f"{'tensor':<20} {'shape':<6} {'norm':>10} {'noise':>10} {'ratio':>6}  {'middle half':>18}"]
    for one in item.tensors:
        shape = "x".join(map(str, one.shape))
        if one.norm is None:
            lines.append(f"{one.name:<20} {shape:<6} {'masked':>10} {one.noise_norm:>10.3e}")
            continue
        ratio = one.norm / one.noise_norm if one.noise_norm else float("inf")
        middle = f"{one.quantiles[1]:.1e} {one.quantiles[3]:.1e}"
        lines.append(f"{one.name:<20} {shape:<6} {one.norm:>10.3e} {one.noise_norm:>10.3e} {ratio:>6.2f}  {middle:>18}")
    if item.vector_is_known:
        lines += ["A ratio near 1: nothing but noise can be told from it.", ""]
    elif item.is_masked:
        lines += ["The seeds were erased when the round was over: they cannot be taken off here.", ""]
    if item.envelopes:
        times = "once" if len(item.envelopes) == 1 else f"{len(item.envelopes)} times"
        lines.append(f"asked for  {times}; every answer carries this very payload")
    for header, signature in item.envelopes:
        lines += textwrap.wrap(f"signed     {header.decode()}", 80, subsequent_indent=" " * 11)
        lines += textwrap.wrap(f"signature  {signature.hex()}", 80, subsequent_indent=" " * 11)
    lines += [f"ledger     {row}" for row in item.ledger]
    return lines
